//! Finds the text of a member in a JSON object.
//!
//! The ledger records numbers digit for digit. Parsed and printed again, `1.0` or an integer of 30 digits would change.

/// The text of the first member of `object` whose key is spelled exactly `key`, without surrounding white space.
///
/// `object` must be valid JSON. `None` if it is not an object, has no such member, or spells the key with escapes.
pub(crate) fn find<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let bytes = object.as_bytes();
    let mut at = skip_space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at = skip_space(bytes, at + 1);
    while bytes.get(at) == Some(&b'"') {
        let key_end = skip_string(bytes, at);
        let name = object.get(at + 1..key_end.checked_sub(1)?)?;
        at = skip_space(bytes, key_end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        at = skip_space(bytes, at + 1);
        let value_end = skip_value(bytes, at);
        if name == key {
            return object.get(at..value_end);
        }
        at = skip_space(bytes, value_end);
        if bytes.get(at) != Some(&b',') {
            return None;
        }
        at = skip_space(bytes, at + 1);
    }
    None
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The index after the string that starts at `at`.
fn skip_string(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The index after the value that starts at `at`.
fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = skip_string(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                // At depth 0 this bracket closes the object around a number, `true`, `false` or `null`.
                let Some(left) = depth.checked_sub(1) else {
                    return at;
                };
                depth = left;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_the_text_as_written() {
        let text = r#" { "id" : "a\"}{" , "params":{"a":1.0,"b":[123456789012345678901234567890, "]}"] } ,"n": 1e2}"#;
        assert_eq!(find(text, "id"), Some(r#""a\"}{""#));
        assert_eq!(find(text, "params"), Some(r#"{"a":1.0,"b":[123456789012345678901234567890, "]}"] }"#));
        assert_eq!(find(text, "n"), Some("1e2"));
        assert_eq!(find(text, "a"), None);
        assert_eq!(find("{}", "a"), None);
        assert_eq!(find(r#"{"a":true}"#, "a"), Some("true"));
        assert_eq!(find(r#"{"a":[]}"#, "a"), Some("[]"));
        assert_eq!(find(r#"["a"]"#, "a"), None);
    }
}

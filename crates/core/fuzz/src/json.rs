//! `json`: the strict reader alone.

use setpoint::json::{Payload, check};

use crate::agree;

/// More levels than any text of a fuzzer has and fewer than [`setpoint::limits::MAX_DEPTH`].
const DEEP: usize = 1_000;

/// A text is judged like `serde_json` judges it, an error points into it, and depth is a bound and nothing else.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    if let Err(why) = agree::agrees(data) {
        panic!("{why}");
    }
    let Err(error) = check(data, DEEP) else { return accepted(data) };
    assert!(error.offset <= data.len() && !error.reason.is_empty(), "{error}");
    assert_eq!(check(data, DEEP), Err(error), "judged otherwise the second time");
}

fn accepted(data: &[u8]) {
    let levels = levels(data);
    assert!(levels <= DEEP);
    assert_eq!(check(data, levels), Ok(()), "{levels} levels");
    if levels > 0 {
        assert!(check(data, levels - 1).is_err(), "{levels} levels");
    }
    // What was checked is text.
    let text = str::from_utf8(data).unwrap();
    match Payload::parse(text) {
        Ok(payload) => {
            assert_eq!(payload.as_str(), text.trim_matches([' ', '\t', '\n', '\r']));
            if let Some(sole) = payload.sole_value() {
                assert_eq!(check(sole.as_bytes(), DEEP), Ok(()), "{sole}");
            }
        }
        Err(_) => assert!(!text.trim_ascii_start().starts_with('{')),
    }
}

/// How deep objects and arrays nest in a valid text.
fn levels(data: &[u8]) -> usize {
    let (mut open, mut deepest, mut in_string, mut escaped) = (0, 0, false, false);
    for byte in data {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' if !in_string => open -= 1,
            _ => {}
        }
    }
    deepest
}

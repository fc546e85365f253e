//! Writes JSON: parts of messages are copied as they are, new strings are escaped.

use super::scan::{is_plain, plain_run};

/// Writes the content of a JSON string, without its quotes.
pub(crate) fn escaped(out: &mut Vec<u8>, content: &str) {
    let bytes = content.as_bytes();
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    let mut start = 0;
    loop {
        let end = plain_run(bytes, start);
        out.extend_from_slice(bytes.get(start..end).unwrap_or_default());
        let Some(&byte) = bytes.get(end) else { break };
        escape(out, byte);
        start = end + 1;
    }
}

/// Writes a JSON string.
pub(crate) fn string(out: &mut Vec<u8>, content: &str) {
    out.push(b'"');
    escaped(out, content);
    out.push(b'"');
}

/// Appends the bytes from `start` to `end`.
///
/// Up to `BLOCK` bytes are copied as a block of fixed size, which is then truncated: a few instructions in place of a call of
/// `memcpy`.
#[inline(always)]
pub(crate) fn copied<const BLOCK: usize>(out: &mut Vec<u8>, bytes: &[u8], start: usize, end: usize) {
    let len = end.wrapping_sub(start);
    if len <= BLOCK
        && let Some(block) = bytes.get(start..).and_then(|rest| rest.first_chunk::<BLOCK>())
    {
        out.extend_from_slice(block);
        out.truncate(out.len() - (BLOCK - len));
    } else {
        copied_by_memcpy(out, bytes, start, end);
    }
}

#[inline(never)]
fn copied_by_memcpy(out: &mut Vec<u8>, bytes: &[u8], start: usize, end: usize) {
    out.extend_from_slice(bytes.get(start..end).unwrap_or_default());
}

/// Writes an integer.
#[inline]
pub(crate) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0C => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            // Both indices are below 16.
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_back_from_its_escape() {
        let content: String = (0..=0x2030).chain([0x1_F600]).filter_map(char::from_u32).collect();
        let mut out = Vec::new();
        string(&mut out, &content);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), content);
        assert!(out.iter().all(|&byte| byte >= 0x20));
    }

    #[test]
    fn integers_are_written_in_full() {
        for value in [0, 7, -1, 10, 30_000, 1_536_638_267_507, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            integer(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}

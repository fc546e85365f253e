//! From bytes to a text that can be read.

use super::SyntaxError;

/// Texts of so many bytes and more are worth the start of a check that is quicker by the byte.
const LONG: usize = 4_096;

/// The text of these bytes, if they are UTF-8 without a byte order mark, and hold more than white space.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, SyntaxError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(SyntaxError::new(0, "a byte order mark is not allowed"));
    }
    if u32::try_from(bytes.len()).is_err() {
        return Err(SyntaxError::new(0, "the text is longer than 4 GiB"));
    }
    let text = checked(bytes)?;
    if bytes.iter().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        return Err(SyntaxError::new(0, "the text is empty"));
    }
    Ok(text)
}

fn checked(bytes: &[u8]) -> Result<&str, SyntaxError> {
    if bytes.len() >= LONG
        && let Ok(text) = simdutf8::basic::from_utf8(bytes)
    {
        return Ok(text);
    }
    str::from_utf8(bytes).map_err(|error| SyntaxError::new(error.valid_up_to(), "not valid UTF-8"))
}

//! Finding the end of a run of ordinary string bytes, eight at a time.

/// Where the next byte at or after `at` stands that a string cannot simply contain: a quote, a backslash or a control
/// character; the length of `bytes` if there is none.
pub(super) fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        match special_bits(u64::from_le_bytes(*word)) {
            0 => at += 8,
            // The highest bit of the byte is set, so an eighth of its position is the byte's.
            bits => return at + bits.trailing_zeros() as usize / 8,
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..0x20)
}

/// The highest bit of every special byte; bits above the lowest one that is set may be wrong.
///
/// Subtracting borrows into the highest bit of a byte exactly when the byte is too small, except above another such
/// byte, and bytes of 0x80 and more are masked out.
fn special_bits(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    ((word.wrapping_sub(ONES * 0x20) & !word)
        | (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash))
        & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_and_byte_agree_on_every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                for filler in [b'a', 0x80, 0xFF, 0x21, 0x23, 0x5B, 0x5D] {
                    let mut bytes = [filler; 20];
                    bytes[at] = byte;
                    let expected = if is_special(byte) { at } else { 20 };
                    assert_eq!(plain_run(&bytes, 0), expected, "{byte} at {at}");
                    assert_eq!(plain_run(&bytes, at), expected);
                }
            }
        }
        assert_eq!(plain_run(b"", 0), 0);
    }
}

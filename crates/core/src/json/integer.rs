//! Parses integers, eight digits at a time (SWAR).

/// The value of an integer that fits 64 bits. Most are epochs in milliseconds, which have 13 digits: 8 to 16 digits are
/// parsed as two words that overlap.
#[inline]
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.as_bytes();
    if digits.len() <= 16
        && let (Some(first), Some(last)) = (digits.first_chunk(), digits.last_chunk())
        && let (Some(first), Some(last)) = (digits_of(*first), digits_of(*last))
    {
        // The digits that are not in `last` as well.
        let high = first.checked_shl(8 * (16 - digits.len() as u32)).unwrap_or(0);
        return i64::try_from(number_of(high) * 100_000_000 + number_of(last)).ok();
    }
    text.parse().ok()
}

/// The values of eight digits, one in each byte, the first digit in the lowest; `None` if a byte is not a digit.
#[inline]
fn digits_of(text: [u8; 8]) -> Option<u64> {
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes([b'0'; 8]);
    // Adding 0x76 sets the highest bit of a byte from 10 on.
    let beyond = values.wrapping_add(u64::from_le_bytes([0x7f - 9; 8])) | values;
    (beyond & u64::from_le_bytes([0x80; 8]) == 0).then_some(values)
}

/// Eight digit values as a number: pairs, then fours, then all are combined with one multiplication each.
#[inline]
fn number_of(digits: u64) -> u64 {
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_integer_is_what_the_standard_library_reads(text in "-?[0-9]{0,21}|[0-9:/ -]{6,17}", any in any::<i64>()) {
            prop_assert_eq!(integer(&text), text.parse().ok());
            prop_assert_eq!(integer(&any.to_string()), Some(any));
        }
    }
}

//! Integers, as they are written.

/// The value of what is written as an integer. Mostly it is an epoch in milliseconds, which has 13 digits: those are read
/// eight at a time.
#[inline]
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.as_bytes();
    if digits.len() <= 16
        && let (Some(first), Some(last)) = (digits.first_chunk(), digits.last_chunk())
        && let (Some(first), Some(last)) = (digits_of(*first), digits_of(*last))
    {
        // Of the first ones those that do not stand among the last ones as well.
        let high = first.checked_shl(8 * (16 - digits.len() as u32)).unwrap_or(0);
        return i64::try_from(number_of(high) * 100_000_000 + number_of(last)).ok();
    }
    text.parse().ok()
}

/// The digits' values, each in a byte, the first in the lowest; `None` if there is anything else.
#[inline]
fn digits_of(text: [u8; 8]) -> Option<u64> {
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes([b'0'; 8]);
    // Nine and no more leaves the highest bit alone.
    let beyond = values.wrapping_add(u64::from_le_bytes([0x7f - 9; 8])) | values;
    (beyond & u64::from_le_bytes([0x80; 8]) == 0).then_some(values)
}

/// Eight digits as a number: in pairs, then in fours, then all.
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

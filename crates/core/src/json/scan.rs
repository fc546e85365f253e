//! Looking at many bytes at once.

use wide::{i8x16, u8x32};

/// Bytes in one step.
pub(super) const STEP: usize = 16;

/// One bit, from the lowest on, for each byte that is not printable ASCII, or that ends or escapes a string: a quote or
/// a backslash.
#[inline(always)]
pub(super) fn not_printable(step: &[u8; STEP]) -> u32 {
    let step = vector(step);
    // As a signed number, a byte beyond ASCII is below zero.
    let odd = step.simd_lt(i8x16::splat(0x20)) | step.simd_eq(i8x16::splat(0x7F));
    (odd | any_of(step, [b'"', b'\\'])).to_bitmask()
}

/// One bit, from the lowest on, for each byte that a string cannot simply contain: a quote, a backslash or a control
/// character below 0x20.
#[inline(always)]
pub(super) fn not_plain(step: &[u8; STEP]) -> u32 {
    let step = vector(step);
    let control = step.simd_lt(i8x16::splat(0x20)) & !step.simd_lt(i8x16::splat(0));
    (control | any_of(step, [b'"', b'\\'])).to_bitmask()
}

/// One bit, from the lowest on, for each byte that is no digit.
#[inline(always)]
pub(super) fn not_digit(step: &[u8; STEP]) -> u32 {
    let step = vector(step);
    (step.simd_lt(i8x16::splat(b'0' as i8)) | step.simd_gt(i8x16::splat(b'9' as i8))).to_bitmask()
}

/// One bit, from the lowest on, for each byte that is the same in both.
#[inline(always)]
pub(super) fn equal(one: &[u8; STEP], other: &[u8; STEP]) -> u32 {
    vector(one).simd_eq(vector(other)).to_bitmask()
}

/// How many bytes from `one` on are as those from `other` on, which is behind it; up to `most`.
#[inline(always)]
pub(super) fn same_run(bytes: &[u8], one: usize, other: usize, most: usize) -> usize {
    let (Some(first), Some(second)) = (bytes.get(one..), bytes.get(other..)) else { return 0 };
    let (first_steps, second_steps) = (first.as_chunks().0, second.as_chunks().0);
    let steps = first_steps.iter().zip(second_steps).take(most.div_ceil(2 * STEP));
    let mut count = 0;
    for (first, second) in steps {
        let other = other_bytes(first, second);
        if other != 0 {
            return most.min(count + other.trailing_zeros() as usize);
        }
        count += 2 * STEP;
    }
    if count >= most {
        return most;
    }
    // The end of the text.
    let rest = first.iter().zip(second).skip(count).take(most - count);
    count + rest.take_while(|(one, other)| one == other).count()
}

/// One bit, from the lowest on, for each byte that is not the same in both.
#[inline(always)]
fn other_bytes(one: &[u8; 2 * STEP], other: &[u8; 2 * STEP]) -> u32 {
    !u8x32::new(*one).simd_eq(u8x32::new(*other)).to_bitmask()
}

/// Where the next byte at or after `at` stands that is not printable ASCII, or that ends or escapes a string: a quote
/// or a backslash; the length of `bytes` if there is none.
#[inline(always)]
pub(super) fn printable_run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(step) = step_at(bytes, at) {
        match not_printable(step) {
            0 => at += STEP,
            bits => return at + bits.trailing_zeros() as usize,
        }
    }
    last_run(bytes, at, |byte| matches!(byte, 0x20..0x7F) && !matches!(byte, b'"' | b'\\'))
}

/// Where the next byte at or after `at` stands that a string cannot simply contain: a quote, a backslash or a control
/// character below 0x20; the length of `bytes` if there is none.
pub(super) fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(step) = step_at(bytes, at) {
        match not_plain(step) {
            0 => at += STEP,
            bits => return at + bits.trailing_zeros() as usize,
        }
    }
    last_run(bytes, at, |byte| !matches!(byte, b'"' | b'\\' | ..0x20))
}

/// Whether none of the bytes is one that a string cannot simply contain. Unlike [`plain_run`] this is for texts of which
/// the end is known.
#[inline]
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let (steps, rest) = bytes.as_chunks();
    if !steps.iter().all(|step| not_plain(step) == 0) {
        return false;
    }
    // The last step begins before the rest, or two halves of it overlap.
    if let (Some(step), false) = (bytes.last_chunk(), rest.is_empty()) {
        return not_plain(step) == 0;
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        let [mut step, end] = [*first, *last].map(|half| u128::from(u64::from_le_bytes(half)));
        step |= end << 64;
        return not_plain(&step.to_le_bytes()) == 0;
    }
    rest.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..0x20))
}

/// Whether one of the `len` bytes from `start` on is `+`, `#` or `/`.
#[inline(always)]
pub(crate) fn has_topic_syntax(bytes: &[u8], start: usize, len: usize) -> bool {
    match step_at(bytes, start) {
        // What stands behind them is looked at as well, and does not count.
        Some(step) if len <= STEP => any_of(vector(step), [b'+', b'#', b'/']).to_bitmask() & !(u32::MAX << len) != 0,
        _ => has_topic_syntax_in(bytes.get(start..start.saturating_add(len)).unwrap_or_default()),
    }
}

fn has_topic_syntax_in(bytes: &[u8]) -> bool {
    if let (Some(first), Some(last), true) = (bytes.first_chunk(), bytes.last_chunk(), bytes.len() <= 16) {
        return (topic_bits(u64::from_le_bytes(*first)) | topic_bits(u64::from_le_bytes(*last))) != 0;
    }
    let (words, rest) = bytes.as_chunks();
    let rest = rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    words.iter().fold(topic_bits(rest), |found, word| found | topic_bits(u64::from_le_bytes(*word))) != 0
}

/// The highest bit of the first byte in a word that is `+`, `#` or `/`; bits above it may be wrong.
#[inline(always)]
fn topic_bits(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let [plus, hash, slash] = [b'+', b'#', b'/'].map(|byte| is_zero(word ^ (ONES * u64::from(byte))));
    (plus | hash | slash) & (ONES << 7)
}

#[inline(always)]
pub(super) fn step_at(bytes: &[u8], at: usize) -> Option<&[u8; STEP]> {
    bytes.get(at..)?.first_chunk()
}

#[inline(always)]
fn any_of<const N: usize>(step: i8x16, bytes: [u8; N]) -> i8x16 {
    bytes.into_iter().fold(i8x16::splat(0), |found, byte| found | step.simd_eq(i8x16::splat(byte.cast_signed())))
}

#[inline(always)]
fn vector(step: &[u8; STEP]) -> i8x16 {
    i8x16::new(step.map(u8::cast_signed))
}

/// Where the run ends within the last few bytes.
#[cold]
fn last_run(bytes: &[u8], at: usize, in_run: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !in_run(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_recognised_at_every_place() {
        let end = |bytes: &[u8], start: usize, stops: fn(u8) -> bool| {
            start + bytes[start..].iter().position(|byte| stops(*byte)).unwrap_or(bytes.len() - start)
        };
        let stops_plain = |byte| matches!(byte, b'"' | b'\\' | ..0x20);
        let stops_printable = |byte| matches!(byte, b'"' | b'\\' | ..0x20 | 0x7F..);
        for byte in 0..=u8::MAX {
            for at in 0..40 {
                for filler in [b'a', 0x80, 0xFF, 0x21, 0x23, 0x5B, 0x5D, 0x7E, 0x7F, 0x20, b'0', b'9'] {
                    let mut bytes = [filler; 40];
                    bytes[at] = byte;
                    for start in [0, at] {
                        assert_eq!(plain_run(&bytes, start), end(&bytes, start, stops_plain), "{byte} at {at}");
                        let expected = end(&bytes, start, stops_printable);
                        assert_eq!(printable_run(&bytes, start), expected, "{byte} at {at} in {filler}");
                    }
                    for len in 0..bytes.len() {
                        assert_eq!(
                            is_plain(&bytes[..len]),
                            plain_run(&bytes[..len], 0) == len,
                            "{byte} at {at} of {len}"
                        );
                    }
                    let topic = bytes.iter().any(|byte| b"+#/".contains(byte));
                    assert_eq!(has_topic_syntax(&bytes, 0, bytes.len()), topic, "{byte} at {at} in {filler}");
                    for (start, len) in
                        [(0, 0), (0, 1), (3, 16), (20, 16), (24, 16), (25, 15), (30, 9), (7, 17), (7, 33)]
                    {
                        let topic = bytes[start..start + len].iter().any(|byte| b"+#/".contains(byte));
                        assert_eq!(has_topic_syntax(&bytes, start, len), topic, "{byte} at {at}, {start} and {len}");
                    }
                    let step = bytes.first_chunk().unwrap();
                    let digits = (0..STEP).filter(|at| !step[*at].is_ascii_digit()).fold(0, |bits, at| bits | 1 << at);
                    assert_eq!(not_digit(step), digits, "{byte} at {at} in {filler}");
                }
            }
        }
        assert_eq!((plain_run(b"", 0), printable_run(b"", 0)), (0, 0));
    }
}

//! SIMD scans: byte classes of 16 bytes at once, and loops over them.
//!
//! Bitmasks have one bit for each byte, the first byte's lowest. *Plain* bytes may stand in a JSON string without an escape.

use wide::{i8x16, u8x32};

/// Bytes of one SIMD vector.
pub(super) const VECTOR: usize = 16;

/// A bit for each byte that is not printable ASCII, or is a quote or a backslash.
#[inline(always)]
pub(super) fn not_printable(bytes: &[u8; VECTOR]) -> u32 {
    let vector = load(bytes);
    // Bytes beyond ASCII are negative as signed numbers.
    let outside = vector.simd_lt(i8x16::splat(0x20)) | vector.simd_eq(i8x16::splat(0x7F));
    (outside | any_of(vector, [b'"', b'\\'])).to_bitmask()
}

/// A bit for each byte that is not plain: a quote, a backslash or a control character below 0x20.
#[inline(always)]
pub(super) fn not_plain(bytes: &[u8; VECTOR]) -> u32 {
    let vector = load(bytes);
    let control = vector.simd_lt(i8x16::splat(0x20)) & !vector.simd_lt(i8x16::splat(0));
    (control | any_of(vector, [b'"', b'\\'])).to_bitmask()
}

/// A bit for each byte that is not a digit.
#[inline(always)]
pub(super) fn not_digit(bytes: &[u8; VECTOR]) -> u32 {
    let vector = load(bytes);
    (vector.simd_lt(i8x16::splat(b'0' as i8)) | vector.simd_gt(i8x16::splat(b'9' as i8))).to_bitmask()
}

/// A bit for each position at which both have the same byte.
#[inline(always)]
pub(super) fn equal(one: &[u8; VECTOR], other: &[u8; VECTOR]) -> u32 {
    load(one).simd_eq(load(other)).to_bitmask()
}

/// Length of the common prefix of the bytes from `one` and from `other` on, at most `most`. `other` is behind `one`.
#[inline(always)]
pub(super) fn same_run(bytes: &[u8], one: usize, other: usize, most: usize) -> usize {
    let (Some(first), Some(second)) = (bytes.get(one..), bytes.get(other..)) else { return 0 };
    let (first_chunks, second_chunks) = (first.as_chunks().0, second.as_chunks().0);
    let chunks = first_chunks.iter().zip(second_chunks).take(most.div_ceil(2 * VECTOR));
    let mut count = 0;
    for (first, second) in chunks {
        let differing = differing_bytes(first, second);
        if differing != 0 {
            return most.min(count + differing.trailing_zeros() as usize);
        }
        count += 2 * VECTOR;
    }
    if count >= most {
        return most;
    }
    // Within the last chunk of the text.
    let rest = first.iter().zip(second).skip(count).take(most - count);
    count + rest.take_while(|(one, other)| one == other).count()
}

/// A bit for each position at which the bytes differ.
#[inline(always)]
fn differing_bytes(one: &[u8; 2 * VECTOR], other: &[u8; 2 * VECTOR]) -> u32 {
    !u8x32::new(*one).simd_eq(u8x32::new(*other)).to_bitmask()
}

/// Position of the first byte from `at` on that is not printable ASCII, or is a quote or a backslash; the length of `bytes` if
/// there is none.
#[inline(always)]
pub(super) fn printable_run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(vector) = vector_at(bytes, at) {
        match not_printable(vector) {
            0 => at += VECTOR,
            bits => return at + bits.trailing_zeros() as usize,
        }
    }
    last_run(bytes, at, |byte| matches!(byte, 0x20..0x7F) && !matches!(byte, b'"' | b'\\'))
}

/// Position of the first byte from `at` on that is not plain; the length of `bytes` if there is none.
pub(super) fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(vector) = vector_at(bytes, at) {
        match not_plain(vector) {
            0 => at += VECTOR,
            bits => return at + bits.trailing_zeros() as usize,
        }
    }
    last_run(bytes, at, |byte| !matches!(byte, b'"' | b'\\' | ..0x20))
}

/// Whether all bytes are plain. For texts whose end is known: the last bytes are scanned together with some before them, not one by
/// one as in [`plain_run`].
#[inline]
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let (vectors, rest) = bytes.as_chunks();
    if !vectors.iter().all(|vector| not_plain(vector) == 0) {
        return false;
    }
    // The last 16 bytes overlap the vectors before; of fewer, the first and the last 8 overlap.
    if let (Some(vector), false) = (bytes.last_chunk(), rest.is_empty()) {
        return not_plain(vector) == 0;
    }
    if let (Some(first), Some(last)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        let [mut vector, end] = [*first, *last].map(|half| u128::from(u64::from_le_bytes(half)));
        vector |= end << 64;
        return not_plain(&vector.to_le_bytes()) == 0;
    }
    rest.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..0x20))
}

/// Whether one of the `len` bytes from `start` on is `+`, `#` or `/`: MQTT's wildcards and its level separator.
#[inline(always)]
pub(crate) fn has_topic_syntax(bytes: &[u8], start: usize, len: usize) -> bool {
    match vector_at(bytes, start) {
        // Bits of bytes behind the range are masked off.
        Some(vector) if len <= VECTOR => {
            any_of(load(vector), [b'+', b'#', b'/']).to_bitmask() & !(u32::MAX << len) != 0
        }
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

/// Not zero if a byte of the word is `+`, `#` or `/`. The lowest bit that is set is the highest of the first such byte; those
/// above it may be false positives (borrows of the subtraction).
#[inline(always)]
fn topic_bits(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let [plus, hash, slash] = [b'+', b'#', b'/'].map(|byte| is_zero(word ^ (ONES * u64::from(byte))));
    (plus | hash | slash) & (ONES << 7)
}

#[inline(always)]
pub(super) fn vector_at(bytes: &[u8], at: usize) -> Option<&[u8; VECTOR]> {
    bytes.get(at..)?.first_chunk()
}

#[inline(always)]
fn any_of<const N: usize>(vector: i8x16, bytes: [u8; N]) -> i8x16 {
    bytes.into_iter().fold(i8x16::splat(0), |found, byte| found | vector.simd_eq(i8x16::splat(byte.cast_signed())))
}

#[inline(always)]
fn load(bytes: &[u8; VECTOR]) -> i8x16 {
    i8x16::new(bytes.map(u8::cast_signed))
}

/// Where the run ends within the last bytes, of which there are fewer than a vector has.
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
                    let digits =
                        (0..VECTOR).filter(|at| !step[*at].is_ascii_digit()).fold(0, |bits, at| bits | 1 << at);
                    assert_eq!(not_digit(step), digits, "{byte} at {at} in {filler}");
                }
            }
        }
        assert_eq!((plain_run(b"", 0), printable_run(b"", 0)), (0, 0));
    }
}

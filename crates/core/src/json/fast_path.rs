//! Fast path for the values that almost every member has: short strings of printable ASCII, short numbers and null, preceded by
//! one blank at most. They are recognised with SIMD scans of a window of fixed size; whatever is not recognised is left to
//! the reader.

use super::{
    scan::{VECTOR, not_digit, not_plain, not_printable},
    token::{Kind, Token},
};

/// Bytes of a window: one bounds check stands for all accesses in it.
pub(super) const WINDOW: usize = 96;
/// Largest offset in the window at which a value may start, so that three vectors behind it are in the window too. All ones in
/// binary: masking with it spares bounds checks.
pub(super) const MAX_START: usize = 31;

/// In how many vectors (1 to 3) strings of one member ended lately: that many are scanned without a branch for each.
#[derive(Debug, Clone, Copy)]
pub(super) struct LengthHint(u8);

impl LengthHint {
    pub(super) const ONE: Self = Self(1);
}

/// A value that was recognised.
pub(super) struct FastValue {
    pub(super) token: Token,
    /// Offset in the window behind the value.
    pub(super) end: usize,
}

/// A text that can be read in windows at any offset: the last bytes are kept as a copy padded with zeros.
#[derive(Debug)]
pub(super) struct Windows<'a> {
    text: &'a [u8],
    /// Offset in the text of the padded copy.
    tail_start: usize,
    tail: [u8; 2 * WINDOW],
}

impl<'a> Windows<'a> {
    // Inlined so that it is built in place: it is large.
    #[inline(always)]
    pub(super) fn new(text: &'a [u8]) -> Self {
        let tail_start = text.len().saturating_sub(WINDOW);
        let mut windows = Self { text, tail_start, tail: [0; 2 * WINDOW] };
        match text.last_chunk::<WINDOW>() {
            Some(last) => windows.tail[..WINDOW].copy_from_slice(last),
            None => windows.tail[..text.len()].copy_from_slice(text),
        }
        windows
    }

    /// The window that starts at `at`; zeros stand for bytes beyond the text. `None` if `at` is beyond it.
    #[inline(always)]
    pub(super) fn at(&self, at: usize) -> Option<&[u8; WINDOW]> {
        match self.text.get(at..)?.first_chunk() {
            Some(window) => Some(window),
            None => self.tail.get(at.checked_sub(self.tail_start)?..)?.first_chunk(),
        }
    }
}

/// The string, number or null that starts at `start` in the window, or behind one blank there. The window starts at `at` in
/// the text.
///
/// `hint` learns the length of the string. Where the string ends is computed from the bytes and not predicted by a branch: a
/// mispredicted one costs more than waiting for the result (measured). With `PRINTABLE` only strings of printable ASCII are
/// recognised; without it, all that have no escapes.
#[inline(always)]
pub(super) fn value<const PRINTABLE: bool>(
    window: &[u8; WINDOW],
    start: usize,
    at: usize,
    hint: &mut LengthHint,
) -> Option<FastValue> {
    let start = start & MAX_START;
    match window[start] {
        b' ' if start < MAX_START => value_here::<PRINTABLE>(window, start + 1, at, hint),
        _ => value_here::<PRINTABLE>(window, start, at, hint),
    }
}

/// [`value`], directly at `start`.
#[inline(always)]
pub(super) fn value_here<const PRINTABLE: bool>(
    window: &[u8; WINDOW],
    start: usize,
    at: usize,
    hint: &mut LengthHint,
) -> Option<FastValue> {
    let start = start & MAX_START;
    match window[start] {
        b'"' => {
            let kind = if PRINTABLE { Kind::Printable } else { Kind::Verbatim };
            let end = string_end::<PRINTABLE>(window, start, hint)?;
            Some(FastValue { token: Token::placed(kind, at + start + 1, at + end), end: end + 1 })
        }
        b'0'..=b'9' => number(window, start, start, at),
        b'-' if start < MAX_START => number(window, start, start + 1, at),
        b'n' if window[start..].starts_with(b"null") => {
            Some(FastValue { token: Token::placed(Kind::Null, at + start, at + start + 4), end: start + 4 })
        }
        _ => None,
    }
}

/// Offset of the closing quote of the string whose opening quote is at `start`.
#[inline(always)]
fn string_end<const PRINTABLE: bool>(window: &[u8; WINDOW], start: usize, hint: &mut LengthHint) -> Option<usize> {
    let special_bytes = |vector: &[u8; VECTOR]| if PRINTABLE { not_printable(vector) } else { not_plain(vector) };
    let start = (start & MAX_START) + 1;
    let bits = |n: usize| u64::from(special_bytes(vector(window, start + n * VECTOR))) << (n * VECTOR);
    let mut special = bits(0);
    if hint.0 > 1 {
        special |= bits(1);
    }
    if hint.0 > 2 {
        special |= bits(2);
    }
    if special == 0 {
        special = bits(1) | bits(2);
        if special == 0 {
            return None;
        }
        hint.0 = if special.trailing_zeros() < 2 * VECTOR as u32 { 2 } else { 3 };
    }
    let end = start + special.trailing_zeros() as usize;
    (*window.get(end)? == b'"').then_some(end)
}

/// The number whose digits start at `start` and whose sign, if it has one, is at `sign`: less than 16 bytes long, without an
/// exponent.
#[inline(always)]
fn number(window: &[u8; WINDOW], sign: usize, start: usize, at: usize) -> Option<FastValue> {
    let start = start & MAX_START;
    let digits = vector(window, start);
    let others = not_digit(digits);
    let count = others.trailing_zeros() as usize;
    // There is at least one digit, and no leading zero.
    if count == 0 || count >= VECTOR || (window[start] == b'0' && count > 1) {
        return None;
    }
    match digits[count] {
        b'.' => {
            // Digits follow the point, and no exponent follows them.
            let end = (others & (others - 1)).trailing_zeros() as usize;
            let is_decimal = end > count + 1 && end < VECTOR && !matches!(digits[end & (VECTOR - 1)], b'e' | b'E');
            is_decimal.then(|| FastValue {
                token: Token::placed(Kind::Decimal, at + sign, at + start + end),
                end: start + end,
            })
        }
        b'e' | b'E' => None,
        _ => Some(FastValue { token: Token::placed(Kind::Integer, at + sign, at + start + count), end: start + count }),
    }
}

#[inline(always)]
pub(super) fn vector(window: &[u8; WINDOW], start: usize) -> &[u8; VECTOR] {
    let start = start.min(WINDOW - VECTOR);
    // Always in bounds: `start` was clamped.
    window[start..].first_chunk().unwrap_or(&[0; VECTOR])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(text: &str) -> [u8; WINDOW] {
        let mut window = [b'}'; WINDOW];
        window[..text.len()].copy_from_slice(text.as_bytes());
        window
    }

    #[test]
    fn integers_have_their_value() {
        let mut text = String::new();
        for digit in "1234567890987654".chars() {
            text.push(digit);
            for start in [0, 7, MAX_START] {
                let window = padded(&format!("{}{text}", " ".repeat(start)));
                let short = value::<true>(&window, start, 0, &mut LengthHint(1));
                match short {
                    Some(FastValue { token, end }) => {
                        assert_eq!(token.integer(str::from_utf8(&window).unwrap()), text.parse().ok());
                        assert_eq!(end, start + text.len());
                    }
                    None => assert_eq!(text.len(), VECTOR),
                }
            }
        }
    }

    #[test]
    fn what_looks_different_is_left_to_the_reader() {
        for text in [
            "01",
            "00",
            "-",
            "-01",
            "--1",
            "-e",
            "nul",
            "nulL",
            "1.",
            ".5",
            "1.5e3",
            "1e3",
            "1E3",
            "1.2.3",
            "x",
            "\"é\"",
            "\"\\n\"",
            "\"\t\"",
            "1234567890.12345",
        ] {
            let found = value::<true>(&padded(text), 0, 0, &mut LengthHint(1)).filter(|short| short.end == text.len());
            assert!(found.is_none() || text == "1.2.3", "{text}");
        }
        for text in [
            "null",
            "-1",
            "-0",
            "-12.5",
            "0",
            "0.5",
            "1.25",
            "10",
            "\"\"",
            "\"a\"",
            "\"0123456789abcdef0123456789abcd\"",
        ] {
            assert_eq!(
                value::<true>(&padded(text), 0, 0, &mut LengthHint(1)).map(|short| short.end),
                Some(text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn strings_end_where_they_end_however_long_the_one_before_was() {
        let mut hint = LengthHint(1);
        for len in (0..=48).chain([0, 33, 16, 47, 17, 15, 32, 31, 1]) {
            for start in [0, 9, MAX_START] {
                // A quote further on ends nothing.
                let text = format!("{}\"{}\"", " ".repeat(start), "a".repeat(len));
                let mut window = [b'"'; WINDOW];
                window[..text.len()].copy_from_slice(text.as_bytes());
                let found = value::<true>(&window, start, 0, &mut hint).map(|short| short.end);
                assert_eq!(found, (len < 48).then_some(text.len()), "{len} from {start}");
            }
        }
    }
}

//! Recognising what almost every member looks like, in the next few bytes: no white space but one blank, short strings
//! of printable ASCII, short numbers, null. Whatever is not recognised here is left to the reader.

use super::{
    scan::{STEP, not_digit, not_plain, not_printable},
    token::{Kind, Token},
};

/// So many bytes are looked at. One check of bounds stands for all within them.
pub(super) const WINDOW: usize = 96;
/// A value has to start within so many bytes, so that three steps after it are in the window too.
pub(super) const MAX_START: usize = 31;

/// In how many steps a string most likely ends: so many are taken at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps(u8);

impl Steps {
    pub(super) const ONE: Self = Self(1);
}

/// What was recognised.
pub(super) struct Short {
    pub(super) token: Token,
    /// Where it ends, from the start of the window.
    pub(super) end: usize,
}

/// A text, and a copy of its end with zeros behind it, so that there are enough bytes to look at everywhere.
#[derive(Debug)]
pub(super) struct Windows<'a> {
    text: &'a [u8],
    /// Where in the text the copy starts.
    end_start: usize,
    end: [u8; 2 * WINDOW],
}

impl<'a> Windows<'a> {
    // In place: it is a large thing to move.
    #[inline(always)]
    pub(super) fn new(text: &'a [u8]) -> Self {
        let end_start = text.len().saturating_sub(WINDOW);
        let mut windows = Self { text, end_start, end: [0; 2 * WINDOW] };
        match text.last_chunk::<WINDOW>() {
            Some(last) => windows.end[..WINDOW].copy_from_slice(last),
            None => windows.end[..text.len()].copy_from_slice(text),
        }
        windows
    }

    /// The bytes from `at` on.
    #[inline(always)]
    pub(super) fn at(&self, at: usize) -> Option<&[u8; WINDOW]> {
        match self.text.get(at..)?.first_chunk() {
            Some(window) => Some(window),
            None => self.end.get(at.checked_sub(self.end_start)?..)?.first_chunk(),
        }
    }
}

/// The string, the number or the null that starts at `start` in the window, or after one blank; the window starts at
/// `at` in the text.
///
/// `steps` learns from it how long strings are here. Where the end is comes out of the bytes and of no guess: to wait for
/// it costs less than to go on with a wrong one (measured). A string need not be `PRINTABLE` where nobody asks.
#[inline(always)]
pub(super) fn value<const PRINTABLE: bool>(
    window: &[u8; WINDOW],
    start: usize,
    at: usize,
    steps: &mut Steps,
) -> Option<Short> {
    let start = start & MAX_START;
    match window[start] {
        b' ' if start < MAX_START => value_here::<PRINTABLE>(window, start + 1, at, steps),
        _ => value_here::<PRINTABLE>(window, start, at, steps),
    }
}

/// [`value`] without a blank.
#[inline(always)]
pub(super) fn value_here<const PRINTABLE: bool>(
    window: &[u8; WINDOW],
    start: usize,
    at: usize,
    steps: &mut Steps,
) -> Option<Short> {
    let start = start & MAX_START;
    match window[start] {
        b'"' => {
            let kind = if PRINTABLE { Kind::Printable } else { Kind::Verbatim };
            let end = string_end::<PRINTABLE>(window, start, steps)?;
            Some(Short { token: Token::placed(kind, at + start + 1, at + end), end: end + 1 })
        }
        b'0'..=b'9' => number(window, start, start, at),
        b'-' if start < MAX_START => number(window, start, start + 1, at),
        b'n' if window[start..].starts_with(b"null") => {
            Some(Short { token: Token::placed(Kind::Null, at + start, at + start + 4), end: start + 4 })
        }
        _ => None,
    }
}

/// Where the quote stands that ends the string which starts with the quote at `start`.
#[inline(always)]
fn string_end<const PRINTABLE: bool>(window: &[u8; WINDOW], start: usize, steps: &mut Steps) -> Option<usize> {
    let odd_bytes = |step: &[u8; STEP]| if PRINTABLE { not_printable(step) } else { not_plain(step) };
    let start = (start & MAX_START) + 1;
    let bits = |n: usize| u64::from(odd_bytes(step(window, start + n * STEP))) << (n * STEP);
    let mut odd = bits(0);
    if steps.0 > 1 {
        odd |= bits(1);
    }
    if steps.0 > 2 {
        odd |= bits(2);
    }
    if odd == 0 {
        odd = bits(1) | bits(2);
        if odd == 0 {
            return None;
        }
        steps.0 = if odd.trailing_zeros() < 2 * STEP as u32 { 2 } else { 3 };
    }
    let end = start + odd.trailing_zeros() as usize;
    (*window.get(end)? == b'"').then_some(end)
}

/// A number whose digits start at `start`, without exponent and of less than 16 bytes, and its `sign` if it has one.
#[inline(always)]
fn number(window: &[u8; WINDOW], sign: usize, start: usize, at: usize) -> Option<Short> {
    let start = start & MAX_START;
    let digits = step(window, start);
    let others = not_digit(digits);
    let count = others.trailing_zeros() as usize;
    // A sign needs a digit behind it, and a zero stands alone.
    if count == 0 || count >= STEP || (window[start] == b'0' && count > 1) {
        return None;
    }
    match digits[count] {
        b'.' => {
            // Digits after the point, and nothing of a number after them.
            let end = (others & (others - 1)).trailing_zeros() as usize;
            let is_decimal = end > count + 1 && end < STEP && !matches!(digits[end & (STEP - 1)], b'e' | b'E');
            is_decimal
                .then(|| Short { token: Token::placed(Kind::Decimal, at + sign, at + start + end), end: start + end })
        }
        b'e' | b'E' => None,
        _ => Some(Short { token: Token::placed(Kind::Integer, at + sign, at + start + count), end: start + count }),
    }
}

#[inline(always)]
pub(super) fn step(window: &[u8; WINDOW], start: usize) -> &[u8; STEP] {
    let start = start.min(WINDOW - STEP);
    // There always are so many bytes.
    window[start..].first_chunk().unwrap_or(&[0; STEP])
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
                let short = value::<true>(&window, start, 0, &mut Steps(1));
                match short {
                    Some(Short { token, end }) => {
                        assert_eq!(token.integer(str::from_utf8(&window).unwrap()), text.parse().ok());
                        assert_eq!(end, start + text.len());
                    }
                    None => assert_eq!(text.len(), STEP),
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
            let found = value::<true>(&padded(text), 0, 0, &mut Steps(1)).filter(|short| short.end == text.len());
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
                value::<true>(&padded(text), 0, 0, &mut Steps(1)).map(|short| short.end),
                Some(text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn strings_end_where_they_end_however_long_the_one_before_was() {
        let mut steps = Steps(1);
        for len in (0..=48).chain([0, 33, 16, 47, 17, 15, 32, 31, 1]) {
            for start in [0, 9, MAX_START] {
                // A quote further on ends nothing.
                let text = format!("{}\"{}\"", " ".repeat(start), "a".repeat(len));
                let mut window = [b'"'; WINDOW];
                window[..text.len()].copy_from_slice(text.as_bytes());
                let found = value::<true>(&window, start, 0, &mut steps).map(|short| short.end);
                assert_eq!(found, (len < 48).then_some(text.len()), "{len} from {start}");
            }
        }
    }
}

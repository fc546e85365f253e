//! Text in the two encodings in which JavaScript engines hold it: Latin-1 and UTF-16.

use encoding_rs::mem;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

/// Writes UTF-16 as UTF-8 and returns the number of bytes, at most three for each code unit. A lone surrogate becomes the replacement
/// character. `TextEncoder` takes five times as long for text that is not all ASCII.
#[napi(catch_unwind)]
pub(crate) fn utf8_into(units: &[u16], mut out: BufferSlice<'_>) -> f64 {
    mem::convert_utf16_to_utf8_partial(units, &mut out).1 as f64
}

/// One byte for the encoding, then the text: 1 and Latin-1 if that holds every character, else 2 and UTF-16 in the machine's byte order.
/// The input is UTF-8, as the engine writes it.
pub(crate) fn encoded(utf8: &[u8]) -> Vec<u8> {
    if mem::is_utf8_latin1(utf8) {
        let mut out = vec![1; 1 + utf8.len()];
        let written = out.get_mut(1..).map_or(0, |room| mem::convert_utf8_to_latin1_lossy(utf8, room));
        out.truncate(1 + written);
        return out;
    }
    // `convert_utf8_to_utf16` requires one unit more than there are bytes.
    let mut units = vec![0; utf8.len() + 1];
    let written = mem::convert_utf8_to_utf16(utf8, &mut units);
    let mut out = Vec::with_capacity(1 + 2 * written);
    out.push(2);
    out.extend(units.iter().take(written).flat_map(|unit| unit.to_ne_bytes()));
    out
}

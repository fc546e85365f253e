//! Text in the two forms in which JavaScript keeps it.

use encoding_rs::mem;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;

/// Writes UTF-16 as UTF-8, and returns how many bytes that takes; three for each unit are enough. What is half of a pair gets the
/// replacement character. JavaScript takes five times as long for a text that is not all ASCII.
#[napi(catch_unwind)]
pub(crate) fn utf8_into(units: &[u16], mut out: BufferSlice<'_>) -> f64 {
    mem::convert_utf16_to_utf8_partial(units, &mut out).1 as f64
}

/// One byte that says the form, and the text: 1 and 8 bits for each character where that is enough, 2 and UTF-16 in the
/// machine's order where it is not. The engine writes nothing but UTF-8; anything else gets the replacement character.
pub(crate) fn encoded(utf8: &[u8]) -> Vec<u8> {
    if mem::is_utf8_latin1(utf8) {
        let mut out = vec![1; 1 + utf8.len()];
        let written = out.get_mut(1..).map_or(0, |room| mem::convert_utf8_to_latin1_lossy(utf8, room));
        out.truncate(1 + written);
        return out;
    }
    // One more than there are bytes, as the conversion asks for.
    let mut units = vec![0; utf8.len() + 1];
    let written = mem::convert_utf8_to_utf16(utf8, &mut units);
    let mut out = Vec::with_capacity(1 + 2 * written);
    out.push(2);
    out.extend(units.iter().take(written).flat_map(|unit| unit.to_ne_bytes()));
    out
}

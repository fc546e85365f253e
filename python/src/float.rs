//! Floats as Python spells them.

use std::io::Write;

/// Writes the shortest digits that read back as the same float, as `repr` does; `false` for infinities and NaN.
pub(crate) fn write(out: &mut Vec<u8>, number: f64) -> bool {
    if !number.is_finite() {
        return false;
    }
    // Within these bounds Python writes no exponent, and `zmij` writes the same text.
    if number == 0.0 || (1e-4..1e16).contains(&number.abs()) {
        out.extend_from_slice(zmij::Buffer::new().format_finite(number).as_bytes());
        return true;
    }
    write_with_exponent(out, number);
    true
}

/// Writes a number that Python writes with an exponent.
fn write_with_exponent(out: &mut Vec<u8>, number: f64) {
    // Rust has the same digits as Python, but writes the exponent without `+` and without a leading zero: `-1.25e-7`.
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    // Writing to memory cannot fail.
    let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
}

//! Floats as Python spells them.

use std::io::Write;

/// Writes the shortest digits that are read as the same float, as `repr` does; `false` for what JSON cannot say.
pub(crate) fn write(out: &mut Vec<u8>, number: f64) -> bool {
    if !number.is_finite() {
        return false;
    }
    // Rust finds the same digits, and has them in one form: `-1.25e-7`.
    let mut form = [0; 32];
    let mut rest = &mut form[..];
    // 17 digits, a sign, a point and the exponent always fit.
    let _ = write!(rest, "{number:e}");
    let left = rest.len();
    let form = str::from_utf8(&form[..32 - left]).unwrap_or_default();
    let Some((mantissa, exponent)) = form.split_once('e') else { return false };
    let Ok(exponent) = exponent.parse::<i32>() else { return false };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    out.extend_from_slice(sign.as_bytes());
    let digits = || whole.bytes().chain(fraction.bytes());
    let count = whole.len() + fraction.len();
    match exponent {
        // As many digits before the point as the exponent says, zeros where they end.
        0..16 => {
            let before = exponent.unsigned_abs() as usize + 1;
            out.extend(digits().chain(std::iter::repeat(b'0')).take(before));
            out.push(b'.');
            if count > before { out.extend(digits().skip(before)) } else { out.push(b'0') }
        }
        -4..0 => {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', exponent.unsigned_abs() as usize - 1));
            out.extend(digits());
        }
        _ => {
            out.extend_from_slice(mantissa.as_bytes());
            let _ = write!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs());
        }
    }
    true
}

//! The range of numbers: those that no finite double holds are refused where a rule asks for it (protocol §3, ours).

/// A number without an exponent that is shorter than this, in bytes, is in range: doubles reach from 1e-323 to 1e308.
const IN_RANGE_BYTES: usize = 300;

/// Whether no finite double holds this JSON number: it is too large, or it is not zero and a double would round it to zero.
pub(super) fn is_out_of_range(raw: &str) -> bool {
    if raw.len() < IN_RANGE_BYTES && !raw.contains(['e', 'E']) {
        return false;
    }
    let mantissa = raw.split(['e', 'E']).next().unwrap_or_default();
    // Cannot fail: every JSON number is one of Rust's.
    let value = raw.parse::<f64>().unwrap_or(f64::NAN);
    !value.is_finite() || (value == 0.0 && mantissa.bytes().any(|b| matches!(b, b'1'..=b'9')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_range_is_what_no_finite_double_holds() {
        for raw in ["0", "-0", "0e999999999999", "0.000E-999", "1.7976931348623157e308", "5e-324", "1e-320", "3e-324"] {
            assert!(!is_out_of_range(raw), "{raw}");
        }
        for raw in ["1e400", "-1e400", "1e-400", "2e308", "1e-324", "1e99999999999999999999"] {
            assert!(is_out_of_range(raw), "{raw}");
        }
        assert!(!is_out_of_range(&"9".repeat(308)));
        assert!(is_out_of_range(&"9".repeat(400)));
        assert!(is_out_of_range(&format!("0.{}1", "0".repeat(400))));
        assert!(!is_out_of_range(&format!("0.{}", "0".repeat(400))));
    }
}

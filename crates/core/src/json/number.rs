//! Numbers: read by their grammar, and understood only where a rule asks.

/// A number as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    raw: &'a str,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Digits alone.
    Integer,
    /// With a decimal point, without an exponent.
    Decimal,
    /// With an exponent.
    Exponent,
}

/// A number without exponent and with fewer digits than this fits a finite double and does not become zero:
/// doubles reach from 1e-323 to 1e308.
const PLAIN_BYTES: usize = 300;

impl<'a> Number<'a> {
    pub(super) fn new(raw: &'a str, form: Form) -> Self {
        Self { raw, form }
    }

    /// The value of an integer that is written as one; `30000.0` and `3e4` are none.
    pub(crate) fn integer(self) -> Option<i64> {
        match self.form {
            Form::Integer => self.raw.parse().ok(),
            Form::Decimal | Form::Exponent => None,
        }
    }

    /// Whether no finite double holds it: it is too large, or it is not zero but a double would make it so.
    pub(super) fn is_out_of_range(self) -> bool {
        if self.form != Form::Exponent && self.raw.len() < PLAIN_BYTES {
            return false;
        }
        let mantissa = self.raw.split(['e', 'E']).next().unwrap_or_default();
        // The grammar of JSON numbers is part of Rust's, so parsing cannot fail.
        let value = self.raw.parse::<f64>().unwrap_or(f64::NAN);
        !value.is_finite() || (value == 0.0 && mantissa.bytes().any(|b| matches!(b, b'1'..=b'9')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(raw: &str) -> Number<'_> {
        let form = match raw {
            raw if raw.contains(['e', 'E']) => Form::Exponent,
            raw if raw.contains('.') => Form::Decimal,
            _ => Form::Integer,
        };
        Number::new(raw, form)
    }

    #[test]
    fn integer_is_written_as_one_and_fits_64_bits() {
        assert_eq!(number("-0").integer(), Some(0));
        assert_eq!(number("9223372036854775807").integer(), Some(i64::MAX));
        assert_eq!(number("-9223372036854775808").integer(), Some(i64::MIN));
        for raw in ["9223372036854775808", "1.0", "1e0", "1E3"] {
            assert_eq!(number(raw).integer(), None, "{raw}");
        }
    }

    #[test]
    fn out_of_range_is_what_no_finite_double_holds() {
        for raw in ["0", "-0", "0e999999999999", "0.000E-999", "1.7976931348623157e308", "5e-324", "1e-320", "3e-324"] {
            assert!(!number(raw).is_out_of_range(), "{raw}");
        }
        for raw in ["1e400", "-1e400", "1e-400", "2e308", "1e-324", "1e99999999999999999999"] {
            assert!(number(raw).is_out_of_range(), "{raw}");
        }
        assert!(!number(&"9".repeat(308)).is_out_of_range());
        assert!(number(&"9".repeat(400)).is_out_of_range());
        assert!(number(&format!("0.{}1", "0".repeat(400))).is_out_of_range());
        assert!(!number(&format!("0.{}", "0".repeat(400))).is_out_of_range());
    }
}

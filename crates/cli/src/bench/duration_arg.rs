//! A duration on the command line.

use std::time::Duration;

/// The memory of a measurement grows with its duration.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Reads `500ms`, `10s` or `2m`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let at = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().map_err(|_| "give a number and ms, s or m, such as 10s".to_owned())?;
    let seconds = match unit {
        "ms" => number / 1_000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return Err(format!("the unit is {unit:?}: give ms, s or m, such as 10s")),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => Err("it is longer than an hour".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, ms) in [("500ms", 500), ("10s", 10_000), ("1.5s", 1_500), ("2m", 120_000), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in ["", "10", "s", "1h", "-1s", "1e3s", "1.2.3s", "61m", "10 s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}

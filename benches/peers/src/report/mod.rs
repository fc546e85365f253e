//! What came out, for a person: a table in the terminal, a page, and as JSON.

mod markdown;
mod terminal;

pub use markdown::page;
pub use terminal::table;

use crate::{
    measure::Spread,
    plan::{Row, Target, Unit},
};

/// A value with its unit.
fn value(row: &Row) -> String {
    number(row.value.median, row.unit)
}

/// How far the other rounds lie; empty for a value that was measured once.
fn spread(row: &Row) -> String {
    let Spread { low, high, .. } = row.value;
    if low.to_bits() == high.to_bits() { String::new() } else { format!("{}–{}", bare(low), bare(high)) }
}

fn target(row: &Row) -> String {
    match row.target {
        None => String::new(),
        Some(Target::AtLeast(least)) => format!("≥ {}", number(least, row.unit)),
        Some(Target::AtMost(most)) => format!("≤ {}", number(most, row.unit)),
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.passes() {
        None => "",
        Some(true) => "pass",
        Some(false) => "falls short",
    }
}

fn number(value: f64, unit: Unit) -> String {
    let number = bare(value);
    match unit {
        Unit::TimesFaster | Unit::TimesAsMuch => format!("{number}×"),
        Unit::Nanos => format!("{number} ns"),
        Unit::Millis => format!("{number} ms"),
        Unit::Bytes => format!("{number} B"),
        Unit::Allocations => number,
    }
}

/// As many digits as mean something.
fn bare(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// What a row compares.
fn beside(row: &Row) -> String {
    match row.unit {
        Unit::TimesFaster => format!("faster than {}", row.beside),
        Unit::TimesAsMuch | Unit::Nanos | Unit::Millis | Unit::Bytes | Unit::Allocations => row.beside.clone(),
    }
}

/// How many rows pass, and how many have a target.
fn score(rows: &[Row]) -> (usize, usize) {
    let verdicts: Vec<bool> = rows.iter().filter_map(Row::passes).collect();
    (verdicts.iter().filter(|passes| **passes).count(), verdicts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(median: f64, target: Option<Target>) -> Row {
        let value = Spread { low: median - 0.5, median, high: median + 0.5 };
        Row { work: "w".to_owned(), beside: "b".to_owned(), value, unit: Unit::TimesFaster, target }
    }

    #[test]
    fn a_row_is_judged_by_its_median() {
        assert_eq!(verdict(&row(8.0, Some(Target::AtLeast(8.0)))), "pass");
        assert_eq!(verdict(&row(7.99, Some(Target::AtLeast(8.0)))), "falls short");
        assert_eq!(verdict(&row(2.3, Some(Target::AtMost(2.2)))), "falls short");
        assert_eq!(verdict(&row(2.3, None)), "");
        assert_eq!(score(&[row(8.0, Some(Target::AtLeast(8.0))), row(1.0, None)]), (1, 1));
    }

    #[test]
    fn a_row_reads_well() {
        let row = row(8.125, Some(Target::AtLeast(8.0)));
        assert_eq!([value(&row), spread(&row), target(&row)], ["8.12×", "7.62–8.62", "≥ 8.00×"]);
    }
}

//! The table in the terminal.

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::{beside, score, spread, target, value, verdict};
use crate::plan::{Report, Row};

/// All rows, the work named once for all that belong to it.
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["work", "", "measured", "target", "", "rounds"]);
    let mut work = "";
    for row in &report.rows {
        let name = if row.work == work { "" } else { &row.work };
        work = &row.work;
        table.add_row([name, &beside(row), &value(row), &target(row), verdict(row), &spread(row)]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let (passed, judged) = score(&report.rows);
    let mut out = format!("{table}\n\n{passed} of {judged} targets reached");
    let short: Vec<&Row> = report.rows.iter().filter(|row| row.passes() == Some(false)).collect();
    for row in short {
        out += &format!("\n  falls short: {}, {}: {} ({})", row.work, beside(row), value(row), target(row));
    }
    let [before, after] = &report.load;
    out += &format!("\nload {before} before, {after} after; {} s; rounds: the middle eight tenths", report.seconds);
    out
}

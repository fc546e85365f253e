//! How much faster the engine is: a bar for each comparison, and where its target stands.

use super::{FAINT, GRID, INK, Svg};
use crate::plan::{Report, Row, Target, Unit};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 56.0;
const BAR: f64 = 20.0;
const GAP: f64 = 34.0;
/// Room for a number.
const LABEL: f64 = 48.0;

/// All comparisons that have a target.
pub fn ratios(report: &Report) -> String {
    let rows: Vec<(&Row, f64)> = report
        .rows
        .iter()
        .filter_map(|row| match row.target {
            Some(Target::AtLeast(least)) if row.unit == Unit::TimesFaster => Some((row, least)),
            _ => None,
        })
        .collect();
    let groups = rows.chunk_by(|a, b| a.0.work == b.0.work);
    let height = TOP + groups.clone().map(|group| GAP + group.len() as f64 * BAR).sum::<f64>() + 30.0;
    let largest = rows.iter().map(|(row, least)| row.value.median.max(*least)).fold(1.0, f64::max);
    let x = |ratio: f64| LEFT + (WIDTH - LEFT - RIGHT) * ratio / largest;

    let mut svg = Svg::new(WIDTH, height, "How many times faster than …");
    let (x1, bottom) = (x(1.0), height - 24.0);
    svg.line((x1, TOP), (x1, bottom), GRID, 1.0);
    svg.text(x1, bottom + 14.0, "middle", FAINT, " font-size=\"11\"", "1×");
    let mut y = TOP;
    for group in groups {
        svg.text(20.0, y + GAP - 12.0, "start", INK, " font-weight=\"600\"", &group[0].0.work);
        y += GAP;
        for (row, least) in group {
            let ratio = row.value.median;
            let fill = if ratio >= *least { "#1a7f5a" } else { "#bc4c00" };
            let (width, middle) = (x(ratio) - LEFT, y + BAR / 2.0 + 1.0);
            svg.text(LEFT - 10.0, middle + 2.0, "end", INK, "", &row.beside);
            svg.element(format_args!(
                "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{fill}\"/>",
                y,
                BAR - 5.0
            ));
            let target = x(*least);
            svg.line((target, y - 2.0), (target, y + BAR - 3.0), INK, 2.0);
            // Behind the bar, or behind the target if that stands in the way.
            let is_in_the_way = (x(ratio)..x(ratio) + LABEL).contains(&target);
            let end = if is_in_the_way { target } else { x(ratio) };
            svg.text(end + 6.0, middle + 2.0, "start", INK, "", &format!("{ratio:.1}×"));
            y += BAR;
        }
    }
    svg.text(WIDTH - 20.0, 28.0, "end", FAINT, " font-size=\"11\"", "upright line: the target");
    svg.done()
}

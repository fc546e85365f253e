//! What an item costs with one to a million in flight.

use super::{FAINT, GRID, INK, Svg};
use crate::plan::{Report, grouped, names};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 290.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 50.0;
/// Labels stand at least so far apart.
const LABEL: f64 = 17.0;

static LINES: [(&str, &str); 6] = [
    (names::TASKS, "#bc4c00"),
    (names::QUEUE, "#8250df"),
    (names::HEAP, "#0969da"),
    (names::TABLE, "#1a7f5a"),
    (names::REQUESTER, "#5aa58a"),
    (names::SET, FAINT),
];

/// One line for each variant, both axes logarithmic.
pub fn scaling(report: &Report) -> String {
    let points = |variant: &str| -> Vec<(f64, f64)> {
        let costs = report.costs.iter().filter(|cost| cost.work == "in flight" && cost.variant == variant);
        costs.map(|cost| (cost.items as f64, cost.nanos.median.max(1.0))).collect()
    };
    let all: Vec<(f64, f64)> = LINES.iter().flat_map(|(variant, _)| points(variant)).collect();
    let bound = |pick: fn(f64, f64) -> f64, start: f64| all.iter().map(|point| point.1.log10()).fold(start, pick);
    let (lowest, highest) = (bound(f64::min, 3.0).floor(), bound(f64::max, 2.0).ceil());
    let x = |items: f64| LEFT + (WIDTH - LEFT - RIGHT) * items.log10() / 6.0;
    let y = |nanos: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (nanos.log10() - lowest) / (highest - lowest);

    let mut svg = Svg::new(WIDTH, HEIGHT, "Nanoseconds an item: register, match 90 %, expire 10 %");
    for power in 0..=6 {
        let at = x(10_f64.powi(power));
        svg.line((at, TOP), (at, HEIGHT - BOTTOM), GRID, 1.0);
        svg.text(at, HEIGHT - BOTTOM + 18.0, "middle", FAINT, "", &grouped(10_usize.pow(power.unsigned_abs())));
    }
    for power in lowest as i32..=highest as i32 {
        let at = y(10_f64.powi(power));
        svg.line((LEFT, at), (WIDTH - RIGHT, at), GRID, 1.0);
        svg.text(LEFT - 8.0, at + 4.0, "end", FAINT, "", &grouped(10_usize.pow(power.unsigned_abs())));
    }
    svg.text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0, "middle", INK, "", "items in flight");

    let mut labels: Vec<(f64, &str, &str)> = Vec::new();
    for (variant, colour) in LINES {
        let points = points(variant);
        let Some((_, last)) = points.last() else { continue };
        let path: Vec<String> =
            points.iter().map(|(items, nanos)| format!("{:.1},{:.1}", x(*items), y(*nanos))).collect();
        let width = if variant == names::TABLE { 3.5 } else { 2.0 };
        svg.element(format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"/>",
            path.join(" ")
        ));
        labels.push((y(*last), variant, colour));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = f64::MIN;
    for (at, variant, colour) in labels {
        let at = at.max(free);
        free = at + LABEL;
        let weight = if variant == names::TABLE { " font-weight=\"600\"" } else { "" };
        svg.text(WIDTH - RIGHT + 8.0, at + 4.0, "start", colour, weight, variant);
    }
    svg.done()
}

//! The page that is kept: RESULTS.md.

use std::fmt::{self, Write};

use super::{bare, beside, score, spread, target, value, verdict};
use crate::{
    memory::{Memory, Times},
    plan::{Report, grouped},
};

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut out, report);
    out
}

fn write_page(out: &mut String, report: &Report) -> fmt::Result {
    let (machine, [before, after]) = (&report.machine, &report.load);
    let (passed, judged) = score(&report.rows);
    writeln!(out, "# Results\n")?;
    writeln!(out, "Written by `make bench`; do not edit. [README.md](README.md) says what is measured and how.\n")?;
    writeln!(out, "| | |\n|---|---|")?;
    writeln!(out, "| date | {} |", machine.date)?;
    writeln!(out, "| commit | {} |", machine.commit)?;
    writeln!(out, "| processor | {}, {} cores |", machine.cpu, machine.cores)?;
    writeln!(out, "| system | {} |", machine.kernel)?;
    writeln!(out, "| compiler | {} |", machine.rustc)?;
    writeln!(out, "| load | {before} before, {after} after |")?;
    writeln!(out, "| run | {} s{} |\n", report.seconds, if report.quick { ", a quick one" } else { "" })?;
    writeln!(out, "**{passed} of {judged} targets reached.**\n")?;
    writeln!(out, "## Against the targets\n")?;
    writeln!(out, "Medians of the rounds; \"rounds\" is where the middle eight tenths of them lie.\n")?;
    writeln!(out, "| work | | measured | target | | rounds |\n|---|---|---:|---:|---|---|")?;
    for row in &report.rows {
        let (work, beside) = (&row.work, beside(row));
        writeln!(out, "| {work} | {beside} | {} | {} | {} | {} |", value(row), target(row), verdict(row), spread(row))?;
    }
    write_costs(out, report)?;
    write_churn(out, &report.memory)
}

/// One table for each work: variants down, sizes across.
fn write_costs(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(out, "\n## What an item costs\n\nNanoseconds of CPU time, medians.")?;
    for work in ["respond", "channel message", "in flight"] {
        let costs: Vec<_> = report.costs.iter().filter(|cost| cost.work == work).collect();
        let mut sizes: Vec<usize> = costs.iter().map(|cost| cost.items).collect();
        sizes.dedup();
        let mut variants: Vec<&str> = Vec::new();
        for cost in &costs {
            if !variants.contains(&cost.variant) {
                variants.push(cost.variant);
            }
        }
        write!(out, "\n| {work} |")?;
        sizes.iter().try_for_each(|size| write!(out, " {} |", grouped(*size)))?;
        writeln!(out, "\n|---|{}", "---:|".repeat(sizes.len()))?;
        for variant in variants {
            write!(out, "| {variant} |")?;
            for size in &sizes {
                let cost = costs.iter().find(|cost| cost.items == *size && cost.variant == variant);
                write!(out, " {} |", cost.map_or_else(String::new, |cost| bare(cost.nanos.median)))?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

fn write_churn(out: &mut String, memory: &Memory) -> fmt::Result {
    let churn = &memory.churn;
    let (in_flight, items) = (grouped(churn.in_flight), grouped(usize::try_from(churn.items).unwrap_or(usize::MAX)));
    writeln!(out, "\n## Steady churn\n")?;
    writeln!(
        out,
        "{in_flight} in flight for {} seconds, batches of {}: {items} items, {} ns each in the engine. How long each \
         call took, in milliseconds. CPU time is the engine's own; on the wall others ran as well.\n",
        churn.seconds,
        churn.batch,
        bare(churn.nanos_an_item),
    )?;
    writeln!(
        out,
        "| call | calls | time | median | 99 % | 99.9 % | 99.99 % | longest |\n|---|---:|---|---:|---:|---:|---:|---:|"
    )?;
    for call in &churn.calls {
        let count = grouped(usize::try_from(call.count).unwrap_or(usize::MAX));
        for (kind, times) in [("CPU", call.cpu), ("wall", call.wall)] {
            let Times { median_ms, p99_ms, p99_9_ms, p99_99_ms, max_ms } = times;
            let [median, p99, p99_9, p99_99, max] = [median_ms, p99_ms, p99_9_ms, p99_99_ms, max_ms].map(bare);
            writeln!(out, "| {} | {count} | {kind} | {median} | {p99} | {p99_9} | {p99_99} | {max} |", call.name)?;
        }
    }
    Ok(())
}

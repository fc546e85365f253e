//! The second program's findings: memory, and the long run.

use std::process::Command;

use super::{Effort, Findings, Target, Unit, grouped};
use crate::{measure::Spread, memory::Memory};

/// The longest that one call may take, in milliseconds.
const STALL_MS: f64 = 5.0;

pub(super) fn run(effort: &Effort, findings: &mut Findings, tick: &mut dyn FnMut(&str)) -> Result<Memory, String> {
    tick("memory, and half a minute of steady churn");
    let memory = ask(effort)?;
    for pending in &memory.pending {
        let work = format!("memory, {} in flight", grouped(pending.in_flight));
        let target = pending.is_engine.then_some(Target::AtMost(112.0));
        findings.row(
            &work,
            &format!("bytes an item: {}", pending.variant),
            Spread::exactly(pending.bytes),
            Unit::Bytes,
            target,
        );
    }
    for found in &memory.allocations {
        let target = found.most.map(Target::AtMost);
        findings.row(&found.work, &found.of, Spread::exactly(found.per_item), Unit::Allocations, target);
    }
    let churn = &memory.churn;
    let work = format!("steady churn, {} in flight for {} s", grouped(churn.in_flight), churn.seconds);
    let longest = churn.calls.iter().map(|call| call.cpu.max_ms).fold(0.0, f64::max);
    findings.row(
        &work,
        "the longest call, CPU time",
        Spread::exactly(longest),
        Unit::Millis,
        Some(Target::AtMost(STALL_MS)),
    );
    findings.row(
        &work,
        "memory at the end, beside that at the start",
        Spread::exactly(churn.growth),
        Unit::TimesAsMuch,
        Some(Target::AtMost(1.02)),
    );
    Ok(memory)
}

/// Runs the program `memory`, which was built along with this one.
fn ask(effort: &Effort) -> Result<Memory, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?.with_file_name("memory");
    let mut command = Command::new(&program);
    if effort.quick {
        command.arg("--quick");
    }
    let output = command
        .output()
        .map_err(|error| format!("cannot run the program memory ({error}); build it with: cargo build --release"))?;
    if !output.status.success() {
        return Err(format!("the program memory failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the program memory said something else: {error}"))
}

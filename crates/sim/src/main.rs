//! The simulation from the command line.
#![allow(clippy::print_stdout, reason = "this is what a command is for")]

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use setpoint_sim::{Exercised, Fault, Schedule, Size, Sweep, Total, run, run_with_trace, shrink, sweep};

/// Runs the whole conversation on a virtual clock, with faults of every kind, and checks that its promises hold.
#[derive(Debug, Parser)]
struct Options {
    /// The first seed; with --trace, the only one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Runs at the same time; by default one on each core.
    #[arg(long)]
    threads: Option<usize>,
    /// Print everything that happens, line by line.
    #[arg(long)]
    trace: bool,
    /// Kinds of faults to switch off.
    #[arg(long, value_delimiter = ',')]
    off: Vec<String>,
    /// The only kinds of faults to leave on; "none" for a run without any.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Callers, at most.
    #[arg(long)]
    callers: Option<u64>,
    /// Batches of a caller, at most.
    #[arg(long)]
    batches: Option<u64>,
    /// Items of a batch, at most.
    #[arg(long)]
    items: Option<u64>,
    /// Devices of an org, at most.
    #[arg(long)]
    devices: Option<u64>,
    /// Virtual hours instead of minutes.
    #[arg(long)]
    hours: Option<u64>,
    /// Stop after this many failing seeds.
    #[arg(long, default_value_t = 1)]
    failures: usize,
    /// Fail unless every kind of event and fault occurred.
    #[arg(long)]
    complete: bool,
    /// One JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn schedule(&self) -> Result<Schedule, String> {
        let find = |name: &String| {
            let fault = Fault::ALL.iter().find(|fault| fault.name() == name);
            fault.copied().ok_or_else(|| format!("there is no fault {name:?}"))
        };
        let mut off = self.off.iter().map(find).collect::<Result<_, _>>()?;
        if !self.only.is_empty() {
            let only: Vec<_> = self.only.iter().filter(|name| *name != "none").map(find).collect::<Result<_, _>>()?;
            off = Fault::ALL.iter().copied().filter(|fault| !only.contains(fault)).collect();
        }
        let size = Size { callers: self.callers, batches: self.batches, items: self.items, devices: self.devices };
        Ok(Schedule { seed: self.seed, off, size, hours: self.hours })
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let schedule = match options.schedule() {
        Ok(schedule) => schedule,
        Err(error) => {
            eprintln!("sim: {error}");
            return ExitCode::from(2);
        }
    };
    // A panic inside a run is reported with its seed at the end, so it is not printed.
    std::panic::set_hook(Box::new(|_| ()));
    if options.trace { trace(&schedule) } else { many(&options, schedule) }
}

/// Prints one run.
fn trace(schedule: &Schedule) -> ExitCode {
    let outcome = run_with_trace(schedule);
    let mut out = std::io::stdout().lock();
    for line in &outcome.trace {
        if writeln!(out, "{line}").is_err() {
            return ExitCode::SUCCESS;
        }
    }
    println!("{} lines, hash {:016x}", outcome.length, outcome.hash);
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("BROKEN: {violation}");
            ExitCode::FAILURE
        }
    }
}

fn many(options: &Options, schedule: Schedule) -> ExitCode {
    let asked = Sweep { schedule, runs: options.runs, threads: options.threads, failures: options.failures };
    let live = std::io::stderr().is_terminal();
    let total = sweep(&asked, |done| {
        if live && (done % 50 == 0 || done == asked.runs) {
            eprint!("\r{done} of {} runs", asked.runs);
        }
    });
    if live {
        eprintln!();
    }
    let unseen: Vec<_> = total.coverage.rows().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect();
    let incomplete = options.complete && total.failures.is_empty() && !unseen.is_empty();
    if options.json {
        println!("{}", json(&total));
    } else {
        table(&total);
        for (seed, violation) in total.failures.iter().take(options.failures) {
            explain(&Schedule { seed: *seed, ..asked.schedule.clone() }, violation);
        }
    }
    if incomplete {
        eprintln!("never exercised: {}", unseen.join(", "));
    }
    if total.failures.is_empty() && !incomplete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explain(schedule: &Schedule, violation: &setpoint_sim::Violation) {
    println!("\nseed {} breaks {violation}", schedule.seed);
    let small = shrink(schedule, violation.invariant);
    let outcome = run(&small);
    println!("the smallest run found that breaks the same promise ({} lines):", outcome.length);
    if let Some(violation) = outcome.violation {
        println!("  {}", violation.message);
    }
    println!("  cargo run --profile sim -p setpoint-sim -- {} --trace", small.options());
}

fn table(total: &Total) {
    println!("what happened");
    for event in Exercised::ALL {
        println!("  {:<45} {:>12}", event.name(), total.coverage.of_event(*event));
    }
    println!("what went wrong");
    for fault in Fault::ALL {
        println!("  {:<45} {:>12}", fault.name(), total.coverage.of_fault(*fault));
    }
    let hours = total.virtual_ms / 3_600_000;
    println!(
        "sim: {} runs, {hours} virtual hours, {} steps, {} broken",
        total.runs,
        total.length,
        total.failures.len()
    );
}

fn json(total: &Total) -> String {
    let counts: Vec<_> = total.coverage.rows().map(|(name, count)| format!("{}:{count}", quoted(name))).collect();
    let failures: Vec<_> = total
        .failures
        .iter()
        .map(|(seed, violation)| {
            let (invariant, message) = (violation.invariant.name(), quoted(&violation.message));
            format!("{{\"seed\":{seed},\"invariant\":\"{invariant}\",\"words\":{message}}}")
        })
        .collect();
    format!(
        "{{\"runs\":{},\"virtualMs\":{},\"steps\":{},\"seen\":{{{}}},\"failures\":[{}]}}",
        total.runs,
        total.virtual_ms,
        total.length,
        counts.join(","),
        failures.join(",")
    )
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => out += &format!("\\u{:04x}", u32::from(char)),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

//! Measures the engine beside its peers, in one run, and says what came out.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use setpoint_peers::{
    chart, plan,
    plan::{Effort, Report},
    report,
};

/// Measures the engine beside its peers and writes RESULTS.md, ratios.svg and scaling.svg.
///
/// Everything runs in turns in one run, in CPU time of one thread, so that a busy machine disturbs all alike. What
/// falls short is said, and is no failure.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Fewer rounds and a shorter long run, for a look; writes nothing
    #[arg(long)]
    quick: bool,
    /// Prints everything that was measured as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Where the files are written
    #[arg(long, value_name = "FOLDER", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."), hide_default_value = true)]
    out: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, reason = "it is what was asked for")]
fn run(args: &Args) -> Result<(), String> {
    let effort = if args.quick { Effort::QUICK } else { Effort::FULL };
    let bar = ProgressBar::new(plan::steps(&effort)).with_style(style());
    bar.enable_steady_tick(Duration::from_millis(500));
    let report = plan::run(&effort, &mut |doing| {
        bar.set_message(doing.to_owned());
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        println!("{}", report::table(&report));
    }
    if args.quick { Ok(()) } else { write(args, &report) }
}

fn write(args: &Args, report: &Report) -> Result<(), String> {
    let files = [
        ("RESULTS.md", report::page(report)),
        ("ratios.svg", chart::ratios(report)),
        ("scaling.svg", chart::scaling(report)),
    ];
    for (name, content) in files {
        let path = args.out.join(name);
        fs::write(&path, content).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    eprintln!("wrote RESULTS.md, ratios.svg and scaling.svg");
    Ok(())
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{elapsed:>5} {bar:30} {percent:>3} %  {msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

//! `setpoint demo`: the whole round trip in one process, with a check of every item.

mod books;
mod farm;
mod flow;
mod orders;
mod plant;
mod report;
mod sample_run;
mod samples;

use clap::value_parser;

use self::{books::Executed, farm::Farm, report::Report};
use crate::{
    failure::{Failure, exit},
    output::Output,
};

/// Show the whole round trip in one process: a service, a simulated wind farm, and the books of it.
///
/// Needs no set-up and touches nothing but free ports of this machine's loopback. First the published sample batches
/// are sent, then commands of both families, of which a few percent are invalid, fail, or are answered late, twice or
/// never. In the end the outcomes are held against what the devices recorded: every item must have ended once, with
/// what its own device really did.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 the books balance · 1 they do not · 64 wrong usage · \
                        70 a part does not start · 74 output cannot be written")]
pub(crate) struct Args {
    /// How many commands.
    #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=200_000), value_name = "N")]
    items: u32,
    /// How many turbines.
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..=2_000), value_name = "N")]
    devices: u32,
    /// Chooses the commands and their faults.
    #[arg(long, default_value_t = 42, value_name = "N")]
    seed: u64,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<u8, Failure> {
    let (items, devices) = (args.items as usize, args.devices as usize);
    let mut out = Output::new();
    let (batches, orders) = orders::draw(items, devices, args.seed);
    let farm = Farm::start(devices, &orders).await?;
    if !args.json {
        let (http, broker) = (farm.url(), farm.gateway.broker_url());
        out.line(format_args!("A service at {http}, its broker at {broker}, {devices} turbines connected.\n"))?;
        out.line(format_args!("The published sample batches, as they are:"))?;
    }
    let (samples, mut wrong) = sample_run::send(&farm).await?;
    let sampled = farm.fleet.ledger().len();
    if !args.json {
        for result in &samples {
            report::print_sample(&out, result)?;
        }
        out.line(format_args!("\n{items} commands in {} batches:", batches.len()))?;
    }

    let bar = out.progress(items);
    let flow = flow::send(&farm, batches, bar).await;
    out.progress_done();
    let flow = flow?;
    wrong.extend(flow::await_stragglers(&farm).await);
    let ledger: Vec<_> = farm.fleet.ledger().entries().into_iter().skip(sampled).filter_map(executed).collect();
    let stats = farm.gateway.stats();
    farm.stop().await;

    let mut books = books::check(&orders, &flow.ends, &ledger);
    books.wrong.extend(wrong);
    let report = Report::new(&flow, &stats, books, samples, (items, devices, args.seed));
    if args.json {
        out.json(&report)?;
    } else {
        report.print(&out)?;
    }
    Ok(if report.wrong.is_empty() { exit::OK } else { exit::SOME_NOT })
}

/// An execution, if the entry is one.
fn executed(entry: setpoint_devices::Entry) -> Option<Executed> {
    entry.executed?;
    let family = match entry.family {
        setpoint_devices::Family::Invoke => setpoint::Family::Invoke,
        setpoint_devices::Family::Write => setpoint::Family::Write,
    };
    Some(Executed {
        message_id: entry.message_id,
        device: entry.device,
        family,
        target: entry.target,
        params: entry.params,
    })
}

//! `setpoint bench`: items per second through the service, and the latency of each.

mod args;
mod bare;
mod books;
mod compare;
mod cpu;
mod duration_arg;
mod item;
mod load;
mod measure;
mod report;
mod rig;
mod tally;
mod through;

pub(crate) use args::Args;

use self::{
    load::Arrivals,
    measure::measure,
    report::{Report, Setup},
};
use crate::{
    failure::{Failure, exit},
    output::Output,
};

pub(crate) async fn run(args: Args) -> Result<u8, Failure> {
    let mut out = Output::new();
    let setup = Setup::new(&args);
    if !args.json {
        setup.print(&out)?;
    }
    let mut report = Report::new(setup);
    if args.compare {
        compare::run(&args, &mut out, &mut report).await?;
    } else {
        report.runs.push(measure(&args, args.bare, arrivals(&args), &mut out).await?);
    }
    report.close();
    if args.json {
        out.json(&report)?;
    } else {
        report.print(&out)?;
    }
    Ok(if report.balances() { exit::OK } else { exit::SOME_NOT })
}

fn arrivals(args: &Args) -> Arrivals {
    args.rate.map_or(Arrivals::Closed { in_flight: args.in_flight }, |rate| Arrivals::Open { rate: f64::from(rate) })
}

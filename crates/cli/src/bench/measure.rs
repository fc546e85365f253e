//! One measurement.

use super::{
    args::Args,
    books, cpu,
    load::{self, Arrivals, Plan},
    report::Run,
    rig::Rig,
};
use crate::{failure::Failure, output::Output};

/// Starts what is measured, loads it, and stops it. Every measurement has a gateway, a broker and devices of its own, so
/// that none inherits the backlog or the memory of an earlier one.
pub(super) async fn measure(args: &Args, bare: bool, arrivals: Arrivals, out: &mut Output) -> Result<Run, Failure> {
    let rig = Rig::start(args, bare).await?;
    let way = rig.way(args).await?;
    let plan = Plan { arrivals, items: args.batch, warmup: args.warmup, duration: args.duration };
    let name = if bare { "bare" } else { "gateway" };
    let before = cpu::used();
    let tally = load::run(way.clone(), &plan, out.progress(plan.seconds()), name).await;
    let cpu = before.and_then(|before| cpu::used()?.checked_sub(before));
    out.progress_done();
    way.close().await;
    let executed = rig.stop().await;
    let tally = tally?;
    let wrong = books::check(&tally, executed);
    Ok(Run::new(name, &plan, &tally, cpu, executed, wrong))
}

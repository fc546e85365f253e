//! Batches: read, validated, answered.

use setpoint::Family;
use setpoint_benches::{Batch, SIZES, batch};

use super::{
    Effort, Findings, Target, Unit, grouped,
    names::{COW, ENGINE, ENGINE_KEPT, ENGINE_READ, OWNED, SKIP, SONIC},
};
use crate::{
    batch::{cow, engine, engine_kept, engine_read, owned, skip, sonic},
    measure::{Spread, Variant, find, nanos, ratio, round_robin},
};

/// Comparisons here.
pub(super) const PARTS: usize = SIZES.len();
/// What serde_json with owned strings took where the target of 170 ns was set.
const REFERENCE_NS: f64 = 1_360.0;
/// A sample takes about so many items.
const SAMPLE: usize = 10_000;

static VARIANTS: [Variant<Batch>; 7] = [
    (ENGINE, |batch| sample(batch, |body| engine(body).len())),
    (ENGINE_KEPT, |batch| sample(batch, engine_kept)),
    (ENGINE_READ, |batch| sample(batch, engine_read)),
    (OWNED, |batch| sample(batch, |body| owned::respond(body).len())),
    (COW, |batch| sample(batch, |body| cow::respond(body).len())),
    (SONIC, |batch| sample(batch, |body| sonic::respond(body).len())),
    (SKIP, |batch| sample(batch, skip)),
];

fn sample<T>(batch: &Batch, work: fn(&[u8]) -> T) -> f64 {
    let repetitions = SAMPLE.div_ceil(batch.items);
    let spent = nanos(|| {
        for _ in 0..repetitions {
            std::hint::black_box(work(std::hint::black_box(&batch.body)));
        }
    });
    spent / (repetitions * batch.items) as f64
}

pub(super) fn run(effort: &Effort, findings: &mut Findings, tick: &mut dyn FnMut(&str)) {
    for items in SIZES {
        let work = if items == 1 { "respond, 1 item".to_owned() } else { format!("respond, {} items", grouped(items)) };
        let all = round_robin(&mut batch(Family::Invoke, items), effort.rounds, &VARIANTS, || tick(&work));
        let targets = match items {
            1 => [Some(7.0), None, None, None],
            100 | 1_000 => [Some(8.0), Some(4.5), Some(3.5), Some(1.1)],
            _ => [None; 4],
        };
        let engine = find(&all, ENGINE);
        for (name, target) in [OWNED, COW, SONIC, SKIP].into_iter().zip(targets) {
            findings.faster(&work, name, ratio(find(&all, name), engine), target);
        }
        if items == 1 {
            let kept = format!("{work}, with a checker that is kept");
            findings.faster(&kept, OWNED, ratio(find(&all, OWNED), find(&all, ENGINE_KEPT)), Some(7.0));
        }
        if matches!(items, 100 | 1_000) {
            let ratios =
                find(&all, OWNED).samples.iter().zip(&engine.samples).map(|(owned, own)| REFERENCE_NS * own / owned);
            let beside = "an item, where serde_json with owned strings takes 1,360 ns";
            findings.row(&work, beside, Spread::of(ratios), Unit::Nanos, Some(Target::AtMost(170.0)));
        }
        findings.cost("respond", items, &all);
    }
}

//! Ids that somebody chose so that they collide in public hash functions, beside as many random ones as long.

use setpoint::{Family, Limits, Now, check::check_form};
use setpoint_benches::{EPOCH_MS, ORG, SEED, hostile::Function, nth_id, small};

use super::{Effort, Findings, Target, Unit, grouped};
use crate::{
    inflight::{Chunk, Keeper, engine::Engine},
    measure::{Variant, find, nanos, ratio, round_robin},
};

/// Comparisons here.
pub(super) const PARTS: usize = 2 * Function::ALL.len();
/// So many ids in flight, and in one batch.
const IN_FLIGHT: usize = 20_000;
const IN_A_BATCH: usize = 10_000;

const HOSTILE: &str = "chosen ids";
const RANDOM: &str = "random ids";

/// The chosen ones, then the random ones.
struct Context<T>([T; 2]);

static IN_FLIGHT_VARIANTS: [Variant<Context<Chunk>>; 2] =
    [(HOSTILE, |context| in_flight(&mut context.0[0])), (RANDOM, |context| in_flight(&mut context.0[1]))];

static BATCH_VARIANTS: [Variant<Context<Vec<u8>>>; 2] =
    [(HOSTILE, |context| in_a_batch(&context.0[0])), (RANDOM, |context| in_a_batch(&context.0[1]))];

fn in_flight(chunk: &mut Chunk) -> f64 {
    // The ids come again and again, so the requester is a new one every time.
    let mut engine = Engine::new(IN_FLIGHT);
    nanos(|| engine.run(std::slice::from_mut(chunk))) / IN_FLIGHT as f64
}

fn in_a_batch(body: &[u8]) -> f64 {
    let now = Now::new(0, EPOCH_MS);
    let check = || check_form(body, Family::Invoke, ORG, &Limits::DEFAULT, now);
    assert_eq!(check().items.len(), IN_A_BATCH);
    nanos(check) / IN_A_BATCH as f64
}

pub(super) fn run(effort: &Effort, findings: &mut Findings, tick: &mut dyn FnMut(&str)) {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let twice = Some(Target::AtMost(2.0));
    for function in Function::ALL {
        let chosen = function.colliding_ids(IN_FLIGHT);
        let random: Vec<String> = (0..IN_FLIGHT as u64).map(|n| as_long(&nth_id(n), chosen[0].len())).collect();
        let bodies = [&chosen, &random].map(|ids| small::batch(ids[..IN_A_BATCH].iter().map(|id| (id, 30_000))));
        let chunks = [chosen, random].map(|ids| Chunk::new(ids, 0, &mut rng));
        let beside = format!("ids that collide in {}, beside random ones", function.name());

        let work = format!("hostile keys, {} in flight", grouped(IN_FLIGHT));
        let all = round_robin(&mut Context(chunks), effort.rounds, &IN_FLIGHT_VARIANTS, || tick(&work));
        findings.row(&work, &beside, ratio(find(&all, HOSTILE), find(&all, RANDOM)), Unit::TimesAsMuch, twice);

        let work = format!("hostile keys, a batch of {}", grouped(IN_A_BATCH));
        let all = round_robin(&mut Context(bodies), effort.rounds, &BATCH_VARIANTS, || tick(&work));
        findings.row(&work, &beside, ratio(find(&all, HOSTILE), find(&all, RANDOM)), Unit::TimesAsMuch, twice);
    }
}

/// The id, repeated until it is so long.
fn as_long(id: &str, len: usize) -> String {
    id.chars().cycle().take(len).collect()
}

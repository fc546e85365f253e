//! Channel messages: read, and by the engine matched as well.

use super::{
    Effort, Findings, grouped,
    names::{COW, INGEST, OWNED, SONIC},
};
use crate::{
    measure::{Variant, find, nanos, ratio, round_robin},
    message::{Messages, cow, owned, sonic},
};

const SIZES: [usize; 2] = [100, 1_000];
/// Comparisons here.
pub(super) const PARTS: usize = SIZES.len();
/// A sample takes so many replies.
const SAMPLE: usize = 10_000;

/// The messages, and how many replies each has.
type Context = (Messages, usize);

static VARIANTS: [Variant<Context>; 4] = [
    (INGEST, |(messages, replies)| {
        let turn = messages.turn(SAMPLE / *replies);
        messages.submit(turn.clone());
        let spent = nanos(|| turn.for_each(|n| messages.ingest(n)));
        assert_eq!(messages.open_items(), 0);
        spent / SAMPLE as f64
    }),
    (OWNED, |context| decode(context, |body| owned::decode(body).data.len())),
    (COW, |context| decode(context, |body| cow::decode(body).data.len())),
    (SONIC, |context| decode(context, |body| sonic::decode(body).data.len())),
];

fn decode((messages, replies): &mut Context, work: fn(&[u8]) -> usize) -> f64 {
    let turn = 0..SAMPLE / *replies;
    nanos(|| turn.for_each(|n| assert_eq!(work(messages.body(n)), *replies))) / SAMPLE as f64
}

pub(super) fn run(effort: &Effort, findings: &mut Findings, tick: &mut dyn FnMut(&str)) {
    for replies in SIZES {
        let work = format!("channel message, {} replies", grouped(replies));
        let mut context = (Messages::new(replies), replies);
        let all = round_robin(&mut context, effort.rounds, &VARIANTS, || tick(&work));
        for (name, target) in [(OWNED, Some(5.0)), (COW, None), (SONIC, Some(2.0))] {
            findings.faster(
                &work,
                &format!("{name}, decoding alone"),
                ratio(find(&all, name), find(&all, INGEST)),
                target,
            );
        }
        findings.cost("channel message", replies, &all);
    }
}

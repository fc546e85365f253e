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
    (INGEST, |context| {
        context.0.next_turn(SAMPLE / context.1);
        context.0.submit();
        let spent = sample(context, Messages::ingest);
        assert_eq!(context.0.open_items(), 0);
        spent
    }),
    (OWNED, |context| decode(context, |body| owned::decode(body).data.len())),
    (COW, |context| decode(context, |body| cow::decode(body).data.len())),
    (SONIC, |context| decode(context, |body| sonic::decode(body).data.len())),
];

fn decode(context: &mut Context, work: fn(&[u8]) -> usize) -> f64 {
    let replies = context.1;
    sample(context, |_, body| assert_eq!(work(body), replies))
}

/// Nanoseconds a reply. Each message is copied before its time is taken: what comes off a socket was just written.
fn sample((messages, _): &mut Context, mut work: impl FnMut(&mut Messages, &[u8])) -> f64 {
    let mut body = Vec::new();
    let mut spent = 0.0;
    for n in messages.turn() {
        body.clear();
        body.extend_from_slice(messages.body(n));
        spent += nanos(|| work(messages, &body));
    }
    spent / SAMPLE as f64
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

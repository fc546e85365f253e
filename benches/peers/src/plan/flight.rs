//! What is in flight: one item to a million.

use std::collections::hash_map::RandomState;

use hashbrown::DefaultHashBuilder;

use super::{
    Effort, Findings, Target, Unit, grouped,
    names::{FOLDED_SET, HEAP, QUEUE, READING, REQUESTER, SET, TABLE, TASKS, WITH_READING},
};
use crate::{
    inflight::{
        Keeper, Load,
        delay_queue::Queue,
        engine::{Engine, Reading},
        heap::Heap,
        set::Set,
        table::Table,
        tasks::Tasks,
    },
    measure::{Variant, find, less, nanos, ratio, round_robin},
};

/// So many items are in flight.
pub(super) const SIZES: [usize; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
const MILLION: usize = 1_000_000;
/// A sample takes at least so many items.
const SAMPLE: usize = 10_000;

struct Context {
    load: Load,
    table: Table,
    engine: Engine,
    tasks: Tasks,
    queue: Queue,
    heap: Heap,
    set: Set<RandomState>,
    folded_set: Set<DefaultHashBuilder>,
}

static VARIANTS: [Variant<Context>; 8] = [
    (TABLE, |context| sample(&mut context.load, &mut context.table)),
    (WITH_READING, |context| {
        context.load.next_turn();
        sample(&mut context.load, &mut context.engine)
    }),
    (READING, |context| sample(&mut context.load, &mut Reading)),
    (TASKS, |context| sample(&mut context.load, &mut context.tasks)),
    (QUEUE, |context| sample(&mut context.load, &mut context.queue)),
    (HEAP, |context| sample(&mut context.load, &mut context.heap)),
    (SET, |context| sample(&mut context.load, &mut context.set)),
    (FOLDED_SET, |context| sample(&mut context.load, &mut context.folded_set)),
];

fn sample(load: &mut Load, keeper: &mut dyn Keeper) -> f64 {
    let items = load.items_per_turn();
    nanos(|| keeper.run(load.turn())) / items as f64
}

pub(super) fn run(effort: &Effort, findings: &mut Findings, tick: &mut dyn FnMut(&str)) {
    for in_flight in SIZES {
        let work = format!("in flight, {}", grouped(in_flight));
        let rounds = if in_flight == MILLION { effort.rounds_of_a_million } else { effort.rounds };
        let mut context = Context {
            load: Load::new(in_flight, SAMPLE),
            table: Table::new(),
            engine: Engine::new(in_flight),
            tasks: Tasks::new(),
            queue: Queue::new(),
            heap: Heap::default(),
            set: Set::default(),
            folded_set: Set::default(),
        };
        let mut all = round_robin(&mut context, rounds, &VARIANTS, || tick(&work));
        // Nobody else reads messages, so the engine's own figure is without them.
        all.insert(1, less(REQUESTER, find(&all, WITH_READING), find(&all, READING)));
        let (table, requester) = (find(&all, TABLE), find(&all, REQUESTER));
        let targets = match in_flight {
            100_000 => [20.0, 8.0, 2.5].map(Some),
            MILLION => [15.0, 7.0, 4.0].map(Some),
            _ => [None; 3],
        };
        if in_flight >= 10_000 {
            for (name, target) in [TASKS, QUEUE, HEAP].into_iter().zip(targets) {
                findings.faster(&work, name, ratio(find(&all, name), table), target);
            }
            for name in [TASKS, QUEUE, HEAP] {
                let work = format!("requester, {}", grouped(in_flight));
                findings.faster(&work, name, ratio(find(&all, name), requester), None);
            }
            for name in [SET, FOLDED_SET] {
                let target = (in_flight == MILLION && name == SET).then_some(Target::AtMost(2.2));
                findings.row(&work, name, ratio(table, find(&all, name)), Unit::TimesAsMuch, target);
            }
        }
        findings.cost("in flight", in_flight, &all);
    }
}

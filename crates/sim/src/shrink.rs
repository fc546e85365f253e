//! Shrinks a failing schedule.

use crate::{
    faults::Fault,
    plan::{Schedule, Size},
    run::run,
    violation::Invariant,
};

/// Switches off faults and makes the run smaller, as long as it still breaks the same promise.
pub fn shrink(schedule: &Schedule, invariant: Invariant) -> Schedule {
    let fails = |candidate: &Schedule| run(candidate).violation.is_some_and(|found| found.invariant == invariant);
    let mut smallest = schedule.clone();
    loop {
        let before = smallest.clone();
        for part in PARTS {
            for bound in [1, 2, 3, 5] {
                let mut candidate = smallest.clone();
                let part = part(&mut candidate.size);
                if part.is_some_and(|now| now <= bound) {
                    break;
                }
                *part = Some(bound);
                if fails(&candidate) {
                    smallest = candidate;
                    break;
                }
            }
        }
        for fault in Fault::ALL {
            let mut candidate = smallest.clone();
            if candidate.off.insert(*fault) && fails(&candidate) {
                smallest = candidate;
            }
        }
        if smallest == before {
            return smallest;
        }
    }
}

const PARTS: [fn(&mut Size) -> &mut Option<u64>; 4] =
    [|size| &mut size.callers, |size| &mut size.batches, |size| &mut size.items, |size| &mut size.devices];

//! What must hold whenever all effects of the service are drained, and at the end of a run.

use setpoint::responder::ResponderStats;

use super::{Oracle, Stage};
use crate::violation::{Check, hold};

impl Oracle {
    /// All effects are drained: checks the service's gauges and its next wake-up.
    pub(crate) fn drained(&self, stats: &ResponderStats, wakeup: Option<u64>) -> Check {
        if self.store_failed {
            return Ok(());
        }
        if let Some(n) = self.to_decide.first() {
            let item = &self.items[*n];
            hold!(false, I1, "{} must have ended with {:?} and has no final", item.id(), item.expect);
        }
        hold!(self.to_record.is_empty(), I10, "{} accepted items are not being stored", self.to_record.len());
        let (pending, outbox) = (self.deadlines.len(), self.outbox);
        let gauges = (stats.pending, if self.lenient { outbox } else { stats.outbox });
        hold!(gauges == (pending, outbox), Bounds, "pending and outbox are {gauges:?}, not {:?}", (pending, outbox));
        let remembered = stats.remembered;
        let most = self.config.dedup_per_org.get().saturating_mul(2);
        hold!(remembered <= most, Bounds, "{remembered} request ids are remembered, {most} may be");
        match (self.deadlines.first(), wakeup) {
            (None, wakeup) => hold!(wakeup.is_none(), Timer, "a timer is set for {wakeup:?}, and nothing is pending"),
            (Some((deadline, n)), wakeup) => hold!(
                wakeup.is_some_and(|at| at <= *deadline),
                Timer,
                "{} is due at {deadline}, the next wake-up is {wakeup:?}",
                self.items[*n].id()
            ),
        }
        Ok(())
    }

    /// The store failed: from here on the service may only refuse.
    pub(crate) fn store_failed(&mut self) {
        self.store_failed = true;
        // Finals that were not stored may be decided differently after the restart.
        self.to_decide.clear();
    }

    pub(crate) fn is_store_failed(&self) -> bool {
        self.store_failed
    }

    /// Checks the state at the end of the run.
    pub(crate) fn finished(&self) -> Check {
        for item in &self.items {
            let id = item.id();
            hold!(
                !matches!(item.stage, Stage::Open | Stage::Decided),
                Left,
                "{id} is still {:?}: {item:?}",
                item.stage
            );
            hold!(item.stage == Stage::Lost || item.publications > 0, I1, "{id} was never published");
            hold!(item.stage != Stage::Lost || !item.answered, I10, "{id} was answered 0 and is lost");
            hold!(item.stage != Stage::Lost || item.executions == 0, I2, "{id} is lost and was executed");
            hold!(item.stage != Stage::Lost || item.publications == 0, I2, "{id} is lost and was published");
            hold!(!item.said_unsent || item.executions == 0, I7, "{id} was executed after all");
        }
        hold!(self.batches.is_empty(), Left, "{} batches were never answered", self.batches.len());
        hold!(self.publications.is_empty(), Left, "{} publications are open", self.publications.len());
        Ok(())
    }

    /// Whether the item has succeeded.
    pub(crate) fn succeeded(&self, n: usize) -> bool {
        self.items[n].outcome.as_ref().is_some_and(|outcome| outcome.code.is_success())
    }
}

//! What must hold whenever the service has done everything that it could, and at the end.

use setpoint::responder::ResponderStats;

use super::{Oracle, Stage};
use crate::violation::{Check, hold};

impl Oracle {
    /// Everything is drained: the service's own gauges and its next wake-up against the model.
    pub(crate) fn quiet(&self, stats: &ResponderStats, wakeup: Option<u64>) -> Check {
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
        let most = self.config.dedup_per_org.saturating_mul(2);
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

    /// The store failed: nothing but refusals may come from here on.
    pub(crate) fn store_failed(&mut self) {
        self.store_failed = true;
        // What was decided and not stored may be decided again after the restart.
        self.to_decide.clear();
    }

    pub(crate) fn is_store_failed(&self) -> bool {
        self.store_failed
    }

    /// Nothing is left to happen.
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

    /// How many accepted items have succeeded.
    pub(crate) fn succeeded(&self, n: usize) -> bool {
        self.items[n].outcome.as_ref().is_some_and(|outcome| outcome.code.is_success())
    }
}

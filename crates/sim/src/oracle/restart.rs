//! A restart: what is in the store has happened, everything else has not.

use std::rc::Rc;

use setpoint::{Family, responder::Record};

use super::{Oracle, RememberedId, Stage, records::Durable};
use crate::coverage::Exercised;

/// The clocks at a restart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RestartClocks {
    pub(crate) now: u64,
    pub(crate) reading: u64,
    pub(crate) epoch_ms: i64,
}

impl Oracle {
    /// The service starts again with these records.
    pub(crate) fn restarted(&mut self, records: &[Record], at: RestartClocks) {
        self.coverage.event(Exercised::Restart);
        self.forget_this_life(at);
        for record in records {
            match record {
                Record::Accepted(command) => {
                    if let Some(n) = self.by_message.get(&command.message_id).copied() {
                        self.durable.accepted.insert(n);
                        self.resume(n, at);
                    }
                }
                Record::Intent { message_id } => {
                    if let Some(n) = self.by_message.get(message_id).copied() {
                        self.durable.intended.insert(n);
                        self.items[n].intent_replayed = true;
                    }
                }
                Record::Final { message_id, outcome } => {
                    if let Some(n) = self.by_message.get(message_id).copied() {
                        self.durable.decided.insert(n);
                        self.items[n].outcome = Some(Rc::new((**outcome).clone()));
                        self.leave_open(n);
                        let item = &mut self.items[n];
                        // Answers after a timeout are not kept across a restart.
                        if outcome.device_reply_epoch_ms < 0 {
                            item.heard = None;
                        } else if let Some(super::ExpectedEnd::Answer(text)) = &item.expect {
                            item.heard = Some(text.digest(item.family == Family::Invoke));
                        }
                    }
                }
                Record::Published { message_id } | Record::Undeliverable { message_id } => {
                    let n = self.by_message.get(message_id).copied();
                    // A final that was published again has a second record.
                    if let Some(n) = n.filter(|n| self.items[*n].stage == Stage::Decided) {
                        self.items[n].stage = Stage::Ended;
                        self.outbox -= 1;
                        self.by_id.remove(&self.items[n].key());
                        self.remember_ended(n);
                    }
                }
                _ => {}
            }
        }
        for item in self.items.iter_mut().filter(|item| item.stage == Stage::Open) {
            item.heard = None;
            item.expect = None;
            item.outcome = None;
            // Its final was neither stored nor published.
            item.said_unsent = false;
        }
        self.forget();
    }

    fn forget_this_life(&mut self, at: RestartClocks) {
        self.now = at.now;
        self.reading = at.reading;
        self.epoch_ms = at.epoch_ms;
        self.disturbed_at = at.now;
        self.link_up = false;
        self.store_failed = false;
        self.durable = Durable::default();
        self.pending_of_org = [0; 2];
        self.pending_of_device.fill(0);
        self.outbox = 0;
        self.by_id.clear();
        self.remembered.clear();
        self.to_record.clear();
        self.to_decide.clear();
        self.deadlines.clear();
        self.batches.clear();
        self.publications.clear();
        self.ended.clear();
        self.ended_known.clear();
        self.forgets_at = 0;
        self.unconfirmed.clear();
        for item in &mut self.items {
            item.stage = Stage::Lost;
            item.intent_replayed = false;
        }
    }

    fn resume(&mut self, n: usize, at: RestartClocks) {
        let item = &mut self.items[n];
        if at.epoch_ms < item.accepted_at_epoch_ms {
            self.coverage.event(Exercised::RestartInThePast);
        }
        let age = u64::try_from(at.epoch_ms - item.accepted_at_epoch_ms).unwrap_or(0);
        let left = u64::from(item.spec.timeout_ms()).saturating_sub(age);
        item.deadline = at.reading + left;
        item.deadline_true = at.now + left;
        item.stage = Stage::Open;
        let until = at.reading + self.config.dedup_window_ms.saturating_sub(age);
        let memory = RememberedId { n, content: item.spec.identity(), until };
        self.deadlines.insert((item.deadline, n));
        self.pending_of_org[item.org] += 1;
        self.pending_of_device[item.spec.device] += 1;
        let key = self.items[n].key();
        self.by_id.insert(key.clone(), n);
        self.remembered.insert(key, memory);
    }

    fn leave_open(&mut self, n: usize) {
        let item = &mut self.items[n];
        item.stage = Stage::Decided;
        item.decided_at = self.now;
        self.deadlines.remove(&(item.deadline, n));
        self.pending_of_org[item.org] -= 1;
        self.pending_of_device[item.spec.device] -= 1;
        self.outbox += 1;
    }
}

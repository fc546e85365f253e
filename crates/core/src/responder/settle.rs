//! What becomes possible: what had to wait for the store, and the one final of an item.

use std::sync::Arc;

use crate::{Code, inflight::Key};

use super::{FinalOutcome, Gated, Mode, Queued, Record, Responder, Stage};

impl Responder {
    /// Does everything that has become possible.
    pub(super) fn settle(&mut self) {
        if self.mode == Mode::Failed {
            return;
        }
        while let Some(gated) = self.journal.release() {
            self.release(gated);
        }
        self.intend();
    }

    /// Does what had to wait for the store.
    pub(super) fn release(&mut self, gated: Gated) {
        match gated {
            Gated::Answer { batch, body, accepted, again } => {
                self.queue.push_back(Queued::Answer { batch, status: 200, body });
                for key in accepted {
                    self.make_ready(key);
                }
                for message_id in again {
                    self.publish_again(message_id);
                }
            }
            Gated::HandOver(key) => self.arm(key),
            Gated::Publish(key) => self.line_up(key),
        }
    }

    /// Gives the item its one final, unless it has it.
    pub(super) fn decide(
        &mut self,
        key: Key,
        code: Code,
        submsg: Box<str>,
        output: Option<Box<str>>,
        device_reply_epoch_ms: i64,
    ) {
        let Some(item) = self.items.get_mut(key).filter(|item| !matches!(item.stage, Stage::Decided(_))) else {
            return;
        };
        match code {
            Code::SUCCESS => self.counters.succeeded += 1,
            Code::TIMEOUT if item.is_unsent() => self.counters.expired_unsent += 1,
            Code::TIMEOUT => self.counters.timed_out += 1,
            _ => self.counters.failed += 1,
        }
        let decided_at_epoch_ms = self.now.epoch_ms;
        let outcome = Arc::new(FinalOutcome { code, submsg, output, device_reply_epoch_ms, decided_at_epoch_ms });
        item.stage = Stage::Decided(Arc::clone(&outcome));
        let message_id = item.command.message_id;
        self.ready.remove(&item.order);
        self.armed.remove(&item.order);
        self.orgs.end(&item.command);
        self.counters.pending -= 1;
        self.counters.outbox += 1;
        if !canary!("timer-not-cancelled") {
            self.items.unschedule(key);
        }
        if !canary!("window-leaks") {
            self.leave_window(key);
        }
        self.journal.record(Record::Final { message_id, outcome });
        if canary!("publish-before-stored") {
            return self.release(Gated::Publish(key));
        }
        self.journal.gate(Gated::Publish(key));
    }
}

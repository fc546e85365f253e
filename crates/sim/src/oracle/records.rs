//! The records that the service writes: their contents, and what is on stable storage.

use std::{collections::BTreeSet, rc::Rc};

use setpoint::{
    Code, MessageId,
    responder::{AuditRecord, FinalOutcome, Record, StoredCommand},
    submsg,
};

use super::{ExpectedEnd, ItemNumber, Oracle, Stage};
use crate::{
    coverage::Exercised,
    violation::{Check, hold},
    world::{ORGS, World},
};

/// What a crash can no longer undo.
#[derive(Debug, Default)]
pub(super) struct Durable {
    pub(super) accepted: BTreeSet<ItemNumber>,
    pub(super) intended: BTreeSet<ItemNumber>,
    pub(super) decided: BTreeSet<ItemNumber>,
}

impl Oracle {
    /// The service writes these records.
    pub(crate) fn recorded(&mut self, records: &[Record], world: &World) -> Check {
        for record in records {
            match record {
                Record::Accepted(command) => self.recorded_accepted(command, world)?,
                Record::Intent { message_id } => {
                    let n = self.known(*message_id)?;
                    hold!(self.items[n].stage != Stage::Ended, I1, "an intent for {} which ended", self.items[n].id());
                }
                Record::Final { message_id, outcome } => {
                    let n = self.known(*message_id)?;
                    self.recorded_final(n, outcome)?;
                }
                Record::Published { message_id } | Record::Undeliverable { message_id } => {
                    let n = self.known(*message_id)?;
                    let item = &self.items[n];
                    hold!(item.publications > 0, I1, "{} is recorded as published and was not", item.id());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The service writes these audit records.
    pub(crate) fn audited(&self, records: &[AuditRecord]) -> Check {
        for record in records {
            let n = self.known(record.message_id())?;
            hold!(self.items[n].stage != Stage::Open, I1, "late, and {} is open", self.items[n].id());
        }
        Ok(())
    }

    /// These records are on stable storage from here on.
    pub(crate) fn synced(&mut self, records: &[Record]) {
        for record in records {
            let (set, message_id) = match record {
                Record::Accepted(command) => (&mut self.durable.accepted, command.message_id),
                Record::Intent { message_id } => (&mut self.durable.intended, *message_id),
                Record::Final { message_id, .. } => (&mut self.durable.decided, *message_id),
                _ => continue,
            };
            if let Some(n) = self.by_message.get(&message_id) {
                set.insert(*n);
            }
        }
    }

    fn known(&self, message_id: MessageId) -> Result<ItemNumber, crate::violation::Violation> {
        let n = self.by_message.get(&message_id).copied();
        hold!(n.is_some(), I2, "a record of {message_id}, which was never accepted");
        Ok(n.unwrap_or_default())
    }

    fn recorded_accepted(&mut self, command: &StoredCommand, world: &World) -> Check {
        let n = self.to_record.pop_front();
        hold!(n.is_some(), I2, "{} is recorded as accepted and must not be", command.request_id);
        let Some(n) = n else { return Ok(()) };
        let used = self.by_message.insert(command.message_id, n);
        hold!(used.is_none(), I3, "the message id {} is used a second time", command.message_id);
        let item = &mut self.items[n];
        item.message_id = Some(command.message_id);
        let device = &world.devices[item.spec.device].device;
        let found = (&*command.org_id, command.family, &*command.request_id, &*command.channel_id, &*command.target);
        let sent = (ORGS[item.org], item.family, item.id(), &*item.spec.channel, &*item.spec.target);
        hold!(found == sent, I3, "accepted as {found:?} instead of {sent:?}");
        hold!(command.device == *device, I3, "{} was accepted for {:?}", item.id(), command.device);
        hold!(
            command.input.as_deref() == item.input.as_deref(),
            I3,
            "the input of {} became {:?} instead of {:?}",
            item.id(),
            command.input,
            item.input
        );
        hold!(command.timeout_ms == item.spec.timeout_ms(), I3, "{} has timeout {}", item.id(), command.timeout_ms);
        Ok(())
    }

    fn recorded_final(&mut self, n: ItemNumber, outcome: &FinalOutcome) -> Check {
        let item = &mut self.items[n];
        hold!(item.outcome.is_none(), I1, "{} gets a second final: {outcome:?}", item.id());
        if outcome.code == Code::TIMEOUT && item.stage == Stage::Open {
            let (id, deadline) = (item.id(), item.deadline);
            hold!(deadline <= self.reading, Timer, "{id} timed out at {}, before {deadline}", self.reading);
        }
        let says_unsent = [submsg::EXPIRED_UNSENT, submsg::NEVER_SENT].contains(&&*outcome.submsg);
        if says_unsent {
            item.said_unsent = true;
            let (id, executions) = (item.id(), item.executions);
            hold!(executions == 0, I7, "{id} was executed, and its final says: {}", outcome.submsg);
            let is_known = matches!(item.expect, Some(ExpectedEnd::ExpiredUnsent | ExpectedEnd::NeverSent));
            hold!(is_known, I7, "{id} may have been sent, and its final says: {}", outcome.submsg);
        }
        let Some(expect) = &item.expect else {
            hold!(false, I1, "{} gets a final for no reason: {outcome:?}", item.id());
            return Ok(());
        };
        let failure = item.family.table().device_failure;
        let (fits, event) = match expect {
            ExpectedEnd::ExpiredUnsent => {
                (outcome.code == Code::TIMEOUT && *outcome.submsg == *submsg::EXPIRED_UNSENT, Exercised::ExpiredUnsent)
            }
            ExpectedEnd::TimedOut => {
                (outcome.code == Code::TIMEOUT && *outcome.submsg == *submsg::TIMED_OUT, Exercised::TimedOut)
            }
            ExpectedEnd::NeverSent => {
                (outcome.code == failure && *outcome.submsg == *submsg::NEVER_SENT, Exercised::NeverSent)
            }
            ExpectedEnd::Answer(answer) if answer.is_success() => {
                hold!(item.executions > 0, I4, "{} succeeded and was never executed", item.id());
                let output = answer.output.as_deref().filter(|_| item.family == setpoint::Family::Invoke);
                (outcome.code == Code::SUCCESS && outcome.output.as_deref() == output, Exercised::Succeeded)
            }
            ExpectedEnd::Answer(answer) => {
                (outcome.code == failure && outcome.submsg.contains(&*answer.submsg()), Exercised::Failed)
            }
        };
        if outcome.code == Code::SUCCESS && !fits {
            hold!(item.executions > 0, I4, "{} succeeded and was never executed", item.id());
        }
        hold!(fits, I1, "{} must end with {expect:?} and ends with {outcome:?}", item.id());
        item.outcome = Some(Rc::new(outcome.clone()));
        self.to_decide.remove(&n);
        self.coverage.event(event);
        Ok(())
    }
}

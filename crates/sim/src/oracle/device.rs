//! Commands to devices, their executions, and their answers.

use setpoint::{
    MessageId,
    responder::{Attribution, HandedOver},
};

use super::{ExpectedEnd, ItemNumber, Oracle, Stage};
use crate::{
    coverage::Exercised,
    violation::{Check, hold},
};

/// The content of a device's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerText {
    /// `None` for an answer that cannot be used.
    pub(crate) code: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) output: Option<String>,
}

impl AnswerText {
    pub(crate) fn is_success(&self) -> bool {
        self.code == Some(200)
    }

    pub(super) fn submsg(&self) -> String {
        match (self.code, &self.message) {
            (None, _) => "the device's answer cannot be used".to_owned(),
            (Some(200), _) => "SUCCESS".to_owned(),
            (Some(code), None) => format!("device code {code}"),
            (Some(code), Some(message)) => format!("device code {code}: {message}"),
        }
    }

    /// Equal for answers with the same meaning.
    pub(super) fn digest(&self, has_output: bool) -> String {
        let output = self.output.as_deref().filter(|_| has_output && self.is_success());
        format!(
            "{} {output:?}",
            if self.code.is_none() { self.message.clone().unwrap_or_default() } else { self.submsg() }
        )
    }
}

/// A message of a device, and how it must be read.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// The message id in the payload, if there is one.
    pub(crate) about: Option<MessageId>,
    /// Whether its id is readable, and its topic is that of an answer.
    pub(crate) readable: bool,
    /// Whether the topic is that of the command's answers.
    pub(crate) right_topic: bool,
    pub(crate) text: AnswerText,
}

impl Oracle {
    /// The service hands a command over. Returns its item.
    pub(crate) fn handed_over(
        &mut self,
        message_id: MessageId,
        deadline: u64,
        wall_error: u64,
    ) -> Result<ItemNumber, crate::violation::Violation> {
        let n = self.known_item(message_id)?;
        let (device, deduplicates) = (self.device_of(n), self.deduplicates[self.device_of(n)]);
        let reading = self.reading;
        let item = &mut self.items[n];
        let again = item.may_have_been_sent();
        let is_first = item.handed == 0 && !again;
        hold!(!again || deduplicates, I5, "{} is handed over again, and its device does not de-duplicate", item.id());
        hold!(item.stage == Stage::Open, I1, "{} is handed over and has its final", item.id());
        hold!(item.deadline > reading, I6, "{} is handed over at {reading}, past {}", item.id(), item.deadline);
        hold!(deadline == item.deadline, Timer, "{} has deadline {deadline}, not {}", item.id(), item.deadline);
        hold!(self.durable.accepted.contains(&n), I10, "{} is handed over and not on stable storage", item.id());
        hold!(self.durable.intended.contains(&n), I10, "{} is handed over before its intent is stored", item.id());
        hold!(self.link_up, Verdict, "{} is handed over without a link", item.id());
        item.handed += 1;
        item.clock_error = item.clock_error.max(wall_error);
        item.promised = item.promised.max(item.deadline_true);
        self.coverage.event(if again { Exercised::HandedOverAgain } else { Exercised::HandedOver });
        // Only the first hand-over has to keep the order: a repeated one comes after later commands.
        if is_first {
            let newest = self.newest_handed[device].replace(n);
            let id = |n: ItemNumber| self.items[n].id().to_owned();
            hold!(newest < Some(n), Order, "{} goes to its device after {:?}", id(n), newest.map(id));
        }
        // Taken back if it is reported as not sent.
        self.items[n].maybe_sent += 1;
        self.unconfirmed.insert(n);
        let (under_way, window) = (self.unconfirmed.len(), self.config.hand_over_window.get());
        hold!(under_way <= window, Bounds, "{under_way} commands are under way, {window} may be");
        Ok(n)
    }

    /// The service is told how a hand-over went.
    pub(crate) fn confirmed(&mut self, message_id: MessageId, how: HandedOver) {
        let Some(n) = self.by_message.get(&message_id).copied() else { return };
        self.unconfirmed.remove(&n);
        let item = &mut self.items[n];
        if item.stage != Stage::Open || how != HandedOver::NotSent {
            return;
        }
        item.maybe_sent -= 1;
        // Without a link, the command waits for the next one. If it was handed over before, it may have been sent then.
        if !item.may_have_been_sent() && self.link_up {
            self.decide(n, ExpectedEnd::NeverSent);
        }
    }

    /// The service is about to receive this message. Returns how it must be attributed.
    pub(crate) fn heard(&mut self, said: &Said) -> Attribution {
        let attribution = self.attribute(said);
        self.coverage.event(match attribution {
            Attribution::Late => Exercised::Late,
            Attribution::Duplicate => Exercised::Duplicate,
            Attribution::Conflict => Exercised::Conflict,
            Attribution::Unknown => Exercised::Unknown,
            Attribution::WrongDevice => Exercised::WrongDevice,
            Attribution::Unreadable => Exercised::Unreadable,
            _ => return attribution,
        });
        attribution
    }

    fn attribute(&mut self, said: &Said) -> Attribution {
        if !said.readable {
            return Attribution::Unreadable;
        }
        let Some(n) = said.about.and_then(|id| self.by_message.get(&id)).copied() else { return Attribution::Unknown };
        let item = &mut self.items[n];
        let is_known = match item.stage {
            Stage::Open | Stage::Decided => true,
            Stage::Ended => self.ended_known.contains(&n),
            Stage::Lost => false,
        };
        if !is_known {
            return Attribution::Unknown;
        }
        if !said.right_topic {
            return Attribution::WrongDevice;
        }
        let digest = said.text.digest(item.family == setpoint::Family::Invoke);
        if item.stage != Stage::Open {
            return match item.heard.replace(digest.clone()) {
                None => Attribution::Late,
                Some(heard) if heard == digest => Attribution::Duplicate,
                Some(_) => Attribution::Conflict,
            };
        }
        if !item.may_have_been_sent() {
            return Attribution::Premature;
        }
        if item.handed == 0 || item.intent_replayed {
            self.coverage.event(Exercised::AnsweredAcrossRestart);
        }
        if self.unconfirmed.contains(&n) {
            self.coverage.event(Exercised::AnsweredBeforeConfirmed);
        }
        item.heard = Some(digest);
        let success = said.text.is_success();
        self.decide(n, ExpectedEnd::Answer(said.text.clone()));
        if success { Attribution::Succeeded } else { Attribution::Failed }
    }

    /// A device begins to execute a command. `obeys` is the error of its clock, if it has checked the deadline.
    pub(crate) fn executed(&mut self, message_id: MessageId, now: u64, obeys: Option<u64>) -> Check {
        self.coverage.event(Exercised::Executed);
        let n = self.known_item(message_id)?;
        let deduplicates = self.deduplicates[self.device_of(n)];
        let item = &mut self.items[n];
        item.executions += 1;
        let executions = item.executions;
        hold!(!deduplicates || executions == 1, I5, "{} was executed {executions} times", item.id());
        hold!(item.handed > 0, I5, "{} was executed and never handed over", item.id());
        hold!(!item.said_unsent, I7, "{} was executed, and its final says that it was never sent", item.id());
        if let Some(error) = obeys {
            let latest = item.promised.saturating_add(error).saturating_add(item.clock_error);
            hold!(now <= latest, I6, "{} was executed at {now}, its deadline was {}", item.id(), item.promised);
        }
        Ok(())
    }

    /// A device answers a command on the right topic.
    pub(crate) fn said(&mut self, message_id: MessageId, text: &AnswerText) {
        if let Some(n) = self.by_message.get(&message_id) {
            self.items[*n].said.push(text.clone());
        }
    }

    fn known_item(&self, message_id: MessageId) -> Result<ItemNumber, crate::violation::Violation> {
        let n = self.by_message.get(&message_id).copied();
        hold!(n.is_some(), I2, "{message_id} was never accepted");
        Ok(n.unwrap_or_default())
    }
}

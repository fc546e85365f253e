//! Attributes what devices say to the commands that they answer.

use std::hash::BuildHasher;

use crate::{
    Code, Family, MessageId,
    device::{Answer, AnswerTopic, read_answer},
};

use super::{
    Attribution, AuditRecord, FinalOutcome, Responder, StoredCommand,
    item::{Decision, State},
};

/// The code of a device that did as it was asked (protocol §8).
const DEVICE_SUCCESS: i64 = 200;
/// As much of a device's message as goes into a `submsg`, in characters (ours).
const DEVICE_MESSAGE_CHARS: usize = 1_024;

/// A device's answer, as the final says it.
struct DeviceResult {
    code: Code,
    submsg: Box<str>,
    output: Option<Box<str>>,
}

impl Responder {
    /// Attributes an answer by its message id and by its device and service, never by order.
    pub(super) fn attribute(&mut self, topic: &str, payload: &[u8]) -> Attribution {
        let Some(topic) = AnswerTopic::parse(topic) else { return Attribution::Unreadable };
        let Ok(answer) = read_answer(payload, &self.config.limits) else { return Attribution::Unreadable };
        let Ok(message_id) = answer.id.decode().parse::<MessageId>() else { return Attribution::Unknown };
        let found = self.items.find(&message_id);
        let Some((key, item)) = found.and_then(|key| Some((key, self.items.get_mut(key)?))) else {
            return Attribution::Unknown;
        };
        if !is_from(topic, &item.command) {
            return Attribution::WrongDevice;
        }
        let result = DeviceResult::of(&answer, item.command.family);
        let digest = result.digest(&self.hash);
        match &mut item.state {
            State::Decided(Decision { heard, .. }) => match heard.replace(digest) {
                None => self.late(message_id, &answer),
                Some(heard) if heard == digest => Attribution::Duplicate,
                Some(_) => Attribution::Conflict,
            },
            state if state.is_unsent() => Attribution::Premature,
            _ => {
                let attribution = if result.code.is_success() { Attribution::Succeeded } else { Attribution::Failed };
                self.decide(key, result.into_outcome(self.now.epoch_ms), Some(digest));
                attribution
            }
        }
    }

    fn late(&mut self, message_id: MessageId, answer: &Answer<'_>) -> Attribution {
        let device_code = answer.content.as_ref().ok().map(|content| content.code);
        self.journal.audit(AuditRecord::Late { message_id, device_code, at_epoch_ms: self.now.epoch_ms });
        Attribution::Late
    }

    /// The digest of the device's answer behind a final.
    pub(super) fn digest_of_final(&self, outcome: &FinalOutcome) -> u64 {
        self.hash.hash_one((outcome.code, &outcome.submsg, &outcome.output))
    }
}

fn is_from(topic: AnswerTopic<'_>, command: &StoredCommand) -> bool {
    let target = match command.family {
        Family::Invoke => Some(&*command.target),
        Family::Write => None,
    };
    topic.product_key == &*command.device.product_key
        && topic.device_key == &*command.device.device_key
        && topic.service_id == target
}

impl DeviceResult {
    fn of(answer: &Answer<'_>, family: Family) -> Self {
        let failure = |submsg: String| Self {
            code: family.table().device_failure,
            submsg: submsg.into_boxed_str(),
            output: None,
        };
        let content = match &answer.content {
            Ok(content) => content,
            Err(reason) => {
                return failure(format!("the device's answer cannot be used, whether it acted is unknown: {reason}"));
            }
        };
        if content.code == DEVICE_SUCCESS {
            let output = match family {
                Family::Invoke => content.data.map(|data| data.as_str().into()),
                Family::Write => None,
            };
            return Self { code: Code::SUCCESS, submsg: Code::SUCCESS.msg().into(), output };
        }
        failure(match content.message.filter(|message| !message.is_empty()) {
            None => format!("device code {}", content.code),
            Some(message) => {
                let message: String = message.decode().chars().take(DEVICE_MESSAGE_CHARS).collect();
                format!("device code {}: {message}", content.code)
            }
        })
    }

    fn digest(&self, hash: &impl BuildHasher) -> u64 {
        hash.hash_one((self.code, &self.submsg, &self.output))
    }

    /// The final that it makes, decided when the answer is received.
    fn into_outcome(self, epoch_ms: i64) -> FinalOutcome {
        let Self { code, submsg, output } = self;
        FinalOutcome { code, submsg, output, device_reply_epoch_ms: epoch_ms, decided_at_epoch_ms: epoch_ms }
    }
}

//! What the responder promises, watched from outside: from what is stored, and from what devices were told and said.

use std::collections::BTreeMap;
use std::sync::Arc;

use setpoint::{
    Family, Limits, MessageId, json,
    reply::{Response, read_message, read_response},
    request::read_batch,
    responder::{Attribution, AuditRecord, BatchTicket, FinalOutcome, HandedOver, Record, StoredCommand},
    submsg,
};

#[derive(Debug, Default)]
pub(super) struct Promises {
    /// Batches without an answer: how many items they have, if they can be read.
    asked: BTreeMap<BatchTicket, (Arc<str>, Family, usize)>,
    commands: BTreeMap<MessageId, Known>,
    /// Under which message id a request id is stored.
    ids: BTreeMap<(Arc<str>, Family, Arc<str>), MessageId>,
}

/// What is known of a command that is on stable storage.
#[derive(Debug)]
struct Known {
    command: Arc<StoredCommand>,
    intended: bool,
    outcome: Option<Arc<FinalOutcome>>,
    delivered: bool,
    /// How often it was handed over without a report that it certainly never left.
    left: usize,
    handed_over: usize,
    /// Whether a report allows that it is handed over once more.
    again: bool,
    answered: bool,
    succeeded: bool,
    /// Whether an answer ended it, according to the responder, in this life.
    ended_by_answer: bool,
}

impl Promises {
    pub(super) fn asked(&mut self, batch: BatchTicket, org_id: &str, family: Family, body: &[u8]) {
        let items = read_batch(body, family, org_id, &Limits::DEFAULT).map_or(0, |entries| entries.len());
        assert!(self.asked.insert(batch, (org_id.into(), family, items)).is_none(), "{batch:?} twice");
    }

    pub(super) fn answered(&mut self, batch: BatchTicket, status: u16, body: &[u8], failed: bool) {
        let (org_id, family, items) = self.asked.remove(&batch).expect("answered twice, or nobody");
        assert_eq!(json::check(body, Limits::DEFAULT.depth.get()), Ok(()), "the answer");
        match read_response(body, family, &Limits::DEFAULT) {
            Ok(Response::Error(error)) => assert_eq!(error.status, status),
            Ok(Response::Replies(replies)) => {
                assert_eq!((status, replies.len()), (200, items), "one reply for each item");
                let accepted = replies.iter().map(|reply| reply.as_ref().unwrap()).filter(|r| r.code.is_success());
                for reply in accepted {
                    let id = reply.request_id.unwrap().decode();
                    let known = self.ids.get(&(Arc::clone(&org_id), family, (&*id).into()));
                    assert!(known.is_some(), "{id} is answered as accepted and not stored");
                }
            }
            Err(error) => panic!("{error}: {failed}"),
        }
    }

    /// What is on stable storage from now on.
    pub(super) fn stored(&mut self, records: &[Record], audit: &[AuditRecord]) {
        for record in records {
            match record {
                Record::Accepted(command) => self.stored_command(command),
                Record::Intent { message_id } => self.known(*message_id).intended = true,
                Record::Final { message_id, outcome } => self.stored_final(*message_id, outcome),
                Record::Published { message_id } | Record::Undeliverable { message_id } => {
                    let known = self.known(*message_id);
                    assert!(known.outcome.is_some(), "published, and has no final: {known:?}");
                    known.delivered = true;
                }
                other => panic!("what is {other:?}?"),
            }
        }
        for record in audit {
            assert!(self.known(record.message_id()).answered, "late by itself");
        }
    }

    fn stored_command(&mut self, command: &Arc<StoredCommand>) {
        let known = Known {
            command: Arc::clone(command),
            intended: false,
            outcome: None,
            delivered: false,
            left: 0,
            handed_over: 0,
            again: false,
            answered: false,
            succeeded: false,
            ended_by_answer: false,
        };
        assert!(self.commands.insert(command.message_id, known).is_none(), "a message id came again");
        let id = (Arc::clone(&command.org_id), command.family, Arc::clone(&command.request_id));
        assert!(self.ids.insert(id, command.message_id).is_none(), "a request id was accepted twice");
    }

    fn stored_final(&mut self, message_id: MessageId, outcome: &Arc<FinalOutcome>) {
        let known = self.known(message_id);
        assert!(known.outcome.is_none(), "a second final: {known:?} {outcome:?}");
        if outcome.code.is_success() {
            assert!(known.succeeded, "success, and no device said so: {known:?}");
        }
        if matches!(&*outcome.submsg, submsg::EXPIRED_UNSENT | submsg::NEVER_SENT) {
            assert_eq!(known.left, 0, "called unsent, and may have left: {known:?}");
        }
        known.outcome = Some(Arc::clone(outcome));
    }

    pub(super) fn handed_over(&mut self, message_id: MessageId, topic: &str, payload: &[u8]) {
        assert_eq!(json::check(payload, Limits::DEFAULT.depth.get()), Ok(()), "the command");
        let known = self.known(message_id);
        assert!(known.intended, "handed over before the intent was stored");
        assert!(known.outcome.is_none(), "handed over after its end");
        let command = &known.command;
        let may_repeat = command.device.deduplicates || known.again;
        assert!(known.handed_over == 0 || may_repeat, "handed over twice: {known:?}");
        assert!(topic.starts_with(&format!("/sys/p/{}/", command.device.device_key)), "{topic}");
        known.handed_over += 1;
        known.left += 1;
        known.again = false;
    }

    pub(super) fn reported(&mut self, message_id: MessageId, how: HandedOver) {
        let known = self.known(message_id);
        if how == HandedOver::NotSent {
            known.left -= 1;
            known.again = true;
        }
    }

    /// Whether every attempt is known to have failed before it left, so that the device cannot answer.
    pub(super) fn never_left(&self, message_id: MessageId) -> bool {
        self.commands.get(&message_id).is_none_or(|known| known.left == 0)
    }

    pub(super) fn was_answered(&self, message_id: MessageId) -> bool {
        self.commands.get(&message_id).is_some_and(|known| known.answered)
    }

    /// What became of a message. `from` is the command that the device who got it answers.
    pub(super) fn heard(&mut self, from: Option<MessageId>, attribution: Attribution, is_success: bool) {
        let ended = matches!(attribution, Attribution::Succeeded | Attribution::Failed);
        let Some(message_id) = from else {
            return assert!(!ended, "ended by a stranger: {attribution:?}");
        };
        let known = self.known(message_id);
        known.answered = true;
        known.succeeded |= is_success;
        assert!(!matches!(attribution, Attribution::WrongDevice | Attribution::Unreadable | Attribution::Premature));
        if ended {
            assert!(known.outcome.is_none() && !known.ended_by_answer, "ended twice: {known:?}");
            assert_eq!(attribution == Attribution::Succeeded, is_success);
            known.ended_by_answer = true;
        }
    }

    pub(super) fn published(&mut self, org_id: &Arc<str>, family: Family, body: &[u8], replies: usize) {
        assert_eq!(json::check(body, Limits::DEFAULT.depth.get()), Ok(()), "the message");
        let read = read_message(body, &Limits::DEFAULT).unwrap();
        assert!(read.len() == replies && replies > 0);
        for reply in read {
            let reply = reply.unwrap();
            let id = (Arc::clone(org_id), family, reply.request_id.unwrap().decode().into());
            let message_id = self.ids.get(&id).expect("a final for what was never accepted");
            let known = &self.commands[message_id];
            let outcome = known.outcome.as_ref().expect("published before the final was stored");
            assert_eq!((reply.code, reply.submsg.unwrap().decode()), (outcome.code, (&*outcome.submsg).into()));
            assert_eq!(reply.output.as_str(), outcome.output.as_deref().unwrap_or("{}"));
            assert_eq!(reply.input.map(|input| input.as_str()), known.command.input.as_deref());
        }
    }

    /// Whoever waited for an answer does not get one.
    pub(super) fn crashed(&mut self) {
        self.asked.clear();
        for known in self.commands.values_mut() {
            known.ended_by_answer = false;
        }
    }

    /// In the end every batch was answered, and everything that was accepted has its final and was published.
    pub(super) fn finish(&self) {
        assert!(self.asked.is_empty(), "never answered: {:?}", self.asked);
        for known in self.commands.values() {
            assert!(known.outcome.is_some() && known.delivered, "never ended: {known:?}");
        }
    }

    fn known(&mut self, message_id: MessageId) -> &mut Known {
        self.commands.get_mut(&message_id).expect("a command that was never stored")
    }
}

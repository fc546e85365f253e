//! What the service says, attributed to the items that it speaks of.

use std::hash::BuildHasher;

use crate::{
    Code, Family, Now, RequestError,
    inflight::Key,
    reply::{BadReply, MessageError, Reply, Response, read_message, read_response},
    submsg,
};

use super::{End, Event, Outcome, Place, Refused, RequestBatchId, Requester, ResponseVerdict};

/// What makes two outcomes the same.
pub(super) fn digest(hash: &impl BuildHasher, outcome: &Outcome) -> u64 {
    hash.hash_one((outcome.code, &outcome.submsg, &outcome.output_data))
}

impl Requester {
    pub(super) fn take_response(
        &mut self,
        batch: RequestBatchId,
        body: &[u8],
        now: Now,
    ) -> Result<ResponseVerdict, MessageError> {
        let Some(family) = self.batches.get(&batch).map(|batch| batch.family) else {
            return Ok(ResponseVerdict::Settled);
        };
        if cfg!(feature = "canary-registered-late") {
            for key in self.keys_of(batch) {
                let request_id = self.items.get(key).and_then(|item| item.place.request_id.clone());
                request_id.into_iter().for_each(|id| self.table.open(family, id, key));
            }
        }
        match read_response(body, family, &self.config.limits)? {
            Response::Error(error) => Ok(self.refuse_whole(batch, &error)),
            Response::Replies(replies) => {
                for (index, reply) in replies.into_iter().enumerate() {
                    self.take_verdict(batch, family, index, reply, now);
                }
                Ok(ResponseVerdict::Settled)
            }
        }
    }

    pub(super) fn take_message(&mut self, body: &[u8]) -> Result<usize, MessageError> {
        let replies = read_message(body, &self.config.limits)?;
        let count = replies.len();
        for reply in replies {
            match reply {
                Ok(reply) => self.take_outcome(&reply),
                Err(bad) => self.unreadable(&bad),
            }
        }
        Ok(count)
    }

    /// One item's immediate verdict: by its id, and by place only for an item that has none.
    fn take_verdict(
        &mut self,
        batch: RequestBatchId,
        family: Family,
        index: usize,
        reply: Result<Reply<'_>, BadReply>,
        now: Now,
    ) {
        let reply = match reply {
            Ok(reply) => reply,
            Err(bad) => return self.unreadable(&bad),
        };
        let Some(key) = self.by_id(batch, family, &reply).or_else(|| self.by_place(batch, index)) else { return };
        if reply.code.is_success() {
            // The service's clock started at the latest with its answer.
            self.restart_deadline(key, now);
            self.accept(key);
            return;
        }
        // Of two attempts the second may be answered first: what the service has taken is not undone by a refusal.
        if self.items.get(key).is_some_and(|item| item.accepted) && !cfg!(feature = "canary-acceptance-undone") {
            return;
        }
        self.end(
            key,
            End::Refused(Refused {
                code: reply.code,
                msg: reply.msg.map_or_else(String::new, |msg| msg.decode().into_owned()),
                submsg: reply.submsg.map(|submsg| submsg.decode().into_owned()),
                whole_request: false,
            }),
        );
    }

    fn by_id(&self, batch: RequestBatchId, family: Family, reply: &Reply<'_>) -> Option<Key> {
        let Place::Open(key) = self.table.get(family, &reply.request_id?.decode())? else { return None };
        self.items.get(*key).filter(|item| item.place.batch == batch).map(|_| *key)
    }

    fn by_place(&self, batch: RequestBatchId, index: usize) -> Option<Key> {
        let key = *self.batches.get(&batch)?.items.get(index)?;
        self.items.get(key).filter(|item| item.place.request_id.is_none()).map(|_| key)
    }

    fn take_outcome(&mut self, reply: &Reply<'_>) {
        let outcome = Outcome::of(reply);
        let family = reply.family;
        if let Some(Place::Open(key)) = self.table.get(family, &outcome.request_id) {
            let key = *key;
            // An outcome that overtakes the response says as well that the item was taken.
            self.accept(key);
            let end = if outcome.code == Code::TIMEOUT {
                let known_unsent = outcome.submsg.as_deref() == Some(submsg::EXPIRED_UNSENT);
                End::TimedOut { known_unsent, outcome: Some(outcome) }
            } else {
                End::Finished(outcome)
            };
            return self.end(key, end);
        }
        let digest = digest(&self.hash, &outcome);
        let Some(ended) = self.table.ended_mut(family, &outcome.request_id) else {
            self.events.push_back(Event::Unknown { outcome });
            return;
        };
        let item = ended.item.clone();
        self.events.push_back(match ended.heard.replace(digest) {
            None => Event::Late { item, outcome },
            Some(heard) => Event::Duplicate { item, outcome, conflict: heard != digest },
        });
    }

    fn unreadable(&mut self, bad: &BadReply) {
        self.events.push_back(Event::Unreadable { reason: bad.to_string() });
    }

    fn refuse_whole(&mut self, batch: RequestBatchId, error: &RequestError) -> ResponseVerdict {
        let refused = Refused {
            code: Code(i64::from(error.status)),
            msg: error.msg.clone().into_owned(),
            submsg: Some(error.submsg.clone().into_owned()),
            whole_request: true,
        };
        if !error.is_certain() {
            return ResponseVerdict::Resend;
        }
        // These say of the body itself that it cannot be used, so an earlier attempt fared no better.
        let speaks_of_the_body = matches!(error.status, 400 | 413 | 415);
        self.refuse_all(batch, &refused, speaks_of_the_body)
    }

    /// Refuses every open item, unless an earlier attempt may have been accepted.
    pub(super) fn refuse_all(&mut self, batch: RequestBatchId, refused: &Refused, definite: bool) -> ResponseVerdict {
        let Some(attempts) = self.batches.get(&batch).map(|batch| batch.attempts) else {
            return ResponseVerdict::Settled;
        };
        if attempts > 1 && !definite {
            return ResponseVerdict::Resend;
        }
        for key in self.keys_of(batch) {
            // What the service is known to have taken is not undone by a later refusal.
            if self.items.get(key).is_some_and(|item| !item.accepted || cfg!(feature = "canary-acceptance-undone")) {
                self.end(key, End::Refused(refused.clone()));
            }
        }
        ResponseVerdict::Settled
    }
}

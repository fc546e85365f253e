//! What the service says, attributed to the items that it speaks of.

use crate::{
    Code, Family, Now, RequestError,
    inflight::{Id, IdRef, Key},
    json::Text,
    reply::{BadReply, MessageError, Reply, ReplySpans, Response, read_response},
    secret::KeyedHash,
    submsg,
};

use super::{End, Event, Item, Outcome, Refused, RequestBatchId, Requester, ResponseVerdict, State, outcome::Message};

/// What tells an outcome from another one. Bytes, so that an item needs no room to align it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 8]);

impl Digest {
    pub(super) fn of(hash: KeyedHash, outcome: &Outcome) -> Self {
        Self(outcome.digest(hash).to_ne_bytes())
    }
}

impl Requester {
    pub(super) fn take_response(
        &mut self,
        batch: RequestBatchId,
        body: &[u8],
        now: Now,
    ) -> Result<ResponseVerdict, MessageError> {
        let Some(family) = self.batch(batch).map(|batch| batch.family) else {
            return Ok(ResponseVerdict::Settled);
        };
        match read_response(body, family, &self.config.limits)? {
            Response::Error(error) => Ok(self.refuse_whole(batch, &error)),
            Response::Replies(replies) => {
                if cfg!(feature = "canary-registered-late") {
                    self.register_late(batch, family, &replies, now);
                }
                for (index, reply) in replies.into_iter().enumerate() {
                    self.take_verdict(batch, family, index, reply, now);
                }
                Ok(ResponseVerdict::Settled)
            }
        }
    }

    pub(super) fn take_message(&mut self, body: &[u8]) -> Result<usize, MessageError> {
        let message = Message::read(body, &self.config.limits, std::mem::take(&mut self.message))?;
        let count = message.replies.len();

        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        let ids = message.replies.iter().map(|reply| reply.as_ref().ok().map(|spans| id_of(spans, &message.text)));
        self.items.find_each(ids, &mut keys);
        let mut digest = None;
        for (index, key) in keys.iter().enumerate() {
            match Outcome::new(&message, index) {
                Some(outcome) => {
                    // Most outcomes of a message say the same.
                    digest = digest.filter(|_| outcome.has_digest_of_before());
                    self.take_outcome(*key, outcome, &mut digest);
                }
                None => message
                    .replies
                    .get(index)
                    .and_then(|reply| reply.as_ref().err())
                    .into_iter()
                    .for_each(|bad| self.unreadable(bad)),
            }
        }
        self.keys = keys;
        if message.is_kept() {
            self.message = message;
        }
        self.forget();
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
        if self.is_accepted(key) && !cfg!(feature = "canary-acceptance-undone") {
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
        let key = self.items.find(&IdRef { space: family as u8, text: reply.request_id?.decode() })?;
        self.items.get(key).filter(|item| item.batch == batch && self.items.is_open(key)).map(|_| key)
    }

    fn by_place(&self, batch: RequestBatchId, index: usize) -> Option<Key> {
        let key = *self.batch(batch)?.items.get(index)?;
        (self.items.id(key).is_none() && self.items.is_open(key)).then_some(key)
    }

    /// `digest` is the outcome's if it is known already, and is known then.
    fn take_outcome(&mut self, key: Option<Key>, outcome: Outcome, digest: &mut Option<Digest>) {
        let Some((key, item)) = key.and_then(|key| Some((key, self.items.get_mut(key)?))) else {
            self.events.push_back(Event::Unknown { outcome });
            return;
        };
        let digest = *digest.get_or_insert_with(|| Digest::of(self.hash, &outcome));
        if let Item { state: State::Ended { heard }, .. } = item {
            let heard = heard.replace(digest);
            let Some(item) = self.place(key) else { return };
            self.events.push_back(match heard {
                None => Event::Late { item, outcome },
                Some(heard) => Event::Duplicate { item, outcome, conflict: heard != digest },
            });
            return;
        }
        let end = if outcome.code() == Code::TIMEOUT {
            let known_unsent = outcome.submsg().as_deref() == Some(submsg::EXPIRED_UNSENT);
            End::TimedOut { known_unsent, said: Some((outcome, digest)) }
        } else {
            End::Finished(outcome, digest)
        };
        self.end(key, end);
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
        let Some(attempts) = self.batch(batch).map(|batch| batch.attempts) else {
            return ResponseVerdict::Settled;
        };
        if attempts > 1 && !definite {
            return ResponseVerdict::Resend;
        }
        for key in self.keys_of(batch) {
            // What the service is known to have taken is not undone by a later refusal.
            if !self.is_accepted(key) || cfg!(feature = "canary-acceptance-undone") {
                self.end(key, End::Refused(refused.clone()));
            }
        }
        ResponseVerdict::Settled
    }

    /// Gives the batch's items their names only now (canary).
    fn register_late(
        &mut self,
        batch: RequestBatchId,
        family: Family,
        replies: &[Result<Reply<'_>, BadReply>],
        now: Now,
    ) {
        for (index, reply) in replies.iter().enumerate() {
            let Some(key) = self.by_place(batch, index) else { continue };
            let Ok(Reply { request_id: Some(id), .. }) = reply else { continue };
            let Some((_, item)) = self.items.remove(key) else { continue };
            let named = self.items.insert(Id::new(family as u8, &id.decode()), now.instant, item);
            if let (Ok(named), Some(batch_key)) = (named, self.batches.find(&batch)) {
                self.restart_deadline(named, now);
                if let Some(batch) = self.batches.get_mut(batch_key) {
                    batch.items[index] = named;
                }
            }
        }
    }
}

/// The id under which an item is found; no item has an empty one.
fn id_of<'a>(spans: &ReplySpans, message: &'a str) -> IdRef<'a> {
    IdRef { space: spans.family as u8, text: spans.request_id(message).map(Text::decode).unwrap_or_default() }
}

//! What the service says, attributed to the items that it speaks of.

use crate::{
    Code, Family, Now, RequestError,
    inflight::{Id, IdRef, Key},
    json::Text,
    reply::{BadReply, MessageError, Reply, ReplySpans, Response, read_response, read_spans},
    secret::KeyedHash,
    submsg,
};

use super::{
    End, Event, Item, Outcome, OutcomeRef, Refused, RequestBatchId, Requester, ResponseVerdict, State, outcome::Message,
};

/// Room for more replies is not kept for the next message.
const MOST_KEPT: usize = 4_096;

/// What tells an outcome from another one. Bytes, so that an item needs no room to align it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 8]);

impl Digest {
    pub(super) fn of(hash: KeyedHash, outcome: OutcomeRef<'_>) -> Self {
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
                if canary!("registered-late") {
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
        let mut events = std::mem::take(&mut self.events);
        let own = |outcome: OutcomeRef<'_>| Outcome::new(&message, outcome.index());
        self.take_replies(&message.text, &message.replies, own, |event| events.push_back(event));
        self.events = events;
        let count = message.replies.len();
        if message.is_kept() {
            self.message = message;
        }
        Ok(count)
    }

    pub(super) fn tell_message(
        &mut self,
        body: &[u8],
        tell: impl FnMut(Event<OutcomeRef<'_>>),
    ) -> Result<usize, MessageError> {
        let mut replies = std::mem::take(&mut self.replies);
        let text = read_spans(body, &self.config.limits, &mut replies)?;
        self.take_replies(text, &replies, |outcome| outcome, tell);
        let count = replies.len();
        if count <= MOST_KEPT {
            self.replies = replies;
        }
        Ok(count)
    }

    /// `own` makes of a reply what is told of it.
    fn take_replies<'a, O>(
        &mut self,
        text: &'a str,
        replies: &'a [Result<ReplySpans, BadReply>],
        own: impl Fn(OutcomeRef<'a>) -> O,
        mut tell: impl FnMut(Event<O>),
    ) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        let ids = replies.iter().map(|reply| reply.as_ref().ok().map(|spans| id_of(spans, text)));
        self.items.find_each(ids, &mut keys);
        let mut digest = None;
        for (index, (reply, key)) in replies.iter().zip(&keys).enumerate() {
            match reply {
                Ok(spans) => {
                    let outcome = OutcomeRef::new(text, spans, index);
                    // Most outcomes of a message say the same.
                    digest = digest.filter(|_| outcome.has_digest_of_before());
                    self.take_outcome(*key, outcome, &mut digest, &own, &mut tell);
                }
                Err(bad) => tell(unreadable(bad)),
            }
        }
        self.keys = keys;
        self.forget();
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
            Err(bad) => return self.events.push_back(unreadable(&bad)),
        };
        let Some(key) = self.by_id(batch, family, &reply).or_else(|| self.by_place(batch, index)) else { return };
        if reply.code.is_success() {
            // The service's clock started at the latest with its answer.
            self.restart_deadline(key, now);
            self.accept(key);
            return;
        }
        // Of two attempts the second may be answered first: what the service has taken is not undone by a refusal.
        if self.is_accepted(key) && !canary!("acceptance-undone") {
            return;
        }
        self.end_queued(
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
        let place = *self.batch(batch)?.places.get(index)?;
        let key = self.key_at(place, batch, index as u32)?;
        (self.items.id(key).is_none() && self.items.is_open(key)).then_some(key)
    }

    /// `digest` is the outcome's if it is known already, and is known then.
    #[inline]
    fn take_outcome<'a, O>(
        &mut self,
        key: Option<Key>,
        said: OutcomeRef<'a>,
        digest: &mut Option<Digest>,
        own: &impl Fn(OutcomeRef<'a>) -> O,
        mut tell: impl FnMut(Event<O>),
    ) {
        let outcome = own(said);
        let Some((key, item)) = key.and_then(|key| Some((key, self.items.get_mut(key)?))) else {
            return tell(Event::Unknown { outcome });
        };
        let digest = *digest.get_or_insert_with(|| Digest::of(self.hash, said));
        if let Item { state: State::Ended { heard }, .. } = item {
            let heard = heard.replace(digest);
            let Some(item) = self.place(key) else { return };
            return tell(match heard {
                None => Event::Late { item, outcome },
                Some(heard) => Event::Duplicate { item, outcome, conflict: heard != digest },
            });
        }
        let end = if said.code() == Code::TIMEOUT {
            let known_unsent = said.submsg().as_deref() == Some(submsg::EXPIRED_UNSENT);
            End::TimedOut { known_unsent, said: Some((outcome, digest)) }
        } else {
            End::Finished { outcome, digest, is_success: said.code().is_success() }
        };
        self.end(key, end, tell);
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
            if !self.is_accepted(key) || canary!("acceptance-undone") {
                self.end_queued(key, End::Refused(refused.clone()));
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
                    batch.places[index] = named.place();
                }
            }
        }
    }
}

fn unreadable<O>(bad: &BadReply) -> Event<O> {
    Event::Unreadable { reason: bad.to_string() }
}

/// The id under which an item is found; no item has an empty one.
fn id_of<'a>(spans: &ReplySpans, message: &'a str) -> IdRef<'a> {
    IdRef { space: spans.family as u8, text: spans.request_id(message).map(Text::decode).unwrap_or_default() }
}

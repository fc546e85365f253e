//! Responses and channel messages: their replies are attributed to items.

use crate::{
    Code, Family, Now, RequestError,
    inflight::{IdRef, Key},
    json::Text,
    reply::{BadReply, MessageError, Reply, ReplySpans, Response, read_response, read_spans},
    secret::KeyedHash,
    submsg,
};

use super::{
    End, Event, Item, Outcome, OutcomeRef, Refused, RequestBatchId, Requester, SendState, State, outcome::Message,
};

/// A buffer for more replies than this is not kept for the next message.
const MAX_KEPT_REPLIES: usize = 4_096;

/// The digest of an outcome, by which duplicates and conflicts are told apart. Bytes, so that it needs no alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 8]);

impl Digest {
    pub(super) fn of(hash: KeyedHash, outcome: OutcomeRef<'_>) -> Self {
        Self(outcome.digest(hash).to_ne_bytes())
    }
}

impl Requester {
    pub(super) fn apply_response(
        &mut self,
        batch: RequestBatchId,
        body: &[u8],
        now: Now,
    ) -> Result<SendState, MessageError> {
        let Some(family) = self.batch(batch).map(|batch| batch.family) else {
            return Ok(SendState::Settled);
        };
        match read_response(body, family, &self.config.limits)? {
            Response::Error(error) => Ok(self.refuse_batch(batch, &error)),
            Response::Replies(replies) => {
                for (index, reply) in replies.into_iter().enumerate() {
                    self.apply_reply(batch, family, index, reply, now);
                }
                Ok(SendState::Settled)
            }
        }
    }

    pub(super) fn queue_message(&mut self, body: &[u8]) -> Result<usize, MessageError> {
        let message = Message::read(body, &self.config.limits, std::mem::take(&mut self.message))?;
        let mut events = std::mem::take(&mut self.events);
        let make = |outcome: OutcomeRef<'_>| Outcome::new(&message, outcome.index());
        self.apply_replies(&message.text, &message.replies, make, |event| events.push_back(event));
        self.events = events;
        let count = message.replies.len();
        if message.is_kept() {
            self.message = message;
        }
        Ok(count)
    }

    pub(super) fn emit_message(
        &mut self,
        body: &[u8],
        emit: impl FnMut(Event<OutcomeRef<'_>>),
    ) -> Result<usize, MessageError> {
        let mut replies = std::mem::take(&mut self.replies);
        let text = read_spans(body, &self.config.limits, &mut replies)?;
        self.apply_replies(text, &replies, |outcome| outcome, emit);
        let count = replies.len();
        if count <= MAX_KEPT_REPLIES {
            self.replies = replies;
        }
        Ok(count)
    }

    /// Applies the replies of a channel message. `make` makes the outcome for the events that are emitted.
    fn apply_replies<'a, O>(
        &mut self,
        text: &'a str,
        replies: &'a [Result<ReplySpans, BadReply>],
        make: impl Fn(OutcomeRef<'a>) -> O,
        mut emit: impl FnMut(Event<O>),
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
                    // Most outcomes of a message are equal, and so are their digests.
                    digest = digest.filter(|_| outcome.has_digest_of_before());
                    self.apply_outcome(*key, outcome, &mut digest, &make, &mut emit);
                }
                Err(bad) => emit(unreadable(bad)),
            }
        }
        self.keys = keys;
        self.forget();
    }

    /// Applies a reply of the response: to the item with its id, or, if that item has none, to the one at the same position.
    fn apply_reply(
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
        let Some(key) = self.by_id(batch, family, &reply).or_else(|| self.by_position(batch, index)) else { return };
        if reply.code.is_success() {
            // The service's timeout started with its answer at the latest.
            self.restart_deadline(key, now);
            self.accept(key);
            return;
        }
        // The answers of two attempts may come in either order: a refusal does not undo an acceptance.
        if self.is_accepted(key) {
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

    fn by_position(&self, batch: RequestBatchId, index: usize) -> Option<Key> {
        let slot = *self.batch(batch)?.slots.get(index)?;
        let key = self.key_in_slot(slot, batch, index as u32)?;
        (self.items.id(key).is_none() && self.items.is_open(key)).then_some(key)
    }

    /// Applies a channel reply to the item of this key. `digest` is that of the outcome, which is computed if it is `None`.
    #[inline]
    fn apply_outcome<'a, O>(
        &mut self,
        key: Option<Key>,
        said: OutcomeRef<'a>,
        digest: &mut Option<Digest>,
        make: &impl Fn(OutcomeRef<'a>) -> O,
        mut emit: impl FnMut(Event<O>),
    ) {
        let outcome = make(said);
        let Some((key, item)) = key.and_then(|key| Some((key, self.items.get_mut(key)?))) else {
            return emit(Event::Unknown { outcome });
        };
        let digest = *digest.get_or_insert_with(|| Digest::of(self.hash, said));
        if let Item { state: State::Ended { last_outcome }, .. } = item {
            let last_outcome = last_outcome.replace(digest);
            let Some(item) = self.item_ref(key) else { return };
            return emit(match last_outcome {
                None => Event::Late { item, outcome },
                Some(last_outcome) => Event::Duplicate { item, outcome, conflict: last_outcome != digest },
            });
        }
        let end = if said.code() == Code::TIMEOUT {
            let known_unsent = said.submsg().as_deref() == Some(submsg::EXPIRED_UNSENT);
            End::TimedOut { known_unsent, said: Some((outcome, digest)) }
        } else {
            End::Finished { outcome, digest, is_success: said.code().is_success() }
        };
        self.end(key, end, emit);
    }

    fn refuse_batch(&mut self, batch: RequestBatchId, error: &RequestError) -> SendState {
        let refused = Refused {
            code: Code(i64::from(error.status)),
            msg: error.msg.clone().into_owned(),
            submsg: Some(error.submsg.clone().into_owned()),
            whole_request: true,
        };
        if !error.is_certain() {
            return SendState::Resend;
        }
        // The body itself is unusable, so an earlier attempt with it was refused as well.
        let speaks_of_the_body = matches!(error.status, 400 | 413 | 415);
        self.refuse_all(batch, &refused, speaks_of_the_body)
    }

    /// Refuses every open item, unless an earlier attempt may have been accepted (never if `definite`).
    pub(super) fn refuse_all(&mut self, batch: RequestBatchId, refused: &Refused, definite: bool) -> SendState {
        let Some(attempts) = self.batch(batch).map(|batch| batch.attempts) else {
            return SendState::Settled;
        };
        if attempts > 1 && !definite {
            return SendState::Resend;
        }
        for key in self.keys_of(batch) {
            // A later refusal does not undo an acceptance.
            if !self.is_accepted(key) {
                self.end_queued(key, End::Refused(refused.clone()));
            }
        }
        SendState::Settled
    }
}

fn unreadable<O>(bad: &BadReply) -> Event<O> {
    Event::Unreadable { reason: bad.to_string() }
}

/// The id by which the item is found. Empty if the reply has none: no item has an empty id.
fn id_of<'a>(spans: &ReplySpans, message: &'a str) -> IdRef<'a> {
    IdRef { space: spans.family as u8, text: spans.request_id(message).map(Text::decode).unwrap_or_default() }
}

//! Batches: which verdict every item must get.

use std::{collections::BTreeMap, rc::Rc};

use setpoint::{
    Family, Limits,
    reply::{Response, read_response},
    responder::BatchTicket,
};

use super::{Expect, Memory, N, Oracle, Stage, Truth};
use crate::{
    content::{Flaw, Item},
    seen::Event,
    violation::{Check, hold},
};

/// A batch as it was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) org: usize,
    /// What the query says; not always an org that there is.
    pub(crate) org_id: String,
    pub(crate) family: Family,
    pub(crate) items: Vec<Rc<Item>>,
    /// Spelt in the other way.
    pub(crate) odd: bool,
    pub(crate) body: Vec<u8>,
    /// The status that the whole request must be refused with.
    pub(crate) whole: Option<u16>,
}

/// What the answer to a batch must say.
#[derive(Debug)]
pub(crate) struct Expectation {
    family: Family,
    verdict: Verdict,
}

#[derive(Debug, Clone)]
enum Verdict {
    Whole(u16),
    /// Code of each item, and the accepted item it speaks of.
    Items(Vec<(i64, Option<N>)>),
}

impl Oracle {
    /// A batch is about to be given to the service: what it must be answered.
    pub(crate) fn batch(&mut self, sent: &Sent) -> Expectation {
        self.seen.event(Event::Batch);
        Expectation { family: sent.family, verdict: self.judge(sent) }
    }

    /// The service has named the batch.
    pub(crate) fn expect(&mut self, batch: BatchTicket, expectation: Expectation) {
        self.batches.insert(batch, expectation);
    }

    fn judge(&mut self, sent: &Sent) -> Verdict {
        if self.store_failed || self.outbox >= self.config.outbox {
            return Verdict::Whole(503);
        }
        if let Some(status) = sent.whole {
            return Verdict::Whole(status);
        }
        self.forget();
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for item in sent.items.iter().filter(|item| item.has_id()) {
            *uses.entry(&item.id).or_default() += 1;
        }
        let mut verdicts = Vec::new();
        let mut new = 0;
        for item in &sent.items {
            let of_form = item.flaw.filter(|flaw| flaw.is_of_form());
            let key = (sent.org, sent.family, item.id.clone());
            verdicts.push(if item.has_id() && uses[&*item.id] > 1 {
                Err(1_000)
            } else if let Some(flaw) = of_form {
                Err(flaw.code(sent.family))
            } else if let Some(memory) = self.remembered.get(&key) {
                if memory.content == item.identity() { Ok(Some(memory.n)) } else { Err(-1_000) }
            } else if let Some(flaw) = item.flaw {
                Err(flaw.code(sent.family))
            } else {
                new += 1;
                Ok(None)
            });
        }
        let is_roomy = self.remembered.len() + new <= self.config.dedup_per_org;
        let known = || self.remembered.keys().filter(|(org, ..)| *org == sent.org).count();
        if !is_roomy && known() + new > self.config.dedup_per_org {
            return Verdict::Whole(429);
        }
        let verdicts = sent.items.iter().zip(verdicts).map(|(item, verdict)| match verdict {
            Err(-1_000) => {
                self.seen.event(Event::Reused);
                (1_000, None)
            }
            Err(code) => {
                self.seen.event(Event::Refused);
                (code, None)
            }
            Ok(Some(n)) => {
                self.seen.event(Event::Repeated);
                self.items[n].repeated = true;
                (0, Some(n))
            }
            Ok(None) if self.is_full(sent.org, item.device) => {
                self.seen.event(Event::Full);
                (1_000_207, None)
            }
            Ok(None) => (0, Some(self.accept(sent, item))),
        });
        Verdict::Items(verdicts.collect())
    }

    fn is_full(&self, org: usize, device: usize) -> bool {
        self.pending_of_org[org] >= self.config.pending_per_org
            || self.pending_of_device[device] >= self.config.pending_per_device
    }

    fn accept(&mut self, sent: &Sent, item: &Rc<Item>) -> N {
        self.seen.event(Event::Accepted);
        let n = self.items.len();
        let timeout = u64::from(item.timeout_ms());
        let deadline = self.reading.saturating_add(timeout);
        let truth = Truth {
            spec: Rc::clone(item),
            org: sent.org,
            family: sent.family,
            input: (!item.input.is_empty()).then(|| item.input_text(sent.odd)),
            gmt: item.gmt.unwrap_or(self.epoch_ms),
            accepted_at_epoch_ms: self.epoch_ms,
            message_id: None,
            deadline,
            deadline_true: self.now.saturating_add(timeout),
            stage: Stage::Open,
            repeated: false,
            answered: false,
            handed: 0,
            maybe_sent: 0,
            promised: 0,
            intent_replayed: false,
            outcome: None,
            decided_at: 0,
            expect: None,
            heard: None,
            publications: 0,
            executions: 0,
            said: Vec::new(),
            said_unsent: false,
            clock_error: 0,
        };
        if self.items.iter().rev().take(200).any(|other| other.key() == truth.key() && other.stage != Stage::Lost) {
            self.seen.event(Event::Forgotten);
        }
        let until = self.reading.saturating_add(self.config.dedup_window_ms);
        self.forgets_at = self.forgets_at.min(until);
        self.remembered.insert(truth.key(), Memory { n, content: item.identity(), until });
        self.by_id.insert(truth.key(), n);
        self.deadlines.insert((deadline, n));
        self.pending_of_org[sent.org] += 1;
        self.pending_of_device[item.device] += 1;
        self.to_record.push_back(n);
        self.items.push(truth);
        n
    }

    /// Request ids are forgotten after the window, but never before their final is published: then one more window.
    pub(super) fn forget(&mut self) {
        let (reading, window) = (self.reading, self.config.dedup_window_ms);
        if reading < self.forgets_at {
            return;
        }
        let items = &self.items;
        self.remembered.retain(|_, memory| {
            if memory.until > reading {
                return true;
            }
            memory.until = reading.saturating_add(window);
            matches!(items[memory.n].stage, Stage::Open | Stage::Decided)
        });
        self.forgets_at = self.remembered.values().map(|memory| memory.until).min().unwrap_or(0);
    }

    /// The service's timers run.
    pub(crate) fn timeout(&mut self) -> Check {
        while let Some((deadline, n)) = self.deadlines.first().copied().filter(|(at, _)| *at <= self.reading) {
            let item = &self.items[n];
            let due = item.deadline_true.max(self.disturbed_at).saturating_add(self.timer_bound_ms);
            hold!(self.now <= due, I8, "the timer of {} ran at {}, due at {}", item.id(), self.now, item.deadline_true);
            let expect = if item.may_have_been_sent() { Expect::TimedOut } else { Expect::ExpiredUnsent };
            self.deadlines.remove(&(deadline, n));
            self.decide(n, expect);
        }
        self.forget();
        Ok(())
    }

    /// The items that batches speak of which wait for their answers.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = N> + '_ {
        let items = |expectation: &Expectation| match &expectation.verdict {
            Verdict::Whole(_) => Vec::new(),
            Verdict::Items(items) => items.iter().filter_map(|(_, n)| *n).collect(),
        };
        self.batches.values().flat_map(items)
    }

    /// The service answers a batch. Returns the accepted items that the answer speaks of, by place.
    pub(crate) fn answered(
        &mut self,
        batch: BatchTicket,
        status: u16,
        body: &[u8],
    ) -> Result<Vec<Option<N>>, crate::violation::Violation> {
        let expectation = self.batches.remove(&batch);
        hold!(expectation.is_some(), Verdict, "{batch:?} was answered twice, or never sent");
        let Some(Expectation { family, verdict }) = expectation else { return Ok(Vec::new()) };
        // Nobody knows what became of a batch that waited for a store that failed.
        if self.store_failed && status == 500 && matches!(verdict, Verdict::Items(_)) {
            self.seen.event(Event::Internal);
            return Ok(Vec::new());
        }
        let response = read_response(body, family, &Limits::default());
        let text = String::from_utf8_lossy(body);
        match (verdict, response) {
            (Verdict::Whole(expected), Ok(Response::Error(error))) => {
                hold!(
                    (expected, expected) == (status, error.status),
                    Verdict,
                    "refused with {status} instead of {expected}: {text}"
                );
                self.seen.event(match status {
                    429 => Event::Quota,
                    503 => Event::Unavailable,
                    _ => Event::Malformed,
                });
                Ok(Vec::new())
            }
            (Verdict::Items(expected), Ok(Response::Replies(replies))) => {
                hold!(status == 200, Verdict, "status {status} for {text}");
                let found: Vec<_> =
                    replies.iter().map(|reply| reply.as_ref().map_or(-1, |reply| reply.code.0)).collect();
                let codes: Vec<_> = expected.iter().map(|(code, _)| *code).collect();
                hold!(found == codes, Verdict, "the model says {codes:?}: {text}");
                for ((_, n), reply) in expected.iter().zip(&replies) {
                    let (Some(n), Ok(reply)) = (n, reply) else { continue };
                    let item = &mut self.items[*n];
                    let id = reply.request_id.map(|id| id.decode().into_owned());
                    hold!(id.as_deref() == Some(item.id()), I3, "{} was answered as {id:?}", item.id());
                    hold!(
                        self.durable.accepted.contains(n),
                        I10,
                        "{} was answered 0 and is not on stable storage",
                        item.id()
                    );
                    let said = (reply.gmt_service_request, reply.gmt_service_reply);
                    let original = (Some(item.gmt), Some(item.accepted_at_epoch_ms));
                    hold!(said == original, Verdict, "{} was answered with {said:?}, not {original:?}", item.id());
                    item.answered = true;
                    self.publish_again(*n);
                }
                Ok(expected.into_iter().map(|(_, n)| n).collect())
            }
            (verdict, _) => {
                hold!(false, Verdict, "the model says {verdict:?}, the answer is {status} {text}");
                Ok(Vec::new())
            }
        }
    }
}

impl Item {
    pub(crate) fn has_id(&self) -> bool {
        !matches!(self.flaw, Some(Flaw::NotAnObject | Flaw::NoId))
    }

    /// What makes this item the same as another of its request id.
    pub(crate) fn identity(&self) -> String {
        match self.flaw {
            None => self.content(),
            Some(flaw) => format!("{flaw:?} {}", self.content()),
        }
    }
}

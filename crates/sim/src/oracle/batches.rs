//! Batches: how every item must be answered.

use std::{collections::BTreeMap, rc::Rc};

use setpoint::{
    Family, Limits,
    reply::{Response, read_response},
    responder::BatchTicket,
};

use super::{AcceptedItem, ExpectedEnd, ItemNumber, Oracle, RememberedId, Stage};
use crate::{
    batch_items::{Flaw, Item},
    coverage::Exercised,
    violation::{Check, hold},
};

/// A batch as it was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) org: usize,
    /// The org in the query, which need not exist.
    pub(crate) org_id: String,
    pub(crate) family: Family,
    pub(crate) items: Vec<Rc<Item>>,
    /// Whether the body is written in the unusual way.
    pub(crate) odd: bool,
    pub(crate) body: Vec<u8>,
    /// The status with which the whole request must be refused, if it must.
    pub(crate) whole: Option<u16>,
}

/// The expected answer to a batch.
#[derive(Debug)]
pub(crate) struct Expectation {
    family: Family,
    answer: ExpectedAnswer,
}

#[derive(Debug, Clone)]
enum ExpectedAnswer {
    /// The status with which the whole request is refused.
    Whole(u16),
    /// The code of each item, and the accepted item that it is about.
    Items(Vec<(i64, Option<ItemNumber>)>),
}

impl Oracle {
    /// A batch is about to be given to the service. Returns the expected answer.
    pub(crate) fn batch(&mut self, sent: &Sent) -> Expectation {
        self.coverage.event(Exercised::Batch);
        Expectation { family: sent.family, answer: self.expected_answer(sent) }
    }

    /// The service has given the batch a ticket.
    pub(crate) fn expect(&mut self, batch: BatchTicket, expectation: Expectation) {
        self.batches.insert(batch, expectation);
    }

    fn expected_answer(&mut self, sent: &Sent) -> ExpectedAnswer {
        if self.store_failed || self.outbox >= self.config.outbox.get() {
            return ExpectedAnswer::Whole(503);
        }
        if let Some(status) = sent.whole {
            return ExpectedAnswer::Whole(status);
        }
        self.forget();
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for item in sent.items.iter().filter(|item| item.has_id()) {
            *uses.entry(&item.id).or_default() += 1;
        }
        let mut results = Vec::new();
        let mut new = 0;
        for item in &sent.items {
            let of_form = item.flaw.filter(|flaw| flaw.is_of_form());
            let key = (sent.org, sent.family, item.id.clone());
            results.push(if item.has_id() && uses[&*item.id] > 1 {
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
        let is_roomy = self.remembered.len() + new <= self.config.dedup_per_org.get();
        let known = || self.remembered.keys().filter(|(org, ..)| *org == sent.org).count();
        if !is_roomy && known() + new > self.config.dedup_per_org.get() {
            return ExpectedAnswer::Whole(429);
        }
        let answers = sent.items.iter().zip(results).map(|(item, result)| match result {
            Err(-1_000) => {
                self.coverage.event(Exercised::Reused);
                (1_000, None)
            }
            Err(code) => {
                self.coverage.event(Exercised::Refused);
                (code, None)
            }
            Ok(Some(n)) => {
                self.coverage.event(Exercised::Repeated);
                self.items[n].repeated = true;
                (0, Some(n))
            }
            Ok(None) if self.is_full(sent.org, item.device) => {
                self.coverage.event(Exercised::Full);
                (1_000_207, None)
            }
            Ok(None) => (0, Some(self.accept(sent, item))),
        });
        ExpectedAnswer::Items(answers.collect())
    }

    fn is_full(&self, org: usize, device: usize) -> bool {
        self.pending_of_org[org] >= self.config.pending_per_org.get()
            || self.pending_of_device[device] >= self.config.pending_per_device.get()
    }

    fn accept(&mut self, sent: &Sent, item: &Rc<Item>) -> ItemNumber {
        self.coverage.event(Exercised::Accepted);
        let n = self.items.len();
        let timeout = u64::from(item.timeout_ms());
        let deadline = self.reading.saturating_add(timeout);
        let truth = AcceptedItem {
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
            self.coverage.event(Exercised::Forgotten);
        }
        let until = self.reading.saturating_add(self.config.dedup_window_ms);
        self.forgets_at = self.forgets_at.min(until);
        self.remembered.insert(truth.key(), RememberedId { n, content: item.identity(), until });
        self.by_id.insert(truth.key(), n);
        self.deadlines.insert((deadline, n));
        self.pending_of_org[sent.org] += 1;
        self.pending_of_device[item.device] += 1;
        self.to_record.push_back(n);
        self.items.push(truth);
        n
    }

    /// A request id is forgotten after the window. If its final is not published by then, it is kept for another window.
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
            let expect = if item.may_have_been_sent() { ExpectedEnd::TimedOut } else { ExpectedEnd::ExpiredUnsent };
            self.deadlines.remove(&(deadline, n));
            self.decide(n, expect);
        }
        self.forget();
        Ok(())
    }

    /// The items of batches that are not answered yet.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = ItemNumber> + '_ {
        let items = |expectation: &Expectation| match &expectation.answer {
            ExpectedAnswer::Whole(_) => Vec::new(),
            ExpectedAnswer::Items(items) => items.iter().filter_map(|(_, n)| *n).collect(),
        };
        self.batches.values().flat_map(items)
    }

    /// The service answers a batch. Returns, for each of its items, the accepted item that the answer is about.
    pub(crate) fn answered(
        &mut self,
        batch: BatchTicket,
        status: u16,
        body: &[u8],
    ) -> Result<Vec<Option<ItemNumber>>, crate::violation::Violation> {
        let expectation = self.batches.remove(&batch);
        hold!(expectation.is_some(), Verdict, "{batch:?} was answered twice, or never sent");
        let Some(Expectation { family, answer }) = expectation else { return Ok(Vec::new()) };
        // The store failed before the batch was stored, so the answer is that nothing is known.
        if self.store_failed && status == 500 && matches!(answer, ExpectedAnswer::Items(_)) {
            self.coverage.event(Exercised::Internal);
            return Ok(Vec::new());
        }
        let response = read_response(body, family, &Limits::default());
        let text = String::from_utf8_lossy(body);
        match (answer, response) {
            (ExpectedAnswer::Whole(expected), Ok(Response::Error(error))) => {
                hold!(
                    (expected, expected) == (status, error.status),
                    Verdict,
                    "refused with {status} instead of {expected}: {text}"
                );
                self.coverage.event(match status {
                    429 => Exercised::Quota,
                    503 => Exercised::Unavailable,
                    _ => Exercised::Malformed,
                });
                Ok(Vec::new())
            }
            (ExpectedAnswer::Items(expected), Ok(Response::Replies(replies))) => {
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
            (answer, _) => {
                hold!(false, Verdict, "the model says {answer:?}, the answer is {status} {text}");
                Ok(Vec::new())
            }
        }
    }
}

impl Item {
    pub(crate) fn has_id(&self) -> bool {
        !matches!(self.flaw, Some(Flaw::NotAnObject | Flaw::NoId))
    }

    /// Equal for items of a request id that count as the same command.
    pub(crate) fn identity(&self) -> String {
        match self.flaw {
            None => self.content(),
            Some(flaw) => format!("{flaw:?} {}", self.content()),
        }
    }
}

//! A caller: a requester, the batches that it sends, and a small model of the events that it must get.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use setpoint::{
    Family, Requester,
    requester::{Event as RequesterEvent, ItemRef, RequestBatchId, RequesterConfig},
};

use crate::{
    coverage::{Coverage, Exercised},
    oracle::Sent,
    violation::{Check, hold},
};

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) org: usize,
    /// The number of its crashes. What is addressed to an earlier life is dropped.
    pub(crate) life: u32,
    pub(crate) requester: Requester,
    pub(crate) batches: BTreeMap<RequestBatchId, Batch>,
    /// The batches that are not done.
    open: BTreeSet<RequestBatchId>,
    /// For each request id, the newest item that has it.
    ids: BTreeMap<(Family, String), (RequestBatchId, usize)>,
    /// Request ids of ended items that the requester must still remember, oldest first.
    ended: VecDeque<(Family, String)>,
    config: RequesterConfig,
    /// When its wake-up is scheduled.
    pub(crate) wake_at: Option<u64>,
}

/// A batch that was submitted. It is kept until the end of the run.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) sent: Rc<Sent>,
    pub(crate) attempts: u32,
    pub(crate) settled: bool,
    /// Whether an answer may have been about another attempt, or come from a proxy.
    pub(crate) doubtful: bool,
    /// For each item, whether the service accepted it as part of this batch.
    pub(crate) taken: Vec<bool>,
    items: Vec<Item>,
    pub(crate) cancelled: bool,
    done: bool,
}

#[derive(Debug)]
struct Item {
    deadline: u64,
    accepted: bool,
    end: Option<End>,
    /// The last reply for the item since it ended.
    heard: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Refused,
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
}

/// One reply of a channel message, as the requester must read it.
#[derive(Debug, Clone)]
pub(crate) struct ChannelReply {
    pub(crate) family: Family,
    pub(crate) id: String,
    pub(crate) code: i64,
    pub(crate) unsent: bool,
    pub(crate) digest: String,
}

impl Caller {
    pub(crate) fn new(org: usize, config: RequesterConfig, org_id: &str, seed: [u8; 32], life: u32) -> Self {
        Self {
            org,
            life,
            requester: Requester::new(org_id, config.clone(), seed),
            batches: BTreeMap::new(),
            open: BTreeSet::new(),
            ids: BTreeMap::new(),
            ended: VecDeque::new(),
            config,
            wake_at: None,
        }
    }

    /// A batch was submitted.
    pub(crate) fn submitted(&mut self, batch: RequestBatchId, sent: &Rc<Sent>, now: u64) {
        let uses = |id: &str| sent.items.iter().filter(|item| item.has_id() && item.id == id).count();
        for (index, item) in sent.items.iter().enumerate() {
            if item.has_id() && uses(&item.id) == 1 {
                self.ids.insert((sent.family, item.id.clone()), (batch, index));
            }
        }
        let grace = self.config.grace_ms;
        let items = sent
            .items
            .iter()
            .map(|item| Item {
                deadline: now + u64::from(item.waits_ms()) + grace,
                accepted: false,
                end: None,
                heard: None,
            })
            .collect();
        self.open.insert(batch);
        self.batches.insert(
            batch,
            Batch {
                sent: Rc::clone(sent),
                attempts: 1,
                settled: false,
                doubtful: false,
                taken: vec![false; sent.items.len()],
                items,
                cancelled: false,
                done: false,
            },
        );
    }

    /// The batch is sent once more.
    pub(crate) fn resent(&mut self, batch: RequestBatchId, now: u64) {
        let grace = self.config.grace_ms;
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.attempts += 1;
            for (item, spec) in batch.items.iter_mut().zip(&batch.sent.items) {
                item.deadline = now + u64::from(spec.waits_ms()) + grace;
            }
        }
    }

    /// A response with these codes is about to be handled: the deadlines of accepted items start again.
    pub(crate) fn answered(&mut self, batch: RequestBatchId, codes: &[i64], now: u64) {
        let grace = self.config.grace_ms;
        if let Some(batch) = self.batches.get_mut(&batch) {
            for ((item, spec), code) in batch.items.iter_mut().zip(&batch.sent.items).zip(codes) {
                if *code == 0 {
                    item.deadline = now + u64::from(spec.waits_ms()) + grace;
                }
            }
        }
    }

    /// Checks the events of the requester after an input. `heard` are the replies of the input, if it was a channel message.
    pub(crate) fn told(&mut self, now: u64, heard: &[ChannelReply], coverage: &mut Coverage) -> Check {
        let mut rest = heard.iter();
        while let Some(event) = self.requester.poll_event() {
            self.check(&event, now, &mut rest, coverage)?;
        }
        hold!(rest.next().is_none(), Requester, "a reply of a channel message led to nothing: {heard:?}");
        // The requester forgets only between two calls.
        while self.ended.len() > self.config.remembered {
            self.ended.pop_front();
        }
        let wakeup = self.requester.poll_timeout().map(setpoint::MonotonicTime::as_millis);
        let items = |batch| self.batches.get(batch).map_or(&[][..], |batch| &batch.items);
        let open = || self.open.iter().flat_map(items).filter(|item| item.end.is_none());
        let next = open().map(|item| item.deadline).min();
        let on_time = match (next, wakeup) {
            (None, wakeup) => wakeup.is_none(),
            (Some(next), wakeup) => wakeup.is_some_and(|at| at <= next),
        };
        hold!(on_time, Timer, "a requester wakes at {wakeup:?}, its next item is due at {next:?}");
        let (found, expected) = (self.requester.open_items(), open().count());
        hold!(found == expected, Requester, "{found} items are open, not {expected}");
        Ok(())
    }

    fn check<'a>(
        &mut self,
        event: &RequesterEvent,
        now: u64,
        heard: &mut impl Iterator<Item = &'a ChannelReply>,
        coverage: &mut Coverage,
    ) -> Check {
        match event {
            RequesterEvent::Accepted { item } => {
                let (answered, entry) = self.entry(item.batch, item.index)?;
                hold!(answered, Requester, "{item:?} is accepted before there is a response");
                hold!(!entry.accepted && entry.end.is_none(), Requester, "{item:?} is accepted twice");
                entry.accepted = true;
                Ok(())
            }
            RequesterEvent::Refused { item, refusal } => {
                let (_, entry) = self.entry(item.batch, item.index)?;
                hold!(!entry.accepted, Requester, "{item:?} is refused after it was accepted: {refusal:?}");
                self.end(item.batch, item.index, End::Refused, None)?;
                let batch = &self.batches[&item.batch];
                // Of several attempts, one may be refused for a limit and another one accepted.
                let doubtful = batch.doubtful || (batch.attempts > 1 && refusal.code.0 == 1_000_207);
                let false_claim = batch.taken[item.index] && !doubtful;
                hold!(!false_claim, Requester, "{item:?} is refused and the service has it: {refusal:?}");
                if let Some(id) = item.request_id() {
                    self.ids.remove(&(batch.sent.family, id.to_string()));
                }
                Ok(())
            }
            RequesterEvent::Finished { item, outcome } => {
                let Some(reply) = heard.next() else {
                    hold!(false, Requester, "{item:?} is finished and nothing was said: {outcome:?}");
                    return Ok(());
                };
                let said = (reply.family, &*reply.id, reply.code);
                let found = (outcome.family(), &*outcome.request_id(), outcome.code().0);
                hold!(said == found, Requester, "{item:?} is finished with {found:?}, what was said is {said:?}");
                let own = item.request_id() == Some(&*reply.id);
                hold!(own, I3, "{item:?} is finished with what was said of {}", reply.id);
                self.heard_of(item, coverage)?;
                let end = if reply.code == 0 { End::Succeeded } else { End::Failed };
                self.end(item.batch, item.index, end, Some(reply.digest.clone()))
            }
            RequesterEvent::TimedOut { item, known_unsent, outcome } => {
                if outcome.is_some() {
                    let Some(reply) = heard.next() else {
                        hold!(false, Requester, "{item:?} timed out and nothing was said: {outcome:?}");
                        return Ok(());
                    };
                    let fits = reply.code == 1_000_203 && reply.unsent == *known_unsent;
                    hold!(fits, I7, "{item:?} timed out (unsent: {known_unsent}), and {reply:?} was said");
                    self.heard_of(item, coverage)?;
                    return self.end(item.batch, item.index, End::TimedOut, Some(reply.digest.clone()));
                }
                coverage.event(Exercised::RequesterTimedOut);
                let (_, entry) = self.entry(item.batch, item.index)?;
                let deadline = entry.deadline;
                hold!(now >= deadline, Timer, "{item:?} is given up at {now}, before {deadline}");
                hold!(!known_unsent || item.request_id().is_none(), I7, "{item:?} is called unsent, and nobody knows");
                self.end(item.batch, item.index, End::TimedOut, None)
            }
            RequesterEvent::Cancelled { item } => {
                let cancelled = self.batches.get(&item.batch).is_some_and(|batch| batch.cancelled);
                hold!(cancelled, Requester, "{item:?} is cancelled and nobody did");
                self.end(item.batch, item.index, End::Cancelled, None)
            }
            RequesterEvent::Late { item, .. } => self.after_the_end(event, item.request_id(), heard.next(), coverage),
            RequesterEvent::Duplicate { item, .. } => {
                self.after_the_end(event, item.request_id(), heard.next(), coverage)
            }
            RequesterEvent::Unknown { outcome } => {
                let id = outcome.request_id().into_owned();
                self.after_the_end(event, Some(&id), heard.next(), coverage)
            }
            RequesterEvent::BatchDone { batch, summary } => {
                coverage.event(Exercised::BatchDone);
                let Some(entry) = self.batches.get_mut(batch) else {
                    hold!(false, Requester, "{batch:?} is done and was never submitted");
                    return Ok(());
                };
                hold!(!entry.done, Requester, "{batch:?} is done twice");
                entry.done = true;
                self.open.remove(batch);
                let count = |end: End| entry.items.iter().filter(|item| item.end == Some(end)).count();
                let found = (summary.submitted, summary.accepted, summary.refused, summary.cancelled);
                let accepted = entry.items.iter().filter(|item| item.accepted).count();
                let expected = (entry.items.len(), accepted, count(End::Refused), count(End::Cancelled));
                hold!(found == expected, Requester, "{batch:?} sums up to {found:?}, not {expected:?}");
                let found = (summary.succeeded, summary.failed, summary.timed_out);
                let expected = (count(End::Succeeded), count(End::Failed), count(End::TimedOut));
                hold!(found == expected, Requester, "{batch:?} sums up to {found:?}, not {expected:?}");
                Ok(())
            }
            other => {
                hold!(false, Requester, "nobody said anything that would lead to {other:?}");
                Ok(())
            }
        }
    }

    /// An outcome shows that the service accepted the item, possibly before the response does.
    fn heard_of(&mut self, item: &ItemRef, coverage: &mut Coverage) -> Check {
        let (answered, entry) = self.entry(item.batch, item.index)?;
        if !std::mem::replace(&mut entry.accepted, true) && !answered {
            coverage.event(Exercised::OutcomeFirst);
        }
        Ok(())
    }

    /// Checks the event for a reply that ends nothing. The model knows whether the item has ended or is unknown.
    fn after_the_end(
        &mut self,
        event: &RequesterEvent,
        id: Option<&str>,
        reply: Option<&ChannelReply>,
        coverage: &mut Coverage,
    ) -> Check {
        let Some(reply) = reply else {
            hold!(false, Requester, "nothing was said, and there is {event:?}");
            return Ok(());
        };
        hold!(id == Some(&*reply.id), I3, "what was said of {} is taken for {id:?}", reply.id);
        let key = (reply.family, reply.id.clone());
        let remembered = self.ended.contains(&key);
        let place = self.ids.get(&key).copied();
        let item = place.and_then(|(batch, index)| self.batches.get_mut(&batch)?.items.get_mut(index));
        let Some(item) = item.filter(|item| remembered || item.end.is_none()) else {
            coverage.event(Exercised::RequesterUnknown);
            let is_unknown = matches!(event, RequesterEvent::Unknown { .. });
            hold!(is_unknown, Requester, "{} is not known, and there is {event:?}", reply.id);
            return Ok(());
        };
        hold!(item.end.is_some(), Requester, "{} is open and not ended by {reply:?}: {event:?}", reply.id);
        let before = item.heard.replace(reply.digest.clone());
        let fits = match (before, event) {
            (None, RequesterEvent::Late { .. }) => {
                coverage.event(Exercised::RequesterLate);
                true
            }
            (Some(before), RequesterEvent::Duplicate { conflict, .. }) => {
                coverage.event(Exercised::RequesterDuplicate);
                *conflict == (before != reply.digest)
            }
            _ => false,
        };
        hold!(fits, Requester, "{} has ended with {:?}, and there is {event:?}", reply.id, item.end);
        Ok(())
    }

    /// An item, and whether its batch has been answered.
    fn entry(&mut self, batch: RequestBatchId, index: usize) -> Result<(bool, &mut Item), crate::violation::Violation> {
        let found = self.batches.get_mut(&batch).and_then(|batch| Some((batch.settled, batch.items.get_mut(index)?)));
        found.ok_or_else(|| crate::violation::Violation {
            invariant: crate::violation::Invariant::Requester,
            message: format!("{batch:?} has no item {index}"),
        })
    }

    fn end(&mut self, batch: RequestBatchId, index: usize, end: End, heard: Option<String>) -> Check {
        let (_, item) = self.entry(batch, index)?;
        hold!(item.end.is_none(), Requester, "item {index} of {batch:?} ends twice: {:?}, {end:?}", item.end);
        item.end = Some(end);
        item.heard = heard;
        let sent = &self.batches[&batch].sent;
        let key = (sent.family, sent.items[index].id.clone());
        if end != End::Refused && self.ids.get(&key) == Some(&(batch, index)) {
            self.ended.push_back(key);
        }
        Ok(())
    }

    /// Checks the state at the end of the run.
    pub(crate) fn finished(&self) -> Check {
        for (batch, entry) in &self.batches {
            hold!(entry.done, Requester, "{batch:?} was never done: {entry:?}");
        }
        hold!(self.requester.open_items() == 0, Left, "{} items are open", self.requester.open_items());
        hold!(self.requester.poll_timeout().is_none(), Timer, "a requester wakes for nothing");
        Ok(())
    }
}

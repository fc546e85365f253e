//! What callers do (submit, send, wait, send again, cancel, crash), and the network between them and the service.

use std::rc::Rc;

use setpoint::{
    Family, Limits, Now,
    reply::{Response, read_message, read_response},
    requester::{RequestBatchId, SendState},
    submsg,
};

use crate::{
    batch_items::{Item, body},
    caller::{Caller, ChannelReply},
    channel_broker::Message,
    coverage::Exercised,
    faults::Fault,
    oracle::Sent,
    service::Input,
    sim::{Event, Sim},
    violation::{Check, hold},
    world::{EPOCH_MS, ORGS},
};

/// How many times a batch is sent, at most.
const MAX_ATTEMPTS: u32 = 5;
/// How long a caller waits for a response.
const PATIENCE_MS: u64 = 5_000;

/// A PUT on its way.
#[derive(Debug)]
pub(crate) struct Request {
    /// Caller, its life, batch and attempt; `None` if nobody waits for the response.
    pub(crate) from: Option<(usize, u32, RequestBatchId, u32)>,
    pub(crate) sent: Rc<Sent>,
}

impl Sim {
    /// A caller submits a batch and sends it. The items of a probe are valid.
    pub(crate) fn submit(&mut self, caller: usize, probe: bool) -> Check {
        let family = if self.chance.coin() { Family::Invoke } else { Family::Write };
        let org = self.callers[caller].org;
        let count = if probe { 2 } else { self.chance.between(1, self.plan.items) };
        let mut items = Vec::new();
        for _ in 0..count {
            let id = self.fresh_id(caller, family);
            let mut item = Item::draw(&mut self.chance, &self.plan, &self.world, org, family, id);
            if probe {
                item.timeout = Some(300_000);
            } else {
                item.maybe_invalidate(&mut self.faults, &mut self.oracle.coverage, family);
            }
            items.push(item);
        }
        if items.len() > 1 && self.strikes(Fault::RepeatedIds) {
            let (from, to) = (self.chance.index(items.len()), self.chance.index(items.len()));
            items[to].id = items[from].id.clone();
        }
        let odd = !probe && self.chance.chance(200);
        let bytes = body(&items, family, org, &self.world, odd);
        let items = items.into_iter().map(Rc::new).collect();
        let sent = Sent { org, org_id: ORGS[org].to_owned(), family, items, odd, body: bytes.clone(), whole: None };
        let sent = Rc::new(sent);
        let now = self.caller_now();
        match self.callers[caller].requester.submit_body(family, bytes, now) {
            Ok(submission) => {
                self.trace.line(self.now, format_args!("caller {caller}: submits {:?}", submission.batch));
                self.callers[caller].submitted(submission.batch, &sent, self.now);
                self.send(caller, submission.batch);
                if self.strikes(Fault::CallerCancels) {
                    let later = self.faults.chance(Fault::CallerCancels).delay(2_000);
                    let life = self.callers[caller].life;
                    self.after(later, Event::Cancel(caller, life, submission.batch));
                }
            }
            Err(error) => hold!(false, Requester, "a batch could not be submitted: {error}"),
        }
        self.listen(caller, &[])
    }

    /// An unused request id. Both orgs and both families use the same ids.
    fn fresh_id(&mut self, caller: usize, family: Family) -> String {
        let place = caller / ORGS.len();
        let life = self.callers[caller].life;
        let count = &mut self.ids[caller][family as usize];
        *count += 1;
        format!("r{place}.{life}.{count}")
    }

    fn caller_now(&self) -> Now {
        Now::new(self.now, EPOCH_MS + self.now.cast_signed())
    }

    /// Checks the events of the requester, and schedules its next wake-up.
    fn listen(&mut self, caller: usize, heard: &[ChannelReply]) -> Check {
        let entry = &mut self.callers[caller];
        entry.told(self.now, heard, &mut self.oracle.coverage)?;
        let wakeup = entry.requester.poll_timeout().map(|at| at.as_millis().max(self.now));
        if let Some(at) = wakeup.filter(|at| entry.wake_at != Some(*at)) {
            entry.wake_at = Some(at);
            let life = entry.life;
            self.queue.push(at, Event::CallerWake(caller, life, at));
        }
        Ok(())
    }

    pub(crate) fn caller_wakes(&mut self, caller: usize, life: u32, at: u64) -> Check {
        let entry = &mut self.callers[caller];
        if entry.life != life || entry.wake_at != Some(at) {
            return Ok(());
        }
        entry.wake_at = None;
        let now = Now::new(self.now, EPOCH_MS + self.now.cast_signed());
        entry.requester.handle_timeout(now);
        self.listen(caller, &[])
    }

    /// Sends the batch once, and schedules the end of the wait for its response.
    fn send(&mut self, caller: usize, batch: RequestBatchId) {
        let entry = &self.callers[caller];
        let life = entry.life;
        let Some(state) = entry.batches.get(&batch) else { return };
        let (attempt, sent) = (state.attempts, Rc::clone(&state.sent));
        let request = Request { from: Some((caller, life, batch, attempt)), sent: Rc::clone(&sent) };
        let mut travels = self.chance.delay(self.plan.http_ms);
        if self.strikes(Fault::HttpSlow) {
            travels += self.faults.chance(Fault::HttpSlow).below(10_000);
        }
        if self.strikes(Fault::ProxyRepeats) {
            // Either of the two may be the one whose response reaches the caller.
            let copy = Request { from: None, sent };
            let later = self.faults.chance(Fault::ProxyRepeats).below(3_000);
            if let Some(state) = self.callers[caller].batches.get_mut(&batch) {
                state.doubtful = true;
            }
            let (first, second) = if self.chance.coin() { (request, copy) } else { (copy, request) };
            self.after(travels, Event::Request(Rc::new(first)));
            self.after(travels + later, Event::Request(Rc::new(second)));
        } else if !self.strikes(Fault::RequestLost) {
            self.after(travels, Event::Request(Rc::new(request)));
        }
        self.after(PATIENCE_MS, Event::AttemptOver(caller, life, batch, attempt));
    }

    /// The wait for a response is over.
    pub(crate) fn attempt_over(&mut self, caller: usize, life: u32, batch: RequestBatchId, attempt: u32) -> Check {
        let entry = &self.callers[caller];
        let waits = entry.life == life
            && entry.batches.get(&batch).is_some_and(|batch| !batch.settled && batch.attempts == attempt);
        if waits { self.attempt(caller, life, batch) } else { Ok(()) }
    }

    /// Sends the batch again, unless it was sent as often as allowed.
    pub(crate) fn attempt(&mut self, caller: usize, life: u32, batch: RequestBatchId) -> Check {
        let entry = &mut self.callers[caller];
        let again = entry.life == life
            && entry.batches.get(&batch).is_some_and(|batch| !batch.settled && batch.attempts < MAX_ATTEMPTS);
        if !again {
            return Ok(());
        }
        entry.resent(batch, self.now);
        entry.requester.resend(batch, Now::new(self.now, EPOCH_MS + self.now.cast_signed()));
        if self.faults.is_on(Fault::ShortMemory) {
            // The service may have forgotten that it accepted the batch.
            self.callers[caller].batches.entry(batch).and_modify(|batch| batch.doubtful = true);
        }
        self.trace.line(self.now, format_args!("caller {caller}: sends {batch:?} again"));
        self.exercised(Exercised::Resent);
        self.send(caller, batch);
        self.listen(caller, &[])
    }

    pub(crate) fn cancel(&mut self, caller: usize, life: u32, batch: RequestBatchId) -> Check {
        let entry = &mut self.callers[caller];
        if entry.life != life {
            return Ok(());
        }
        entry.batches.entry(batch).and_modify(|batch| batch.cancelled = true);
        entry.requester.cancel(batch);
        self.listen(caller, &[])
    }

    /// A caller starts again without its state.
    pub(crate) fn caller_crashes(&mut self, caller: usize) -> Check {
        if self.faults.healed() {
            return Ok(());
        }
        self.oracle.coverage.fault(Fault::CallerCrashes);
        self.trace.line(self.now, format_args!("caller {caller}: crashes"));
        let (org, life) = (self.callers[caller].org, self.callers[caller].life + 1);
        let seed = self.chance.bytes32();
        self.callers[caller] = Caller::new(org, self.plan.requester.clone(), ORGS[org], seed, life);
        Ok(())
    }

    /// A PUT arrives at the service's address.
    pub(crate) fn request_arrives(&mut self, request: Rc<Request>) -> Check {
        if self.service.is_up() {
            return self.give(self.service.life, Input::Batch(request));
        }
        // The service is down: the connection is refused, or the request vanishes.
        if self.chance.coin() {
            return self.connection_refused(&request);
        }
        Ok(())
    }

    pub(crate) fn connection_refused(&mut self, request: &Request) -> Check {
        let Some((caller, life, batch, attempt)) = request.from else { return Ok(()) };
        let entry = &mut self.callers[caller];
        let current = entry.batches.get(&batch).is_some_and(|batch| batch.attempts == attempt && !batch.settled);
        if entry.life != life || !current {
            return Ok(());
        }
        let state = entry.requester.handle_not_sent(batch, "connection refused");
        self.settle(caller, life, batch, state);
        self.listen(caller, &[])
    }

    /// Sends the service's answer to the caller.
    pub(crate) fn respond(&mut self, request: &Rc<Request>, body: Vec<u8>, taken: &[Option<usize>]) {
        if self.probing {
            self.probes.extend(taken.iter().flatten());
        }
        let Some((caller, life, batch, _)) = request.from else {
            return;
        };
        let entry = &mut self.callers[caller];
        if let Some(state) = entry.batches.get_mut(&batch).filter(|_| entry.life == life) {
            for (flag, _) in state.taken.iter_mut().zip(taken).filter(|(_, n)| n.is_some()) {
                *flag = true;
            }
        }
        if self.strikes(Fault::ResponseLost) {
            return;
        }
        let mut travels = self.chance.delay(self.plan.http_ms);
        if self.strikes(Fault::HttpSlow) {
            travels += self.faults.chance(Fault::HttpSlow).below(10_000);
        }
        let body = Rc::new(body);
        self.after(travels, Event::Response { to: Rc::clone(request), body });
        if taken.iter().any(Option::is_some) && self.strikes(Fault::StrayRefusal) {
            let rng = self.faults.chance(Fault::StrayRefusal);
            let (status, later) = (rng.pick(&[400, 413, 503]), rng.below(3_000));
            let text = format!("{{\"status\":{status},\"msg\":\"from a proxy\",\"submsg\":\"no\"}}");
            self.after(travels + later, Event::Response { to: Rc::clone(request), body: Rc::new(text.into_bytes()) });
        }
    }

    pub(crate) fn response_arrives(&mut self, request: &Request, body: &[u8]) -> Check {
        let Some((caller, life, batch, _)) = request.from else { return Ok(()) };
        if self.callers[caller].life != life {
            return Ok(());
        }
        let response = read_response(body, request.sent.family, &Limits::default());
        if let Ok(Response::Replies(replies)) = response {
            let codes: Vec<_> = replies.iter().map(|reply| reply.as_ref().map_or(-1, |reply| reply.code.0)).collect();
            self.callers[caller].answered(batch, &codes, self.now);
        }
        let now = self.caller_now();
        let settled_before = self.callers[caller].batches.get(&batch).is_some_and(|batch| batch.settled);
        match self.callers[caller].requester.handle_response(batch, body, now) {
            Ok(state) => {
                if !settled_before {
                    self.settle(caller, life, batch, state);
                }
            }
            Err(error) => hold!(false, Requester, "a response cannot be read: {error}"),
        }
        self.listen(caller, &[])
    }

    fn settle(&mut self, caller: usize, life: u32, batch: RequestBatchId, state: SendState) {
        match state {
            SendState::Settled => {
                self.callers[caller].batches.entry(batch).and_modify(|batch| batch.settled = true);
            }
            SendState::Resend => {
                let later = self.chance.between(500, 3_000);
                self.after(later, Event::Attempt(caller, life, batch));
            }
            _ => {}
        }
    }

    /// A channel message reaches a caller.
    pub(crate) fn deliver(&mut self, caller: usize, message: &Message) -> Check {
        let heard = read_message(&message.body, &Limits::default());
        let heard: Vec<_> = heard.into_iter().flatten().flatten().map(|reply| ChannelReply::of(&reply)).collect();
        self.trace.line(self.now, format_args!("caller {caller}: hears of {}", heard.len()));
        let count = self.callers[caller].requester.handle_message(&message.body);
        hold!(count == Ok(heard.len()), Requester, "{count:?} replies were read, {} written", heard.len());
        self.listen(caller, &heard)
    }
}

impl ChannelReply {
    fn of(reply: &setpoint::reply::Reply<'_>) -> Self {
        let submsg = reply.submsg.map(|text| text.decode().into_owned()).unwrap_or_default();
        Self {
            family: reply.family,
            id: reply.request_id.map(|id| id.decode().into_owned()).unwrap_or_default(),
            code: reply.code.0,
            unsent: submsg == submsg::EXPIRED_UNSENT,
            digest: format!("{} {submsg} {}", reply.code.0, reply.output.as_str()),
        }
    }
}

//! The service: a responder and its driver, in a process that is started, suspended and killed.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use setpoint::{
    MessageId, Now, Responder,
    responder::{BatchTicket, CheckedBatch, Effect, HandedOver, PublicationId, ResponderConfig, Restore, WriteId},
};

use crate::{
    caller_actions::Request,
    channel_broker::Message,
    faults::Fault,
    oracle::{RestartClocks, Said},
    plan::Plan,
    rng::Rng,
    sim::{Disaster, Event, Sim},
    violation::{Check, hold},
    world::EPOCH_MS,
};

#[derive(Debug)]
pub(crate) struct Service {
    responder: Option<Responder>,
    config: ResponderConfig,
    /// The number of its starts. What is addressed to an earlier one is dropped.
    pub(crate) life: u64,
    pub(crate) paused: bool,
    /// Inputs that arrived while the process was suspended.
    inbox: VecDeque<Input>,
    connections: BTreeMap<BatchTicket, Rc<Request>>,
    wake_at: Option<u64>,
    /// The monotonic clock minus the simulated time; negative after a reboot of the machine.
    monotonic: i64,
    /// The error of the wall clock, in milliseconds.
    pub(crate) wall: i64,
    chance: Rng,
}

/// An input of the service.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Batch(Rc<Request>),
    Persisted(WriteId),
    PersistFailed,
    HandedOver(MessageId, HandedOver),
    Said(Rc<Said>),
    Link(bool),
    Published(PublicationId),
    Undeliverable(PublicationId),
    Wake,
}

impl Service {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            responder: None,
            config: plan.responder.clone(),
            life: 0,
            paused: false,
            inbox: VecDeque::new(),
            connections: BTreeMap::new(),
            wake_at: None,
            monotonic: plan.uptime_ms as i64,
            wall: 0,
            chance: Rng::new(plan.seed, 4),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.responder.is_some()
    }
}

impl Sim {
    /// The service starts, with the records in its store.
    pub(crate) fn start_service(&mut self) -> Check {
        self.service.life += 1;
        if self.service.life > 1 && self.service.chance.coin() {
            // The machine was rebooted as well.
            self.service.monotonic = 5 - self.now as i64;
        }
        let now = self.clocks();
        let at = RestartClocks { now: self.now, reading: now.instant.as_millis(), epoch_ms: now.epoch_ms };
        self.trace.line(
            self.now,
            format_args!("service: start {} with {} records", self.service.life, self.store.records.len()),
        );
        let (config, seed) = (self.service.config.clone(), self.service.chance.bytes32());
        let records = &self.store.records;
        if self.service.life == 1 {
            self.oracle.see(at.now, at.reading, at.epoch_ms);
            self.service.responder = Some(Responder::new(config, seed));
        } else {
            self.oracle.restarted(records, at);
            let mut restore = Restore::new(config, seed, now);
            for record in records {
                restore.record(record.clone());
            }
            self.service.responder = Some(restore.finish());
        }
        self.service.wake_at = None;
        let life = self.service.life;
        if self.device_broker.up {
            let connects = self.now + self.service.chance.delay(50);
            self.device_broker.noticed_at = connects;
            self.queue.push(connects, Event::Input(life, Input::Link(true)));
        }
        self.drain()
    }

    /// The process is killed, and loses everything that it had not stored.
    pub(crate) fn kill_service(&mut self) {
        if !self.service.is_up() {
            return;
        }
        self.service.responder = None;
        self.service.paused = false;
        self.service.inbox.clear();
        self.service.connections.clear();
        self.crash_store();
        let away = self.service.chance.pick(&[0, 20, 1_000, 20_000]);
        let away = self.service.chance.delay(away);
        self.trace.line(self.now, format_args!("service: killed, back in {away} ms"));
        let life = self.service.life;
        self.after(away, Event::Disaster(Disaster::Restart(life)));
    }

    fn clocks(&self) -> Now {
        let monotonic = self.now.cast_signed().wrapping_add(self.service.monotonic);
        Now::new(monotonic.cast_unsigned(), EPOCH_MS + self.now.cast_signed() + self.service.wall)
    }

    /// A reading of the clocks, sometimes an older one.
    fn read_clocks(&mut self) -> Now {
        let now = self.clocks();
        if !self.strikes(Fault::StaleClock) {
            return now;
        }
        let old = self.faults.chance(Fault::StaleClock).below(2_000);
        Now::new(now.instant.as_millis().saturating_sub(old), now.epoch_ms - old.cast_signed())
    }

    /// Gives an input to the service, if it is still in this life.
    pub(crate) fn give(&mut self, life: u64, input: Input) -> Check {
        if life != self.service.life || !self.service.is_up() {
            return Ok(());
        }
        if self.service.paused {
            self.service.inbox.push_back(input);
            return Ok(());
        }
        self.turn(input)?;
        self.drain()
    }

    /// The process is resumed, and handles the inputs that have queued up.
    pub(crate) fn resume(&mut self) -> Check {
        if !self.service.paused || !self.service.is_up() {
            return Ok(());
        }
        self.service.paused = false;
        self.oracle.disturbed(self.now);
        let mut inbox = std::mem::take(&mut self.service.inbox);
        // A driver may handle its timers first, or last.
        if self.service.chance.coin() {
            inbox.push_front(Input::Wake);
        } else {
            inbox.push_back(Input::Wake);
        }
        let life = self.service.life;
        for input in inbox {
            self.give(life, input)?;
        }
        Ok(())
    }

    fn turn(&mut self, input: Input) -> Check {
        let now = self.read_clocks();
        // These are handled without a time.
        let timeless = matches!(input, Input::PersistFailed | Input::Published(_) | Input::Undeliverable(_));
        if !timeless {
            self.oracle.see(self.now, now.instant.as_millis(), now.epoch_ms);
        }
        let Some(responder) = &mut self.service.responder else { return Ok(()) };
        match input {
            Input::Batch(request) => {
                let sent = &request.sent;
                self.trace.line(
                    self.now,
                    format_args!("service: batch of {} ({}) {}", sent.items.len(), sent.org_id, sent.family.name()),
                );
                let expectation = self.oracle.batch(sent);
                let limits = &self.service.config.limits;
                let body = sent.body.clone();
                let batch = CheckedBatch::read(body, sent.family, &sent.org_id, &self.world, limits, now);
                let batch = responder.handle_batch(batch, now);
                self.oracle.expect(batch, expectation);
                self.service.connections.insert(batch, request);
            }
            Input::Persisted(write) => responder.handle_persisted(write, now),
            Input::PersistFailed => {
                self.trace.line(self.now, format_args!("service: the store failed"));
                self.oracle.store_failed();
                responder.handle_persist_failed();
                let exits = self.service.chance.delay(500);
                self.after(exits, Event::Disaster(Disaster::Crash));
            }
            Input::HandedOver(message_id, how) => {
                self.oracle.confirmed(message_id, how);
                responder.handle_handed_over(message_id, how, now);
            }
            Input::Said(said) => {
                let expected = self.oracle.heard(&said);
                let found = responder.handle_device_message(&said.topic, &said.payload, now);
                let payload = String::from_utf8_lossy(&said.payload);
                self.trace.line(self.now, format_args!("service: hears {payload} on {}: {found:?}", said.topic));
                hold!(found == expected, Attribution, "{payload} on {} is {expected:?}, not {found:?}", said.topic);
            }
            Input::Link(up) => {
                self.trace.line(self.now, format_args!("service: link {}", if up { "up" } else { "down" }));
                self.oracle.link(up);
                responder.handle_link(up, now);
            }
            Input::Published(publication) => {
                self.oracle.ended(publication);
                responder.handle_published(publication);
            }
            Input::Undeliverable(publication) => {
                self.oracle.coverage.event(crate::coverage::Exercised::Undeliverable);
                self.oracle.ended(publication);
                responder.handle_undeliverable(publication);
            }
            Input::Wake => {
                self.oracle.timeout()?;
                responder.handle_timeout(now);
            }
        }
        Ok(())
    }

    /// Performs the effects of the service: all of them, or sometimes a part.
    fn drain(&mut self) -> Check {
        let now = self.clocks();
        loop {
            if self.strikes(Fault::CrashBetweenEffects) && self.may_crash() {
                self.kill_service();
                return Ok(());
            }
            if self.strikes(Fault::LateDrain) {
                let late = self.faults.chance(Fault::LateDrain).below(100);
                self.oracle.disturbed(self.now + late);
                self.after(late, Event::Drain(self.service.life));
                return Ok(());
            }
            let Some(responder) = &mut self.service.responder else { return Ok(()) };
            self.oracle.see(self.now, now.instant.as_millis(), now.epoch_ms);
            let Some(effect) = responder.poll_effect(now) else { break };
            self.perform(effect)?;
        }
        let Some(responder) = &self.service.responder else { return Ok(()) };
        let wakeup = responder.poll_timeout().map(setpoint::MonotonicTime::as_millis);
        self.oracle.drained(&responder.stats(), wakeup)?;
        self.schedule_wake(wakeup);
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> Check {
        let failed = self.oracle.is_store_failed();
        match effect {
            Effect::Persist { write, records, audit } => {
                let count = records.len() + audit.len();
                self.trace.line(self.now, format_args!("service: write {} of {count} records", write.0));
                if !failed {
                    self.oracle.recorded(&records, &self.world)?;
                    self.oracle.audited(&audit)?;
                    self.write(write, records);
                }
                Ok(())
            }
            Effect::Answer { batch, status, body } => {
                self.trace.line(self.now, format_args!("service: answers {} with {status}", batch.0));
                let taken = self.oracle.answered(batch, status, &body)?;
                if let Some(request) = self.service.connections.remove(&batch) {
                    self.respond(&request, body, &taken);
                }
                Ok(())
            }
            Effect::HandOver { message_id, topic, payload, deadline } => {
                hold!(!failed, I10, "a command is handed over after the store failed");
                self.hand_over(message_id, topic, payload, deadline)
            }
            Effect::Publish { publication, org_id, family, channel_id, body, replies } => {
                hold!(!failed, I10, "a final is published after the store failed");
                let to = (&*org_id, family, &*channel_id);
                self.oracle.published(publication, to, &body, replies, &self.world)?;
                self.trace.line(self.now, format_args!("service: publishes {}", String::from_utf8_lossy(&body)));
                let org = usize::from(&*org_id != crate::world::ORGS[0]);
                let message = Message { publication, org, body };
                self.publish_attempt(self.service.life, Rc::new(message))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn drain_later(&mut self, life: u64) -> Check {
        if life != self.service.life || !self.service.is_up() {
            return Ok(());
        }
        if self.service.paused {
            self.after(1_000, Event::Drain(life));
            return Ok(());
        }
        self.drain()
    }

    fn schedule_wake(&mut self, wakeup: Option<u64>) {
        let Some(at) = wakeup else {
            self.service.wake_at = None;
            return;
        };
        let at = at.cast_signed().saturating_sub(self.service.monotonic);
        let at = u64::try_from(at).unwrap_or(0).max(self.now);
        // An overdue wake-up comes late; it is not scheduled again.
        if self.service.wake_at.is_none_or(|set| set > at) {
            self.service.wake_at = Some(at);
            let late = if self.strikes(Fault::LateTimer) { self.faults.chance(Fault::LateTimer).below(150) } else { 0 };
            self.queue.push(at + late, Event::Wake(self.service.life, at));
        }
    }

    /// The wake-up for `at`, unless another one was scheduled since.
    pub(crate) fn wake(&mut self, life: u64, at: u64) -> Check {
        if life != self.service.life || self.service.wake_at != Some(at) {
            return Ok(());
        }
        self.service.wake_at = None;
        if !self.service.paused {
            return self.give(life, Input::Wake);
        }
        Ok(())
    }

    pub(crate) fn finished_service(&self) -> Check {
        let Some(responder) = &self.service.responder else { return Ok(()) };
        let stats = responder.stats();
        hold!((stats.pending, stats.outbox) == (0, 0), Left, "{stats:?}");
        Ok(())
    }
}

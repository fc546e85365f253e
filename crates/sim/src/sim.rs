//! One run: its state and its event loop.

use std::rc::Rc;

use setpoint::{MessageId, requester::RequestBatchId};

use crate::{
    caller::Caller,
    caller_actions::Request,
    channel_broker::{ChannelBroker, Message},
    coverage::Exercised,
    device_broker::DeviceBroker,
    devices::{Command, Devices},
    faults::{Fault, Faults},
    oracle::{Oracle, Said},
    plan::Plan,
    queue::Queue,
    rng::Rng,
    service::{Input, Service},
    store::Store,
    trace::Trace,
    violation::Check,
    world::{ORGS, World},
};

#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) plan: Plan,
    pub(crate) faults: Faults,
    pub(crate) world: World,
    pub(crate) oracle: Oracle,
    pub(crate) trace: Trace,
    pub(crate) queue: Queue<Event>,
    /// Simulated time, in milliseconds since the start of the run. No clock of the service shows it.
    pub(crate) now: u64,
    pub(crate) service: Service,
    pub(crate) store: Store,
    pub(crate) device_broker: DeviceBroker,
    pub(crate) devices: Devices,
    pub(crate) channel_broker: ChannelBroker,
    pub(crate) callers: Vec<Caller>,
    /// Number of request ids used so far, by caller and family.
    pub(crate) ids: Vec<[u64; 2]>,
    /// Randomness of the callers.
    pub(crate) chance: Rng,
    /// Whether the last batches, after all faults have stopped, are being sent.
    pub(crate) probing: bool,
    /// Items of those last batches.
    pub(crate) probes: Vec<usize>,
}

/// What the event queue holds.
#[derive(Debug)]
pub(crate) enum Event {
    Submit(usize),
    Stranger(usize),
    Attempt(usize, u32, RequestBatchId),
    AttemptOver(usize, u32, RequestBatchId, u32),
    Cancel(usize, u32, RequestBatchId),
    CallerWake(usize, u32, u64),
    CallerCrash(usize),
    Request(Rc<Request>),
    Response { to: Rc<Request>, body: Rc<Vec<u8>> },
    Input(u64, Input),
    Drain(u64),
    Wake(u64, u64),
    Synced(u64),
    Disaster(Disaster),
    Command(Rc<Command>),
    Execute(Rc<Command>, u64),
    Finish(Rc<Command>, u64),
    Said(Rc<Said>),
    Publish(u64, Rc<Message>),
    Deliver(usize, Rc<Message>),
    Heal,
    Probe,
}

/// A fault at a time drawn before the run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disaster {
    Crash,
    Restart(u64),
    Pause,
    Resume(u64),
    Suspend,
    WallStep,
    LinkDown,
    LinkUp,
    ChannelDown,
    ChannelUp,
    BrokerForgets,
    Reboot(usize),
    Booted(usize, u64),
}

/// More steps than any run takes: beyond, it is in an endless loop.
const MAX_STEPS: u64 = 20_000_000;

/// Faults that consist of the configuration, and so last for the whole run.
const CONFIGURED: [Fault; 5] =
    [Fault::SmallBounds, Fault::SmallOutbox, Fault::SmallMemory, Fault::SmallWindow, Fault::ShortMemory];

impl Sim {
    pub(crate) fn new(plan: Plan, faults: Faults, keep_trace: bool) -> Self {
        let world = World::new(&plan);
        let deduplicates = world.devices.iter().map(|known| known.device.deduplicates).collect();
        let mut oracle = Oracle::new(plan.responder.clone(), deduplicates);
        let slow = if faults.is_on(Fault::StoreSlow) { 4_000 } else { 0 };
        oracle.publish_bound_ms = 2 * (10 * plan.store_ms + slow) + 100;
        oracle.timer_bound_ms = if faults.is_on(Fault::LateTimer) { 1_000 } else { 20 };
        oracle.lenient = faults.is_on(Fault::LateDrain);
        let seed = plan.seed;
        let mut sim = Self {
            service: Service::new(&plan),
            store: Store::new(seed),
            device_broker: DeviceBroker::new(seed),
            devices: Devices::new(&plan, &world),
            channel_broker: ChannelBroker::new(seed),
            callers: Vec::new(),
            ids: vec![[0; 2]; plan.callers as usize],
            chance: Rng::new(seed, 2),
            trace: Trace::new(keep_trace),
            queue: Queue::new(),
            now: 0,
            probing: false,
            probes: Vec::new(),
            plan,
            faults,
            world,
            oracle,
        };
        if sim.plan.uptime_ms + sim.plan.active_ms >= 1 << 36 {
            sim.exercised(Exercised::LongUptime);
        }
        for fault in CONFIGURED.into_iter().filter(|fault| sim.faults.is_on(*fault)) {
            sim.oracle.coverage.fault(fault);
        }
        for n in 0..sim.plan.callers as usize {
            let org = n % ORGS.len();
            let caller = Caller::new(org, sim.plan.requester.clone(), ORGS[org], sim.chance.bytes32(), 0);
            sim.callers.push(caller);
        }
        sim
    }

    /// Runs to the end, or until a promise is broken.
    pub(crate) fn run(&mut self) -> Check {
        self.start_service()?;
        self.schedule_everything();
        let mut steps = 0;
        while let Some((at, event)) = self.queue.pop() {
            self.now = self.now.max(at);
            self.happen(event)?;
            steps += 1;
            crate::violation::hold!(steps < MAX_STEPS, Liveness, "the run does not come to rest");
        }
        self.finish()
    }

    fn happen(&mut self, event: Event) -> Check {
        match event {
            Event::Submit(caller) => self.submit(caller, false),
            Event::Stranger(org) => self.stranger(org),
            Event::Attempt(caller, life, batch) => self.attempt(caller, life, batch),
            Event::AttemptOver(caller, life, batch, attempt) => self.attempt_over(caller, life, batch, attempt),
            Event::Cancel(caller, life, batch) => self.cancel(caller, life, batch),
            Event::CallerWake(caller, life, at) => self.caller_wakes(caller, life, at),
            Event::CallerCrash(caller) => self.caller_crashes(caller),
            Event::Request(request) => self.request_arrives(request),
            Event::Response { to, body } => self.response_arrives(&to, &body),
            Event::Input(life, input) => self.give(life, input),
            Event::Drain(life) => self.drain_later(life),
            Event::Wake(life, at) => self.wake(life, at),
            Event::Synced(life) => self.synced(life),
            Event::Disaster(disaster) => self.strike(disaster),
            Event::Command(command) => self.command_arrives(&command),
            Event::Execute(command, boot) => self.execute(&command, boot),
            Event::Finish(command, boot) => self.finish_execution(&command, boot),
            Event::Said(said) => self.said_arrives(said),
            Event::Publish(life, message) => self.publish_attempt(life, message),
            Event::Deliver(caller, message) => self.deliver(caller, &message),
            Event::Heal => self.heal(),
            Event::Probe => self.probe(),
        }
    }

    pub(crate) fn after(&mut self, ms: u64, event: Event) {
        self.queue.push(self.now + ms, event);
    }

    /// Whether the fault strikes now. If so, it is counted and traced.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.faults.strikes(fault);
        if strikes {
            self.oracle.coverage.fault(fault);
            self.trace.line(self.now, format_args!("! {}", fault.name()));
        }
        strikes
    }

    pub(crate) fn exercised(&mut self, event: Exercised) {
        self.oracle.coverage.event(event);
    }

    /// A short name of a command for traces: org and request id.
    pub(crate) fn name_of(&self, message_id: MessageId) -> String {
        self.oracle
            .of_message(message_id)
            .map_or_else(|| message_id.to_string(), |item| format!("{}/{}", ORGS[item.org], item.id()))
    }

    fn finish(&self) -> Check {
        self.oracle.finished()?;
        for caller in &self.callers {
            caller.finished()?;
        }
        for probe in &self.probes {
            let id = self.oracle.items[*probe].id();
            crate::violation::hold!(
                self.oracle.succeeded(*probe),
                Liveness,
                "everything is well, and {id} did not succeed: {:?}",
                self.oracle.items[*probe]
            );
        }
        self.finished_service()
    }
}

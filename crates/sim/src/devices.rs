//! Devices: some de-duplicate, some obey the deadline, and all have faults.

use std::{collections::BTreeMap, rc::Rc};

use setpoint::MessageId;

use crate::{
    coverage::Exercised,
    faults::Fault,
    oracle::{AnswerText, Said},
    plan::Plan,
    rng::Rng,
    sim::{Disaster, Event, Sim},
    violation::Check,
    world::{EPOCH_MS, World},
};

/// The code with which a device refuses an expired command.
const TOO_OLD: i64 = 2_408;

#[derive(Debug)]
pub(crate) struct Devices {
    devices: Vec<Device>,
    pub(crate) chance: Rng,
}

#[derive(Debug)]
struct Device {
    deduplicates: bool,
    obeys: bool,
    clock_error_ms: i64,
    up: bool,
    /// The number of its restarts. What an earlier one was doing is lost.
    boot: u64,
    busy_until: u64,
    /// The message ids that it received, with its answers; kept across restarts.
    known: BTreeMap<MessageId, Option<AnswerText>>,
    /// Commands that the broker keeps while it is offline.
    waiting: Vec<Rc<Command>>,
}

/// A command on its way.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) message_id: MessageId,
    pub(crate) device: usize,
    pub(crate) topic: String,
    pub(crate) deadline_epoch_ms: i64,
    /// The restart of the broker in whose memory it is.
    pub(crate) memory: u64,
}

impl Devices {
    pub(crate) fn new(plan: &Plan, world: &World) -> Self {
        let mut chance = Rng::new(plan.seed, 8);
        let device = |known: &crate::world::KnownDevice| Device {
            deduplicates: known.device.deduplicates,
            obeys: chance.below(100) < plan.obeying,
            clock_error_ms: chance.pick(&[0, 0, 40, -40, 300_000, -300_000]),
            up: true,
            boot: 0,
            busy_until: 0,
            known: BTreeMap::new(),
            waiting: Vec::new(),
        };
        let devices = world.devices.iter().map(device).collect();
        Self { devices, chance }
    }
}

impl Sim {
    /// A device receives a command.
    pub(crate) fn device_gets(&mut self, command: &Rc<Command>) {
        let device = &mut self.devices.devices[command.device];
        if !device.up {
            if self.plan.sessions_persist {
                device.waiting.push(Rc::clone(command));
            }
            return;
        }
        if device.deduplicates {
            if let Some(said) = device.known.get(&command.message_id).cloned() {
                self.exercised(Exercised::Deduplicated);
                if let Some(text) = said {
                    self.answer(command, text);
                }
                return;
            }
            device.known.insert(command.message_id, None);
        }
        let starts = device.busy_until.max(self.now);
        let mut takes = self.devices.chance.delay(self.plan.execution_ms);
        if self.strikes(Fault::DeviceSlow) {
            takes += self.faults.chance(Fault::DeviceSlow).below(30_000);
        }
        let device = &mut self.devices.devices[command.device];
        device.busy_until = starts + takes;
        let (ends, boot) = (device.busy_until, device.boot);
        self.queue.push(starts, Event::Execute(Rc::clone(command), boot));
        self.queue.push(ends, Event::Finish(Rc::clone(command), boot));
    }

    /// The device begins to execute a command, or refuses it.
    pub(crate) fn execute(&mut self, command: &Rc<Command>, boot: u64) -> Check {
        let device = &mut self.devices.devices[command.device];
        if device.boot != boot {
            return Ok(());
        }
        let wall = EPOCH_MS + self.now.cast_signed() + device.clock_error_ms;
        if device.obeys && wall >= command.deadline_epoch_ms {
            self.exercised(Exercised::Stale);
            self.trace.line(self.now, format_args!("device: refuses {}, too old", self.name_of(command.message_id)));
            // It answers when the execution would have ended.
            return Ok(());
        }
        let obeys = device.obeys.then_some(device.clock_error_ms.unsigned_abs() + 2_000);
        self.trace.line(self.now, format_args!("device: executes {}", self.name_of(command.message_id)));
        self.oracle.executed(command.message_id, self.now, obeys)?;
        self.devices.devices[command.device].known.entry(command.message_id).or_default();
        Ok(())
    }

    /// The device answers a command that it has executed or refused.
    pub(crate) fn finish_execution(&mut self, command: &Rc<Command>, boot: u64) -> Check {
        let device = &self.devices.devices[command.device];
        if device.boot != boot {
            return Ok(());
        }
        let executed = self.oracle.of_message(command.message_id).is_some_and(|item| item.executions > 0);
        let id = command.message_id;
        let text = if !executed {
            AnswerText { code: Some(TOO_OLD), message: Some("too old".to_owned()), output: None }
        } else if self.strikes(Fault::DeviceFails) {
            let rng = self.faults.chance(Fault::DeviceFails);
            let message = rng.coin().then(|| "not today".to_owned());
            AnswerText { code: Some(rng.pick(&[1_101, 1_102, 2_000, -1, 0])), message, output: None }
        } else {
            let n = self.devices.chance.below(1_000_000);
            let output = self.devices.chance.chance(800).then(|| format!("{{\"by\":\"{id}\",\"n\":{n}.0}}"));
            AnswerText { code: Some(200), message: None, output }
        };
        let device = &mut self.devices.devices[command.device];
        if device.deduplicates {
            device.known.insert(id, Some(text.clone()));
        }
        if self.strikes(Fault::DeviceSilent) {
            return Ok(());
        }
        if self.strikes(Fault::DeviceContradicts) {
            let opposite = if text.is_success() { 2_001 } else { 200 };
            // A device that did not execute it never says that it did.
            if executed || opposite != 200 {
                let other = AnswerText { code: Some(opposite), message: None, output: None };
                self.answer(command, other);
            }
        }
        self.send_misattributed(command);
        if self.strikes(Fault::DeviceGarbage) {
            self.answer_garbage(command);
            return Ok(());
        }
        self.answer(command, text);
        Ok(())
    }

    /// The device answers on the topic of the command.
    fn answer(&mut self, command: &Command, text: AnswerText) {
        self.oracle.said(command.message_id, &text);
        let said = said(command, format!("{}_reply", command.topic), text, true);
        self.say(said);
    }

    /// Sends answers about the command that must not count: on wrong topics, of foreign devices, with invented ids.
    fn send_misattributed(&mut self, command: &Command) {
        let success = AnswerText { code: Some(200), message: None, output: Some("{\"by\":\"nobody\"}".to_owned()) };
        if self.strikes(Fault::DeviceWrongTopic) {
            let own = &self.world.devices[command.device].device.device_key;
            let topic = match self.faults.chance(Fault::DeviceWrongTopic).below(3) {
                0 => format!("/sys/p/{own}9/thing/service/start_reply"),
                1 => format!("/sys/p/{own}/thing/service/another_reply"),
                _ => format!("{}_reply", command.topic.replacen("/sys/p/", "/sys/q/", 1)),
            };
            let message = said(command, topic, success.clone(), false);
            self.say(message);
        }
        if self.strikes(Fault::DeviceForeign) {
            let foreign = (command.device + self.world.per_org()) % self.world.devices.len();
            let own = &*self.world.devices[command.device].device.device_key;
            let foreign = &*self.world.devices[foreign].device.device_key;
            let topic = format!("{}_reply", command.topic.replacen(own, foreign, 1));
            let message = said(command, topic, success.clone(), false);
            self.say(message);
        }
        if self.strikes(Fault::DeviceInvents) {
            let rng = self.faults.chance(Fault::DeviceInvents);
            let invented = MessageId::from_bits(if rng.coin() { rng.bits128() } else { u128::from(rng.below(100)) });
            let mut message = said(command, format!("{}_reply", command.topic), success, true);
            message.payload = format!("{{\"id\":\"{invented}\",\"code\":200}}").into_bytes();
            message.about = Some(invented);
            self.say(message);
        }
    }

    /// Answers with something that cannot be used, some of it without a readable id.
    fn answer_garbage(&mut self, command: &Command) {
        let id = command.message_id;
        let kinds = [
            (true, "code is text", format!("{{\"id\":\"{id}\",\"code\":\"200\"}}")),
            (true, "no code", format!("{{\"id\":\"{id}\"}}")),
            (true, "list", format!("{{\"id\":\"{id}\",\"code\":200,\"data\":[]}}")),
            (true, "huge", format!("{{\"id\":\"{id}\",\"code\":200,\"data\":{{\"x\":1e999}}}}")),
            (false, "", "not JSON".to_owned()),
            (false, "", format!("{{\"id\":\"{id}\",\"code\":200")),
            (false, "", format!("{{\"id\":\"{id}\",\"id\":\"{id}\",\"code\":200}}")),
            (false, "", format!("{{\"id\":\"{id}\",\"code\":200,\"data\":{{\"a\":1,\"a\":2}}}}")),
            (false, "", "{\"code\":200}".to_owned()),
            (false, "", "{\"id\":\"\",\"code\":200}".to_owned()),
        ];
        let pick = self.faults.chance(Fault::DeviceGarbage).index(kinds.len());
        let (readable, kind, payload) = kinds[pick].clone();
        let text = AnswerText { code: None, message: Some(kind.to_owned()), output: None };
        if readable {
            self.oracle.said(id, &text);
        }
        let mut message = said(command, format!("{}_reply", command.topic), text, true);
        message.payload = payload.into_bytes();
        message.readable = readable;
        self.say(message);
    }

    pub(crate) fn reboot(&mut self, at: usize) {
        let away = self.faults.chance(Fault::DeviceReboots).below(20_000);
        let device = &mut self.devices.devices[at];
        device.up = false;
        device.boot += 1;
        device.busy_until = 0;
        let boot = device.boot;
        self.after(away, Event::Disaster(Disaster::Booted(at, boot)));
    }

    pub(crate) fn booted(&mut self, device: usize, boot: u64) {
        if self.devices.devices[device].boot == boot {
            self.boot_now(device);
        }
    }

    /// The device is online, and its clock is right.
    pub(crate) fn heal_device(&mut self, device: usize) {
        self.devices.devices[device].clock_error_ms = 0;
        self.boot_now(device);
    }

    fn boot_now(&mut self, device: usize) {
        let device = &mut self.devices.devices[device];
        device.up = true;
        for command in std::mem::take(&mut device.waiting) {
            self.device_gets(&command);
        }
    }
}

fn said(command: &Command, topic: String, text: AnswerText, right_topic: bool) -> Said {
    let mut payload = format!("{{\"id\":\"{}\"", command.message_id);
    if let Some(code) = text.code {
        payload += &format!(",\"code\":{code}");
    }
    if let Some(message) = &text.message {
        payload += &format!(",\"message\":\"{message}\"");
    }
    if let Some(output) = &text.output {
        payload += &format!(",\"data\":{output}");
    }
    payload.push('}');
    Said { topic, payload: payload.into_bytes(), about: Some(command.message_id), readable: true, right_topic, text }
}

//! The broker between the service and its devices: it loses, repeats, delays, reorders and forgets messages.

use std::{collections::VecDeque, rc::Rc};

use setpoint::{MessageId, responder::HandedOver};

use crate::{
    devices::Command,
    faults::Fault,
    oracle::Said,
    rng::Rng,
    service::Input,
    sim::{Event, Sim},
    violation::{Check, hold},
};

/// Commands that the broker may deliver again after a restart with an old state, at most.
const MAX_OLD: usize = 20;

#[derive(Debug)]
pub(crate) struct DeviceBroker {
    /// Whether the service can reach the broker. The service learns of a change later.
    pub(crate) up: bool,
    /// When the service learns of the latest change. It learns of changes in order.
    pub(crate) noticed_at: u64,
    /// The number of the broker's restarts. What it held in memory before is lost.
    memory: u64,
    old: VecDeque<Rc<Command>>,
    pub(crate) chance: Rng,
}

impl DeviceBroker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { up: true, noticed_at: 0, memory: 0, old: VecDeque::new(), chance: Rng::new(seed, 7) }
    }
}

impl Sim {
    /// The service hands a command to the broker.
    pub(crate) fn hand_over(
        &mut self,
        message_id: MessageId,
        topic: String,
        payload: Vec<u8>,
        deadline: setpoint::MonotonicTime,
    ) -> Check {
        let n = self.oracle.handed_over(message_id, deadline.as_millis(), self.service.wall.unsigned_abs())?;
        let text = String::from_utf8_lossy(&payload).into_owned();
        self.trace.line(self.now, format_args!("service: hands over {} on {topic}: {text}", self.name_of(message_id)));
        let item = &self.oracle.items[n];
        let device = &self.world.devices[item.spec.device].device;
        let own = format!("/sys/{}/{}/", device.product_key, device.device_key);
        hold!(topic.starts_with(&own), I3, "{} is handed over on {topic}", item.id());
        let named = text.contains(&message_id.to_string());
        hold!(named, I3, "{} is handed over without its message id: {text}", item.id());
        let deadline_epoch_ms = number_after(&text, "\"deadline\":");
        let device = item.spec.device;
        let command = Command { message_id, device, topic, deadline_epoch_ms, memory: self.device_broker.memory };
        let command = Rc::new(command);

        let life = self.service.life;
        let mut how = HandedOver::Taken;
        let mut leaves = true;
        if !self.device_broker.up {
            leaves = false;
            how = if self.device_broker.chance.coin() { HandedOver::NotSent } else { HandedOver::Unclear };
        } else if self.strikes(Fault::UnclearHandOver) {
            leaves = self.device_broker.chance.coin();
            how = HandedOver::Unclear;
        } else if self.strikes(Fault::NotSent) {
            leaves = false;
            how = HandedOver::NotSent;
        }
        let mut confirms = self.device_broker.chance.delay(self.plan.link_ms);
        if how == HandedOver::Unclear {
            // Reconnecting takes a while.
            confirms += self.device_broker.chance.between(100, 1_000);
        }
        if self.strikes(Fault::SlowConfirmation) {
            confirms += self.faults.chance(Fault::SlowConfirmation).below(20_000);
        }
        self.after(confirms, Event::Input(life, Input::HandedOver(message_id, how)));
        if leaves {
            self.carry(command);
        }
        Ok(())
    }

    fn carry(&mut self, command: Rc<Command>) {
        self.device_broker.old.push_back(Rc::clone(&command));
        if self.device_broker.old.len() > MAX_OLD {
            self.device_broker.old.pop_front();
        }
        if self.strikes(Fault::CommandLost) {
            return;
        }
        let copies = if self.strikes(Fault::CommandRepeated) { 2 } else { 1 };
        for _ in 0..copies {
            let mut travels = self.device_broker.chance.delay(self.plan.link_ms);
            if self.strikes(Fault::CommandSlow) {
                travels += self.faults.chance(Fault::CommandSlow).below(60_000);
            }
            self.after(travels, Event::Command(Rc::clone(&command)));
        }
    }

    /// A command arrives at its device, unless the broker has forgotten it.
    pub(crate) fn command_arrives(&mut self, command: &Rc<Command>) -> Check {
        if command.memory == self.device_broker.memory || self.device_broker.chance.coin() {
            self.device_gets(command);
        }
        Ok(())
    }

    /// The broker restarts with an old state.
    pub(crate) fn broker_forgets(&mut self) {
        self.device_broker.memory += 1;
        let old: Vec<_> = self.device_broker.old.iter().cloned().collect();
        for command in old {
            if self.faults.chance(Fault::BrokerForgets).chance(300) {
                let travels = self.device_broker.chance.delay(self.plan.link_ms);
                self.after(travels, Event::Command(command));
            }
        }
    }

    /// The link goes down or up; the service learns of it a little later.
    pub(crate) fn set_link(&mut self, up: bool) {
        self.device_broker.up = up;
        let notices = self.now + self.device_broker.chance.delay(100);
        self.device_broker.noticed_at = self.device_broker.noticed_at.max(notices);
        self.queue.push(self.device_broker.noticed_at, Event::Input(self.service.life, Input::Link(up)));
    }

    /// A device publishes a message.
    pub(crate) fn say(&mut self, said: Said) {
        if self.strikes(Fault::AnswerLost) {
            return;
        }
        let said = Rc::new(said);
        let copies = if self.strikes(Fault::AnswerRepeated) {
            self.faults.chance(Fault::AnswerRepeated).between(2, 5)
        } else {
            1
        };
        for _ in 0..copies {
            let mut travels = self.device_broker.chance.delay(self.plan.link_ms);
            if self.strikes(Fault::AnswerSlow) {
                travels += self.faults.chance(Fault::AnswerSlow).below(60_000);
            }
            self.after(travels, Event::Said(Rc::clone(&said)));
        }
    }

    /// A device's message arrives at the service's address.
    pub(crate) fn said_arrives(&mut self, said: Rc<Said>) -> Check {
        if self.service.is_up() && self.device_broker.up {
            return self.give(self.service.life, Input::Said(said));
        }
        if self.plan.sessions_persist {
            self.after(500, Event::Said(said));
        }
        Ok(())
    }
}

/// The integer that follows `name` in the text.
fn number_after(text: &str, name: &str) -> i64 {
    let rest = text.rfind(name).map_or("", |at| &text[at + name.len()..]);
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().unwrap_or(0)
}

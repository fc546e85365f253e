//! The device broker between the service and its devices: it drops, repeats, delays, reorders and forgets.

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

/// As many commands the broker may deliver again after a restart with an old state.
const OLD: usize = 20;

#[derive(Debug)]
pub(crate) struct Link {
    /// Whether the service reaches the broker, in truth.
    pub(crate) up: bool,
    /// When the service hears of the newest change: of changes it hears in order.
    pub(crate) noticed_at: u64,
    /// Counts the broker's restarts: what it held in memory before is gone.
    memory: u64,
    old: VecDeque<Rc<Command>>,
    pub(crate) chance: Rng,
}

impl Link {
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
        let command = Command { message_id, device, topic, deadline_epoch_ms, memory: self.link.memory };
        let command = Rc::new(command);

        let life = self.service.life;
        let mut how = HandedOver::Taken;
        let mut leaves = true;
        if !self.link.up {
            leaves = false;
            how = if self.link.chance.coin() { HandedOver::NotSent } else { HandedOver::Unclear };
        } else if self.strikes(Fault::UnclearHandOver) {
            leaves = self.link.chance.coin();
            how = HandedOver::Unclear;
        } else if self.strikes(Fault::NotSent) {
            leaves = false;
            how = HandedOver::NotSent;
        }
        let mut confirms = self.link.chance.delay(self.plan.link_ms);
        if how == HandedOver::Unclear {
            // A connection is not re-made without delay.
            confirms += self.link.chance.between(100, 1_000);
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
        self.link.old.push_back(Rc::clone(&command));
        if self.link.old.len() > OLD {
            self.link.old.pop_front();
        }
        if self.strikes(Fault::CommandLost) {
            return;
        }
        let copies = if self.strikes(Fault::CommandRepeated) { 2 } else { 1 };
        for _ in 0..copies {
            let mut travels = self.link.chance.delay(self.plan.link_ms);
            if self.strikes(Fault::CommandSlow) {
                travels += self.faults.chance(Fault::CommandSlow).below(60_000);
            }
            self.after(travels, Event::Command(Rc::clone(&command)));
        }
    }

    /// A command arrives at its device, if the broker still knows of it.
    pub(crate) fn command_arrives(&mut self, command: &Rc<Command>) -> Check {
        if command.memory == self.link.memory || self.link.chance.coin() {
            self.device_gets(command);
        }
        Ok(())
    }

    /// The broker restarts with an old state.
    pub(crate) fn broker_forgets(&mut self) {
        self.link.memory += 1;
        let old: Vec<_> = self.link.old.iter().cloned().collect();
        for command in old {
            if self.faults.chance(Fault::BrokerForgets).chance(300) {
                let travels = self.link.chance.delay(self.plan.link_ms);
                self.after(travels, Event::Command(command));
            }
        }
    }

    /// The link breaks or is made again; the service hears of it a little later.
    pub(crate) fn link_goes(&mut self, up: bool) {
        self.link.up = up;
        let notices = self.now + self.link.chance.delay(100);
        self.link.noticed_at = self.link.noticed_at.max(notices);
        self.queue.push(self.link.noticed_at, Event::Input(self.service.life, Input::Link(up)));
    }

    /// A device says something: onto the broker with it.
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
            let mut travels = self.link.chance.delay(self.plan.link_ms);
            if self.strikes(Fault::AnswerSlow) {
                travels += self.faults.chance(Fault::AnswerSlow).below(60_000);
            }
            self.after(travels, Event::Said(Rc::clone(&said)));
        }
    }

    /// What a device said arrives where the service should be.
    pub(crate) fn said_arrives(&mut self, said: Rc<Said>) -> Check {
        if self.service.is_up() && self.link.up {
            return self.give(self.service.life, Input::Said(said));
        }
        if self.plan.sessions_persist {
            self.after(500, Event::Said(said));
        }
        Ok(())
    }
}

/// The integer that follows this in the text.
fn number_after(text: &str, name: &str) -> i64 {
    let rest = text.rfind(name).map_or("", |at| &text[at + name.len()..]);
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().unwrap_or(0)
}

//! The channels' broker: it takes its time, loses what it has not confirmed, and delivers things twice.

use std::rc::Rc;

use setpoint::responder::PublicationId;

use crate::{
    faults::Fault,
    rng::Rng,
    service::Input,
    sim::{Event, Sim},
    violation::Check,
};

#[derive(Debug)]
pub(crate) struct Channels {
    pub(crate) up: bool,
    chance: Rng,
}

/// A channel message on its way.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) publication: PublicationId,
    pub(crate) org: usize,
    pub(crate) body: Vec<u8>,
}

impl Channels {
    pub(crate) fn new(seed: u64) -> Self {
        Self { up: true, chance: Rng::new(seed, 6) }
    }
}

impl Sim {
    /// The service's driver gives a message to the broker, again and again until it is confirmed.
    pub(crate) fn publish_attempt(&mut self, life: u64, message: Rc<Message>) -> Check {
        if life != self.service.life || !self.service.is_up() {
            return Ok(());
        }
        let publication = message.publication;
        let takes = self.channels.chance.delay(self.plan.channel_ms);
        if self.strikes(Fault::ChannelGone) {
            self.after(takes, Event::Input(life, Input::Undeliverable(publication)));
            return Ok(());
        }
        let lost = self.strikes(Fault::ChannelLoses);
        if !self.channels.up || lost {
            // Perhaps only the confirmation is lost.
            if lost && self.channels.chance.coin() {
                self.spread(&message);
            }
            let later = self.channels.chance.between(200, 3_000);
            self.after(takes + later, Event::Publish(life, message));
            return Ok(());
        }
        self.spread(&message);
        let mut confirms = takes;
        if self.strikes(Fault::ChannelSlow) {
            confirms += self.faults.chance(Fault::ChannelSlow).below(20_000);
        }
        self.after(confirms, Event::Input(life, Input::Published(publication)));
        Ok(())
    }

    /// Everybody of the org who listens gets the message, in any order with others.
    fn spread(&mut self, message: &Rc<Message>) {
        for caller in 0..self.callers.len() {
            if self.callers[caller].org != message.org {
                continue;
            }
            let copies = if self.strikes(Fault::ChannelRepeats) { 2 } else { 1 };
            for _ in 0..copies {
                let travels = self.channels.chance.delay(self.plan.channel_ms);
                self.after(travels, Event::Deliver(caller, Rc::clone(message)));
            }
        }
    }
}

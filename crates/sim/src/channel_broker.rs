//! The broker of the channels: it delays messages, loses unconfirmed ones, and delivers some twice.

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
pub(crate) struct ChannelBroker {
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

impl ChannelBroker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { up: true, chance: Rng::new(seed, 6) }
    }
}

impl Sim {
    /// The service's driver sends a message to the broker, and repeats it until it is confirmed.
    pub(crate) fn publish_attempt(&mut self, life: u64, message: Rc<Message>) -> Check {
        if life != self.service.life || !self.service.is_up() {
            return Ok(());
        }
        let publication = message.publication;
        let takes = self.channel_broker.chance.delay(self.plan.channel_ms);
        if self.strikes(Fault::ChannelGone) {
            self.after(takes, Event::Input(life, Input::Undeliverable(publication)));
            return Ok(());
        }
        let lost = self.strikes(Fault::ChannelLoses);
        if !self.channel_broker.up || lost {
            // In some cases only the confirmation is lost.
            if lost && self.channel_broker.chance.coin() {
                self.distribute(&message);
            }
            let later = self.channel_broker.chance.between(200, 3_000);
            self.after(takes + later, Event::Publish(life, message));
            return Ok(());
        }
        self.distribute(&message);
        let mut confirms = takes;
        if self.strikes(Fault::ChannelSlow) {
            confirms += self.faults.chance(Fault::ChannelSlow).below(20_000);
        }
        self.after(confirms, Event::Input(life, Input::Published(publication)));
        Ok(())
    }

    /// Delivers the message to every caller of the org. Messages may overtake each other.
    fn distribute(&mut self, message: &Rc<Message>) {
        for caller in 0..self.callers.len() {
            if self.callers[caller].org != message.org {
                continue;
            }
            let copies = if self.strikes(Fault::ChannelRepeats) { 2 } else { 1 };
            for _ in 0..copies {
                let travels = self.channel_broker.chance.delay(self.plan.channel_ms);
                self.after(travels, Event::Deliver(caller, Rc::clone(message)));
            }
        }
    }
}

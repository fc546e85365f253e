//! What strikes at a time of its own: crashes, pauses, broken links, clocks that step. And how it all ends.

use crate::{
    faults::Fault,
    rng::Rng,
    sim::{Disaster, Event, Sim},
    violation::Check,
};

/// Most crashes of a run.
const CRASHES: u64 = 8;
/// The wall clock stays within these: the window of de-duplication is longer, so no id is forgotten early.
const WALL_MS: std::ops::RangeInclusive<i64> = -79_200_000..=3_600_000;

impl Sim {
    /// Puts everything into the queue that is known beforehand.
    pub(crate) fn plan_everything(&mut self) {
        let mut rng = Rng::new(self.plan.seed, 5);
        let end = self.plan.active_ms;
        for caller in 0..self.callers.len() {
            for _ in 0..self.plan.batches {
                self.queue.push(rng.below(end), Event::Submit(caller));
            }
            self.disasters(Fault::CallerCrashes, 2, |_| Event::CallerCrash(caller));
        }
        for fault in [Fault::KnownIds, Fault::BrokenBodies] {
            let visits = self.plan.batches;
            self.disasters(fault, visits, |rng| Event::Stranger(rng.index(2)));
        }
        let hours = end / 3_600_000 + 1;
        self.disasters(Fault::Crash, 4 * hours, |_| Event::Disaster(Disaster::Crash));
        self.disasters(Fault::Pause, 3 * hours, |_| Event::Disaster(Disaster::Pause));
        self.disasters(Fault::Suspend, 2 * hours, |_| Event::Disaster(Disaster::Suspend));
        self.disasters(Fault::WallSteps, 4 * hours, |_| Event::Disaster(Disaster::WallStep));
        self.disasters(Fault::LinkDown, 4 * hours, |_| Event::Disaster(Disaster::LinkDown));
        self.disasters(Fault::ChannelDown, 3 * hours, |_| Event::Disaster(Disaster::ChannelDown));
        self.disasters(Fault::BrokerForgets, 4 * hours, |_| Event::Disaster(Disaster::BrokerForgets));
        for device in 0..self.world.devices.len() {
            self.disasters(Fault::DeviceReboots, 3 * hours, |_| Event::Disaster(Disaster::Reboot(device)));
        }
        self.queue.push(end, Event::Heal);
    }

    /// Up to `most` of these at any time while faults strike, if the fault is on.
    fn disasters(&mut self, fault: Fault, most: u64, what: impl Fn(&mut Rng) -> Event) {
        if !self.faults.is_on(fault) {
            return;
        }
        let rng = self.faults.chance(fault);
        for _ in 0..rng.between(1, most) {
            let at = rng.below(self.plan.active_ms);
            let event = what(rng);
            self.queue.push(at, event);
        }
    }

    pub(crate) fn may_crash(&self) -> bool {
        let most = CRASHES + self.plan.active_ms / 1_000_000;
        self.service.is_up() && self.service.life <= most && !self.faults.healed()
    }

    pub(crate) fn strike(&mut self, disaster: Disaster) -> Check {
        let healed = self.faults.healed();
        match disaster {
            Disaster::Crash if self.oracle.is_store_failed() || self.may_crash() => {
                self.note(Fault::Crash);
                self.kill_service();
            }
            Disaster::Restart(life) if life == self.service.life && !self.service.is_up() => {
                return self.start_service();
            }
            Disaster::Pause if !healed && self.service.is_up() && !self.service.paused => {
                self.note(Fault::Pause);
                self.service.paused = true;
                let ms = self.faults.chance(Fault::Pause).delay(6_000);
                let life = self.service.life;
                self.after(ms, Event::Disaster(Disaster::Resume(life)));
            }
            Disaster::Suspend if !healed && self.service.is_up() && !self.service.paused => {
                self.note(Fault::Suspend);
                self.service.paused = true;
                let ms = self.faults.chance(Fault::Suspend).between(60_000, 600_000);
                // A machine that sleeps hears nothing: its connections are gone when it wakes.
                self.link.up = false;
                let life = self.service.life;
                self.after(ms, Event::Disaster(Disaster::Resume(life)));
                self.after(ms, Event::Disaster(Disaster::LinkUp));
            }
            Disaster::Resume(life) if life == self.service.life => return self.resume(),
            Disaster::WallStep if !healed => {
                self.note(Fault::WallSteps);
                let rng = self.faults.chance(Fault::WallSteps);
                let size = rng.pick(&[500, 60_000, 3_600_000, 79_200_000]);
                let step = rng.below(size).cast_signed() * if rng.coin() { 1 } else { -1 };
                self.service.wall = (self.service.wall + step).clamp(*WALL_MS.start(), *WALL_MS.end());
            }
            Disaster::LinkDown if !healed && self.link.up => {
                self.note(Fault::LinkDown);
                let ms = self.faults.chance(Fault::LinkDown).delay(10_000);
                self.link_goes(false);
                self.after(ms, Event::Disaster(Disaster::LinkUp));
            }
            Disaster::LinkUp if !self.link.up => self.link_goes(true),
            Disaster::ChannelDown if !healed && self.channels.up => {
                self.note(Fault::ChannelDown);
                self.channels.up = false;
                let ms = self.faults.chance(Fault::ChannelDown).delay(60_000);
                self.after(ms, Event::Disaster(Disaster::ChannelUp));
            }
            Disaster::ChannelUp => self.channels.up = true,
            Disaster::BrokerForgets if !healed => {
                self.note(Fault::BrokerForgets);
                self.broker_forgets();
            }
            Disaster::Reboot(device) if !healed => {
                self.note(Fault::DeviceReboots);
                self.reboot(device);
            }
            Disaster::Booted(device, boot) => self.booted(device, boot),
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, fault: Fault) {
        self.oracle.seen.fault(fault);
        self.trace.line(self.now, format_args!("! {}", fault.name()));
    }

    /// Faults stop and everything is well again; what is under way may end.
    pub(crate) fn heal(&mut self) -> Check {
        self.trace.line(self.now, format_args!("everything heals"));
        self.faults.heal();
        self.channels.up = true;
        self.service.wall = 0;
        if self.oracle.is_store_failed() && self.service.is_up() {
            self.kill_service();
        }
        if !self.service.is_up() {
            self.start_service()?;
        }
        self.resume()?;
        if !self.link.up {
            self.link_goes(true);
        }
        for device in 0..self.world.devices.len() {
            self.heal_device(device);
        }
        // The longest timeout, and what may queue behind it.
        self.after(1_000_000, Event::Probe);
        Ok(())
    }

    /// Everything has been well for long: commands must succeed.
    pub(crate) fn probe(&mut self) -> Check {
        self.trace.line(self.now, format_args!("last batches"));
        self.probing = true;
        for caller in 0..self.callers.len() {
            self.submit(caller, true)?;
        }
        Ok(())
    }
}

//! Faults at times of their own: crashes, pauses, broken links, clock steps. And the end of a run.

use crate::{
    faults::Fault,
    rng::Rng,
    sim::{Disaster, Event, Sim},
    violation::Check,
};

/// Crashes of a short run, at most.
const MAX_CRASHES: u64 = 8;
/// The error of the wall clock stays within this range. The de-duplication window is longer, so that no id is forgotten
/// early.
const WALL_MS: std::ops::RangeInclusive<i64> = -79_200_000..=3_600_000;

impl Sim {
    /// Puts the submissions and faults whose times are drawn beforehand into the queue.
    pub(crate) fn schedule_everything(&mut self) {
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

    /// Schedules up to `most` events at random times while faults strike, if the fault is on.
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
        let most = MAX_CRASHES + self.plan.active_ms / 1_000_000;
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
                // When a suspended machine wakes, its connections are lost.
                self.device_broker.up = false;
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
            Disaster::LinkDown if !healed && self.device_broker.up => {
                self.note(Fault::LinkDown);
                let ms = self.faults.chance(Fault::LinkDown).delay(10_000);
                self.set_link(false);
                self.after(ms, Event::Disaster(Disaster::LinkUp));
            }
            Disaster::LinkUp if !self.device_broker.up => self.set_link(true),
            Disaster::ChannelDown if !healed && self.channel_broker.up => {
                self.note(Fault::ChannelDown);
                self.channel_broker.up = false;
                let ms = self.faults.chance(Fault::ChannelDown).delay(60_000);
                self.after(ms, Event::Disaster(Disaster::ChannelUp));
            }
            Disaster::ChannelUp => self.channel_broker.up = true,
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
        self.oracle.coverage.fault(fault);
        self.trace.line(self.now, format_args!("! {}", fault.name()));
    }

    /// Faults stop, and everything works again. What is under way may end.
    pub(crate) fn heal(&mut self) -> Check {
        self.trace.line(self.now, format_args!("everything heals"));
        self.faults.heal();
        self.channel_broker.up = true;
        self.service.wall = 0;
        if self.oracle.is_store_failed() && self.service.is_up() {
            self.kill_service();
        }
        if !self.service.is_up() {
            self.start_service()?;
        }
        self.resume()?;
        if !self.device_broker.up {
            self.set_link(true);
        }
        for device in 0..self.world.devices.len() {
            self.heal_device(device);
        }
        // Longer than the longest timeout and everything that may be queued behind it.
        self.after(1_000_000, Event::Probe);
        Ok(())
    }

    /// Nothing has failed for long: commands must succeed.
    pub(crate) fn probe(&mut self) -> Check {
        self.trace.line(self.now, format_args!("last batches"));
        self.probing = true;
        for caller in 0..self.callers.len() {
            self.submit(caller, true)?;
        }
        Ok(())
    }
}

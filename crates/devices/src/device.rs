//! What one device does with what arrives, apart from the network and from waiting.

use std::sync::Arc;
use std::time::Instant;

use crate::answer::{self, Planned};
use crate::behaviour::Behaviour;
use crate::command::{self, Arrival, Command, Family};
use crate::device_id::DeviceId;
use crate::ledger::{Entry, Ledger, Verdict, epoch_ms};
use crate::memory::Memory;
use crate::options::{FleetOptions, Freshness};
use crate::plan::Plan;

/// The code a device answers with when it refuses a command because its time has run out.
///
/// It is one of the user codes (2000 and above). The gateway has timed the command out by then, so this is a late
/// answer, but one that says for certain that nothing was done.
pub const STALE_CODE: i64 = 2408;

/// A device's logic and memory.
pub(crate) struct Device {
    id: DeviceId,
    neighbour: DeviceId,
    plan: Arc<dyn Plan>,
    options: Arc<FleetOptions>,
    ledger: Ledger,
    memory: Memory,
}

/// A message as it came from the connection.
pub(crate) struct Received<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub retained: bool,
    pub at: Instant,
}

/// An answer to give, and the ledger entry it belongs to.
pub(crate) struct Due {
    pub entry: u64,
    pub answer: Planned,
}

impl Device {
    pub(crate) fn new(
        id: DeviceId,
        neighbour: DeviceId,
        plan: Arc<dyn Plan>,
        options: Arc<FleetOptions>,
        ledger: Ledger,
    ) -> Self {
        let memory = Memory::new(options.remembered_ids);
        Self { id, neighbour, plan, options, ledger, memory }
    }

    pub(crate) fn id(&self) -> &DeviceId {
        &self.id
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Loses what a power cut loses.
    pub(crate) fn reboot(&mut self) {
        self.memory.forget_all();
    }

    /// Takes a message in, records it, and returns the answers to give.
    pub(crate) fn receive(&mut self, message: &Received<'_>) -> Vec<Due> {
        match command::read(&self.id, message.topic, message.payload) {
            Arrival::Reply => Vec::new(),
            Arrival::Malformed { family, target, reason } => {
                let verdict = if message.retained { Verdict::IgnoredRetained } else { Verdict::Malformed { reason } };
                let entry = self.entry(message, "", family, target, String::new(), verdict);
                self.ledger.record(entry);
                Vec::new()
            }
            Arrival::Command(command) => self.take(message, &command),
        }
    }

    fn take(&mut self, message: &Received<'_>, command: &Command) -> Vec<Due> {
        let (verdict, behaviour, answers) = if message.retained {
            (Verdict::IgnoredRetained, None, Vec::new())
        } else if let Some(before) = self.memory.recall(&command.message_id) {
            (Verdict::Duplicate, None, before.to_vec())
        } else if self.is_stale(message, command) {
            (Verdict::RefusedStale, None, answer::stale(command, STALE_CODE))
        } else {
            let behaviour = self.plan.behaviour(command);
            let answers = answer::plan(command, &behaviour, &self.neighbour);
            self.memory.remember(&command.message_id, answers.clone());
            (Verdict::Executed, Some(behaviour), answers)
        };
        let entry = self.entry(
            message,
            &command.message_id,
            command.family,
            command.target.clone(),
            command.params.clone(),
            verdict,
        );
        let executed = behaviour.as_ref().map(|_| self.ledger.stamp(Instant::now()));
        let number = self.ledger.record(Entry { executed, behaviour, ..entry });
        answers.into_iter().map(|answer| Due { entry: number, answer }).collect()
    }

    fn is_stale(&self, message: &Received<'_>, command: &Command) -> bool {
        let Freshness::Obey { clock_error_ms } = self.options.freshness else {
            return false;
        };
        let waited_ms = i64::try_from(message.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let used_up = command.timeout_ms.is_some_and(|left| left <= waited_ms);
        // `timeout` counts from the hand-over to the broker, so a broker that keeps commands for a device that is
        // away makes it say too much. Only then is the wall clock the better witness.
        let ask_the_clock = command.timeout_ms.is_none() || self.options.persistent_session;
        let passed = ask_the_clock
            && command.deadline_epoch_ms.is_some_and(|deadline| {
                let now = epoch_ms().saturating_add(self.options.clock_offset_ms);
                now > deadline.saturating_add_unsigned(clock_error_ms)
            });
        used_up || passed
    }

    fn entry(
        &self,
        message: &Received<'_>,
        message_id: &str,
        family: Family,
        target: String,
        params: String,
        verdict: Verdict,
    ) -> Entry {
        Entry {
            seq: 0,
            device: self.id.clone(),
            message_id: message_id.to_owned(),
            family,
            target,
            params,
            received: self.ledger.stamp(message.at),
            verdict,
            executed: None,
            behaviour: None::<Behaviour>,
            answers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(options: FleetOptions) -> Device {
        Device::new(
            DeviceId::new("pk", "dk"),
            DeviceId::new("pk", "next"),
            Arc::new(|_: &Command| Behaviour::succeed()),
            Arc::new(options),
            Ledger::new(None),
        )
    }

    fn deliver(device: &mut Device, id: &str, extra: &str, retained: bool) -> (Verdict, Vec<Due>) {
        let payload = format!(r#"{{"id":"{id}","params":{{}},"method":"thing.service.x"{extra}}}"#);
        let due = device.receive(&Received {
            topic: "/sys/pk/dk/thing/service/x",
            payload: payload.as_bytes(),
            retained,
            at: Instant::now(),
        });
        let entry = device.ledger.entries().pop().unwrap();
        assert_eq!(entry.executed.is_some(), entry.verdict == Verdict::Executed);
        (entry.verdict, due)
    }

    #[test]
    fn executes_once_and_repeats_its_answer() {
        let mut device = device(FleetOptions::default());
        let (first, answers) = deliver(&mut device, "m", "", false);
        let (second, repeated) = deliver(&mut device, "m", "", false);
        assert_eq!((first, second), (Verdict::Executed, Verdict::Duplicate));
        assert_eq!(answers[0].answer, repeated[0].answer);
        assert_eq!((answers[0].entry, repeated[0].entry), (0, 1));
        device.reboot();
        assert_eq!(deliver(&mut device, "m", "", false).0, Verdict::Executed);
        assert_eq!(device.ledger.executions("m"), 2);
    }

    #[test]
    fn a_device_without_memory_executes_again() {
        let options = FleetOptions { remembered_ids: 0, ..FleetOptions::default() };
        let mut device = device(options);
        deliver(&mut device, "m", "", false);
        assert_eq!(deliver(&mut device, "m", "", false).0, Verdict::Executed);
    }

    #[test]
    fn retained_messages_are_left_alone() {
        let mut device = device(FleetOptions::default());
        let (verdict, answers) = deliver(&mut device, "m", "", true);
        assert_eq!((verdict, answers.len()), (Verdict::IgnoredRetained, 0));
        // And are not remembered: the real command must still be executed.
        assert_eq!(deliver(&mut device, "m", "", false).0, Verdict::Executed);
    }

    #[test]
    fn a_used_up_timeout_is_stale_whatever_the_clock_says() {
        let mut device = device(FleetOptions::default());
        let future = epoch_ms() + 60_000;
        for left in [0, -1, i64::MIN] {
            let extra = format!(r#","timeout":{left},"deadline":{future}"#);
            let (verdict, answers) = deliver(&mut device, &format!("m{left}"), &extra, false);
            assert_eq!(verdict, Verdict::RefusedStale);
            assert_eq!(answers[0].answer.code, Some(STALE_CODE));
        }
        let past = epoch_ms() - 60_000;
        let extra = format!(r#","timeout":5000,"deadline":{past}"#);
        assert_eq!(deliver(&mut device, "n", &extra, false).0, Verdict::Executed);
    }

    #[test]
    fn the_deadline_decides_where_the_timeout_cannot() {
        let past = epoch_ms() - 60_000;
        let both = format!(r#","timeout":5000,"deadline":{past}"#);
        let alone = format!(r#","deadline":{past}"#);
        assert_eq!(deliver(&mut device(FleetOptions::default()), "m", &alone, false).0, Verdict::RefusedStale);
        let mut options = FleetOptions { persistent_session: true, ..FleetOptions::default() };
        assert_eq!(deliver(&mut device(options.clone()), "m", &both, false).0, Verdict::RefusedStale);
        options.freshness = Freshness::Obey { clock_error_ms: 300_000 };
        assert_eq!(deliver(&mut device(options.clone()), "m", &both, false).0, Verdict::Executed);
        options.freshness = Freshness::Ignore;
        assert_eq!(deliver(&mut device(options), "m", &both, false).0, Verdict::Executed);
    }

    #[test]
    fn a_wrong_wall_clock_does_not_disturb_the_receipt_rule() {
        for offset in [-300_000, 300_000] {
            let options = FleetOptions { clock_offset_ms: offset, ..FleetOptions::default() };
            let extra = format!(r#","timeout":5000,"deadline":{}"#, epoch_ms() + 5000);
            let mut device = device(options);
            assert_eq!(deliver(&mut device, "m", &extra, false).0, Verdict::Executed);
        }
    }
}

//! The logic of one device: which answers a message gets. No network, no waiting.

use std::sync::Arc;
use std::time::Instant;

use setpoint_clock::epoch_ms;

use crate::answer::{self, PlannedAnswer};
use crate::behaviour::Behaviour;
use crate::command::{self, Arrival, Command, Family};
use crate::device_id::DeviceId;
use crate::ledger::{Disposition, Entry, Ledger};
use crate::options::{FleetOptions, Freshness};
use crate::plan::Plan;
use crate::recent_answers::RecentAnswers;

/// The code with which a device refuses an expired command.
///
/// It is one of the user codes (2000 and above). The gateway has timed the command out by then, so this answer is late;
/// it says for certain that nothing was executed.
pub const STALE_CODE: i64 = 2408;

/// A device: its plan, and the message ids that it remembers.
pub(crate) struct Device {
    id: DeviceId,
    neighbour: DeviceId,
    plan: Arc<dyn Plan>,
    options: Arc<FleetOptions>,
    ledger: Ledger,
    recent: RecentAnswers,
}

/// A message as it was read from the connection.
pub(crate) struct ReceivedMessage<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub retained: bool,
    pub at: Instant,
}

/// An answer to publish, and the number of the ledger entry that it belongs to.
pub(crate) struct DueAnswer {
    pub entry: u64,
    pub answer: PlannedAnswer,
}

impl Device {
    pub(crate) fn new(
        id: DeviceId,
        neighbour: DeviceId,
        plan: Arc<dyn Plan>,
        options: Arc<FleetOptions>,
        ledger: Ledger,
    ) -> Self {
        let recent = RecentAnswers::new(options.remembered_ids);
        Self { id, neighbour, plan, options, ledger, recent }
    }

    pub(crate) fn id(&self) -> &DeviceId {
        &self.id
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Forgets what a power cut makes it forget.
    pub(crate) fn reboot(&mut self) {
        self.recent.clear();
    }

    /// Handles a message, records it, and returns the answers to publish.
    pub(crate) fn receive(&mut self, message: &ReceivedMessage<'_>) -> Vec<DueAnswer> {
        match command::read(&self.id, message.topic, message.payload) {
            Arrival::Reply => Vec::new(),
            Arrival::Malformed { family, target, reason } => {
                let disposition =
                    if message.retained { Disposition::IgnoredRetained } else { Disposition::Malformed { reason } };
                let entry = self.entry(message, "", family, target, String::new(), disposition);
                self.ledger.record(entry);
                Vec::new()
            }
            Arrival::Command(command) => self.handle_command(message, &command),
        }
    }

    fn handle_command(&mut self, message: &ReceivedMessage<'_>, command: &Command) -> Vec<DueAnswer> {
        let (disposition, behaviour, answers) = if message.retained {
            (Disposition::IgnoredRetained, None, Vec::new())
        } else if let Some(before) = self.recent.get(&command.message_id) {
            (Disposition::Duplicate, None, before.to_vec())
        } else if self.is_stale(message, command) {
            (Disposition::RefusedStale, None, answer::stale(command, STALE_CODE))
        } else {
            let behaviour = self.plan.behaviour(command);
            let answers = answer::plan(command, &behaviour, &self.neighbour);
            self.recent.insert(&command.message_id, answers.clone());
            (Disposition::Executed, Some(behaviour), answers)
        };
        let entry = self.entry(
            message,
            &command.message_id,
            command.family,
            command.target.clone(),
            command.params.clone(),
            disposition,
        );
        let executed = behaviour.as_ref().map(|_| self.ledger.stamp(Instant::now()));
        let number = self.ledger.record(Entry { executed, behaviour, ..entry });
        answers.into_iter().map(|answer| DueAnswer { entry: number, answer }).collect()
    }

    /// Whether the command's time has run out.
    fn is_stale(&self, message: &ReceivedMessage<'_>, command: &Command) -> bool {
        let Freshness::Obey { clock_error_ms } = self.options.freshness else {
            return false;
        };
        let waited_ms = i64::try_from(message.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let used_up = command.timeout_ms.is_some_and(|left| left <= waited_ms);
        // `timeout` counts from the moment at which the gateway sent the command. If the broker kept it for a device that
        // was offline, less of it is left than it says, and only `deadline` can tell.
        let check_deadline = command.timeout_ms.is_none() || self.options.persistent_session;
        let passed = check_deadline
            && command.deadline_epoch_ms.is_some_and(|deadline| {
                let now = epoch_ms().saturating_add(self.options.clock_offset_ms);
                now > deadline.saturating_add_unsigned(clock_error_ms)
            });
        used_up || passed
    }

    fn entry(
        &self,
        message: &ReceivedMessage<'_>,
        message_id: &str,
        family: Family,
        target: String,
        params: String,
        disposition: Disposition,
    ) -> Entry {
        Entry {
            seq: 0,
            device: self.id.clone(),
            message_id: message_id.to_owned(),
            family,
            target,
            params,
            received: self.ledger.stamp(message.at),
            disposition,
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

    fn deliver(device: &mut Device, id: &str, extra: &str, retained: bool) -> (Disposition, Vec<DueAnswer>) {
        let payload = format!(r#"{{"id":"{id}","params":{{}},"method":"thing.service.x"{extra}}}"#);
        let due = device.receive(&ReceivedMessage {
            topic: "/sys/pk/dk/thing/service/x",
            payload: payload.as_bytes(),
            retained,
            at: Instant::now(),
        });
        let entry = device.ledger.entries().pop().unwrap();
        assert_eq!(entry.executed.is_some(), entry.disposition == Disposition::Executed);
        (entry.disposition, due)
    }

    #[test]
    fn a_repeated_message_id_is_executed_once_and_answered_again() {
        let mut device = device(FleetOptions::default());
        let (first, answers) = deliver(&mut device, "m", "", false);
        let (second, repeated) = deliver(&mut device, "m", "", false);
        assert_eq!((first, second), (Disposition::Executed, Disposition::Duplicate));
        assert_eq!(answers[0].answer, repeated[0].answer);
        assert_eq!((answers[0].entry, repeated[0].entry), (0, 1));
        device.reboot();
        assert_eq!(deliver(&mut device, "m", "", false).0, Disposition::Executed);
        assert_eq!(device.ledger.executions("m"), 2);
    }

    #[test]
    fn a_device_without_memory_executes_again() {
        let options = FleetOptions { remembered_ids: 0, ..FleetOptions::default() };
        let mut device = device(options);
        deliver(&mut device, "m", "", false);
        assert_eq!(deliver(&mut device, "m", "", false).0, Disposition::Executed);
    }

    #[test]
    fn retained_messages_are_not_executed() {
        let mut device = device(FleetOptions::default());
        let (disposition, answers) = deliver(&mut device, "m", "", true);
        assert_eq!((disposition, answers.len()), (Disposition::IgnoredRetained, 0));
        // And not remembered: the real command must still be executed.
        assert_eq!(deliver(&mut device, "m", "", false).0, Disposition::Executed);
    }

    #[test]
    fn a_command_without_time_left_is_refused_whatever_the_wall_clock_says() {
        let mut device = device(FleetOptions::default());
        let future = epoch_ms() + 60_000;
        for left in [0, -1, i64::MIN] {
            let extra = format!(r#","timeout":{left},"deadline":{future}"#);
            let (disposition, answers) = deliver(&mut device, &format!("m{left}"), &extra, false);
            assert_eq!(disposition, Disposition::RefusedStale);
            assert_eq!(answers[0].answer.code, Some(STALE_CODE));
        }
        let past = epoch_ms() - 60_000;
        let extra = format!(r#","timeout":5000,"deadline":{past}"#);
        assert_eq!(deliver(&mut device, "n", &extra, false).0, Disposition::Executed);
    }

    #[test]
    fn the_deadline_decides_where_the_timeout_cannot() {
        let past = epoch_ms() - 60_000;
        let both = format!(r#","timeout":5000,"deadline":{past}"#);
        let alone = format!(r#","deadline":{past}"#);
        assert_eq!(deliver(&mut device(FleetOptions::default()), "m", &alone, false).0, Disposition::RefusedStale);
        let mut options = FleetOptions { persistent_session: true, ..FleetOptions::default() };
        assert_eq!(deliver(&mut device(options.clone()), "m", &both, false).0, Disposition::RefusedStale);
        options.freshness = Freshness::Obey { clock_error_ms: 300_000 };
        assert_eq!(deliver(&mut device(options.clone()), "m", &both, false).0, Disposition::Executed);
        options.freshness = Freshness::Ignore;
        assert_eq!(deliver(&mut device(options), "m", &both, false).0, Disposition::Executed);
    }

    #[test]
    fn a_wrong_wall_clock_does_not_disturb_the_receipt_rule() {
        for offset in [-300_000, 300_000] {
            let options = FleetOptions { clock_offset_ms: offset, ..FleetOptions::default() };
            let extra = format!(r#","timeout":5000,"deadline":{}"#, epoch_ms() + 5000);
            let mut device = device(options);
            assert_eq!(deliver(&mut device, "m", &extra, false).0, Disposition::Executed);
        }
    }
}

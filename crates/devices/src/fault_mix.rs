//! A plan that injects each fault into a share of the commands, chosen by a seed.

use crate::behaviour::{Behaviour, Garbage};
use crate::command::Command;
use crate::device_id::stable_hash;
use crate::error::{Error, Result};
use crate::plan::Plan;

/// The timeout of a command that names none: the protocol's default.
const DEFAULT_TIMEOUT_MS: i64 = 30_000;

/// The percentage of commands for each fault; the rest succeed.
///
/// Which commands those are depends on the seed, the device, the family, the target and the text of the parameters, and
/// on nothing else: neither on message ids nor on the order of arrival. So the same batch gets the same faults in every
/// run. With few commands the shares are approximate.
///
/// ```
/// use setpoint_devices::FaultMix;
///
/// let mut mix = FaultMix::new(42);
/// mix.fail = 2.0;
/// mix.never = 99.0;
/// assert!(mix.build().is_err(), "together more than 100 %");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FaultMix {
    /// Chooses which commands get which fault.
    pub seed: u64,
    /// Percent answered in time, after [`FaultMix::slow_ms`].
    pub slow: f64,
    /// Percent that fail, with code 2000.
    pub fail: f64,
    /// Percent answered after their timeout.
    pub late: f64,
    /// Percent answered twice.
    pub twice: f64,
    /// Percent answered with success and then with failure.
    pub conflicting: f64,
    /// Percent never answered.
    pub never: f64,
    /// Percent answered with garbage, half of it JSON.
    pub garbage: f64,
    /// Percent answered in a neighbour's name.
    pub for_neighbour: f64,
    /// Percent answered with a message id that was never issued.
    pub wrong_id: f64,
    /// How long a slow answer takes, in milliseconds.
    pub slow_ms: u64,
    /// How long after a command's timeout a late answer comes, in milliseconds.
    pub late_by_ms: u64,
}

impl FaultMix {
    /// No faults. Slow answers take 200 ms, late ones come 500 ms too late.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            slow: 0.0,
            fail: 0.0,
            late: 0.0,
            twice: 0.0,
            conflicting: 0.0,
            never: 0.0,
            garbage: 0.0,
            for_neighbour: 0.0,
            wrong_id: 0.0,
            slow_ms: 200,
            late_by_ms: 500,
        }
    }

    /// Makes a plan of this mix.
    ///
    /// # Errors
    ///
    /// [`Error::BadMix`]: a share is not a percentage, or all of them together are more than 100.
    pub fn build(self) -> Result<MixPlan> {
        let shares = [
            (Fault::Slow, self.slow),
            (Fault::Fail, self.fail),
            (Fault::Late, self.late),
            (Fault::Twice, self.twice),
            (Fault::Conflicting, self.conflicting),
            (Fault::Never, self.never),
            (Fault::Garbage, self.garbage),
            (Fault::ForNeighbour, self.for_neighbour),
            (Fault::WrongId, self.wrong_id),
        ];
        let mut end = 0.0;
        let mut steps = Vec::new();
        for (fault, share) in shares {
            if !(0.0..=100.0).contains(&share) {
                return Err(Error::BadMix { reason: format!("the share of {fault:?} is {share}") });
            }
            end += share;
            steps.push((end, fault));
        }
        // Decimal fractions do not add up exactly in binary.
        if end > 100.0 + 1e-9 {
            return Err(Error::BadMix { reason: format!("the shares come to {end}") });
        }
        Ok(MixPlan { mix: self, steps })
    }
}

/// The plan of a [`FaultMix`].
#[derive(Debug, Clone)]
pub struct MixPlan {
    mix: FaultMix,
    /// The upper end of each fault's share, on a scale from 0 to 100.
    steps: Vec<(f64, Fault)>,
}

impl Plan for MixPlan {
    fn behaviour(&self, command: &Command) -> Behaviour {
        let family = command.family.to_string();
        let drawn = stable_hash(
            self.mix.seed,
            &[&command.device.product_key, &command.device.device_key, &family, &command.target, &command.params],
        );
        // A double has 53 bits of precision.
        let at = (drawn >> 11) as f64 / (1_u64 << 53) as f64 * 100.0;
        let fault = self.steps.iter().find(|(end, _)| at < *end).map(|(_, fault)| *fault);
        match fault {
            None => Behaviour::succeed(),
            Some(Fault::Slow) => Behaviour::Late { delay_ms: self.mix.slow_ms },
            Some(Fault::Fail) => {
                Behaviour::Fail { code: 2000, message: "the simulated device was told to fail".to_owned() }
            }
            Some(Fault::Late) => {
                let left = command.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS);
                Behaviour::Late { delay_ms: u64::try_from(left).unwrap_or(0).saturating_add(self.mix.late_by_ms) }
            }
            Some(Fault::Twice) => Behaviour::Twice,
            Some(Fault::Conflicting) => Behaviour::ConflictingTwice,
            Some(Fault::Never) => Behaviour::Never,
            Some(Fault::Garbage) if drawn.is_multiple_of(2) => Behaviour::Garbage(Garbage::BrokenContent),
            Some(Fault::Garbage) => Behaviour::Garbage(Garbage::NotJson),
            Some(Fault::ForNeighbour) => Behaviour::ForNeighbour,
            Some(Fault::WrongId) => Behaviour::WrongId,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    Slow,
    Fail,
    Late,
    Twice,
    Conflicting,
    Never,
    Garbage,
    ForNeighbour,
    WrongId,
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::command::Family;
    use crate::device_id::DeviceId;

    fn command(device: usize, value: usize, message_id: &str) -> Command {
        Command {
            device: DeviceId::new("pk", format!("dk-{device}")),
            message_id: message_id.to_owned(),
            family: Family::Invoke,
            target: "set".to_owned(),
            params: format!("{{\"v\":{value}}}"),
            timeout_ms: Some(1000),
            deadline_epoch_ms: None,
        }
    }

    fn everything() -> FaultMix {
        FaultMix {
            slow: 10.0,
            fail: 10.0,
            late: 10.0,
            twice: 10.0,
            conflicting: 10.0,
            never: 10.0,
            garbage: 10.0,
            for_neighbour: 10.0,
            wrong_id: 10.0,
            ..FaultMix::new(7)
        }
    }

    #[test]
    fn shares_are_as_asked_for_and_do_not_depend_on_the_message_id() {
        let plan = everything().build().unwrap();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for n in 0..10_000 {
            let behaviour = plan.behaviour(&command(n % 200, n, "a"));
            assert_eq!(behaviour, plan.behaviour(&command(n % 200, n, "b")));
            let name = match &behaviour {
                Behaviour::Garbage(_) => "Garbage".to_owned(),
                other => format!("{other:?}"),
            };
            *seen.entry(name).or_default() += 1;
        }
        assert_eq!(seen.len(), 10, "{seen:?}");
        for (name, count) in seen {
            assert!((850..1150).contains(&count), "{name}: {count}");
        }
    }

    #[test]
    fn another_seed_chooses_other_commands() {
        let (a, b) = (everything().build().unwrap(), FaultMix { seed: 8, ..everything() }.build().unwrap());
        let differ =
            (0..1000).filter(|&n| a.behaviour(&command(1, n, "m")) != b.behaviour(&command(1, n, "m"))).count();
        assert!(differ > 500, "{differ}");
    }

    #[test]
    fn all_or_nothing_and_a_late_answer_is_late() {
        let late = FaultMix { late: 100.0, ..FaultMix::new(1) }.build().unwrap();
        let none = FaultMix::new(1).build().unwrap();
        for n in 0..1000 {
            assert_eq!(late.behaviour(&command(1, n, "m")), Behaviour::Late { delay_ms: 1500 });
            assert_eq!(none.behaviour(&command(1, n, "m")), Behaviour::succeed());
        }
    }

    #[test]
    fn shares_are_checked() {
        for bad in [-1.0, 100.1, f64::NAN, f64::INFINITY] {
            assert!(FaultMix { fail: bad, ..FaultMix::new(1) }.build().is_err(), "{bad}");
        }
        assert!(FaultMix { fail: 60.0, never: 60.0, ..FaultMix::new(1) }.build().is_err());
        let thirds = 100.0 / 3.0;
        assert!(FaultMix { fail: thirds, never: thirds, late: thirds, ..FaultMix::new(1) }.build().is_ok());
    }
}

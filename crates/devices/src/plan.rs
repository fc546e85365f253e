//! Decides how a device behaves.

use crate::behaviour::Behaviour;
use crate::command::Command;

/// Decides how a device handles a command. Every `Fn(&Command) -> Behaviour` is a plan, and so is
/// [`MixPlan`](crate::MixPlan).
///
/// It is called once for each command that a device is about to execute: not for a repeated message id that the device
/// remembers, and not for an expired command. It is called on the fleet's runtime, so it must not block.
///
/// ```
/// use setpoint_devices::{Behaviour, Command, Plan};
///
/// fn accepts(plan: impl Plan) {}
/// accepts(|command: &Command| match command.timeout_ms {
///     Some(left) => Behaviour::Late { delay_ms: left.unsigned_abs() },
///     None => Behaviour::Never,
/// });
/// ```
pub trait Plan: Send + Sync + 'static {
    /// How the device handles `command`.
    fn behaviour(&self, command: &Command) -> Behaviour;
}

impl<F> Plan for F
where
    F: Fn(&Command) -> Behaviour + Send + Sync + 'static,
{
    fn behaviour(&self, command: &Command) -> Behaviour {
        self(command)
    }
}

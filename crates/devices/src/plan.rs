//! Who decides how a device behaves.

use crate::behaviour::Behaviour;
use crate::command::Command;

/// Decides how a device treats a command. Any `Fn(&Command) -> Behaviour` is one, and so is
/// [`MixPlan`](crate::MixPlan).
///
/// It is asked once for each command a device is about to execute: not for repetitions of a message id the device
/// remembers, and not for commands it refuses as stale. It is called on the fleet's runtime, so it must not block.
pub trait Plan: Send + Sync + 'static {
    /// How the device treats `command`.
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

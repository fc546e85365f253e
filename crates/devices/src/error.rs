//! What can go wrong around a fleet.

use crate::broker::Broker;
use crate::device_id::DeviceId;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with which device, at which broker, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The broker's address could not be read.
    #[error("`{text}` is not the address of an MQTT broker: {reason}; write it as mqtt://host:port")]
    BadBroker {
        /// The address as it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A device's keys cannot be part of an MQTT topic.
    #[error(
        "device `{device}` cannot be simulated: {reason}; choose keys without `+`, `#`, `/`, control characters or a leading `$`"
    )]
    BadDevice {
        /// The device.
        device: DeviceId,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A service in the options cannot be part of an MQTT topic.
    #[error(
        "the service `{service}` in the options cannot be subscribed to: {reason}; name services as they stand in the topic"
    )]
    BadService {
        /// The service.
        service: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The same device was given twice; the two connections would push each other out for ever.
    #[error("device `{device}` was given twice: list every device once")]
    DuplicateDevice {
        /// The device.
        device: DeviceId,
    },
    /// A fleet was asked for without a device.
    #[error("no devices were given: a fleet needs at least one")]
    NoDevices,
    /// The device is not one of this fleet's.
    #[error("device `{device}` is not in this fleet: only devices given to `Fleet::connect` can be controlled")]
    UnknownDevice {
        /// The device.
        device: DeviceId,
    },
    /// Nothing listens at the broker's address.
    #[error(
        "device `{device}` cannot reach the broker at {broker} ({reason}): start the broker, or correct the address"
    )]
    Unreachable {
        /// The device that tried.
        device: DeviceId,
        /// Where.
        broker: Broker,
        /// What the system said.
        reason: String,
    },
    /// The broker does not let the device in.
    #[error("the broker at {broker} refused device `{device}` ({reason}): check the credentials and the client id `{}`", device.client_id())]
    Refused {
        /// The device that was refused.
        device: DeviceId,
        /// By whom.
        broker: Broker,
        /// What the broker said.
        reason: String,
    },
    /// The broker let the device in, but not subscribe to its own command topics.
    #[error(
        "the broker at {broker} refused the subscription of device `{device}` to `{topics}`: allow the device to read its own command topics"
    )]
    SubscriptionRefused {
        /// The device that was refused.
        device: DeviceId,
        /// By whom.
        broker: Broker,
        /// The topic filter, as a pattern.
        topics: String,
    },
    /// The device was not connected and subscribed in time.
    #[error(
        "device `{device}` was not subscribed at {broker} within {after_ms} ms ({last}): check that the broker is healthy, or allow more time"
    )]
    TimedOut {
        /// The device that waited.
        device: DeviceId,
        /// For whom.
        broker: Broker,
        /// How long it waited, in milliseconds.
        after_ms: u64,
        /// The last thing that was observed.
        last: String,
    },
    /// The device was taken offline by somebody else while it was awaited.
    #[error("device `{device}` was taken offline while it was coming up: bring it online again when it is wanted")]
    Overruled {
        /// The device.
        device: DeviceId,
    },
    /// The device's task has ended.
    #[error("device `{device}` has stopped: the fleet was shut down, or the plan panicked over a command")]
    Stopped {
        /// The device.
        device: DeviceId,
    },
    /// The shares of a fault mix do not make sense.
    #[error(
        "the fault mix is wrong: {reason}; every share is a percentage from 0 to 100, and together they are at most 100"
    )]
    BadMix {
        /// What is wrong.
        reason: String,
    },
}

//! What can go wrong with a fleet.

use std::sync::Arc;

use crate::broker::{Broker, ParseBrokerError};
use crate::device_id::DeviceId;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with which device, at which broker, and what to do. What caused it is the
/// [source](std::error::Error::source).
///
/// ```
/// use setpoint_devices::{Behaviour, Broker, Command, DeviceId, Error, Fleet};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let broker = Broker::from(("127.0.0.1", 1883));
/// let twice = [DeviceId::new("turbine", "t-7"), DeviceId::new("turbine", "t-7")];
/// let error = Fleet::connect(broker, twice, |_: &Command| Behaviour::Never).await.unwrap_err();
/// assert!(matches!(error, Error::DuplicateDevice { .. }));
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The broker's address cannot be read.
    #[error(transparent)]
    BadBroker(#[from] ParseBrokerError),
    /// A device's keys cannot be levels of an MQTT topic.
    #[error(
        "device `{device}` cannot be simulated: {reason}; choose keys without `+`, `#`, `/`, control characters or a leading `$`"
    )]
    BadDevice {
        /// The device.
        device: DeviceId,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A service in the options cannot be a level of an MQTT topic.
    #[error("the service `{service}` in the options cannot be subscribed to: {reason}; name services as in the topic")]
    BadService {
        /// The service.
        service: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The same device was given twice. A broker closes a connection when another one with the same client id opens, so
    /// neither would stay.
    #[error("device `{device}` was given twice: list every device once")]
    DuplicateDevice {
        /// The device.
        device: DeviceId,
    },
    /// No device was given.
    #[error("no devices were given: a fleet needs at least one")]
    NoDevices,
    /// The device does not belong to this fleet.
    #[error("device `{device}` is not in this fleet: only devices given to `Fleet::connect` can be controlled")]
    UnknownDevice {
        /// The device.
        device: DeviceId,
    },
    /// No connection to the broker's address.
    #[error("device `{device}` cannot reach the broker at {broker}; start the broker, or correct the address")]
    Unreachable {
        /// The device that tried.
        device: DeviceId,
        /// The broker.
        broker: Broker,
        /// What the system reported.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The broker refused the connection.
    #[error("the broker at {broker} refused device `{device}`; check the credentials and the client id `{}`", device.client_id())]
    ConnectionRefused {
        /// The device that was refused.
        device: DeviceId,
        /// The broker.
        broker: Broker,
        /// What the broker answered.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The broker accepted the connection, but not the subscription to the device's own command topics.
    #[error(
        "the broker at {broker} refused the subscription of device `{device}` to `{topics}`: allow the device to read its own command topics"
    )]
    SubscriptionRefused {
        /// The device that was refused.
        device: DeviceId,
        /// The broker.
        broker: Broker,
        /// The topic filter.
        topics: String,
    },
    /// The device was not connected and subscribed in time.
    #[error(
        "device `{device}` was not subscribed at {broker} within {after_ms} ms ({last}): check that the broker is healthy, or allow more time"
    )]
    TimedOut {
        /// The device that waited.
        device: DeviceId,
        /// The broker.
        broker: Broker,
        /// How long it waited, in milliseconds.
        after_ms: u64,
        /// The last thing that was observed.
        last: String,
    },
    /// Another caller took the device offline while this one waited for it.
    #[error("device `{device}` was taken offline while it was connecting: set it online again when it is needed")]
    Overruled {
        /// The device.
        device: DeviceId,
    },
    /// The device's task has ended.
    #[error("device `{device}` has stopped: the fleet was shut down, or the plan panicked on a command")]
    Stopped {
        /// The device.
        device: DeviceId,
    },
    /// The shares of a fault mix are not usable.
    #[error(
        "the fault mix is wrong: {reason}; every share is a percentage from 0 to 100, and together they are at most 100"
    )]
    BadMix {
        /// What is wrong.
        reason: String,
    },
}

//! Simulated devices for Setpoint: real MQTT connections, injected faults, and a ledger of what was executed.
//!
//! A [`Fleet`] connects any number of [`DeviceId`]s to a broker, one MQTT 3.1.1 connection each, and answers the
//! commands that arrive as its [`Plan`] says: properly, late, twice, in another device's name, or not at all. The
//! [`Ledger`] records what really happened at every device, which makes the fleet a test oracle: it shares no code with
//! the engine that it is used to check.
//!
//! ```no_run
//! use setpoint_devices::{Broker, DeviceId, FaultMix, Fleet};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let devices = (1..=200).map(|n| DeviceId::new("thermostat", format!("t-{n:03}")));
//! let mut mix = FaultMix::new(42);
//! mix.never = 1.0;
//! mix.fail = 2.0;
//! let fleet = Fleet::connect(Broker::parse("mqtt://127.0.0.1:1883")?, devices, mix.build()?).await?;
//! // ... send commands ...
//! for entry in fleet.ledger().entries() {
//!     println!("{} executed {}", entry.device, entry.message_id);
//! }
//! fleet.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What a simulated device does
//!
//! It subscribes to its two command topics with QoS 1, ignores retained messages, executes a message id at most once
//! for as long as it remembers it ([`FleetOptions::remembered_ids`]), refuses an expired command ([`Freshness`]), and
//! publishes its answer to the command's topic + `_reply` with QoS 1. It reconnects by itself, and an answer that the
//! broker did not acknowledge is sent again.
#![forbid(unsafe_code)]

mod answer;
mod behaviour;
mod broker;
mod command;
mod connection;
mod control;
mod device;
mod device_id;
mod error;
mod fault_mix;
mod fleet;
mod json_member;
mod ledger;
mod options;
mod outgoing;
mod plan;
mod recent_answers;
mod waiters;
mod worker;

pub use behaviour::{Behaviour, Garbage, Output};
pub use broker::{Broker, ParseBrokerError};
pub use command::{Command, Family};
pub use device::STALE_CODE;
pub use device_id::DeviceId;
pub use error::{Error, Result};
pub use fault_mix::{FaultMix, MixPlan};
pub use fleet::Fleet;
pub use ledger::{Answer, Disposition, Entry, Ledger, Stamp};
pub use options::{Credentials, CredentialsFor, FleetOptions, Freshness};
pub use plan::Plan;

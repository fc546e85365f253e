//! Setpoint: validation and reply correlation for batched device commands.

#![forbid(unsafe_code)]
// Nothing that anybody sends may end the process.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

pub mod check;
mod code;
pub mod device;
mod directory;
mod error;
mod family;
mod fault;
mod inflight;
pub mod json;
pub mod limits;
mod message_id;
mod owned;
pub mod reply;
pub mod request;
pub mod requester;
pub mod responder;
mod secret;
pub mod submsg;
mod time;

pub use code::{Certainty, Code, CodeInfo, Plane, Retry};
pub use directory::{AnyDirectory, Device, DeviceRef, Directory, TableDirectory};
pub use error::RequestError;
pub use family::{Family, FamilyTable};
pub use fault::Fault;
pub use limits::Limits;
pub use message_id::{MessageId, ParseMessageIdError};
pub use owned::{DeviceName, Invoke, Write};
pub use requester::Requester;
pub use responder::Responder;
pub use time::{Instant, Now};

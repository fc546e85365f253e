//! Validation and reply correlation for batched device commands.
//!
//! An application commands hundreds of devices with one call. What is wrong with an item is answered at once; the real
//! outcomes come later on a channel, in any order, some late, some twice, some never. This crate is the engine that
//! gets this right: it reads and checks batches, and it is both sides of the conversation as state machines. It does no
//! I/O, reads no clock, starts no thread and never panics on input: bytes and time in, bytes and events out.
//!
//! ```
//! use setpoint::{AnyDirectory, Family, Limits, Now, check::check};
//!
//! let body = br#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","assetId":"turbine-7",
//!     "serviceId":"start","timeout":"soon"}]}"#;
//! let now = Now::new(0, 1_700_000_000_000);
//! let report = check(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
//! let fault = &report.items[0].faults[0];
//! assert_eq!((fault.code.0, fault.field), (1000, "timeout"));
//! assert!(fault.reason.contains("1 to 300000"));
//! ```
//!
//! # Where to start
//!
//! | you want to | look at |
//! |---|---|
//! | check a batch without sending it | [`check`](check::check), [`check_form`](check::check_form), [`Checker`](check::Checker) for one body after another |
//! | send batches with an HTTP client and a message queue of your own | [`Requester`] |
//! | be the service: take batches, command devices, publish outcomes | [`Responder`] |
//! | correlate answers of another protocol, by id and with deadlines | [`inflight::InFlight`] |
//! | read or write single messages | [`request`], [`reply`], [`device`] |
//! | look up what a code means, and whether a retry is safe | [`Code::info`] |
//! | build items without writing JSON | [`InvokeItem`], [`WriteItem`] |
//!
//! The crates `setpoint-client` and `setpoint-gateway` put sockets around the engine, and `setpoint-clock` reads the clocks for it.
//!
//! # Time
//!
//! Every call that needs the time takes [`Now`]: a monotonic clock for deadlines, and the wall clock for `gmt…` fields. Deadlines
//! never fire early, equal ones fire in the order of submission, and steps of the wall clock do not move them.
//! `poll_timeout` is when to call `handle_timeout` next; calling it earlier does no harm.
//!
//! # What it costs
//!
//! Reading borrows from the body, and payloads stay the bytes that were sent. Items in flight are in one table ([`inflight`])
//! whose operations take constant time, with a million items as with a thousand. An item takes about 110 bytes with an id of 36
//! characters, and no allocation; no call waits for a table to be rehashed. Every table has a bound: [`Limits`],
//! [`RequesterConfig`], [`responder::ResponderConfig`].
//!
//! # Where the rules come from
//!
//! The protocol is that of EnOS (multiInvoke and multiSet). Doc comments give the source of a rule: the *source page* of the call,
//! *EnOS* for its other published pages, or *ours*. "Protocol §4" is a section of `docs/protocol.md`.

#![forbid(unsafe_code)]
// What is public may grow without breaking its users, unless its declaration says why not.
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, unnameable_types)]
#![warn(clippy::needless_pass_by_ref_mut, clippy::or_fun_call, clippy::redundant_clone, clippy::use_self)]
// No input may end the process.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

pub mod check;
mod code;
pub mod device;
mod directory;
mod error;
mod family;
mod fault;
mod folded_multiply;
pub mod inflight;
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
pub use owned::{DeviceName, InvokeItem, WriteItem};
pub use requester::{Event, Outcome, Requester, RequesterConfig};
pub use responder::Responder;
pub use time::{MonotonicTime, Now};

//! Sends batches of device commands and ends every item exactly once.
//!
//! A [`Client`] speaks HTTP to the service and listens on channels, where the outcomes arrive: on the service's event
//! streams, on MQTT topics, or on a [source](ChannelSource) of your own. It drives the engine's
//! [`Requester`](setpoint::Requester), which has all the rules; this crate adds sockets, clocks and tasks.
//!
//! - It listens before it sends, so no outcome is missed, however fast it comes.
//! - If a response is lost, the same body is sent again; the service does not execute it twice.
//! - Items that were certainly never sent end as refused; items that may have been sent stay open until their deadline.
//! - A lost channel connection is opened again and resumed; where outcomes may have been missed, a
//!   [gap](ChannelEvent::Gap) is reported.
//!
//! ```no_run
//! use setpoint_client::{Client, DeviceName, Event, InvokeItem};
//!
//! # async fn run() -> Result<(), setpoint_client::Error> {
//! let client = Client::builder("http://127.0.0.1:8080").org_id("o1").channel("DATASVC.CONTROL.ops").build().await?;
//! let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
//! let mut outcomes = client.invoke([start]).await?;
//! while let Some(event) = outcomes.next_event().await {
//!     match event {
//!         Event::Finished { outcome, .. } => println!("{}: {}", outcome.request_id(), outcome.code()),
//!         Event::TimedOut { known_unsent, .. } => println!("no outcome in time; safe to repeat: {known_unsent}"),
//!         Event::BatchDone { summary, .. } => println!("{summary:?}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What a first program needs of the engine stands at this crate's root; all of it is [`setpoint`].
//!
//! # Cargo features
//!
//! | feature | what it adds |
//! |---|---|
//! | `mqtt` (default) | [`MqttTopics`]: outcomes from MQTT topics |
//! | `tls` | `https://` URLs, with rustls and ring: needs a C compiler and no system library |

#![forbid(unsafe_code)]

mod actor;
mod batch_events;
mod broadcast;
mod builder;
mod channels;
mod client;
mod envelope;
mod error;
mod error_chain;
mod http;
#[cfg(test)]
mod interleavings;
mod messages;
mod observers;
mod outcomes;
mod seam;
mod send;
mod source;
mod transport_error;

pub use builder::Builder;
pub use channels::{Channel, ChannelList, Channels, Page};
pub use client::Client;
pub use error::Error;
pub use error_chain::error_chain;
pub use observers::{ChannelEvent, ChannelEvents, LateEvents, Stats};
pub use outcomes::Outcomes;
#[cfg(feature = "mqtt")]
pub use source::MqttTopics;
pub use source::{ChannelSource, EventStream, SourceError, SourceEvent, SourceFuture};
pub use transport_error::TransportError;

pub use setpoint;
#[doc(no_inline)]
pub use setpoint::{
    Code, DeviceName, Family, InvokeItem, WriteItem,
    requester::{Event, ItemRef, Outcome, Refused, RequestBatchId, RequesterConfig, SubmitError, Summary},
};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

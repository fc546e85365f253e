//! Sends batches of device commands and ends every item exactly once.
//!
//! A [`Client`] speaks HTTP to the service and listens on channels, where the outcomes arrive: on the service's event
//! streams, on MQTT topics, or on a [source](ChannelSource) of your own. It drives the engine's
//! [`Requester`](setpoint::Requester), which has all the rules; what is here is sockets, clocks and tasks.
//!
//! - It listens before it sends, so the fastest outcome is not missed.
//! - A response that got lost is asked for again by sending the same body; the service does not act on it twice.
//! - What was certainly never sent ends as refused; what may have been sent stays open until its deadline.
//! - A lost channel is connected again and resumed; where outcomes may have been missed, a
//!   [gap](ChannelEvent::Gap) is reported.
//!
//! Cargo features: `mqtt` (default) for MQTT topics; `tls` for `https://`, with rustls and ring, which takes a C
//! compiler and no system library.
//!
//! See [`Client::builder`] for an example.

#![forbid(unsafe_code)]

mod actor;
mod backoff;
mod builder;
mod channels;
mod client;
mod clock;
mod envelope;
mod error;
mod http;
#[cfg(test)]
mod interleavings;
mod outcomes;
mod seam;
mod send;
mod shared;
mod source;

pub use builder::Builder;
pub use channels::{Channel, ChannelList, Channels, Page};
pub use client::Client;
pub use error::Error;
pub use outcomes::Outcomes;
pub use shared::{ChannelEvent, ChannelEvents, LateEvents, Stats};
#[cfg(feature = "mqtt")]
pub use source::MqttTopics;
pub use source::{ChannelSource, EventStream, SourceError, SourceEvent, SourceFuture};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

//! The client against a scripted service.

mod cancel;
mod channel;
mod ends;
mod exchange;
mod lost;
#[cfg(feature = "mqtt")]
mod mqtt;
mod service;

//! What passes between the run loop and everything outside it: plain types, and the traits that name who takes them.
//!
//! | direction | towards devices | towards channels |
//! |---|---|---|
//! | the run loop says | [`HandOver`], to a [`DevicePort`] | [`Publication`], to a [`ChannelPort`] |
//! | the run loop hears | [`DeviceEvents`]: [`DeviceMessage`], [`HandedOver`], link up or down | [`ChannelEvents`]: [`Published`] |
//!
//! So the run loop knows no broker and no protocol, and no broker's code knows the run loop. [`Health`] is what every
//! part tells about itself; `/healthz` and `/readyz` read it.

mod channels;
mod devices;
mod health;

pub(crate) use channels::{ChannelEvents, ChannelPort, ChannelSink, Publication, Published};
pub(crate) use devices::{DeviceEvents, DeviceMessage, DevicePort, HandOver, RunLoopEnded};
pub(crate) use health::{Health, Link};
pub(crate) use setpoint::responder::HandedOver;

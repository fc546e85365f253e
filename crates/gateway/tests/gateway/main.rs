//! The gateway as its users meet it: real sockets, a real broker, a device that answers by hand.

mod broker_loss;
mod channels;
mod commands;
mod crowd;
mod disconnects;
mod disconnects_stored;
mod events;
mod http2;
mod http_abuse;
mod http_errors;
mod isolation;
mod lifecycle;
mod malformed_mqtt;
mod panics;
mod pressure;
mod storage;
mod support;

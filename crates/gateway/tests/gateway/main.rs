//! The gateway as its users meet it: real sockets, a real broker, a device that answers by hand.

mod broker_loss;
mod channels;
mod commands;
mod disconnects;
mod events;
mod http_abuse;
mod http_errors;
mod isolation;
mod lifecycle;
mod storage;
mod support;

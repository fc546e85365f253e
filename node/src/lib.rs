//! The native half of the npm package `setpoint`: conversions and error mapping. Every rule is the engine's.
//!
//! Bytes, JSON text and plain numbers cross the boundary, never object trees; the TypeScript makes objects of them when a program asks
//! for one.

// The macros of napi-rs require public methods on classes that only JavaScript uses, and leave their exports out of test builds, where
// the functions are unused.
#![allow(unreachable_pub)]
#![cfg_attr(test, allow(dead_code))]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod allocator;
mod check;
mod error;
mod events;
mod handles;
mod raw_calls;
mod requester;
mod row_layout;
mod settings;
mod tables;
mod text;
mod wire;

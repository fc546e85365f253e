//! The native half of the npm package `setpoint`: conversions and error mapping. Every rule is the engine's.
//!
//! Bytes, JSON text and plain numbers cross the boundary, never object trees; the TypeScript beside it makes objects of
//! them when they are asked for.

// Classes that JavaScript alone reaches have public methods, because their macro asks for them; and what it makes of a
// function is left out of builds for tests, of which there are none.
#![allow(unreachable_pub)]
#![cfg_attr(test, allow(dead_code))]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]

mod check;
mod direct;
mod error;
mod events;
mod memory;
mod numbered;
mod requester;
mod row_layout;
mod settings;
mod tables;
mod text;
mod wire;

//! The native half of the npm package `setpoint`: conversions and error mapping. Every rule is the engine's.
//!
//! Bytes, JSON text and plain numbers cross the boundary, never object trees; the TypeScript makes objects of them when a program asks
//! for one.

// # Design notes
//
// - A check writes into a buffer that the caller or the TypeScript keeps. What it is made with (org, family, limits, directory) stays
//   on the native side under a number, because unwrapping an object costs as much as half an item.
// - The functions of a check and those that run for each batch and each message call N-API directly, without the wrappers of napi-rs,
//   which would cost as much as half an item (`raw_calls.rs`): the one file with `unsafe`, except for the declaration of a function
//   of the allocator. It takes buffers by address, so they may overlap, and refuses to write to memory that other threads can see.
// - Long text goes in as units of UTF-16, and becomes UTF-8 in the native half, many characters at a time (`ts/utf8.ts`).
// - Text that goes out as a string is handed over in the form in which JavaScript keeps it, 8 or 16 bits a character: decoding UTF-8
//   there takes longer than the check.
// - Events are written into rows of numbers and one text while a message is handled (`events.rs`), and cross as a block when they are
//   polled (`ts/drain.ts`, `ts/row.ts`). The layout has one source, `row_layout.rs`; `scripts/node-types` writes `ts/row-layout.ts`
//   from it, and CI fails if they differ. The objects that users see are a block and a position in it; every value is made when it is
//   asked for. The text becomes a string then, with a character for each byte of UTF-8, of which texts are slices.
// - Blocks are written into 64 KiB of JavaScript's own memory that several of them share. Memory of the addon's would be given back
//   to the system after each collection, and clearing it anew costs more than the copy.
// - V8 is told how much memory a requester holds. Otherwise it would not collect large requesters in time.
// - Numbers are exact or `NaN`; digits beyond 2^53 - 1 are kept as text, with `bigint` accessors.
// - The allocator is mimalloc in version 2: version 3.3 crashes when the thread that loaded it has ended. As version 3 does, it gives
//   freed memory back to the system after a second (`allocator.rs`).

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

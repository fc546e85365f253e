//! Where a Setpoint service keeps what must survive it: accepted items, their finals, and the channels.
//!
//! A store is a log. The service appends writes to it, replays it at a start, and lets it drop its front. That is
//! all that the seam [`Store`] asks for, so that a log may be a table of rows in a file or a replicated stream.
//!
//! ```
//! use setpoint::{Now, responder::{ResponderConfig, Restore}};
//! use setpoint_store::{Entry, MemoryStore, Store, StoreError};
//!
//! # fn main() -> Result<(), StoreError> {
//! let mut store = MemoryStore::new();
//! // From the system: 32 random bytes, new at every start, and a reading of the clocks.
//! let (seed, now) = ([7; 32], Now::new(1_000, 1_700_000_000_000));
//! let mut restore = Restore::new(ResponderConfig::default(), seed, now);
//! store.replay(&mut |entry| {
//!     match entry {
//!         Entry::Engine(record) => restore.record(record),
//!         Entry::Channel(record) => println!("channel {}", record.channel_id()),
//!         other => return Err(StoreError::rejected("an entry of the log", format!("{other:?} is not known here"))),
//!     }
//!     Ok(())
//! })?;
//! let responder = restore.finish();
//! assert_eq!(responder.stats().pending, 0);
//! # Ok(())
//! # }
//! ```
//!
//! | you want to | look at |
//! |---|---|
//! | keep nothing, or keep it while the process lives | [`NullStore`], [`MemoryStore`] |
//! | write a store | the next two sections, [`codec`], [`Retention`] |
//! | show that a store keeps its promises | [`conformance`] |
//! | read a log with other tools, or move it into another store | [`ndjson`] |
//!
//! # What a store promises
//!
//! 1. **Durable.** When [`append`](Store::append) returns, its writes survive a crash of the process and a loss of power.
//! 2. **Atomic and in order.** An [`AtomicWrite`] is kept whole or not at all, and after a crash the log holds a prefix of the
//!    writes. A replay gives what was appended, every entry once and in order, but for what retention has dropped or carried
//!    forward.
//! 3. **Never skips.** What is damaged, is of a kind or a format that this version does not know, or is missing in the middle,
//!    ends a replay with an error that names the position. No entry of that write is given.
//! 4. **Never tries twice.** After a failed append nothing is certain: every further call that would change the log fails
//!    until it is opened again. A failed sync is not repeated, since a second one may succeed without having written.
//! 5. **Forgets only what may go.** [`retire`](Store::retire) never drops a record of an item that is open, or whose request id
//!    is still remembered, and keeps each channel as it was saved last. What may go does go, and one old open item
//!    does not hold back the rest: with steady traffic the log stays bounded.
//! 6. **Keeps state and audit apart.** What is only audit is kept with the write that it belongs to, and never replayed.
//! 7. **One owner.** A second process that opens it is refused ([`InUse`](StoreErrorKind::InUse)).
//!
//! [`MemoryStore`] cannot keep 1 and 7 beyond its process, [`NullStore`] keeps none of them.
//!
//! # How to write a store
//!
//! 1. Number the frames: a row number, a sequence number; ascending, never used again. [`codec::encode`] makes the frames of a
//!    write. Put all frames of a write into one transaction, or, where there are none, rely on the mark of the last frame:
//!    [`codec::Decoder`] gives a write only when it is whole.
//! 2. On opening, refuse what your medium can tell is wrong. While replaying, check that no number is left out, give each
//!    frame to the decoder, turn what it refuses into a [`StoreError`] by [`StoreError::codec`], and call
//!    [`Decoder::finish`](codec::Decoder::finish) at the end. A torn tail that was never confirmed may be cut off; a damaged
//!    middle never.
//! 3. Tell a [`Retention`] of every write, at replay and after each append. In `retire`, ask it for a [`Plan`], append what
//!    that carries, drop what is below its position, in one transaction or in this order.
//! 4. In its tests, call [`conformance::verify`] with a [`conformance::Subject`] that opens, crashes, breaks and
//!    damages it. What the suite could not try is in its report; let the test list it.

#![forbid(unsafe_code)]
// What is public may grow without breaking its users, unless its declaration says why not.
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, unnameable_types)]
#![warn(clippy::needless_pass_by_ref_mut, clippy::or_fun_call, clippy::redundant_clone, clippy::use_self)]
// Nothing that a store holds may end the process.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable))]

pub mod codec;
pub mod conformance;
mod entry;
mod error;
mod memory;
pub mod ndjson;
mod null;
mod retention;
mod store;

pub use entry::{AtomicWrite, AuditEntry, ChannelRecord, Entry};
pub use error::{StoreError, StoreErrorKind};
pub use memory::MemoryStore;
pub use null::NullStore;
pub use retention::{Plan, Retention};
pub use store::{Retired, Store};

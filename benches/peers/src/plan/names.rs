//! What the variants are called.

/// The engine.
pub(crate) const ENGINE: &str = "setpoint";
/// The engine with a checker that is kept from body to body.
pub(crate) const ENGINE_KEPT: &str = "setpoint, a checker that is kept";
/// The engine's reading of a batch, without the response.
pub(crate) const ENGINE_READ: &str = "setpoint, reading alone";
/// serde_json as most people write it.
pub(crate) const OWNED: &str = "serde_json, owned strings";
/// serde_json at its best.
pub(crate) const COW: &str = "serde_json, Cow + RawValue";
/// sonic-rs at its best.
pub(crate) const SONIC: &str = "sonic-rs, Cow + LazyValue";
/// Nothing done with the document.
pub(crate) const SKIP: &str = "serde_json, skipping (IgnoredAny)";

/// The engine, which also matches what it reads.
pub(crate) const INGEST: &str = "setpoint, with matching";

/// See `inflight::table`.
pub(crate) const TABLE: &str = "setpoint, the table (InFlight)";
/// The requester less its reading.
pub(crate) const REQUESTER: &str = "setpoint, the requester";
/// The requester as it is called, with messages to read.
pub(crate) const WITH_READING: &str = "setpoint, the requester with reading both ways";
/// The reading of these messages.
pub(crate) const READING: &str = "setpoint, the reading alone";
/// See `inflight::tasks`.
pub(crate) const TASKS: &str = "tokio task, oneshot and timeout each";
/// See `inflight::delay_queue`.
pub(crate) const QUEUE: &str = "DashMap + DelayQueue";
/// See `inflight::heap`.
pub(crate) const HEAP: &str = "HashMap + BinaryHeap";
/// See `inflight::set`.
pub(crate) const SET: &str = "bare HashSet<u64>";
/// The same, with the hash that hashbrown comes with.
pub(crate) const FOLDED_SET: &str = "bare hashbrown set of u64 (foldhash)";

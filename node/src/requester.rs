//! The caller's side of the conversation.

use std::num::NonZeroUsize;

use napi::bindgen_prelude::{Env, ObjectFinalize};
use napi_derive::napi;
use serde::Deserialize;
use setpoint::{
    Family, Limits, Now, Requester as Engine,
    requester::{RequestBatchId, RequesterConfig, SendState},
};

use crate::{
    error::{self, Result},
    events::Blocks,
    handles::Handles,
    settings::now,
};

/// Options of a requester, as JSON. The engine's defaults stand for those left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    limits: Option<Limits>,
    open_items: Option<NonZeroUsize>,
    grace_ms: Option<u64>,
    remembered: Option<usize>,
}

/// A requester of the engine. Calls that are made often name it by its number.
#[napi(custom_finalize)]
#[derive(Debug)]
pub(crate) struct NativeRequester {
    number: u32,
}

#[derive(Debug)]
struct Held {
    engine: Engine,
    /// Set during a call. If it is set when a call starts, the one before panicked.
    is_busy: bool,
    blocks: Blocks,
    /// Memory that the garbage collector was told of, in bytes.
    reported: i64,
}

/// A batch that was submitted.
pub(crate) struct Submitted {
    pub(crate) batch: RequestBatchId,
    pub(crate) items: usize,
    pub(crate) patience_ms: u32,
    /// Memory of the requester that the garbage collector was not told of yet, in bytes. Without that, V8 would not collect unused
    /// requesters for a long time: one with 100,000 items holds 11 MB.
    pub(crate) grown: i64,
}

thread_local! {
    static HELD: Handles<Held> = const { Handles::new() };
}

/// Submits a batch to the requester with this number.
pub(crate) fn submit(number: u32, family: Family, body: &[u8], now: Now) -> Result<Submitted> {
    let submitted = with(number, |Held { engine, blocks, reported, .. }| {
        let submission = engine.submit_body(family, body, now)?;
        let grown = ((engine.n_bytes() + blocks.n_bytes()) as i64 - *reported).max(0);
        *reported += grown;
        Ok(Submitted { batch: submission.batch, items: submission.items, patience_ms: submission.patience_ms, grown })
    })?;
    submitted.map_err(|error| error::submit(&error))
}

/// Gives a channel message to the requester with this number. Returns the number of replies in it.
pub(crate) fn handle_message(number: u32, body: &[u8]) -> Result<usize> {
    with(number, |Held { engine, blocks, .. }| blocks.take_message(engine, body))?
        .map_err(|error| error::message(&error))
}

/// Gives the next block of events to `write`, as [`Blocks::cross`] does.
pub(crate) fn poll(number: u32, write: impl FnOnce(&[&[u8]]) -> bool) -> Result<Option<bool>> {
    with(number, |Held { engine, blocks, .. }| blocks.cross(engine, write))
}

// A clock given as NaN is read.
#[napi]
impl NativeRequester {
    /// `options` is JSON text, `seed` 32 bytes of the operating system's generator.
    #[napi(constructor, catch_unwind)]
    pub fn new(org_id: String, options: String, seed: &[u8]) -> Result<Self> {
        let given: Options = serde_json::from_str(&options).map_err(|error| error::argument("options", error))?;
        let mut config = RequesterConfig::default();
        config.limits = given.limits.unwrap_or(config.limits);
        config.open_items = given.open_items.unwrap_or(config.open_items);
        config.grace_ms = given.grace_ms.unwrap_or(config.grace_ms);
        config.remembered = given.remembered.unwrap_or(config.remembered);
        let seed = seed.try_into().map_err(|_| error::argument("seed", "must be 32 bytes"))?;
        let held =
            Held { engine: Engine::new(&org_id, config, seed), is_busy: false, blocks: Blocks::default(), reported: 0 };
        Ok(Self { number: HELD.with(|all| all.put(held)) })
    }

    /// The number for `submit`, `handleMessage` and `pollInto`, valid as long as this object lives.
    #[napi(getter)]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// `count` new request ids, of 36 characters each, without separators.
    #[napi(catch_unwind)]
    pub fn new_request_ids(&self, count: u32, epoch_ms: f64) -> Result<String> {
        self.call(|engine| {
            let now = now(0.0, epoch_ms);
            (0..count).map(|_| engine.new_request_id(now)).collect()
        })
    }

    #[napi(catch_unwind)]
    pub fn resend(&self, batch: f64, monotonic_ms: f64, epoch_ms: f64) -> Result<()> {
        self.call(|engine| engine.resend(id(batch), now(monotonic_ms, epoch_ms)))
    }

    #[napi(catch_unwind)]
    pub fn cancel(&self, batch: f64) -> Result<()> {
        self.call(|engine| engine.cancel(id(batch)))
    }

    /// Whether there is nothing more to send.
    #[napi(catch_unwind)]
    pub fn handle_response(&self, batch: f64, body: &[u8], monotonic_ms: f64, epoch_ms: f64) -> Result<bool> {
        let state = self.call(|engine| engine.handle_response(id(batch), body, now(monotonic_ms, epoch_ms)))?;
        state.map(is_settled).map_err(|error| error::message(&error))
    }

    /// Whether there is nothing more to send.
    #[napi(catch_unwind)]
    pub fn handle_not_sent(&self, batch: f64, reason: String) -> Result<bool> {
        self.call(|engine| {
            #[cfg(feature = "test-panic")]
            assert_ne!(reason, "panic", "a test asked for it");
            is_settled(engine.handle_not_sent(id(batch), &reason))
        })
    }

    #[napi(catch_unwind)]
    pub fn handle_timeout(&self, monotonic_ms: f64, epoch_ms: f64) -> Result<()> {
        self.call(|engine| engine.handle_timeout(now(monotonic_ms, epoch_ms)))
    }

    /// When to call `handleTimeout` next, on the monotonic clock; -1 while nothing is open.
    #[napi(catch_unwind)]
    pub fn poll_timeout(&self) -> Result<f64> {
        self.call(|engine| engine.poll_timeout().map_or(-1.0, |at| at.as_millis() as f64))
    }

    /// Items that have not ended.
    #[napi(catch_unwind)]
    pub fn open_items(&self) -> Result<f64> {
        self.call(|engine| engine.open_items() as f64)
    }
}

impl NativeRequester {
    fn call<R>(&self, work: impl FnOnce(&mut Engine) -> R) -> Result<R> {
        with(self.number, |held| work(&mut held.engine))
    }
}

impl ObjectFinalize for NativeRequester {
    fn finalize(self, env: Env) -> napi::Result<()> {
        // A thread that is ending may have dropped all of them already.
        let held = HELD.try_with(|all| all.remove(self.number)).ok().flatten();
        env.adjust_external_memory(-held.map_or(0, |held| held.reported))?;
        Ok(())
    }
}

fn with<R>(number: u32, work: impl FnOnce(&mut Held) -> R) -> Result<R> {
    let worked = HELD.with(|all| {
        all.with(number, |held| {
            if std::mem::replace(&mut held.is_busy, true) {
                return Err(error::poisoned());
            }
            let result = work(held);
            held.is_busy = false;
            Ok(result)
        })
    });
    worked.unwrap_or_else(|| Err(error::argument("requester", "is none")))
}

/// Batches are counted from 1, so their numbers stay below 2^53, where a double is exact.
fn id(batch: f64) -> RequestBatchId {
    RequestBatchId(batch as u64)
}

/// A state that the engine gains later counts as not settled.
fn is_settled(state: SendState) -> bool {
    state == SendState::Settled
}

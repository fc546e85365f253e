//! Functions that call N-API directly, without the wrappers that napi-rs generates, which cost as much as checking half an item: those
//! of a check, and those of a requester that run once for each batch or message.
//!
//! Each takes numbers and `Uint8Array`s and returns a number. It returns `NaN` if an input lies in memory that other threads can write
//! to (a `SharedArrayBuffer`); the caller then copies it and calls again.

// The only file of this package that calls functions of N-API and makes slices of its pointers.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_void},
    panic::catch_unwind,
    ptr::{null, null_mut},
    slice,
};

use napi::{JsError, Status, bindgen_prelude::Object, sys};
use napi_derive::napi;
use setpoint::Family;

use crate::{
    check,
    error::{self, Result},
    requester::{self, Submitted},
    settings::now,
};

type Work = fn(&Call) -> Result<f64>;

/// Name, implementation and N-API callback of each function.
const CALLS: [(&CStr, Work, sys::napi_callback); 6] = [
    (c"checkInto", |call| check_into(call, check::response), Some(called::<0>)),
    (c"checkTextInto", |call| check_into(call, check::response_text), Some(called::<1>)),
    (c"checkReportInto", |call| check_into(call, check::report), Some(called::<2>)),
    (c"handleMessage", handle_message, Some(called::<3>)),
    (c"pollInto", poll_into, Some(called::<4>)),
    (c"submit", submit, Some(called::<5>)),
];

/// `(checker, body, out, epochMs)`: writes into `out` and returns the length. If `out` is too small, writes nothing and returns the
/// length negated. If `epochMs` is `NaN`, the clock is read.
fn check_into(call: &Call, work: fn(u32, &[u8], f64) -> Result<Vec<u8>>) -> Result<f64> {
    let (checker, epoch_ms) = (call.integer(0, "checker")?, call.number(3, "epochMs")?);
    let (body, out) = (call.bytes(1, "body")?, call.bytes(2, "out")?);
    let out = out.into_room("out")?;
    let Some(written) = body.read(move |body| work(checker, body, epoch_ms)) else { return Ok(f64::NAN) };
    let written = written?;
    let length = written.len();
    let has_room = out.write(0, &[&written]);
    check::reuse(checker, written);
    Ok(if has_room { length as f64 } else { -(length as f64) })
}

/// `(requester, family, body, out, monotonicMs, epochMs)`, with the family as its index in [`Family::ALL`]: writes two doubles into
/// `out`, the number of items and the patience in milliseconds, and returns the batch's number. A clock given as `NaN` is read.
fn submit(call: &Call) -> Result<f64> {
    let (requester, family) = (call.integer(0, "requester")?, call.integer(1, "family")? as usize);
    let family = *Family::ALL.get(family).ok_or_else(|| error::argument("family", "is none"))?;
    let now = now(call.number(4, "monotonicMs")?, call.number(5, "epochMs")?);
    let (body, out) = (call.bytes(2, "body")?, call.bytes(3, "out")?.into_room("out")?);
    let Some(submitted) = body.read(move |body| requester::submit(requester, family, body, now)) else {
        return Ok(f64::NAN);
    };
    let Submitted { batch, items, patience_ms, grown } = submitted?;
    call.tell_of_memory(grown);
    let numbers = [items as f64, f64::from(patience_ms)].map(f64::to_ne_bytes);
    if out.write(0, &[numbers.as_flattened()]) {
        Ok(batch.0 as f64)
    } else {
        Err(error::argument("out", "has no room for two numbers"))
    }
}

/// `(requester, body)`: returns the number of replies in the message.
fn handle_message(call: &Call) -> Result<f64> {
    let requester = call.integer(0, "requester")?;
    let replies = call.bytes(1, "body")?.read(move |body| requester::handle_message(requester, body));
    replies.map_or(Ok(f64::NAN), |replies| Ok(replies? as f64))
}

/// `(requester, out, at)`: writes the next block of events (`row_layout.rs`) into `out` from the byte `at` on and returns its length; 0
/// if there is none. If it does not fit, it stays in the requester and its length is returned negated.
fn poll_into(call: &Call) -> Result<f64> {
    let (requester, at) = (call.integer(0, "requester")?, call.integer(2, "at")?);
    let out = call.bytes(1, "out")?.into_room("out")?;
    let mut length = 0.0;
    let has_room = requester::poll(requester, |parts| {
        length = parts.iter().map(|part| part.len()).sum::<usize>() as f64;
        out.write(at as usize, parts)
    })?;
    Ok(if has_room == Some(false) { -length } else { length })
}

/// Exports the functions.
#[napi(module_exports)]
pub(crate) fn export(exports: Object<'_>, env: napi::Env) -> napi::Result<()> {
    use napi::JsValue;
    for (name, _, called) in CALLS {
        let mut function = null_mut();
        // SAFETY: `env` and `exports` live for this call, and the name and the function for ever.
        let status = unsafe {
            let length = name.count_bytes() as isize;
            match sys::napi_create_function(env.raw(), name.as_ptr(), length, called, null_mut(), &raw mut function) {
                sys::Status::napi_ok => sys::napi_set_named_property(env.raw(), exports.raw(), name.as_ptr(), function),
                status => status,
            }
        };
        if status != sys::Status::napi_ok {
            return Err(napi::Error::from_status(Status::from(status)));
        }
    }
    Ok(())
}

/// The callback that JavaScript calls. It returns null when it throws.
unsafe extern "C" fn called<const CALL: usize>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let worked = catch_unwind(|| {
        // SAFETY: JavaScript calls with an environment and a call that are under way, on its own thread.
        let call = unsafe { Call::new(env, info) }?;
        CALLS[CALL].1(&call)
    });
    let thrown = match worked {
        Ok(Ok(returned)) => {
            let mut result = null_mut();
            // SAFETY: the environment is live.
            unsafe { sys::napi_create_double(env, returned, &raw mut result) };
            return result;
        }
        Ok(Err(error)) => error,
        Err(_) => error::panicked(),
    };
    // SAFETY: as above.
    unsafe { JsError::from(thrown).throw_into(env) };
    null_mut()
}

/// Most arguments of a function.
const ARGUMENTS: usize = 6;

/// A call that is under way, on the JavaScript thread. No JavaScript runs until it returns.
struct Call {
    env: sys::napi_env,
    /// Arguments that were left out are `undefined`.
    given: [sys::napi_value; ARGUMENTS],
}

impl Call {
    /// # Safety
    /// `env` and `info` belong to a call that is under way on the JavaScript thread, and the result is dropped before it ends.
    unsafe fn new(env: sys::napi_env, info: sys::napi_callback_info) -> Result<Self> {
        let (mut given, mut count) = ([null_mut(); ARGUMENTS], ARGUMENTS);
        // SAFETY: `given` has room for `count` arguments.
        let status =
            unsafe { sys::napi_get_cb_info(env, info, &raw mut count, given.as_mut_ptr(), null_mut(), null_mut()) };
        match status {
            sys::Status::napi_ok => Ok(Self { env, given }),
            _ => Err(error::argument("arguments", "cannot be read")),
        }
    }

    fn integer(&self, at: usize, name: &str) -> Result<u32> {
        let mut value = 0;
        // SAFETY: the environment is live, and this is a value of the call.
        match unsafe { sys::napi_get_value_uint32(self.env, self.given[at], &raw mut value) } {
            sys::Status::napi_ok => Ok(value),
            _ => Err(error::argument(name, "must be a number")),
        }
    }

    fn number(&self, at: usize, name: &str) -> Result<f64> {
        let mut value = 0.0;
        // SAFETY: as above.
        match unsafe { sys::napi_get_value_double(self.env, self.given[at], &raw mut value) } {
            sys::Status::napi_ok => Ok(value),
            _ => Err(error::argument(name, "must be a number")),
        }
    }

    /// Tells the garbage collector that JavaScript objects hold `more` bytes more outside its heap.
    fn tell_of_memory(&self, more: i64) {
        if more > 0 {
            let mut sum = 0;
            // SAFETY: as above.
            unsafe { sys::napi_adjust_external_memory(self.env, more, &raw mut sum) };
        }
    }

    fn bytes(&self, at: usize, name: &str) -> Result<Bytes<'_>> {
        let (mut kind, mut length, mut data, mut buffer) = (0, 0, null_mut::<c_void>(), null_mut());
        let mut is_own = false;
        // SAFETY: as above; N-API refuses a value that is not a typed array.
        let status = unsafe {
            match sys::napi_get_typedarray_info(
                self.env,
                self.given[at],
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                &raw mut buffer,
                null_mut(),
            ) {
                sys::Status::napi_ok => sys::napi_is_arraybuffer(self.env, buffer, &raw mut is_own),
                status => status,
            }
        };
        if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
            return Err(error::argument(name, "must be a Uint8Array"));
        }
        let data = if length == 0 { null::<u8>().wrapping_add(1) } else { data.cast_const().cast() };
        Ok(Bytes { data, length, is_own, _call: self })
    }
}

/// The memory of a `Uint8Array`, valid while the call lasts. Two arguments may overlap, so a slice of one exists only while none is
/// written to.
struct Bytes<'call> {
    data: *const u8,
    length: usize,
    /// Whether no other thread can write to it: it is not a `SharedArrayBuffer`.
    is_own: bool,
    _call: &'call Call,
}

/// Memory to write to, which no other thread can see.
struct Room<'call>(Bytes<'call>);

impl<'call> Bytes<'call> {
    /// Calls `work` with the bytes; none if other threads may write to them.
    fn read<R>(&self, work: impl FnOnce(&[u8]) -> R + 'static) -> Option<R> {
        // SAFETY: no JavaScript runs and no other thread can write to it. `work` cannot write to it either: it is `'static`, so it
        // holds no `Room`.
        self.is_own.then(|| work(unsafe { slice::from_raw_parts(self.data, self.length) }))
    }

    fn into_room(self, name: &str) -> Result<Room<'call>> {
        if self.is_own { Ok(Room(self)) } else { Err(error::argument(name, "must not be shared with other threads")) }
    }
}

impl Room<'_> {
    /// Writes the parts one after the other from `at` on. Writes nothing and returns false if they do not all fit.
    fn write(&self, mut at: usize, parts: &[&[u8]]) -> bool {
        let room = self.0.length.saturating_sub(at);
        if parts.iter().try_fold(room, |room, part| room.checked_sub(part.len())).is_none() {
            return false;
        }
        for part in parts {
            // SAFETY: there is room. It belongs to JavaScript, so it does not overlap `part`, and no slice of it exists now.
            unsafe { self.0.data.wrapping_add(at).cast_mut().copy_from_nonoverlapping(part.as_ptr(), part.len()) };
            at += part.len();
        }
        true
    }
}

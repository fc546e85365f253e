//! The calls of a check, made past the glue of napi-rs: that costs as much as half an item.
//!
//! All have the arguments `(checker, body, out, epochMs)`, write into `out`, and return how much that was. What does not fit is
//! not written, and its length is returned as a negative number. `NaN` means that the body lies in memory that other
//! threads may write to: such a one has to be copied first. A clock that is given as `NaN` is read.

// Functions of N-API are called, and its pointers become slices: here and nowhere else in this package.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_void},
    panic::catch_unwind,
    ptr::{null, null_mut},
    slice,
};

use napi::{JsError, Status, bindgen_prelude::Object, sys};
use napi_derive::napi;

use crate::{
    check,
    error::{self, Result},
};

type Work = fn(checker: u32, body: &[u8], epoch_ms: f64) -> Result<Vec<u8>>;

/// What is called, by name.
const WORKS: [(&CStr, Work, sys::napi_callback); 3] = [
    (c"checkInto", check::response, Some(called::<0>)),
    (c"checkTextInto", check::response_text, Some(called::<1>)),
    (c"checkReportInto", check::report, Some(called::<2>)),
];

/// Adds the calls to what the module has.
#[napi(module_exports)]
pub(crate) fn export(exports: Object<'_>, env: napi::Env) -> napi::Result<()> {
    use napi::JsValue;
    for (name, _, called) in WORKS {
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

/// What JavaScript calls; nothing is returned once an exception is thrown.
unsafe extern "C" fn called<const WORK: usize>(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: JavaScript calls with an environment and a call that are under way, on its own thread.
    let worked = catch_unwind(|| unsafe { work(env, info, WORKS[WORK].1) });
    let thrown = match worked {
        Ok(Ok(result)) => return result,
        Ok(Err(error)) => error,
        Err(_) => error::panicked(),
    };
    // SAFETY: as above.
    unsafe { JsError::from(thrown).throw_into(env) };
    null_mut()
}

/// # Safety
/// Both are those of a call that is under way, on the thread of JavaScript.
unsafe fn work(env: sys::napi_env, info: sys::napi_callback_info, work: Work) -> Result<sys::napi_value> {
    let mut given = [null_mut(); 4];
    let mut count = given.len();
    let (mut checker, mut epoch_ms, mut result) = (0, 0.0, null_mut());
    // SAFETY: the environment is live, there is room for as many arguments as are said to be, and each is written before it
    // is read: what is missing becomes `undefined`, which is no number.
    unsafe {
        let status = [
            sys::napi_get_cb_info(env, info, &raw mut count, given.as_mut_ptr(), null_mut(), null_mut()),
            sys::napi_get_value_uint32(env, given[0], &raw mut checker),
            sys::napi_get_value_double(env, given[3], &raw mut epoch_ms),
        ];
        if status != [sys::Status::napi_ok; 3] {
            return Err(error::argument("checker, epochMs", "must be numbers"));
        }
    }
    // SAFETY: the environment is live and these are values of this call.
    let (body, out) = unsafe { (bytes(env, given[1], "body")?, bytes(env, given[2], "out")?) };
    if !out.is_own {
        return Err(error::argument("out", "must not be shared with other threads"));
    }
    let returned = if body.is_own {
        // SAFETY: no JavaScript runs and no other thread can write to it until `written` is there, which borrows nothing of it.
        // Nothing else points to it: the two may overlap, so there is no slice of `out` before.
        let written = work(checker, unsafe { slice::from_raw_parts(body.data, body.length) }, epoch_ms)?;
        let length = written.len();
        let fits = length <= out.length;
        if fits {
            // SAFETY: there is room, and it is not that of a vector of Rust.
            unsafe { out.data.cast_mut().copy_from_nonoverlapping(written.as_ptr(), length) };
        }
        check::reuse(checker, written);
        if fits { length as f64 } else { -(length as f64) }
    } else {
        f64::NAN
    };
    // SAFETY: the environment is live.
    unsafe { sys::napi_create_double(env, returned, &raw mut result) };
    Ok(result)
}

/// Where the bytes of a `Uint8Array` lie: a pointer that may be read, if nothing is there as well.
struct Bytes {
    data: *const u8,
    length: usize,
    /// Whether no other thread can write to them.
    is_own: bool,
}

/// # Safety
/// `value` is one of a call that is under way in `env`. What is returned may be used until JavaScript runs again.
unsafe fn bytes(env: sys::napi_env, value: sys::napi_value, name: &str) -> Result<Bytes> {
    let (mut kind, mut length, mut data, mut buffer) = (0, 0, null_mut::<c_void>(), null_mut());
    let mut is_own = false;
    // SAFETY: as above; what is no typed array is refused.
    let status = unsafe {
        match sys::napi_get_typedarray_info(
            env,
            value,
            &raw mut kind,
            &raw mut length,
            &raw mut data,
            &raw mut buffer,
            null_mut(),
        ) {
            sys::Status::napi_ok => sys::napi_is_arraybuffer(env, buffer, &raw mut is_own),
            status => status,
        }
    };
    if status != sys::Status::napi_ok || kind != sys::TypedarrayType::uint8_array {
        return Err(error::argument(name, "must be a Uint8Array"));
    }
    let data = if length == 0 { null::<u8>().wrapping_add(1) } else { data.cast_const().cast() };
    Ok(Bytes { data, length, is_own })
}

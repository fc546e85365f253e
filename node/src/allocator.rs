//! The allocator of the native half.

use std::ffi::{c_int, c_long};

use napi_derive::module_init;

/// The system's allocator is slow and fragmented in a Node process that has run for a while: the same code takes three to four
/// times as long with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Options, by their position in `mi_option_e` of version 2, and the defaults of version 3 for them. Freed memory is returned to
/// the system after one second instead of 10 milliseconds: requesters are made and dropped with all that they hold, and the system
/// clears every page that it hands out again. That took 60 to 80 of the 840 to 890 ns per item with 100,000 items in flight
/// (measured). `lifecycle.test.mjs` checks the positions against the names.
const OPTIONS: [(c_int, c_long); 2] = [(PURGE_DELAY, 1_000), (ARENA_PURGE_MULT, 1)];
/// In milliseconds.
const PURGE_DELAY: c_int = 15;
/// Factor by which the delay is longer for memory that was freed in large pieces.
const ARENA_PURGE_MULT: c_int = 24;

#[allow(unsafe_code)]
unsafe extern "C" {
    /// Part of mimalloc. `libmimalloc-sys` links it, but declares it only with a feature that pulls in another crate.
    safe fn mi_option_set(option: c_int, value: c_long);
}

/// Runs while the library is being loaded, before anything in it allocates.
#[module_init]
fn set_options() {
    for (option, value) in OPTIONS {
        mi_option_set(option, value);
    }
}

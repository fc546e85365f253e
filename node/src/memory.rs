//! The allocator of the native half.

use std::ffi::{c_int, c_long};

use napi_derive::module_init;

/// The allocator of a Node process that has been in use for a while is slow and fragmented: with it the same code takes
/// three to four times as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Options by their places in `mi_option_e` of version 2, and what version 3 has for them. Memory that was freed is given back to
/// the system after a second, not after 10 milliseconds: requesters come and go with all that they hold, and what the system
/// takes back it has to clear again: 60 to 80 of the 840 to 890 ns that each of 100,000 items in flight cost (measured).
/// `lifecycle.test.mjs` holds the places against the names.
const OPTIONS: [(c_int, c_long); 2] = [(PURGE_DELAY, 1_000), (ARENA_PURGE_MULT, 1)];
/// In milliseconds.
const PURGE_DELAY: c_int = 15;
/// How many times longer memory is kept that was freed in large pieces.
const ARENA_PURGE_MULT: c_int = 24;

#[allow(unsafe_code)]
unsafe extern "C" {
    /// Of the allocator: `libmimalloc-sys` has it linked, and declares it only together with a crate that is of no use here.
    safe fn mi_option_set(option: c_int, value: c_long);
}

/// Called while the library is being loaded, before anybody else in it can ask for memory.
#[module_init]
fn set_options() {
    for (option, value) in OPTIONS {
        mi_option_set(option, value);
    }
}

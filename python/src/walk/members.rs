//! The members of a dict, without a count of references for each.

// Pointers that the interpreter lends become objects.
#![allow(unsafe_code)]

use std::ptr::null_mut;

use pyo3::{Borrowed, ffi, prelude::*, types::PyDict};

/// Calls `with` with each key and value, in order, until it fails.
///
/// # Safety
///
/// `with` runs no code that could change the dict: none of the caller's, and nothing that may collect garbage, which runs finalizers.
/// Once it has begun to do so, it fails and touches neither key nor value any more.
pub(super) unsafe fn each<'py, E>(
    dict: &Bound<'py, PyDict>,
    mut with: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut at, mut key, mut value) = (0, null_mut(), null_mut());
    // SAFETY: it is a dict, and the thread is attached to the interpreter.
    while unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut key, &raw mut value) } != 0 {
        // SAFETY: the dict has both, and keeps them until `with` is done.
        let (key, value) = unsafe { (Borrowed::from_ptr(dict.py(), key), Borrowed::from_ptr(dict.py(), value)) };
        with(&key, &value)?;
    }
    Ok(())
}

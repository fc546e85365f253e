//! Iterates over the members of a dict with borrowed references, so that no reference count changes.

// Makes objects of pointers that the interpreter lends.
#![allow(unsafe_code)]

use std::ptr::null_mut;

use pyo3::{Borrowed, ffi, prelude::*, types::PyDict};

/// Calls `with` with each key and value, in order, until it fails.
///
/// # Safety
///
/// `with` must not run code that could change the dict: no code of the caller's, and nothing that may start a garbage collection, which
/// runs finalizers. If such code has run, `with` must return an error without using the key or the value again.
pub(super) unsafe fn for_each<'py, E>(
    dict: &Bound<'py, PyDict>,
    mut with: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut at, mut key, mut value) = (0, null_mut(), null_mut());
    // SAFETY: it is a dict, and the thread is attached to the interpreter.
    while unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut key, &raw mut value) } != 0 {
        // SAFETY: the dict owns both, and does not change until `with` returns.
        let (key, value) = unsafe { (Borrowed::from_ptr(dict.py(), key), Borrowed::from_ptr(dict.py(), value)) };
        with(&key, &value)?;
    }
    Ok(())
}

//! Bodies as callers give them: bytes, text, or a list of items.

use std::borrow::Cow;

use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    types::{PyByteArray, PyBytes, PyDict, PyList, PyMemoryView, PyString, PyTuple},
};

use crate::{
    error,
    json_writer::{self, Fill},
};

/// The bytes of a body: borrowed from the caller's object, or owned.
pub(crate) enum Body<'a> {
    /// Bytes of an immutable object, which can be read while other threads run.
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl<'a> Body<'a> {
    /// The body of a batch: bytes and text are taken as they are, a list of items is written as JSON.
    pub(crate) fn of_batch(given: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        match Self::of_text(given)? {
            Some(body) => Ok(body),
            None => json_writer::batch(given, &mut Fill::default()).map(Self::Owned),
        }
    }

    /// The bytes of a message or response.
    pub(crate) fn of_message(given: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of_text(given)?.ok_or_else(|| {
            PyTypeError::new_err(format!(
                "expected bytes, bytearray, memoryview or str, not {}",
                given.get_type().name().map_or_else(|_| "that".to_owned(), |name| name.to_string())
            ))
        })
    }

    /// Bytes or text; `None` for anything else.
    pub(crate) fn of_text(given: &'a Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return Ok(Some(Self::Borrowed(bytes.as_bytes())));
        }
        if let Ok(text) = given.cast::<PyString>() {
            let text = text.to_str().map_err(|_| {
                let reason = "the text holds a lone surrogate, which is no character: give the bytes as they came";
                error::ENCODE.raise(given.py(), (reason, None::<usize>, ""))
            })?;
            return Ok(Some(Self::Borrowed(text.as_bytes())));
        }
        if let Ok(bytes) = given.cast::<PyByteArray>() {
            return Ok(Some(Self::Owned(bytes.to_vec())));
        }
        if given.cast::<PyMemoryView>().is_ok() {
            // The buffer protocol is not part of the stable ABI of Python 3.10.
            let copy = given.call_method0(intern!(given.py(), "tobytes"))?;
            return Ok(Some(Self::Owned(copy.cast::<PyBytes>()?.as_bytes().to_vec())));
        }
        Ok(None)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }

    pub(crate) fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Borrowed(bytes) => bytes.to_vec(),
            Self::Owned(bytes) => bytes,
        }
    }
}

/// The JSON text of a mapping or of a JSON text.
pub(crate) fn json_text<'a>(given: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if given.cast::<PyDict>().is_ok() || given.cast::<PyList>().is_ok() || given.cast::<PyTuple>().is_ok() {
        return json_writer::value(given).map(Cow::Owned);
    }
    Ok(match Body::of_message(given)? {
        Body::Borrowed(bytes) => Cow::Borrowed(bytes),
        Body::Owned(bytes) => Cow::Owned(bytes),
    })
}

//! Errors of the engine as the exceptions of `setpoint.errors`.
//!
//! The classes are written in Python; here they are looked up and called.

use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyType},
};
use setpoint::{RequestError, reply::MessageError, requester::SubmitError};

/// A class of `setpoint.errors`, looked up once.
pub(crate) struct ErrorClass {
    name: &'static str,
    class: PyOnceLock<Py<PyType>>,
}

impl ErrorClass {
    const fn new(name: &'static str) -> Self {
        Self { name, class: PyOnceLock::new() }
    }

    /// The exception with these arguments; if it cannot be made, the reason why.
    pub(crate) fn raise<'py>(&self, py: Python<'py>, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
        let made = self.class.import(py, "setpoint.errors", self.name).and_then(|class| class.call1(arguments));
        made.map_or_else(|error| error, PyErr::from_value)
    }
}

pub(crate) static ANSWER: ErrorClass = ErrorClass::new("AnswerError");
pub(crate) static ENCODE: ErrorClass = ErrorClass::new("EncodeError");
pub(crate) static FORKED: ErrorClass = ErrorClass::new("ForkedError");
pub(crate) static JSON: ErrorClass = ErrorClass::new("JsonError");
pub(crate) static POISONED: ErrorClass = ErrorClass::new("PoisonedError");
pub(crate) static REFUSED: ErrorClass = ErrorClass::new("RefusedError");
static REQUEST: ErrorClass = ErrorClass::new("RequestError");
static MESSAGE: ErrorClass = ErrorClass::new("MessageError");
static IN_USE: ErrorClass = ErrorClass::new("InUseError");
static FULL: ErrorClass = ErrorClass::new("FullError");

pub(crate) fn request(py: Python<'_>, error: &RequestError) -> PyErr {
    let response = PyBytes::new(py, &error.response());
    REQUEST.raise(py, (error.status, error.msg.as_ref(), error.submsg.as_ref(), error.offset, response))
}

pub(crate) fn message(py: Python<'_>, error: &MessageError) -> PyErr {
    MESSAGE.raise(py, (error.reason.as_str(), error.offset))
}

pub(crate) fn submit(py: Python<'_>, error: &SubmitError) -> PyErr {
    match error {
        SubmitError::Request(error) => request(py, error),
        SubmitError::InUse { index, request_id } => IN_USE.raise(py, (error.to_string(), *index, request_id.as_str())),
        SubmitError::Full { open, more, bound } => FULL.raise(py, (error.to_string(), *open, *more, *bound)),
        // An error that the engine gains later: its text says what it is.
        other => pyo3::exceptions::PyRuntimeError::new_err(other.to_string()),
    }
}

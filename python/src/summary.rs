//! How the items of a batch ended, and why one was refused.

use pyo3::prelude::*;
use setpoint::{
    Code,
    requester::{Refused, Summary as Counts},
};

use crate::value_class::value_class;

/// How the items of a batch ended. `submitted` is the sum of all others but `accepted`.
#[pyclass(frozen, module = "setpoint", from_py_object)]
#[derive(Debug, Clone)]
pub(crate) struct Summary(pub(crate) Counts);

value_class!(Summary("submitted", "accepted", "refused", "succeeded", "failed", "timed_out", "cancelled") {
    #[new]
    fn new(
        submitted: usize,
        accepted: usize,
        refused: usize,
        succeeded: usize,
        failed: usize,
        timed_out: usize,
        cancelled: usize,
    ) -> Self {
        let mut counts = Counts::default();
        (counts.submitted, counts.accepted, counts.refused) = (submitted, accepted, refused);
        (counts.succeeded, counts.failed) = (succeeded, failed);
        (counts.timed_out, counts.cancelled) = (timed_out, cancelled);
        Self(counts)
    }

    /// Items of the batch.
    #[getter]
    fn submitted(&self) -> usize {
        self.0.submitted
    }

    /// Items that the service is known to have taken.
    #[getter]
    fn accepted(&self) -> usize {
        self.0.accepted
    }

    /// Items refused.
    #[getter]
    fn refused(&self) -> usize {
        self.0.refused
    }

    /// Items that ended with success.
    #[getter]
    fn succeeded(&self) -> usize {
        self.0.succeeded
    }

    /// Items that ended with a known failure.
    #[getter]
    fn failed(&self) -> usize {
        self.0.failed
    }

    /// Items without an outcome in time.
    #[getter]
    fn timed_out(&self) -> usize {
        self.0.timed_out
    }

    /// Items cancelled.
    #[getter]
    fn cancelled(&self) -> usize {
        self.0.cancelled
    }
});

/// Why an item was refused.
#[pyclass(frozen, module = "setpoint", from_py_object)]
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub(crate) Refused);

value_class!(Refusal("code", "msg", "submsg", "whole_request") {
    #[new]
    fn new(code: i64, msg: String, submsg: Option<String>, whole_request: bool) -> Self {
        Self(Refused::new(Code(code), msg, submsg, whole_request))
    }

    /// The code.
    #[getter]
    fn code(&self) -> i64 {
        self.0.code.0
    }

    /// The code's message.
    #[getter]
    fn msg(&self) -> &str {
        &self.0.msg
    }

    /// What exactly is wrong.
    #[getter]
    fn submsg(&self) -> Option<&str> {
        self.0.submsg.as_deref()
    }

    /// Whether the whole request was refused; `code` is then the request's status.
    #[getter]
    fn whole_request(&self) -> bool {
        self.0.whole_request
    }
});

//! The four events that end an item. All have the attributes that a program reads first: `ok`, `code`, `msg`, `submsg`, `output`.

use pyo3::{prelude::*, types::PyBool};
use setpoint::{Code, requester::ItemRef};

use super::{LazyOutcome, item, item_event};
use crate::{outcome::Outcome, summary::Refusal, value_class::value_class};

item_event! {
    /// The item was refused and nothing was sent. Ends the item.
    Refused is "refused" of ("refusal") { refusal: Refusal, }

    #[new]
    fn new(batch: u64, index: usize, request_id: Option<&str>, refusal: Refusal) -> Self {
        Self { item: item(batch, index, request_id), refusal }
    }

    /// Why.
    #[getter]
    fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }

    /// Whether the command succeeded: always `False`.
    #[getter]
    fn ok(&self) -> bool {
        false
    }

    /// The code of the refusal.
    #[getter]
    fn code(&self) -> i64 {
        self.refusal.0.code.0
    }

    /// The code's message.
    #[getter]
    fn msg(&self) -> Option<&str> {
        Some(&self.refusal.0.msg)
    }

    /// The further message: what exactly is wrong.
    #[getter]
    fn submsg(&self) -> Option<&str> {
        self.refusal.0.submsg.as_deref()
    }

    /// Always `None`: there is no output.
    #[getter]
    fn output(&self) -> Option<Py<PyAny>> {
        None
    }
}

item_event! {
    /// The outcome: success, or a known failure. Ends the item.
    Finished is "finished" of ("outcome") {
        outcome: LazyOutcome,
        /// Whether the command succeeded.
        // A program reads it of every event: as a stored object, it is read without a call.
        #[pyo3(get)]
        ok: Py<PyBool>,
    }

    #[new]
    fn new(
        py: Python<'_>,
        batch: u64,
        index: usize,
        request_id: Option<&str>,
        outcome: &Bound<'_, Outcome>,
    ) -> Self {
        Self::of(py, item(batch, index, request_id), outcome.into())
    }

    /// The outcome.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        self.outcome.object(py)
    }

    /// The code of the outcome; 0 is success.
    #[getter]
    fn code(&self) -> i64 {
        self.outcome.inner.code().0
    }

    /// The code's message.
    #[getter]
    fn msg(&self) -> Option<String> {
        self.outcome.msg()
    }

    /// The further message.
    #[getter]
    fn submsg(&self) -> Option<String> {
        self.outcome.submsg()
    }

    /// The outcome's `output`, parsed when it is first asked for.
    #[getter]
    fn output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.outcome.object(py)?.get().output(py)
    }
}

impl Finished {
    pub(super) fn of(py: Python<'_>, item: ItemRef, outcome: LazyOutcome) -> Self {
        let ok = PyBool::new(py, outcome.inner.is_success()).to_owned().unbind();
        Self { item, outcome, ok }
    }
}

item_event! {
    /// No outcome in time: whether the device acted is not known, unless `known_unsent`. Ends the item.
    TimedOut is "timedOut" of ("known_unsent", "outcome") { known_unsent: bool, outcome: Option<LazyOutcome>, }

    #[new]
    fn new(
        batch: u64,
        index: usize,
        request_id: Option<&str>,
        known_unsent: bool,
        outcome: Option<&Bound<'_, Outcome>>,
    ) -> Self {
        Self { item: item(batch, index, request_id), known_unsent, outcome: outcome.map(LazyOutcome::from) }
    }

    /// Whether it is known that the command was never sent: only then is it safe to send it again.
    #[getter]
    fn known_unsent(&self) -> bool {
        self.known_unsent
    }

    /// The service's reply, if the service reported the timeout; `None` if nothing came at all.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Outcome>>> {
        self.outcome.as_ref().map(|outcome| outcome.object(py)).transpose()
    }

    /// Whether the command is known to have succeeded: always `False`.
    #[getter]
    fn ok(&self) -> bool {
        false
    }

    /// The code for a timeout.
    #[getter]
    fn code(&self) -> i64 {
        Code::TIMEOUT.0
    }

    /// The code's message.
    #[getter]
    fn msg(&self) -> Option<String> {
        self.outcome.as_ref().map_or_else(|| Some(Code::TIMEOUT.msg().to_owned()), LazyOutcome::msg)
    }

    /// The service's further message; `None` if nothing came at all.
    #[getter]
    fn submsg(&self) -> Option<String> {
        self.outcome.as_ref().and_then(LazyOutcome::submsg)
    }

    /// Always `None`: there is no output.
    #[getter]
    fn output(&self) -> Option<Py<PyAny>> {
        None
    }
}

item_event! {
    /// The caller cancelled the batch while the item was open; the device may act all the same. Ends the item.
    Cancelled is "cancelled" of () {}

    #[new]
    fn new(batch: u64, index: usize, request_id: Option<&str>) -> Self {
        Self { item: item(batch, index, request_id) }
    }

    /// Whether the command is known to have succeeded: always `False`.
    #[getter]
    fn ok(&self) -> bool {
        false
    }

    /// Always `None`: there is no reply.
    #[getter]
    fn code(&self) -> Option<i64> {
        None
    }

    /// Always `None`: there is no reply.
    #[getter]
    fn msg(&self) -> Option<&str> {
        None
    }

    /// Always `None`: there is no reply.
    #[getter]
    fn submsg(&self) -> Option<&str> {
        None
    }

    /// Always `None`: there is no output.
    #[getter]
    fn output(&self) -> Option<Py<PyAny>> {
        None
    }
}

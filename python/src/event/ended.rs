//! The four events that end an item. They share what a program asks first: `ok`, `code`, `msg`, `submsg`, `output`.

use pyo3::{prelude::*, types::PyBool};
use setpoint::{Code, requester::ItemRef};

use super::{Heard, item, item_event};
use crate::{outcome::Outcome, shown::shown_by, summary::Refusal};

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

    /// Whether the device did what it was asked: it did not.
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

    /// What exactly is wrong.
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
        outcome: Heard,
        /// Whether the device did what it was asked.
        // What every event is asked lies there as an object, which the interpreter reads without a call.
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
        self.outcome.said.code().0
    }

    /// The code's message.
    #[getter]
    fn msg(&self) -> Option<String> {
        self.outcome.msg()
    }

    /// What exactly happened.
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
    pub(super) fn of(py: Python<'_>, item: ItemRef, outcome: Heard) -> Self {
        let ok = PyBool::new(py, outcome.said.is_success()).to_owned().unbind();
        Self { item, outcome, ok }
    }
}

item_event! {
    /// No outcome in time: whether the device acted is not known, unless `known_unsent`. Ends the item.
    TimedOut is "timedOut" of ("known_unsent", "outcome") { known_unsent: bool, outcome: Option<Heard>, }

    #[new]
    fn new(
        batch: u64,
        index: usize,
        request_id: Option<&str>,
        known_unsent: bool,
        outcome: Option<&Bound<'_, Outcome>>,
    ) -> Self {
        Self { item: item(batch, index, request_id), known_unsent, outcome: outcome.map(Heard::from) }
    }

    /// Whether it is known that the command was never sent: only then is it safe to repeat.
    #[getter]
    fn known_unsent(&self) -> bool {
        self.known_unsent
    }

    /// What the service said, if it was the service that gave up; `None` if nothing came at all.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Outcome>>> {
        self.outcome.as_ref().map(|outcome| outcome.object(py)).transpose()
    }

    /// Whether the device is known to have done what it was asked: it is not.
    #[getter]
    fn ok(&self) -> bool {
        false
    }

    /// The code that stands for this.
    #[getter]
    fn code(&self) -> i64 {
        Code::TIMEOUT.0
    }

    /// The code's message.
    #[getter]
    fn msg(&self) -> Option<String> {
        self.outcome.as_ref().map_or_else(|| Some(Code::TIMEOUT.msg().to_owned()), Heard::msg)
    }

    /// What the service said; `None` if nothing came at all.
    #[getter]
    fn submsg(&self) -> Option<String> {
        self.outcome.as_ref().and_then(Heard::submsg)
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

    /// Whether the device is known to have done what it was asked: it is not.
    #[getter]
    fn ok(&self) -> bool {
        false
    }

    /// Always `None`: nobody said anything.
    #[getter]
    fn code(&self) -> Option<i64> {
        None
    }

    /// Always `None`: nobody said anything.
    #[getter]
    fn msg(&self) -> Option<&str> {
        None
    }

    /// Always `None`: nobody said anything.
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

//! Replies that end nothing.

use pyo3::prelude::*;
use setpoint::requester::ItemRef;

use super::{LazyOutcome, item, item_event};
use crate::{outcome::Outcome, value_class::value_class};

item_event! {
    /// An outcome for an item that ended with `TimedOut` or `Cancelled` before. Ends nothing.
    Late is "late" of ("outcome") { outcome: LazyOutcome, }

    #[new]
    fn new(batch: u64, index: usize, request_id: Option<&str>, outcome: &Bound<'_, Outcome>) -> Self {
        Self { item: item(batch, index, request_id), outcome: outcome.into() }
    }

    /// What came late.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        self.outcome.object(py)
    }
}

item_event! {
    /// A reply that repeats an outcome. Ends nothing.
    Duplicate is "duplicate" of ("outcome", "conflict") { outcome: LazyOutcome, conflict: bool, }

    #[new]
    fn new(
        batch: u64,
        index: usize,
        request_id: Option<&str>,
        outcome: &Bound<'_, Outcome>,
        conflict: bool,
    ) -> Self {
        Self { item: item(batch, index, request_id), outcome: outcome.into(), conflict }
    }

    /// What came again.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        self.outcome.object(py)
    }

    /// Whether it says something else than the outcome that ended the item.
    #[getter]
    fn conflict(&self) -> bool {
        self.conflict
    }
}

/// A reply under a request id that is not, or no longer, known here. Ends nothing.
#[pyclass(frozen, module = "setpoint")]
pub(crate) struct Unknown {
    pub(super) outcome: LazyOutcome,
}

value_class!(Unknown("outcome") {
    /// What kind of event this is.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "an attribute of instances, as the others")]
    const kind: &'static str = "unknown";

    #[new]
    fn new(outcome: &Bound<'_, Outcome>) -> Self {
        Self { outcome: outcome.into() }
    }

    /// What came.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        self.outcome.object(py)
    }
});

/// A reply that could not be read. Ends nothing.
#[pyclass(frozen, get_all, module = "setpoint")]
pub(crate) struct Unreadable {
    /// Where and why.
    pub(super) reason: String,
}

value_class!(Unreadable("reason") {
    /// What kind of event this is.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "an attribute of instances, as the others")]
    const kind: &'static str = "unreadable";

    #[new]
    fn new(reason: String) -> Self {
        Self { reason }
    }
});

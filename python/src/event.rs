//! What a requester tells, as Python classes: one for each kind of event.
//!
//! An event holds the engine's own value, and what is asked of it is made then. So many events cost little more than
//! their objects.

use pyo3::{exceptions::PyNotImplementedError, prelude::*, sync::PyOnceLock};
use setpoint::{
    Code, Family,
    requester::{Event, ItemRef, Outcome as Said, RequestBatchId},
};

use crate::{
    outcome::Outcome,
    shown::shown_by,
    summary::{Refusal, Summary},
};

/// The event as an object of its class.
pub(crate) fn object(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    Ok(match event {
        Event::Accepted { item } => Py::new(py, Accepted { item })?.into_any(),
        Event::Refused { item, refusal } => Py::new(py, Refused { item, refusal: Refusal(refusal) })?.into_any(),
        Event::Finished { item, outcome } => Py::new(py, Finished { item, outcome: outcome.into() })?.into_any(),
        Event::TimedOut { item, known_unsent, outcome } => {
            Py::new(py, TimedOut { item, known_unsent, outcome: outcome.map(Heard::from) })?.into_any()
        }
        Event::Cancelled { item } => Py::new(py, Cancelled { item })?.into_any(),
        Event::Late { item, outcome } => Py::new(py, Late { item, outcome: outcome.into() })?.into_any(),
        Event::Duplicate { item, outcome, conflict } => {
            Py::new(py, Duplicate { item, outcome: outcome.into(), conflict })?.into_any()
        }
        Event::Unknown { outcome } => Py::new(py, Unknown { outcome: outcome.into() })?.into_any(),
        Event::Unreadable { reason } => Py::new(py, Unreadable { reason })?.into_any(),
        Event::BatchDone { batch, summary } => {
            Py::new(py, BatchDone { batch: batch.0, summary: Summary(summary) })?.into_any()
        }
        // What a later engine tells needs a class here first.
        other => return Err(PyNotImplementedError::new_err(format!("{other:?}"))),
    })
}

/// An outcome that an event carries; the object is made when it is asked for.
struct Heard {
    said: Said,
    object: PyOnceLock<Py<Outcome>>,
}

impl From<Said> for Heard {
    fn from(said: Said) -> Self {
        Self { said, object: PyOnceLock::new() }
    }
}

impl From<&Bound<'_, Outcome>> for Heard {
    fn from(outcome: &Bound<'_, Outcome>) -> Self {
        outcome.get().said.clone().into()
    }
}

impl Heard {
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        let made = self.object.get_or_try_init(py, || Py::new(py, Outcome::new(self.said.clone())))?;
        Ok(made.bind(py).clone())
    }

    fn msg(&self) -> Option<String> {
        self.said.msg().map(Into::into)
    }

    fn submsg(&self) -> Option<String> {
        self.said.submsg().map(Into::into)
    }
}

/// An item, as a caller names it.
fn item(batch: u64, index: usize, request_id: Option<&str>) -> ItemRef {
    // The family tells equal ids of two families apart; objects are compared by what they show.
    ItemRef::new(RequestBatchId(batch), index, Family::Invoke, request_id)
}

/// A class of events that speak of an item.
macro_rules! item_event {
    (
        $(#[$doc:meta])*
        $class:ident is $kind:literal of ($($name:literal),*) { $($field:ident: $type:ty,)* }
        $($methods:tt)*
    ) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "setpoint")]
                pub(crate) struct $class {
            item: ItemRef,
            $($field: $type,)*
        }

        shown_by!($class("batch", "index", "request_id" $(, $name)*) {
            /// What kind of event this is.
            #[classattr]
            #[allow(non_upper_case_globals, reason = "an attribute of instances, as the others")]
            const kind: &'static str = $kind;

            /// The batch's number.
            #[getter]
            fn batch(&self) -> u64 {
                self.item.batch.0
            }

            /// The item's place in its batch, from 0.
            #[getter]
            fn index(&self) -> usize {
                self.item.index
            }

            /// The item's request id; `None` if it was sent without a usable one, and so can only be refused.
            #[getter]
            fn request_id(&self) -> Option<&str> {
                self.item.request_id()
            }

            $($methods)*
        });
    };
}

item_event! {
    /// The service took the item; its outcome is to come.
    Accepted is "accepted" of () {}

    #[new]
    fn new(batch: u64, index: usize, request_id: Option<&str>) -> Self {
        Self { item: item(batch, index, request_id) }
    }
}

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
    Finished is "finished" of ("outcome") { outcome: Heard, }

    #[new]
    fn new(batch: u64, index: usize, request_id: Option<&str>, outcome: &Bound<'_, Outcome>) -> Self {
        Self { item: item(batch, index, request_id), outcome: outcome.into() }
    }

    /// The outcome.
    #[getter]
    fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        self.outcome.object(py)
    }

    /// Whether the device did what it was asked.
    #[getter]
    fn ok(&self) -> bool {
        self.outcome.said.is_success()
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
    fn msg(&self) -> Option<String> {
        None
    }

    /// Always `None`: nobody said anything.
    #[getter]
    fn submsg(&self) -> Option<String> {
        None
    }

    /// Always `None`: there is no output.
    #[getter]
    fn output(&self) -> Option<Py<PyAny>> {
        None
    }
}

item_event! {
    /// An outcome for an item that ended with `TimedOut` or `Cancelled` before. Ends nothing.
    Late is "late" of ("outcome") { outcome: Heard, }

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
    Duplicate is "duplicate" of ("outcome", "conflict") { outcome: Heard, conflict: bool, }

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
    outcome: Heard,
}

shown_by!(Unknown("outcome") {
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
    reason: String,
}

shown_by!(Unreadable("reason") {
    /// What kind of event this is.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "an attribute of instances, as the others")]
    const kind: &'static str = "unreadable";

    #[new]
    fn new(reason: String) -> Self {
        Self { reason }
    }
});

/// Every item of the batch has ended.
#[pyclass(frozen, get_all, module = "setpoint")]
pub(crate) struct BatchDone {
    /// The batch's number.
    batch: u64,
    /// How its items ended.
    summary: Summary,
}

shown_by!(BatchDone("batch", "summary") {
    /// What kind of event this is.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "an attribute of instances, as the others")]
    const kind: &'static str = "batchDone";

    #[new]
    fn new(batch: u64, summary: Summary) -> Self {
        Self { batch, summary }
    }
});

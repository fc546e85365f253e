//! The events of a requester as Python classes, one for each kind.
//!
//! An event holds the engine's value; Python objects of its parts are made when they are asked for.

mod ended;
mod late;

pub(crate) use ended::{Cancelled, Finished, Refused, TimedOut};
pub(crate) use late::{Duplicate, Late, Unknown, Unreadable};
use pyo3::{exceptions::PyNotImplementedError, prelude::*, sync::PyOnceLock};
use setpoint::{
    Family,
    requester::{Event, ItemRef, Outcome as EngineOutcome, RequestBatchId},
};

use crate::{
    outcome::Outcome,
    summary::{Refusal, Summary},
    value_class::value_class,
};

/// The event as an object of its class.
pub(crate) fn object(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    Ok(match event {
        Event::Accepted { item } => Py::new(py, Accepted { item })?.into_any(),
        Event::Refused { item, refusal } => Py::new(py, Refused { item, refusal: Refusal(refusal) })?.into_any(),
        Event::Finished { item, outcome } => Py::new(py, Finished::of(py, item, outcome.into()))?.into_any(),
        Event::TimedOut { item, known_unsent, outcome } => {
            Py::new(py, TimedOut { item, known_unsent, outcome: outcome.map(LazyOutcome::from) })?.into_any()
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
        // An event that the engine gains later needs a class here first.
        other => return Err(PyNotImplementedError::new_err(format!("{other:?}"))),
    })
}

/// The outcome of an event. Its Python object is made when it is first asked for.
struct LazyOutcome {
    inner: EngineOutcome,
    object: PyOnceLock<Py<Outcome>>,
}

impl From<EngineOutcome> for LazyOutcome {
    fn from(inner: EngineOutcome) -> Self {
        Self { inner, object: PyOnceLock::new() }
    }
}

impl From<&Bound<'_, Outcome>> for LazyOutcome {
    fn from(outcome: &Bound<'_, Outcome>) -> Self {
        outcome.get().inner.clone().into()
    }
}

impl LazyOutcome {
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Outcome>> {
        let made = self.object.get_or_try_init(py, || Py::new(py, Outcome::new(self.inner.clone())))?;
        Ok(made.bind(py).clone())
    }

    fn msg(&self) -> Option<String> {
        self.inner.msg().map(Into::into)
    }

    fn submsg(&self) -> Option<String> {
        self.inner.submsg().map(Into::into)
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
        $class:ident is $kind:tt of ($($name:literal),*) { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }
        $($methods:tt)*
    ) => {
        $(#[$doc])*
        #[pyclass(frozen, module = "setpoint")]
        pub(crate) struct $class {
            pub(super) item: ItemRef,
            $($(#[$attribute])* pub(super) $field: $type,)*
        }

        value_class!($class("batch", "index", "request_id" $(, $name)*) {
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
pub(crate) use item_event;

item_event! {
    /// The service took the item; its outcome is to come. An outcome that comes before the response says so itself.
    Accepted is "accepted" of () {}

    #[new]
    fn new(batch: u64, index: usize, request_id: Option<&str>) -> Self {
        Self { item: item(batch, index, request_id) }
    }
}

/// Every item of the batch has ended.
#[pyclass(frozen, get_all, module = "setpoint")]
pub(crate) struct BatchDone {
    /// The batch's number.
    batch: u64,
    /// How its items ended.
    summary: Summary,
}

value_class!(BatchDone("batch", "summary") {
    /// What kind of event this is.
    #[classattr]
    #[allow(non_upper_case_globals, reason = "an attribute of instances, as the others")]
    const kind: &'static str = "batchDone";

    #[new]
    fn new(batch: u64, summary: Summary) -> Self {
        Self { batch, summary }
    }
});

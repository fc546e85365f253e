//! The check of a batch, and what it found.

use std::num::NonZeroUsize;

use pyo3::{
    intern,
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyTuple},
};
use setpoint::{
    Family,
    check::{self as engine, ItemReport},
    reply::{Response, read_response},
};

use crate::{
    body::Body,
    error,
    settings::{Directory, FamilyName, Limits, Now, limits, wall_clock},
    type_hints::{FamilyText, TupleOf},
    value_class::value_class,
};

/// Bodies below this many bytes are checked without releasing the interpreter: that takes a few microseconds.
const SHORT: usize = 16 << 10;

/// Checks a batch without sending it: what a service would answer for each item when it receives the batch first.
///
/// `body` is JSON as bytes or text, or a list of dicts, `InvokeItem` or `WriteItem`. Without a `directory` only the form is
/// checked, as if every well-formed channel and device existed. `now` is the time written into the response; the wall clock by default.
/// Nothing is kept between calls.
///
/// Raises `RequestError` if the whole request would be refused, and `EncodeError` if a list holds a value that JSON cannot represent.
#[pyfunction]
#[pyo3(signature = (
    body: "bytes | bytearray | memoryview | str | Sequence[Item]",
    family: "FamilyName" = FamilyName(Family::Invoke),
    *, org_id, directory=None, limits=None, now=None
))]
pub(crate) fn check(
    py: Python<'_>,
    body: &Bound<'_, PyAny>,
    family: FamilyName,
    org_id: &str,
    directory: Option<&Bound<'_, Directory>>,
    limits: Option<&Bound<'_, Limits>>,
    now: Option<&Bound<'_, Now>>,
) -> PyResult<Report> {
    let FamilyName(family) = family;
    let (limits, now) = (self::limits(limits), wall_clock(now));
    let body = Body::of_batch(body)?;
    let directory = directory.map(|directory| &directory.get().0);
    let bytes = body.as_bytes();
    let check = || {
        let report = match directory {
            None => engine::check_form(bytes, family, org_id, &limits, now),
            Some(directory) => engine::check(bytes, family, org_id, directory, &limits, now),
        };
        match report.error {
            Some(error) => Err(error),
            None => {
                let refused = report.items.iter().filter(|item| !item.faults.is_empty()).map(RefusedItem::of);
                Ok((report.items.len(), refused.collect(), report.response))
            }
        }
    };
    // Releasing and taking the interpreter costs as much as checking a short body.
    let found = if bytes.len() < SHORT { check() } else { py.detach(check) };
    let (items, refused, written) = found.map_err(|error| error::request(py, &error))?;
    Ok(Report { family, items, refused, response: PyBytes::new(py, &written).unbind() })
}

/// What a check found: which items would be accepted, which refused and why, and the response that says so.
#[pyclass(frozen, module = "setpoint")]
pub(crate) struct Report {
    family: Family,
    items: usize,
    refused: Vec<RefusedItem>,
    response: Py<PyBytes>,
}

#[pymethods]
impl Report {
    /// The response body, JSON in UTF-8: one reply for each item, in request order.
    #[getter]
    fn response<'py>(&self, py: Python<'py>) -> &Bound<'py, PyBytes> {
        self.response.bind(py)
    }

    /// `"invoke"` or `"write"`.
    #[getter]
    fn family(&self) -> FamilyText {
        FamilyText(self.family.name())
    }

    /// Whether every item would be accepted.
    #[getter]
    fn ok(&self) -> bool {
        self.refused.is_empty()
    }

    /// The items that would be accepted, in request order.
    #[getter]
    fn accepted(&self, py: Python<'_>) -> PyResult<Vec<AcceptedItem>> {
        let mut refused = self.refused.iter().map(|item| item.index).peekable();
        let ids = self.request_ids(py)?;
        Ok(ids
            .into_iter()
            .enumerate()
            .filter(|(index, _)| refused.next_if_eq(index).is_none())
            .map(|(index, request_id)| AcceptedItem { index, request_id: request_id.unwrap_or_default() })
            .collect())
    }

    /// The items that would be refused, in request order, each with everything that is wrong with it.
    #[getter]
    fn refused(&self) -> Vec<RefusedItem> {
        self.refused.clone()
    }

    /// Raises `RefusedError`, which has the refused items, unless every item would be accepted.
    fn raise_for_refused(&self, py: Python<'_>) -> PyResult<()> {
        if self.refused.is_empty() {
            return Ok(());
        }
        let text = match &self.refused[..] {
            [item] => format!("1 of {} items would be refused: {}", self.items, item.describe()),
            [item, ..] => {
                format!(
                    "{} of {} items would be refused; the first: {}",
                    self.refused.len(),
                    self.items,
                    item.describe()
                )
            }
            [] => String::new(),
        };
        Err(error::REFUSED.raise(py, (text, PyTuple::new(py, self.refused())?)))
    }

    /// One dict for each item, in request order, with `index`, `request_id`, `accepted`, `code`, `msg` and `reason` (every
    /// fault as text, `None` if accepted): rows for a table.
    #[pyo3(signature = () -> "list[dict[str, Any]]")]
    fn to_records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let records = PyList::empty(py);
        let mut refused = self.refused.iter().peekable();
        for (index, request_id) in self.request_ids(py)?.into_iter().enumerate() {
            let item = refused.next_if(|item| item.index == index);
            let record = PyDict::new(py);
            record.set_item(intern!(py, "index"), index)?;
            record.set_item(intern!(py, "request_id"), request_id)?;
            record.set_item(intern!(py, "accepted"), item.is_none())?;
            record.set_item(intern!(py, "code"), item.map_or(0, |item| item.code))?;
            record
                .set_item(intern!(py, "msg"), item.map_or_else(|| setpoint::Code::SUCCESS.msg(), |item| &item.msg))?;
            record.set_item(intern!(py, "reason"), item.map(RefusedItem::reason))?;
            records.append(record)?;
        }
        Ok(records)
    }

    fn __len__(&self) -> usize {
        self.items
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        // The response says all that the rest says.
        self.family == other.family && self.response.as_bytes(py) == other.response.as_bytes(py)
    }

    fn __repr__(&self) -> String {
        let refused = self.refused.len();
        format!("Report(family='{}', accepted={}, refused={refused})", self.family.name(), self.items - refused)
    }

    /// The rows as a table, in notebooks.
    #[pyo3(signature = () -> "str")]
    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("setpoint._display")?.call_method1("report_html", (slf,))
    }

    #[pyo3(signature = () -> "tuple[Any, tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("setpoint._core")?.getattr("_restore_report")?;
        let refused = PyTuple::new(py, self.refused())?;
        Ok((restore, (self.family.name(), self.items, refused, self.response(py))).into_pyobject(py)?.into_any())
    }
}

impl Report {
    /// By item; read from the response, which has them anyway.
    fn request_ids(&self, py: Python<'_>) -> PyResult<Vec<Option<String>>> {
        // Bounds are for what others write.
        let mut limits = setpoint::Limits::DEFAULT;
        (limits.reply_bytes, limits.items, limits.payload_bytes) =
            (NonZeroUsize::MAX, NonZeroUsize::MAX, NonZeroUsize::MAX);
        limits.depth = NonZeroUsize::MAX;
        match read_response(self.response.as_bytes(py), self.family, &limits) {
            Ok(Response::Replies(replies)) => {
                Ok(replies.into_iter().map(|reply| Some(reply.ok()?.request_id?.decode().into_owned())).collect())
            }
            Ok(Response::Error(error)) => Err(error::request(py, &error)),
            Err(error) => Err(error::message(py, &error)),
        }
    }
}

/// A report, as it was pickled.
#[pyfunction]
#[pyo3(signature = (family: "FamilyName", items, refused: "Sequence[RefusedItem]", response))]
pub(crate) fn _restore_report(
    family: FamilyName,
    items: usize,
    refused: Vec<Bound<'_, RefusedItem>>,
    response: Py<PyBytes>,
) -> Report {
    Report { family: family.0, items, refused: refused.iter().map(|item| item.get().clone()).collect(), response }
}

/// An item that would be accepted.
#[pyclass(frozen, get_all, module = "setpoint")]
#[derive(Debug, Clone)]
pub(crate) struct AcceptedItem {
    /// Which item, from 0.
    index: usize,
    /// Its request id.
    request_id: String,
}

value_class!(AcceptedItem("index", "request_id") {
    #[new]
    fn new(index: usize, request_id: String) -> Self {
        Self { index, request_id }
    }
});

/// An item that would be refused.
#[pyclass(frozen, module = "setpoint")]
#[derive(Debug, Clone)]
pub(crate) struct RefusedItem {
    /// Which item, from 0.
    #[pyo3(get)]
    index: usize,
    /// Its request id; `None` if it has none that can be read.
    #[pyo3(get)]
    request_id: Option<String>,
    /// The code of its reply.
    #[pyo3(get)]
    code: i64,
    /// The code's message.
    #[pyo3(get)]
    msg: String,
    faults: Vec<Fault>,
}

/// One thing that is wrong with an item.
#[pyclass(frozen, get_all, module = "setpoint", from_py_object)]
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The code that an item with this fault alone is answered with.
    code: i64,
    /// The JSON field at fault, as it is spelt in the request; empty when it is the item as a whole.
    field: String,
    /// What is wrong and what would be right.
    reason: String,
}

value_class!(RefusedItem("index", "request_id", "code", "msg", "faults") {
    #[new]
    #[pyo3(signature = (index, request_id, code, msg, faults: "Sequence[Fault]"))]
    fn new(index: usize, request_id: Option<String>, code: i64, msg: String, faults: Vec<Fault>) -> Self {
        Self { index, request_id, code, msg, faults }
    }

    /// Everything that is wrong with it.
    #[getter]
    fn faults<'py>(&self, py: Python<'py>) -> PyResult<TupleOf<'py, Fault>> {
        TupleOf::new(py, self.faults.clone())
    }

    /// Every fault as text, `field: reason`, joined by `; `.
    #[getter]
    fn reason(&self) -> String {
        let faults = self.faults.iter().map(|fault| match &fault.field[..] {
            "" => fault.reason.clone(),
            field => format!("{field}: {}", fault.reason),
        });
        faults.collect::<Vec<_>>().join("; ")
    }
});

impl RefusedItem {
    fn of(item: &ItemReport<'_>) -> Self {
        let faults = item.faults.iter().map(|fault| Fault {
            code: fault.code.0,
            field: fault.field.to_owned(),
            reason: fault.reason.clone().into_owned(),
        });
        Self {
            index: item.index,
            request_id: item.request_id.as_deref().map(str::to_owned),
            code: item.code.0,
            msg: item.msg.to_owned(),
            faults: faults.collect(),
        }
    }

    fn describe(&self) -> String {
        format!("item {}: {} {}: {}", self.index, self.code, self.msg, self.reason())
    }
}

value_class!(Fault("code", "field", "reason") {
    #[new]
    fn new(code: i64, field: String, reason: String) -> Self {
        Self { code, field, reason }
    }
});

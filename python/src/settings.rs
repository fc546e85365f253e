//! What a call may be told beside its body: a family, limits, a directory, the time.

use std::num::NonZeroUsize;

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use setpoint::{Family, FamilyTable, TableDirectory};

use crate::{body::json_text, value_class::value_class};

/// `"invoke"` or `"write"`.
pub(crate) struct FamilyName(pub(crate) Family);

impl<'py> FromPyObject<'_, 'py> for FamilyName {
    type Error = PyErr;

    fn extract(name: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text: &str = name.extract().map_err(|_| PyTypeError::new_err("family is \"invoke\" or \"write\""))?;
        let family = Family::ALL.into_iter().find(|family| family.name() == text);
        family
            .map(Self)
            .ok_or_else(|| PyValueError::new_err(format!("family is \"invoke\" or \"write\", not {text:?}")))
    }
}

/// What one message may cost to read. A bound that is left out has the engine's default, and 0 is a `ValueError`.
///
/// The bounds are bytes, but `items` and `depth`, which are counts. All of them are ours; the published pages name none.
#[pyclass(frozen, eq, module = "setpoint")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits(pub(crate) setpoint::Limits);

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (*, body_bytes=None, reply_bytes=None, items=None, depth=None, payload_bytes=None, answer_bytes=None))]
    fn new(
        body_bytes: Option<usize>,
        reply_bytes: Option<usize>,
        items: Option<usize>,
        depth: Option<usize>,
        payload_bytes: Option<usize>,
        answer_bytes: Option<usize>,
    ) -> PyResult<Self> {
        let mut limits = setpoint::Limits::DEFAULT;
        let set = |bound: &mut NonZeroUsize, given: Option<usize>, name: &str| {
            *bound = given.map_or(Ok(*bound), |given| at_least_1(given, name))?;
            PyResult::Ok(())
        };
        set(&mut limits.body_bytes, body_bytes, "body_bytes")?;
        set(&mut limits.reply_bytes, reply_bytes, "reply_bytes")?;
        set(&mut limits.items, items, "items")?;
        set(&mut limits.depth, depth, "depth")?;
        set(&mut limits.payload_bytes, payload_bytes, "payload_bytes")?;
        set(&mut limits.answer_bytes, answer_bytes, "answer_bytes")?;
        Ok(Self(limits))
    }

    /// Largest batch body, in bytes.
    #[getter]
    fn body_bytes(&self) -> usize {
        self.0.body_bytes.get()
    }

    /// Largest response or channel message, in bytes.
    #[getter]
    fn reply_bytes(&self) -> usize {
        self.0.reply_bytes.get()
    }

    /// Most items in one batch, or replies in one message.
    #[getter]
    fn items(&self) -> usize {
        self.0.items.get()
    }

    /// Deepest nesting of objects and arrays, the outermost object counted as 1.
    #[getter]
    fn depth(&self) -> usize {
        self.0.depth.get()
    }

    /// Largest `inputData` or `outputData`, in bytes as written.
    #[getter]
    fn payload_bytes(&self) -> usize {
        self.0.payload_bytes.get()
    }

    /// Largest answer of a device, in bytes.
    #[getter]
    fn answer_bytes(&self) -> usize {
        self.0.answer_bytes.get()
    }

    fn __repr__(&self) -> String {
        let setpoint::Limits { body_bytes, reply_bytes, items, depth, payload_bytes, answer_bytes, .. } = &self.0;
        format!(
            "Limits(body_bytes={body_bytes}, reply_bytes={reply_bytes}, items={items}, depth={depth}, \
             payload_bytes={payload_bytes}, answer_bytes={answer_bytes})"
        )
    }

    #[pyo3(signature = () -> "tuple[Any, tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let values = PyDict::new(py);
        values.set_item("body_bytes", self.0.body_bytes)?;
        values.set_item("reply_bytes", self.0.reply_bytes)?;
        values.set_item("items", self.0.items)?;
        values.set_item("depth", self.0.depth)?;
        values.set_item("payload_bytes", self.0.payload_bytes)?;
        values.set_item("answer_bytes", self.0.answer_bytes)?;
        let make = py.import("functools")?.getattr("partial")?.call((py.get_type::<Self>(),), Some(&values))?;
        Ok((make, ()).into_pyobject(py)?.into_any())
    }
}

/// A bound that must not be 0: it would refuse everything.
pub(crate) fn at_least_1(given: usize, name: &str) -> PyResult<NonZeroUsize> {
    NonZeroUsize::new(given).ok_or_else(|| PyValueError::new_err(format!("{name} must be at least 1")))
}

/// The given limits, or the engine's.
pub(crate) fn limits(given: Option<&Bound<'_, Limits>>) -> setpoint::Limits {
    given.map_or(setpoint::Limits::DEFAULT, |limits| limits.get().0.clone())
}

/// The orgs, channels and devices that exist, as data: for checks without a service.
///
/// `{org_id: {"channels": [id, …], "devices": [{"productKey": …, "deviceKey": …, "assetId": …, "services": {id: name or
/// None}, "measurepoints": [id, …]}, …]}}`, as a dict or as JSON text. Without `services` or `measurepoints`, every target of
/// that family exists.
#[pyclass(frozen, module = "setpoint")]
#[derive(Debug)]
pub(crate) struct Directory(pub(crate) TableDirectory);

#[pymethods]
impl Directory {
    #[new]
    #[pyo3(signature = (orgs: "Mapping[str, Any] | bytes | bytearray | memoryview | str"))]
    fn new(orgs: &Bound<'_, PyAny>) -> PyResult<Self> {
        let text = json_text(orgs)?;
        serde_json::from_slice(&text).map(Self).map_err(|error| PyValueError::new_err(format!("directory: {error}")))
    }
}

/// One reading of both clocks, in milliseconds: the monotonic clock for deadlines, the wall clock (since the Unix epoch) for the values of
/// `gmt…` fields.
#[pyclass(frozen, get_all, module = "setpoint")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Milliseconds since an origin that stays the same while the process runs. On Linux the clock goes on while the
    /// machine is suspended.
    monotonic_ms: u64,
    /// Milliseconds since the Unix epoch.
    epoch_ms: i64,
}

value_class!(Now("monotonic_ms", "epoch_ms") {
    #[new]
    fn new(monotonic_ms: u64, epoch_ms: i64) -> Self {
        Self { monotonic_ms, epoch_ms }
    }

    /// Reads both clocks.
    #[staticmethod]
    fn read() -> Self {
        Self { monotonic_ms: monotonic_ms(), epoch_ms: epoch_ms() }
    }
});

/// The given time, or that of the wall clock, where no deadline runs.
pub(crate) fn wall_clock(given: Option<&Bound<'_, Now>>) -> setpoint::Now {
    setpoint::Now::new(0, given.map_or_else(epoch_ms, |now| now.get().epoch_ms))
}

/// The given time, or that of the clocks.
pub(crate) fn now(given: Option<&Bound<'_, Now>>) -> setpoint::Now {
    let now = given.map_or_else(Now::read, |now| *now.get());
    setpoint::Now::new(now.monotonic_ms, now.epoch_ms)
}

fn epoch_ms() -> i64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A clock that is not affected by steps of the wall clock, and that goes on while the machine is suspended.
#[cfg(target_os = "linux")]
fn monotonic_ms() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(not(target_os = "linux"))]
fn monotonic_ms() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_millis() as u64
}

/// How the two families differ: names of calls and fields, and codes, by the family's name.
#[pyfunction]
#[pyo3(signature = () -> "dict[FamilyName, FamilyTable]")]
pub(crate) fn families(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let families = PyDict::new(py);
    for family in Family::ALL {
        let table = family.table();
        let FamilyTable { name, path, action, channels_path, channel_field, channel_prefix, target_field, .. } = table;
        let row = PyDict::new(py);
        for (key, value) in [
            ("name", name),
            ("path", path),
            ("action", action),
            ("channels_path", channels_path),
            ("channel_field", channel_field),
            ("channel_prefix", channel_prefix),
            ("target_field", target_field),
        ] {
            row.set_item(key, *value)?;
        }
        row.set_item("channel_exists", table.channel_exists.0)?;
        row.set_item("channel_missing", table.channel_missing.0)?;
        families.set_item(*name, row)?;
    }
    Ok(families)
}

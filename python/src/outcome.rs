//! A reply from the channel, as Python sees it.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash, Hasher},
    num::NonZeroUsize,
};

use pyo3::{intern, prelude::*, sync::PyOnceLock, types::PyBytes};
use setpoint::requester::Outcome as EngineOutcome;

use crate::{error, type_hints::FamilyText};

/// A reply as it came on the channel.
///
/// All outcomes of one channel message share one copy of it, and texts are made when they are asked for. An outcome that is kept keeps
/// its whole message in memory (about 700 bytes a reply).
#[pyclass(frozen, module = "setpoint")]
pub(crate) struct Outcome {
    pub(crate) inner: EngineOutcome,
    /// The parsed output, once it was asked for.
    output: PyOnceLock<Py<PyAny>>,
}

impl Outcome {
    pub(crate) fn new(inner: EngineOutcome) -> Self {
        Self { inner, output: PyOnceLock::new() }
    }
}

#[pymethods]
impl Outcome {
    /// `"invoke"` or `"write"`.
    #[getter]
    fn family(&self) -> FamilyText {
        FamilyText(self.inner.family().name())
    }

    /// 0 is success.
    #[getter]
    pub(crate) fn code(&self) -> i64 {
        self.inner.code().0
    }

    /// Whether the device did what it was asked.
    #[getter]
    pub(crate) fn ok(&self) -> bool {
        self.inner.is_success()
    }

    /// The request id; empty if the reply has none.
    #[getter]
    fn request_id(&self) -> Cow<'_, str> {
        self.inner.request_id()
    }

    /// The code's message.
    #[getter]
    pub(crate) fn msg(&self) -> Option<Cow<'_, str>> {
        self.inner.msg()
    }

    /// What exactly happened.
    #[getter]
    pub(crate) fn submsg(&self) -> Option<Cow<'_, str>> {
        self.inner.submsg()
    }

    /// The device's product key, as far as the reply names it.
    #[getter]
    fn product_key(&self) -> Option<Cow<'_, str>> {
        self.inner.product_key()
    }

    /// The device's key, as far as the reply names it.
    #[getter]
    fn device_key(&self) -> Option<Cow<'_, str>> {
        self.inner.device_key()
    }

    /// The device's asset id, as far as the reply names it.
    #[getter]
    fn asset_id(&self) -> Option<Cow<'_, str>> {
        self.inner.asset_id()
    }

    /// Service id or measure point id.
    #[getter]
    fn target(&self) -> Option<Cow<'_, str>> {
        self.inner.target()
    }

    /// `outputData` as the device wrote it: JSON text of an object; `{}` if there is none.
    #[getter]
    fn output_text(&self) -> &str {
        self.inner.output_data()
    }

    /// `outputData`, parsed by Python's `json` when it is first asked for: integers of any size are exact.
    #[getter]
    pub(crate) fn output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let parse = || {
            let loads = py.import(intern!(py, "json"))?.getattr(intern!(py, "loads"))?;
            loads.call1((self.inner.output_data(),)).map(Bound::unbind)
        };
        self.output.get_or_try_init(py, parse).map(|output| output.bind(py).clone())
    }

    /// When the service replied, epoch milliseconds.
    #[getter]
    fn gmt_service_reply(&self) -> Option<i64> {
        self.inner.gmt_service_reply()
    }

    /// When the device's answer was received, epoch milliseconds; -1 without one, `None` in the write family.
    #[getter]
    fn gmt_device_reply(&self) -> Option<i64> {
        self.inner.gmt_device_reply()
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        self.inner == other.get().inner
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.inner.request_id(), self.code()).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let (family, request_id, code) = (self.inner.family().name(), self.inner.request_id(), self.code());
        let submsg = self.submsg().unwrap_or_default();
        let output = self.inner.output_data();
        format!(
            "Outcome(family='{family}', request_id={request_id:?}, code={code}, submsg={submsg:?}, output={output})"
        )
    }

    #[pyo3(signature = () -> "tuple[Any, tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("setpoint._core")?.getattr("_restore_outcome")?;
        Ok((restore, (PyBytes::new(py, &self.inner.to_message()),)).into_pyobject(py)?.into_any())
    }
}

/// Restores a pickled outcome: a channel message with this reply alone.
#[pyfunction]
pub(crate) fn _restore_outcome(py: Python<'_>, message: &Bound<'_, PyBytes>) -> PyResult<Outcome> {
    let mut limits = setpoint::Limits::DEFAULT;
    (limits.reply_bytes, limits.payload_bytes) = (NonZeroUsize::MAX, NonZeroUsize::MAX);
    limits.depth = NonZeroUsize::MAX;
    let read = EngineOutcome::read(message.as_bytes(), &limits).map_err(|error| error::message(py, &error))?;
    let outcome = read.into_iter().next().and_then(Result::ok);
    outcome.map(Outcome::new).ok_or_else(|| pyo3::exceptions::PyValueError::new_err("no outcome is in this"))
}

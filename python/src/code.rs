//! The published status codes.

use pyo3::{prelude::*, types::PyTuple};
use setpoint::{Certainty, Code, Plane, Retry};

/// What the published table says of one code.
#[pyclass(frozen, get_all, module = "setpoint")]
#[derive(Debug)]
pub(crate) struct CodeInfo {
    /// The code.
    code: i64,
    /// The exact published message.
    msg: &'static str,
    /// Where it surfaces: `"request"` (the whole request), `"response"` (one item, at once), `"channel"` (one item, later),
    /// `"channels"` (the calls that create, get, list, update and delete channels).
    planes: Py<PyTuple>,
    /// What it says of the command's effect: `"known"` or `"unknown"`.
    certainty: &'static str,
    /// Whether sending the command again is safe: `"needless"`, `"afterfix"`, `"later"`, `"decide"` or `"unsafe"`.
    retry: &'static str,
}

#[pymethods]
impl CodeInfo {
    fn __repr__(&self) -> String {
        let Self { code, msg, certainty, retry, .. } = self;
        format!("CodeInfo(code={code}, msg='{msg}', certainty='{certainty}', retry='{retry}')")
    }
}

/// The whole published table, in ascending order of code.
#[pyfunction]
pub(crate) fn codes(py: Python<'_>) -> PyResult<Vec<CodeInfo>> {
    Code::table().iter().map(|info| of(py, info)).collect()
}

/// What the published table says of a code; `None` for one that it does not know.
#[pyfunction]
pub(crate) fn code_info(py: Python<'_>, code: i64) -> PyResult<Option<CodeInfo>> {
    Code(code).info().map(|info| of(py, info)).transpose()
}

fn of(py: Python<'_>, info: &setpoint::CodeInfo) -> PyResult<CodeInfo> {
    let planes = info.planes.iter().map(|plane| match plane {
        Plane::Request => "request",
        Plane::Response => "response",
        Plane::Channel => "channel",
        Plane::Channels => "channels",
    });
    Ok(CodeInfo {
        code: info.code.0,
        msg: info.msg,
        planes: PyTuple::new(py, planes.collect::<Vec<_>>())?.unbind(),
        certainty: match info.certainty {
            Certainty::Known => "known",
            Certainty::Unknown => "unknown",
        },
        retry: match info.retry {
            Retry::Needless => "needless",
            Retry::AfterFix => "afterfix",
            Retry::Later => "later",
            Retry::Decide => "decide",
            Retry::Unsafe => "unsafe",
        },
    })
}

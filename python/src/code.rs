//! The published status codes.

use pyo3::prelude::*;
use setpoint::{Certainty, Code, Plane, Retry};

use crate::type_hints::{CertaintyText, PlaneText, RetryText, TupleOf};

/// What the published table says of one code.
#[pyclass(frozen, eq, module = "setpoint")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CodeInfo(&'static setpoint::CodeInfo);

#[pymethods]
impl CodeInfo {
    /// The code.
    #[getter]
    fn code(&self) -> i64 {
        self.0.code.0
    }

    /// The exact published message.
    #[getter]
    fn msg(&self) -> &'static str {
        self.0.msg
    }

    /// Where it surfaces: `"request"` (the whole request), `"response"` (one item, at once), `"channel"` (one item,
    /// later), `"channels"` (the calls that create, get, list, update and delete channels).
    #[getter]
    fn planes<'py>(&self, py: Python<'py>) -> PyResult<TupleOf<'py, PlaneText>> {
        let planes = self.0.planes.iter().map(|plane| match plane {
            Plane::Request => PlaneText("request"),
            Plane::Response => PlaneText("response"),
            Plane::Channel => PlaneText("channel"),
            Plane::Channels => PlaneText("channels"),
        });
        TupleOf::new(py, planes)
    }

    /// Whether the command's effect is known with this code: `"known"` or `"unknown"`.
    #[getter]
    fn certainty(&self) -> CertaintyText {
        match self.0.certainty {
            Certainty::Known => CertaintyText("known"),
            Certainty::Unknown => CertaintyText("unknown"),
        }
    }

    /// Whether sending the command again is safe: `"needless"`, `"afterfix"`, `"later"`, `"decide"` or `"unsafe"`.
    #[getter]
    fn retry(&self) -> RetryText {
        match self.0.retry {
            Retry::Needless => RetryText("needless"),
            Retry::AfterFix => RetryText("afterfix"),
            Retry::Later => RetryText("later"),
            Retry::Decide => RetryText("decide"),
            Retry::Unsafe => RetryText("unsafe"),
        }
    }

    fn __hash__(&self) -> i64 {
        self.code()
    }

    fn __repr__(&self) -> String {
        let (CertaintyText(certainty), RetryText(retry)) = (self.certainty(), self.retry());
        format!("CodeInfo(code={}, msg='{}', certainty='{certainty}', retry='{retry}')", self.code(), self.msg())
    }

    #[pyo3(signature = () -> "tuple[Any, tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let find = py.import("setpoint._core")?.getattr("code_info")?;
        Ok((find, (self.code(),)).into_pyobject(py)?.into_any())
    }
}

/// The whole published table, in ascending order of code.
#[pyfunction]
pub(crate) fn codes() -> Vec<CodeInfo> {
    Code::table().iter().map(CodeInfo).collect()
}

/// What the published table says of a code; `None` for a code that is not in it.
#[pyfunction]
pub(crate) fn code_info(code: i64) -> Option<CodeInfo> {
    Code(code).info().map(CodeInfo)
}

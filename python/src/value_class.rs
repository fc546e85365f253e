//! Value classes: their equality, hash, `repr` and pickling follow from the attributes that the constructor takes.

use pyo3::{
    prelude::*,
    types::{PyString, PyTuple},
};

/// Whether two objects of one class have equal attributes.
pub(crate) fn equal(this: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>, names: &[&str]) -> PyResult<bool> {
    arguments(this, names)?.eq(arguments(other, names)?)
}

pub(crate) fn hash(this: &Bound<'_, PyAny>, names: &[&str]) -> PyResult<isize> {
    arguments(this, names)?.hash()
}

/// `Name(attribute=value, …)`.
pub(crate) fn repr(this: &Bound<'_, PyAny>, names: &[&str]) -> PyResult<String> {
    let mut text = this.get_type().name()?.to_string();
    text.push('(');
    for (at, (name, value)) in names.iter().zip(arguments(this, names)?).enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        text.push_str(&format!("{separator}{name}={}", value.repr()?.to_string_lossy()));
    }
    text.push(')');
    Ok(text)
}

/// For `__reduce__`: the class, and the arguments of its constructor.
pub(crate) fn reduce<'py>(this: &Bound<'py, PyAny>, names: &[&str]) -> PyResult<Bound<'py, PyTuple>> {
    (this.get_type(), arguments(this, names)?).into_pyobject(this.py())
}

fn arguments<'py>(this: &Bound<'py, PyAny>, names: &[&str]) -> PyResult<Bound<'py, PyTuple>> {
    let values: Vec<_> =
        names.iter().map(|name| this.getattr(PyString::intern(this.py(), name))).collect::<PyResult<_>>()?;
    PyTuple::new(this.py(), values)
}

/// Declares the methods of a class, and adds `__eq__`, `__hash__`, `__repr__` and `__reduce__` over the named attributes, which are the
/// arguments of its constructor.
macro_rules! value_class {
    ($class:ident($($name:literal),+) { $($methods:tt)* }) => {
        #[pymethods]
        impl $class {
            $($methods)*

            fn __eq__(this: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<bool> {
                $crate::value_class::equal(this, other, &[$($name),+])
            }

            fn __hash__(this: &Bound<'_, Self>) -> PyResult<isize> {
                $crate::value_class::hash(this, &[$($name),+])
            }

            fn __repr__(this: &Bound<'_, Self>) -> PyResult<String> {
                $crate::value_class::repr(this, &[$($name),+])
            }

            #[pyo3(signature = () -> "tuple[type, tuple[Any, ...]]")]
            fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
                $crate::value_class::reduce(this, &[$($name),+])
            }
        }
    };
}
pub(crate) use value_class;

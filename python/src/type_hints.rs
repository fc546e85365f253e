//! Return types that the stubs name exactly: `tuple[T, ...]` and `Literal[…]`.

use std::{convert::Infallible, marker::PhantomData};

use pyo3::{
    PyTypeInfo,
    inspect::{PyStaticConstant, PyStaticExpr},
    prelude::*,
    type_hint_identifier, type_hint_subscript,
    types::{PyString, PyTuple},
};

/// A tuple whose elements are all of one type.
pub(crate) struct TupleOf<'py, T> {
    tuple: Bound<'py, PyTuple>,
    of: PhantomData<T>,
}

impl<'py, T: IntoPyObject<'py>> TupleOf<'py, T> {
    pub(crate) fn new<I>(py: Python<'py>, elements: I) -> PyResult<Self>
    where
        I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    {
        Ok(Self { tuple: PyTuple::new(py, elements)?, of: PhantomData })
    }
}

impl<'py, T: IntoPyObject<'py>> IntoPyObject<'py> for TupleOf<'py, T> {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = Infallible;

    const OUTPUT_TYPE: PyStaticExpr = type_hint_subscript!(
        PyTuple::TYPE_HINT,
        T::OUTPUT_TYPE,
        PyStaticExpr::Constant { value: PyStaticConstant::Ellipsis }
    );

    fn into_pyobject(self, _: Python<'py>) -> Result<Self::Output, Infallible> {
        Ok(self.tuple)
    }
}

/// Declares a type of texts whose hint is a `Literal` of these.
macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident of $($text:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $name(pub(crate) &'static str);

        impl<'py> IntoPyObject<'py> for $name {
            type Target = PyString;
            type Output = Bound<'py, PyString>;
            type Error = Infallible;

            const OUTPUT_TYPE: PyStaticExpr = type_hint_subscript!(
                type_hint_identifier!("typing", "Literal"),
                $(PyStaticExpr::Constant { value: PyStaticConstant::Str($text) }),+
            );

            fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
                Ok(PyString::new(py, self.0))
            }
        }
    };
}

one_of! {
    /// The name of a family.
    FamilyText of "invoke", "write"
}

one_of! {
    /// Whether there is more to send for a batch.
    SendStateText of "settled", "resend"
}

one_of! {
    /// Where a code surfaces.
    PlaneText of "request", "response", "channel", "channels"
}

one_of! {
    /// What a code says of the command's effect.
    CertaintyText of "known", "unknown"
}

one_of! {
    /// Whether sending a command again is safe.
    RetryText of "needless", "afterfix", "later", "decide", "unsafe"
}

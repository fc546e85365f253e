//! Why a value cannot be written as JSON, and where it is.

use std::fmt::Write as _;

use pyo3::{prelude::*, types::PyString};

use crate::error;

/// Why a value cannot be written.
pub(super) enum WriteError {
    /// The fast pass ended: code of the caller's would have to run, which may change what is being written, or there is an error to
    /// explain. The item has to be written again with care.
    NeedsCare,
    /// Code of the caller's failed.
    Raised(PyErr),
    /// It cannot be said in JSON. The path has the innermost step first.
    NotJson { path: Vec<Step>, reason: String },
}

pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl WriteError {
    #[cold]
    pub(super) fn not_json(reason: String) -> Box<Self> {
        Box::new(Self::NotJson { path: Vec::new(), reason })
    }

    #[cold]
    pub(super) fn needs_care() -> Box<Self> {
        Box::new(Self::NeedsCare)
    }

    #[cold]
    pub(super) fn inside_key(self: Box<Self>, key: &Bound<'_, PyString>) -> Box<Self> {
        // After `NeedsCare` the key must not be used: it may be gone.
        self.inside(|| Step::Key(key.to_string_lossy().into_owned()))
    }

    #[cold]
    pub(super) fn inside_index(self: Box<Self>, index: usize) -> Box<Self> {
        self.inside(|| Step::Index(index))
    }

    fn inside(mut self: Box<Self>, step: impl FnOnce() -> Step) -> Box<Self> {
        if let Self::NotJson { path, .. } = &mut *self {
            path.push(step());
        }
        self
    }

    pub(super) fn raise(self, py: Python<'_>) -> PyErr {
        let (mut path, reason) = match self {
            Self::Raised(error) => return error,
            Self::NotJson { path, reason } => (path, reason),
            Self::NeedsCare => (Vec::new(), "it is no JSON".to_owned()),
        };
        let index = match path.last() {
            Some(Step::Index(index)) => Some(*index),
            _ => None,
        };
        if index.is_some() {
            path.pop();
        }
        let mut field = String::new();
        for step in path.iter().rev() {
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Key(key) if field.is_empty() => write!(field, "{key}"),
                Step::Key(key) => write!(field, ".{key}"),
                Step::Index(index) => write!(field, "[{index}]"),
            };
        }
        error::ENCODE.raise(py, (reason, index, field))
    }
}

impl From<PyErr> for Box<WriteError> {
    fn from(error: PyErr) -> Self {
        Self::new(WriteError::Raised(error))
    }
}

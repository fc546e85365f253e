//! The strict reader's building blocks, and the writer.
//!
//! Strict means RFC 8259 and nothing that two readers could understand differently (protocol §3, ours): UTF-8 without
//! a byte order mark, no duplicate key in any object however it is written, no lone surrogate, nothing after the
//! value, and a bound on nesting. The reader makes one pass, borrows everything, builds no tree, and keeps its own
//! stack on the heap, so that no input can exhaust the thread's.

mod alike;
mod equal;
mod integer;
mod keys;
mod members;
mod number;
mod payload;
mod reader;
mod scan;
mod shape;
mod short;
mod text;
mod token;
mod utf8;
mod value;
pub(crate) mod write;

pub(crate) use alike::AlikeMembers;
pub(crate) use equal::repeated;
pub(crate) use integer::integer;
pub(crate) use members::KnownMembers;
pub(crate) use reader::{Failed, OpenObject, Reader, Stopped};
pub(crate) use scan::has_topic_syntax;
pub(crate) use token::Token;
pub(crate) use utf8::utf8;
pub(crate) use value::{Members, Object, Value};

pub use payload::Payload;
pub use text::Text;

use std::borrow::Cow;

/// Reads one JSON text strictly and keeps nothing of it.
///
/// `depth` is the deepest nesting of objects and arrays that is accepted, at most
/// [`MAX_DEPTH`](crate::limits::MAX_DEPTH).
///
/// # Errors
/// The first thing that is not strict JSON, and where it stands; a duplicate among many keys is looked for only when
/// its object has ended, so that anything else that is wrong in the object comes first.
pub fn check(text: &[u8], depth: usize) -> Result<(), SyntaxError> {
    let mut reader = Reader::new(utf8(text)?, depth);
    reader.value().and_then(|_| reader.end()).map_err(|stopped| reader.why(stopped))
}

/// Why a text is not strict JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset}")]
#[non_exhaustive]
pub struct SyntaxError {
    /// Where reading stopped, in bytes from the start of the text.
    pub offset: usize,
    /// What is wrong there, for a person.
    pub reason: Cow<'static, str>,
}

impl SyntaxError {
    /// Something is wrong at `offset`.
    #[cold]
    pub(crate) fn new(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, reason: reason.into() }
    }
}

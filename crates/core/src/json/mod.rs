//! Strict JSON: a single-pass reader without a tree, and the types of what it reads.
//!
//! Strict means RFC 8259, and nothing that two readers could understand differently (protocol §3, ours): UTF-8 without
//! a byte order mark, no duplicate key in any object however it is written, no lone surrogate, nothing after the
//! value, and a limit on nesting. The reader borrows everything from the message and does not recurse: its stack is on the heap,
//! so no input exhausts the thread's.
//!
//! | file | what it does |
//! |---|---|
//! | `reader`, `scalars`, `keys` | the pull parser, its strings and numbers, duplicate keys |
//! | `token`, `value`, `text`, `payload` | what it returns: compact tokens, and values, strings and payloads made of them |
//! | `members`, `template` | objects with known members, in the spelling of the one before |
//! | `delta` | objects as their difference from the one before |
//! | `payload_keys` | small objects, with the keys of the one before |
//! | `fast_path`, `scan` | short values in a window of fixed size; SIMD scans |
//! | `integer`, `number`, `utf8`, `duplicates` | integers, the range of doubles, UTF-8, equal texts among many |
//! | `write` | the writer |

// # Design notes
//
// One pass over the text, which borrows everything and allocates nothing for an item.
//
// - `scan` classifies sixteen bytes at once (SIMD with the crate `wide`: SSE2 or NEON, no flags needed). With it `fast_path`
//   recognises the values that almost every member has; everything else is left to `reader`. The fast path accepts, and never decides
//   that something is wrong.
// - Objects with known members (`members`) are read with the spelling and order of the object before as a template (`template`): a
//   member that is written the same way costs one comparison, and a wrong guess costs nothing but that. The keys of small payloads
//   are cached (`payload_keys`): keys that were distinct once are not compared with each other again.
// - Replies of one message differ in a few values. Each is read as its difference from the one before (`delta`): equal bytes are
//   compared and not parsed, and what is known of that reply holds for this one, up to its digest and to the rows that go to
//   Node. Items of batches vary too much for that to pay.
// - A `Token` is two words and is passed in registers: a kind, and the position of the value. `Value`, `Text` and integers are made
//   of it where they are needed.

mod delta;
mod duplicates;
mod fast_path;
mod integer;
mod keys;
mod members;
mod number;
mod payload;
mod payload_keys;
mod reader;
mod scalars;
mod scan;
mod template;
mod text;
mod token;
mod utf8;
mod value;
pub(crate) mod write;

pub(crate) use delta::DeltaMembers;
pub(crate) use duplicates::repeated;
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

/// Checks that a text is strict JSON.
///
/// ```
/// use setpoint::json::check;
///
/// assert!(check(br#"{"a": [1, 2]}"#, 2).is_ok());
/// let error = check(br#"{"a": 1, "a": 2}"#, 2).unwrap_err();
/// assert_eq!((error.offset, error.to_string()), (9, "duplicate key \"a\" at byte 9".to_owned()));
/// ```
///
/// `depth` is the deepest nesting of objects and arrays that is accepted, at most
/// [`MAX_DEPTH`](crate::limits::MAX_DEPTH).
///
/// # Errors
/// The first thing that is not strict JSON, and its position. Duplicates among more than 16 keys are looked for at the end of
/// their object: any other error in the object is reported instead.
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
    /// An error at `offset`.
    #[cold]
    pub(crate) fn new(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { offset, reason: reason.into() }
    }
}

//! What every store must pass.
//!
//! A store's tests give [`verify`] a way to open it, and, as far as its medium allows, to crash it, to break it and to change what
//! it keeps. The suite tries the promises of the [crate's documentation](crate#what-a-store-promises) one by one.
//!
//! ```
//! use setpoint_store::{MemoryStore, StoreError, codec::Frame, conformance::{Subject, verify}};
//!
//! struct InMemory(MemoryStore);
//!
//! impl Subject for InMemory {
//!     type Store = MemoryStore;
//!
//!     fn open(&mut self) -> Result<MemoryStore, StoreError> {
//!         Ok(self.0.clone())
//!     }
//!
//!     fn frames(&mut self) -> Option<Vec<Frame>> {
//!         Some(self.0.frames())
//!     }
//!
//!     fn set_frames(&mut self, frames: Vec<Frame>) {
//!         self.0.set_frames(frames);
//!     }
//! }
//!
//! let report = verify(|| InMemory(MemoryStore::new())).unwrap_or_else(|violation| panic!("{violation}"));
//! // What this subject cannot do was not tried: to break it, and a second process.
//! assert_eq!(
//!     report.skipped(),
//!     ["a failed append leaves a prefix of whole writes", "after a failed append nothing more is taken", "one owner"]
//! );
//! ```

mod failures;
mod log;
mod retention;
mod samples;

use std::{error::Error, fmt};

use crate::{Entry, Store, StoreError, codec::Frame};

/// A store under test, together with its medium. It starts empty.
pub trait Subject {
    /// The store.
    type Store: Store;

    /// Whether a second opening is refused while the first store is open.
    const IS_EXCLUSIVE: bool = false;

    /// Opens it: with everything that earlier stores of this subject left.
    ///
    /// # Errors
    /// Those of the store. One that checks everything when it is opened may refuse here what others refuse at the replay.
    fn open(&mut self) -> Result<Self::Store, StoreError>;

    /// Ends the store as a loss of power would: without a clean close, and without what was never synced. The default only
    /// drops it.
    fn crash(&mut self, store: Self::Store) {
        drop(store);
    }

    /// Makes appends fail from now on, each somewhere in the middle of its writes (a full disk), until [`repair`](Self::repair).
    /// `false` if that cannot be done.
    fn break_appends(&mut self, _store: &mut Self::Store) -> bool {
        false
    }

    /// Lets appends succeed again, for stores that are opened from now on.
    fn repair(&mut self) {}

    /// With no store open: the frames that it keeps. `None` if they cannot be had.
    fn frames(&mut self) -> Option<Vec<Frame>> {
        None
    }

    /// With no store open: puts these frames in the place of what it keeps. Called only if [`frames`](Self::frames) gave some.
    fn set_frames(&mut self, _frames: Vec<Frame>) {}
}

/// Tests every property, each with a new subject.
///
/// # Errors
/// The first property that does not hold, and what happened.
pub fn verify<S: Subject>(mut new: impl FnMut() -> S) -> Result<Report, Violation> {
    let mut report = Report::default();
    for (property, hold) in properties::<S>() {
        match hold(&mut new()) {
            Ok(Tried::Held) => report.held.push(property),
            Ok(Tried::Skipped) => report.skipped.push(property),
            Err(what) => return Err(Violation { property, what }),
        }
    }
    Ok(report)
}

type Property<S> = (&'static str, fn(&mut S) -> Result<Tried, String>);

fn properties<S: Subject>() -> [Property<S>; 18] {
    [
        ("an empty store replays nothing", log::empty),
        ("a replay is exact and in order", log::exact),
        ("a second replay gives the same", log::twice),
        ("many writes are kept", log::many),
        ("a big write is kept", log::big),
        ("audit is kept apart from the state", log::audit),
        ("an error of the reader ends a replay and comes back with its source", log::reader_errors),
        ("a crash loses nothing that was confirmed", failures::crash),
        ("a failed append leaves a prefix of whole writes", failures::prefix),
        ("after a failed append nothing more is taken", failures::no_second_try),
        ("a damaged frame is named and not skipped", failures::damage),
        ("an unknown kind or format is refused by name", failures::unknown),
        ("a missing or wandered frame is refused", failures::gap),
        ("one owner", failures::one_owner),
        ("retention keeps what is needed", retention::keeps),
        ("retention drops what may go", retention::drops),
        ("what is carried forward is whole", retention::carries),
        ("a clock that steps is not believed", retention::clock_step),
    ]
}

enum Tried {
    Held,
    Skipped,
}

/// What was tried. Every property holds, or could not be tried with this subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    held: Vec<&'static str>,
    skipped: Vec<&'static str>,
}

impl Report {
    /// The properties that hold.
    pub fn held(&self) -> &[&'static str] {
        &self.held
    }

    /// The properties that could not be tried.
    pub fn skipped(&self) -> &[&'static str] {
        &self.skipped
    }
}

/// A promise that a store does not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    property: &'static str,
    what: String,
}

impl Violation {
    /// The property that does not hold.
    pub fn property(&self) -> &'static str {
        self.property
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store does not keep: {}; {}", self.property, self.what)
    }
}

impl Error for Violation {}

/// Opens the subject, which must succeed.
fn open<S: Subject>(subject: &mut S) -> Result<S::Store, String> {
    subject.open().map_err(|error| format!("it does not open: {}", chain(&error)))
}

/// What a replay gives, which must succeed.
fn replayed(store: &mut impl Store) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let outcome = store.replay(&mut |entry| {
        entries.push(entry);
        Ok(())
    });
    outcome.map(|()| entries).map_err(|error| format!("a replay fails: {}", chain(&error)))
}

fn appended(store: &mut impl Store, writes: &[crate::AtomicWrite]) -> Result<(), String> {
    store.append(writes).map_err(|error| format!("an append fails: {}", chain(&error)))
}

/// An error with everything below it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

fn expect_same(what: &str, expected: &[Entry], found: &[Entry]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let at = expected.iter().zip(found).take_while(|(expected, found)| expected == found).count();
    Err(format!(
        "{what}: {} entries were appended, {} were given; the first that differs is entry {at}: appended {:?}, given {:?}",
        expected.len(),
        found.len(),
        expected.get(at),
        found.get(at),
    ))
}

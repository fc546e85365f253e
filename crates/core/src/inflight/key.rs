//! Names of entries: keys, and what ids are looked up by.

use std::{hash::Hash, num::NonZeroU64};

/// Names an entry: its slot, and the generation of the slot. A key may outlive its entry: it then finds nothing, also if the slot
/// has been reused.
///
/// ```
/// use setpoint::inflight::InFlight;
///
/// let mut calls = InFlight::new([7; 32]);
/// let key = calls.insert("r1", None, "first").expect("a fresh id");
/// calls.remove(key);
/// let reused = calls.insert("r1", None, "second").expect("a fresh id");
/// assert_eq!((calls.get(key), calls.get(reused)), (None, Some(&"second")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(
    /// One more than the slot (lower half) and the generation (upper half): so `Option<Key>` takes one word.
    NonZeroU64,
);

impl Key {
    #[inline]
    pub(super) fn new(slot: u32, generation: u32) -> Self {
        Self(NonZeroU64::MIN.saturating_add(u64::from(generation) << 32 | u64::from(slot)))
    }

    /// The slot number of the entry.
    #[inline]
    pub(crate) fn slot(self) -> u32 {
        (self.0.get() - 1) as u32
    }

    #[inline]
    pub(super) fn generation(self) -> u32 {
        ((self.0.get() - 1) >> 32) as u32
    }
}

/// What an id of type `K` can be looked up by: the id itself, or a borrowed form of it with the same hash, so that a lookup
/// does not allocate. [`IdRef`](super::IdRef) is one for [`Id`](super::Id).
///
/// ```
/// use std::hash::{Hash, Hasher};
/// use setpoint::inflight::{InFlight, Lookup};
///
/// /// A `String` that is only borrowed.
/// struct Name<'a>(&'a str);
///
/// impl Hash for Name<'_> {
///     fn hash<H: Hasher>(&self, state: &mut H) {
///         self.0.hash(state);
///     }
/// }
/// impl Lookup<String> for Name<'_> {
///     fn is(&self, id: &String) -> bool {
///         self.0 == id
///     }
/// }
///
/// let mut calls = InFlight::new([7; 32]);
/// let key = calls.insert("r1".to_owned(), None, 1).expect("a fresh id");
/// assert_eq!(calls.find(&Name("r1")), Some(key));
/// ```
pub trait Lookup<K>: Hash {
    /// Whether it stands for this id.
    fn is(&self, id: &K) -> bool;

    /// Prefetches what [`hash`](Hash::hash) and [`is`](Self::is) will read. May do nothing.
    #[inline]
    fn prefetch(&self) {}
}

impl<K: Hash + Eq> Lookup<K> for K {
    fn is(&self, id: &K) -> bool {
        self == id
    }
}

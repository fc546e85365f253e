//! Which orgs, devices and channels there are.
//!
//! Readers take a [`Snapshot`]: immutable, so a batch is checked against one state from its first item to its last, and no
//! lock is held meanwhile. Writers change a [`Draft`], one change at a time, and [`Catalog::apply`] publishes each as a new
//! snapshot that shares everything unchanged with the one before ([`SharedMap`](shared_map::SharedMap)). Whoever keeps
//! something beside the catalog that must follow it hears of every [`Change`] before it is visible.
//!
//! The catalog knows no store, no event log and no configuration: those who do hand it plain values.

mod change;
mod channels;
mod devices;
mod draft;
mod entry;
mod error;
mod list_file;
mod shared_map;
mod snapshot;

mod device_list;

use std::{
    fmt,
    sync::{Arc, Mutex, RwLock},
};

pub use device_list::DeviceList;
pub use entry::{DeviceEntry, ServiceEntry};
pub use error::CatalogError;

pub(crate) use change::{Change, ChannelCommand};
pub(crate) use channels::{Channel, ChannelError, family_of};
pub(crate) use draft::Draft;
pub(crate) use list_file::read_file;
pub(crate) use snapshot::Snapshot;

use crate::lock::{lock, read, write};

/// Hears of a change before readers see it.
type Observer = Box<dyn Fn(&Change) + Send>;

/// The one table of orgs, devices and channels of a gateway.
pub(crate) struct Catalog {
    /// Locked for as long as it takes to copy or to exchange the pointer.
    current: RwLock<Arc<Snapshot>>,
    writer: Mutex<Writer>,
}

struct Writer {
    draft: Draft,
    observer: Observer,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("version", &self.snapshot().version()).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Publishes a draft. `observer` hears of every later change, in order, before it is visible; it must not block.
    pub(crate) fn new(draft: Draft, observer: impl Fn(&Change) + Send + 'static) -> Self {
        let current = RwLock::new(Arc::new(draft.snapshot().clone()));
        Self { current, writer: Mutex::new(Writer { draft, observer: Box::new(observer) }) }
    }

    /// Everything, as it is now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&read(&self.current))
    }

    /// Makes one change, and publishes it.
    ///
    /// # Errors
    /// Those of `change`; then nothing has changed.
    pub(crate) fn apply<E>(&self, change: impl FnOnce(&mut Draft) -> Result<Change, E>) -> Result<Change, E> {
        let mut writer = lock(&self.writer);
        let change = change(&mut writer.draft)?;
        (writer.observer)(&change);
        let snapshot = Arc::new(writer.draft.snapshot().clone());
        *write(&self.current) = snapshot;
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use setpoint::{DeviceRef, Directory, Family};

    use super::*;

    #[test]
    fn a_snapshot_stays_as_it_was_and_the_next_one_has_the_change() {
        let mut draft = Draft::new(10);
        draft.add_org("o1").unwrap();
        let catalog = Catalog::new(draft, |_| ());
        let before = catalog.snapshot();
        catalog.apply(|draft| draft.add_device(&DeviceEntry::new("o1", "p", "d", "a"))).unwrap();
        let create = ChannelCommand::create("o1", "DATASVC.SET.x", None).unwrap();
        catalog.apply(|draft| draft.change_channel(&create)).unwrap();
        assert!(before.device("o1", DeviceRef::Asset("a")).is_none());
        assert!(!before.has_channel("o1", Family::Write, "DATASVC.SET.x"));
        let after = catalog.snapshot();
        assert!(after.device("o1", DeviceRef::Asset("a")).is_some());
        assert!(after.has_channel("o1", Family::Write, "DATASVC.SET.x"));
        assert_eq!((before.device_count(), after.device_count()), (0, 1));
        assert_eq!(after.version(), before.version() + 2);
    }

    #[test]
    fn the_observer_hears_of_what_was_changed_and_of_nothing_else() {
        let mut draft = Draft::new(10);
        draft.add_org("o1").unwrap();
        let (heard, changes) = mpsc::channel();
        let catalog = Catalog::new(draft, move |change| heard.send(change.clone()).unwrap());
        let create = ChannelCommand::create("o1", "DATASVC.SET.x", None).unwrap();
        let created = catalog.apply(|draft| draft.change_channel(&create)).unwrap();
        assert_eq!(changes.try_recv().as_ref(), Ok(&created));
        catalog.apply(|draft| draft.change_channel(&create)).unwrap_err();
        assert!(changes.try_recv().is_err(), "a refused change is none");
        assert_eq!(catalog.snapshot().version(), 2);
    }
}

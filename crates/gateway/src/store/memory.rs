//! A store for as long as the process lives.

use super::{Store, StoreEntry};
use crate::error::StoreError;

/// Keeps nothing: everything that it could give back after a restart would be gone with the process anyway.
///
/// With it the promises about crashes and restarts do not hold; all others do.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryStore;

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Vec<StoreEntry>, StoreError> {
        Ok(Vec::new())
    }

    fn append(&mut self, _writes: &[Vec<StoreEntry>]) -> Result<(), StoreError> {
        Ok(())
    }
}

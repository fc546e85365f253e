//! Objects that JavaScript names by a number: unwrapping a JavaScript object costs as much as checking half an item.

use std::cell::RefCell;

/// Objects of one thread, by number.
#[derive(Debug)]
pub(crate) struct Handles<T>(RefCell<Vec<Option<T>>>);

impl<T> Handles<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Returns the number. The number of a removed object is used again.
    pub(crate) fn put(&self, thing: T) -> u32 {
        let mut things = self.0.borrow_mut();
        let free = things.iter().position(Option::is_none).unwrap_or(things.len());
        match things.get_mut(free) {
            Some(place) => *place = Some(thing),
            None => things.push(Some(thing)),
        }
        free as u32
    }

    pub(crate) fn remove(&self, number: u32) -> Option<T> {
        self.0.borrow_mut().get_mut(number as usize)?.take()
    }

    /// Calls `work` with the object; none if no object has this number.
    pub(crate) fn with<R>(&self, number: u32, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().get_mut(number as usize)?.as_mut().map(work)
    }
}

//! What JavaScript names by a number: to unwrap an object costs as much as to check half an item.

use std::cell::RefCell;

/// Things of one thread, by number.
#[derive(Debug)]
pub(crate) struct Numbered<T>(RefCell<Vec<Option<T>>>);

impl<T> Numbered<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Returns the number. That of a thing that was removed may be given to another one.
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

    /// Nothing is returned if nothing has this number.
    pub(crate) fn with<R>(&self, number: u32, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().get_mut(number as usize)?.as_mut().map(work)
    }
}

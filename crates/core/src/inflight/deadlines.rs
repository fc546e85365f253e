//! Deadlines of entries.

use std::hash::Hash;

use super::{InFlight, Key, view::View, wheel::NO_RECORD};
use crate::MonotonicTime;

impl<K: Hash + Eq, V> InFlight<K, V> {
    /// Sets the deadline of an open entry, whether it has one or not.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", MonotonicTime::from_millis(10), ()).expect("a fresh id");
    /// calls.reschedule(key, MonotonicTime::from_millis(20));
    /// assert_eq!(calls.pop_expired(MonotonicTime::from_millis(10)), None);
    /// assert_eq!(calls.pop_expired(MonotonicTime::from_millis(20)), Some(key));
    /// ```
    pub fn reschedule(&mut self, key: Key, deadline: MonotonicTime) {
        if self.open_slot(key).is_some() {
            self.cancel_record(key.slot());
            self.schedule(key.slot(), deadline);
        }
    }

    /// Removes the deadline of an open entry.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", MonotonicTime::from_millis(10), ()).expect("a fresh id");
    /// calls.unschedule(key);
    /// assert_eq!((calls.next_wakeup(), calls.is_open(key)), (None, true));
    /// ```
    pub fn unschedule(&mut self, key: Key) {
        if self.open_slot(key).is_some() {
            self.cancel_record(key.slot());
        }
    }

    /// Tells the table the time before entries are inserted. This is for speed alone: where nothing expires for minutes, or the
    /// clock does not begin at 0, new deadlines would be further ahead of the wheel's time than its range of nine minutes, and
    /// cost several times as much. Never expires anything.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let now = MonotonicTime::from_millis(86_400_000);
    /// let mut calls = InFlight::new([7; 32]);
    /// calls.follow(now);
    /// calls.insert("r1", now.saturating_add(30_000), ()).expect("a fresh id");
    /// ```
    pub fn follow(&mut self, now: MonotonicTime) {
        self.wheel.follow(now.as_millis(), &View::new(&self.hash, &self.index, &self.slots));
    }

    /// How many deadlines are beyond the range of the wheel.
    #[cfg(test)]
    pub(crate) fn n_overflow(&self) -> usize {
        self.wheel.n_overflow()
    }

    /// The next open entry whose deadline is `now` or earlier. Earlier deadlines come first, equal ones in the order in which they
    /// were set, except those that were set more than 524 seconds ahead. The entry stays open, without a deadline: the
    /// caller ends or removes it.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let at = MonotonicTime::from_millis;
    /// let mut calls = InFlight::new([7; 32]);
    /// calls.insert("r1", at(20), ()).expect("a fresh id");
    /// calls.insert("r2", at(10), ()).expect("a fresh id");
    /// let mut expired = Vec::new();
    /// while let Some(key) = calls.pop_expired(at(20)) {
    ///     expired.extend(calls.remove(key).and_then(|(id, ())| id));
    /// }
    /// assert_eq!(expired, ["r2", "r1"]);
    /// ```
    pub fn pop_expired(&mut self, now: MonotonicTime) -> Option<Key> {
        let number = self.wheel.pop_due(now.as_millis(), &View::new(&self.hash, &self.index, &self.slots))?;
        let slot = self.slots.get_mut(number)?;
        slot.record = NO_RECORD;
        Some(slot.key(number))
    }

    /// When to call [`pop_expired`](Self::pop_expired) next: at the next deadline or up to 128 ms earlier, never later. `None` if no
    /// entry has a deadline.
    pub fn next_wakeup(&self) -> Option<MonotonicTime> {
        self.wheel.next_wakeup().map(MonotonicTime::from_millis)
    }

    /// Removes the slot's record from the wheel, or from the queue of ended entries.
    #[inline]
    pub(super) fn cancel_record(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        self.wheel.cancel(number, slot.deadline, std::mem::replace(&mut slot.record, NO_RECORD));
    }

    /// Gives a slot without a record a deadline.
    #[inline]
    fn schedule(&mut self, number: u32, deadline: MonotonicTime) {
        let deadline = deadline.as_millis();
        let record = self.wheel.schedule(number, deadline, &View::new(&self.hash, &self.index, &self.slots));
        if let Some(slot) = self.slots.get_mut(number) {
            (slot.deadline, slot.record) = (deadline, record);
        }
    }
}

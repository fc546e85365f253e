//! The writes of a log, from its front: until when each is needed, and by how many.

use std::collections::VecDeque;

/// Names a write for as long as it is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Index(u64);

#[derive(Debug)]
struct Row {
    position: u64,
    /// Epoch milliseconds; the least for a write that accepts nothing.
    keep_until_ms: i64,
    entries: u32,
    /// How many open items and channels need it, however old it is.
    holders: u32,
    bytes: u32,
}

/// All writes of a log. The first `expired` of them are old enough to go.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: VecDeque<Row>,
    /// Index of the first row.
    first: u64,
    expired: usize,
    /// Sums over the expired rows.
    expired_entries: u64,
    expired_holders: u64,
}

impl Rows {
    /// A further write, above all others.
    pub(super) fn push(&mut self, position: u64, entries: usize, bytes: usize) -> Index {
        let small = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let (entries, bytes) = (small(entries), small(bytes));
        self.rows.push_back(Row { position, keep_until_ms: i64::MIN, entries, holders: 0, bytes });
        Index(self.first + self.rows.len() as u64 - 1)
    }

    /// The row is needed until this time, or until later. Only for a row that was just pushed.
    pub(super) fn keep_until(&mut self, row: Index, until_ms: i64) {
        if let Some((row, _)) = self.row(row) {
            row.keep_until_ms = row.keep_until_ms.max(until_ms);
        }
    }

    /// One more needs the row.
    pub(super) fn hold(&mut self, row: Index) {
        if let Some((row, is_expired)) = self.row(row) {
            row.holders += 1;
            self.expired_holders += u64::from(is_expired);
        }
    }

    /// One less needs the row.
    pub(super) fn release(&mut self, row: Index) {
        if let Some((row, is_expired)) = self.row(row) {
            row.holders = row.holders.saturating_sub(1);
            self.expired_holders = self.expired_holders.saturating_sub(u64::from(is_expired));
        }
    }

    /// Counts the rows at the front that are old enough at this time. What once was stays so.
    pub(super) fn expire(&mut self, time_ms: i64) {
        while let Some(row) = self.rows.get(self.expired).filter(|row| row.keep_until_ms < time_ms) {
            self.expired += 1;
            self.expired_entries += u64::from(row.entries);
            self.expired_holders += u64::from(row.holders);
        }
    }

    /// The number of rows at the front that nobody needs, up to a limit.
    pub(super) fn free_front(&self, most: usize) -> usize {
        self.rows.iter().take(self.expired.min(most)).take_while(|row| row.holders == 0).count()
    }

    /// Whether the expired rows have enough entries for each of their holders.
    pub(super) fn is_worth_carrying(&self, entries_per_holder: u64) -> bool {
        self.expired_entries >= self.expired_holders.saturating_mul(entries_per_holder).max(1)
    }

    /// How many rows at the front are expired, up to so many rows, holders, and bytes of held rows; at least one.
    pub(super) fn expired_front(&self, most: usize, most_holders: u64, most_bytes: u64) -> usize {
        let (mut holders, mut bytes) = (0, 0);
        let mut is_within = |row: &Row| {
            let is_first = holders == 0;
            if row.holders > 0 {
                holders += u64::from(row.holders);
                bytes += u64::from(row.bytes);
            }
            is_first || (holders <= most_holders && bytes <= most_bytes)
        };
        self.rows.iter().take(self.expired.min(most)).take_while(|row| is_within(row)).count()
    }

    /// The index after the first `count` rows.
    pub(super) fn index_after(&self, count: usize) -> Index {
        Index(self.first + count as u64)
    }

    /// The position below which are just the first `count` rows.
    pub(super) fn position_after(&self, count: usize) -> u64 {
        let next = self.rows.get(count).map(|row| row.position);
        next.or_else(|| self.rows.back().map(|row| row.position.saturating_add(1))).unwrap_or(0)
    }

    pub(super) fn position(&self, row: Index) -> Option<u64> {
        let at = usize::try_from(row.0.checked_sub(self.first)?).ok()?;
        self.rows.get(at).map(|row| row.position)
    }

    /// The rows below this position are gone.
    pub(super) fn drop_below(&mut self, position: u64) {
        while self.rows.front().is_some_and(|row| row.position < position) {
            let Some(row) = self.rows.pop_front() else { return };
            self.first += 1;
            if self.expired > 0 {
                self.expired -= 1;
                self.expired_entries -= u64::from(row.entries);
                self.expired_holders = self.expired_holders.saturating_sub(u64::from(row.holders));
            }
        }
    }

    /// The row, and whether it is expired.
    fn row(&mut self, row: Index) -> Option<(&mut Row, bool)> {
        let at = usize::try_from(row.0.checked_sub(self.first)?).ok()?;
        let is_expired = at < self.expired;
        self.rows.get_mut(at).map(|row| (row, is_expired))
    }
}

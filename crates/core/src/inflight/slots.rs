//! Where the entries are: a place is found by its number and never moves.

use setpoint_prefetch::prefetch;

use super::{Key, Lookup, chunks::Chunks, lists::Record, wheel::NO_STAMP};

/// Slots that stand together, for all of them to begin where a line of the cache does: eight of any size fill whole lines.
const ROW: usize = 8;

/// Rows that are allocated together.
const CHUNK: usize = 256;

/// All entries.
#[derive(Debug)]
pub(super) struct Slots<K, V> {
    rows: Chunks<Row<K, V>, CHUNK>,
    free: Free,
}

#[derive(Debug)]
#[repr(align(64))]
struct Row<K, V>([Slot<K, V>; ROW]);

#[derive(Debug)]
pub(super) struct Slot<K, V> {
    /// `None` while the place is free.
    pub(super) content: Option<(Option<K>, V)>,
    pub(super) deadline: u64,
    /// How often the place was freed, above one bit that says whether its entry has ended.
    life: u32,
    /// Which of the wheel's records is the entry's.
    pub(super) stamp: u32,
}

const ENDED: u32 = 1;

impl<K, V> Slot<K, V> {
    const VACANT: Self = Self { content: None, deadline: 0, life: 0, stamp: NO_STAMP };

    #[inline]
    pub(super) fn is(&self, key: Key) -> bool {
        self.life >> 1 == key.generation()
    }

    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.life & ENDED != 0
    }

    pub(super) fn end(&mut self) {
        self.life |= ENDED;
    }

    /// The content is gone: keys of it find nothing from now on.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.life = (self.life | ENDED).wrapping_add(1);
        self.stamp = NO_STAMP;
    }

    pub(super) fn reopen(&mut self) {
        self.life &= !ENDED;
    }

    #[inline]
    pub(super) fn has_id(&self, id: &impl Lookup<K>) -> bool {
        self.content.as_ref().and_then(|(own, _)| own.as_ref()).is_some_and(|own| id.is(own))
    }

    #[inline]
    pub(super) fn key(&self, place: u32) -> Key {
        Key::new(place, self.life >> 1)
    }
}

impl<K, V> Slots<K, V> {
    pub(super) fn new() -> Self {
        Self { rows: Chunks::new(), free: Free::default() }
    }

    /// How much memory they take, in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.rows.n_bytes()
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&Slot<K, V>> {
        self.rows.get(place / ROW as u32)?.0.get(place as usize % ROW)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Slot<K, V>> {
        self.get_and_free(place).map(|(slot, _)| slot)
    }

    /// The slot that the record is of, unless it is void.
    #[inline]
    pub(super) fn of(&self, Record { entry, stamp }: Record) -> Option<&Slot<K, V>> {
        self.get(entry).filter(|slot| slot.stamp == stamp)
    }

    /// The slot that the key names.
    #[inline]
    pub(super) fn named(&self, key: Key) -> Option<&Slot<K, V>> {
        self.get(key.place()).filter(|slot| slot.is(key))
    }

    /// The slot that the key names.
    #[inline]
    pub(super) fn named_mut(&mut self, key: Key) -> Option<&mut Slot<K, V>> {
        self.get_mut(key.place()).filter(|slot| slot.is(key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<K, V>> {
        self.rows.iter().flat_map(|row| &row.0)
    }

    /// Takes a free place, or a new one. `None` if there are 2³² − 1.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u32> {
        if let Some(place) = self.free.take() {
            return Some(place);
        }
        self.extend()?;
        self.free.take()
    }

    #[cold]
    fn extend(&mut self) -> Option<()> {
        let first = u32::try_from(self.rows.len() * ROW).ok()?;
        let last = first.checked_add(ROW as u32)?;
        self.rows.push(Row([const { Slot::VACANT }; ROW]));
        (first..last).for_each(|place| self.free.put(place));
        Some(())
    }

    /// Whether nothing is there, which is known without a look at the slot.
    #[inline]
    pub(super) fn is_free(&self, place: u32) -> bool {
        self.free.has(place)
    }

    /// Has memory fetch the slot.
    #[inline]
    pub(super) fn prefetch(&self, place: u32) {
        if let Some(slot) = self.get(place) {
            prefetch(slot);
        }
    }

    /// The slot, and where to note that it is free again.
    #[inline]
    pub(super) fn get_and_free(&mut self, place: u32) -> Option<(&mut Slot<K, V>, &mut Free)> {
        let slot = self.rows.get_mut(place / ROW as u32)?.0.get_mut(place as usize % ROW)?;
        Some((slot, &mut self.free))
    }

    /// Has memory fetch the places that will be taken next.
    #[inline]
    pub(super) fn prefetch_free(&self, n: usize) {
        self.free.next().take(n).for_each(|place| self.prefetch(place));
    }
}

/// Free places. Those that stand together are taken together; of several lots, that in which something was freed last comes
/// first: it may still be at hand.
#[derive(Debug, Default)]
pub(super) struct Free {
    /// A bit for each place that is free.
    lots: Vec<u64>,
    /// The lots in which any is.
    any: Vec<u32>,
}

/// Places of one lot.
const LOT: u32 = u64::BITS;

impl Free {
    #[inline]
    fn take(&mut self) -> Option<u32> {
        let lot = *self.any.last()?;
        let bits = self.lots.get_mut(lot as usize)?;
        let place = lot * LOT + bits.trailing_zeros();
        *bits &= bits.wrapping_sub(1);
        if *bits == 0 {
            self.any.pop();
        }
        Some(place)
    }

    #[inline]
    pub(super) fn put(&mut self, place: u32) {
        let lot = place / LOT;
        if self.lots.len() <= lot as usize {
            self.lots.resize(lot as usize + 1, 0);
        }
        let Some(bits) = self.lots.get_mut(lot as usize) else { return };
        if *bits == 0 {
            self.any.push(lot);
        }
        *bits |= 1 << (place % LOT);
    }

    #[inline]
    fn has(&self, place: u32) -> bool {
        self.lots.get((place / LOT) as usize).is_some_and(|bits| bits & (1 << (place % LOT)) != 0)
    }

    /// What will be taken next, in order.
    fn next(&self) -> impl Iterator<Item = u32> {
        self.any.iter().rev().flat_map(|lot| {
            let mut bits = self.lots.get(*lot as usize).copied().unwrap_or(0);
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < LOT).then_some(lot * LOT + bit)
            })
        })
    }
}

//! The slots that hold the entries: found by number, never moved, reused when free.

use setpoint_prefetch::prefetch;

use super::{Key, Lookup, chunks::Chunks, lists::Record, wheel::NO_RECORD};

/// Slots of one row, which is aligned to a cache line: eight slots fill whole lines, whatever their size.
const ROW: usize = 8;

/// Rows of one allocation.
const CHUNK: usize = 256;

/// All slots.
#[derive(Debug)]
pub(super) struct Slots<K, V> {
    rows: Chunks<Row<K, V>, CHUNK>,
    free: FreeSlots,
}

#[derive(Debug)]
#[repr(align(64))]
struct Row<K, V>([Slot<K, V>; ROW]);

#[derive(Debug)]
pub(super) struct Slot<K, V> {
    /// The entry; `None` while the slot is free.
    pub(super) content: Option<(Option<K>, V)>,
    /// In milliseconds; says something only while the wheel has a live record of the slot.
    pub(super) deadline: u64,
    /// Bits 1 to 31: the generation, which counts how often the slot was freed. Bit 0: whether the entry has ended.
    life: u32,
    /// Generation of the slot's live record in the wheel, [`NO_RECORD`] if it has none: records of other generations are stale.
    pub(super) record: u32,
}

const ENDED: u32 = 1;

impl<K, V> Slot<K, V> {
    const VACANT: Self = Self { content: None, deadline: 0, life: 0, record: NO_RECORD };

    #[inline]
    fn is(&self, key: Key) -> bool {
        self.life >> 1 == key.generation()
    }

    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.life & ENDED != 0
    }

    pub(super) fn end(&mut self) {
        self.life |= ENDED;
    }

    /// Begins the next generation, in which keys and records of the last one are stale.
    #[inline]
    pub(super) fn retire(&mut self) {
        self.life = (self.life | ENDED).wrapping_add(1);
        self.record = NO_RECORD;
    }

    pub(super) fn reopen(&mut self) {
        self.life &= !ENDED;
    }

    #[inline]
    pub(super) fn has_id(&self, id: &impl Lookup<K>) -> bool {
        self.content.as_ref().and_then(|(own, _)| own.as_ref()).is_some_and(|own| id.is(own))
    }

    #[inline]
    pub(super) fn key(&self, number: u32) -> Key {
        Key::new(number, self.life >> 1)
    }
}

impl<K, V> Slots<K, V> {
    pub(super) fn new() -> Self {
        Self { rows: Chunks::new(), free: FreeSlots::default() }
    }

    /// Allocated memory in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.rows.n_bytes()
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Slot<K, V>> {
        self.rows.get(number / ROW as u32)?.0.get(number as usize % ROW)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Slot<K, V>> {
        self.get_and_free(number).map(|(slot, _)| slot)
    }

    /// The slot of the record, unless the record is stale.
    #[inline]
    pub(super) fn of_record(&self, Record { slot, generation }: Record) -> Option<&Slot<K, V>> {
        self.get(slot).filter(|slot| slot.record == generation)
    }

    /// The slot of the key, unless the key is stale.
    #[inline]
    pub(super) fn of_key(&self, key: Key) -> Option<&Slot<K, V>> {
        self.get(key.slot()).filter(|slot| slot.is(key))
    }

    /// The slot of the key, unless the key is stale.
    #[inline]
    pub(super) fn of_key_mut(&mut self, key: Key) -> Option<&mut Slot<K, V>> {
        self.get_mut(key.slot()).filter(|slot| slot.is(key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<K, V>> {
        self.rows.iter().flat_map(|row| &row.0)
    }

    /// Allocates a slot and returns its number. `None` if there are 2³² − 1.
    #[inline]
    pub(super) fn allocate(&mut self) -> Option<u32> {
        if let Some(number) = self.free.take() {
            return Some(number);
        }
        self.extend()?;
        self.free.take()
    }

    #[cold]
    fn extend(&mut self) -> Option<()> {
        let first = u32::try_from(self.rows.len() * ROW).ok()?;
        let last = first.checked_add(ROW as u32)?;
        self.rows.push(Row([const { Slot::VACANT }; ROW]));
        (first..last).for_each(|number| self.free.put(number));
        Some(())
    }

    /// Reads only the free bitmap: no cache miss on the slot.
    #[inline]
    pub(super) fn is_free(&self, number: u32) -> bool {
        self.free.has(number)
    }

    /// Prefetches the slot.
    #[inline]
    pub(super) fn prefetch(&self, number: u32) {
        if let Some(slot) = self.get(number) {
            prefetch(slot);
        }
    }

    /// The slot, and the free slots that it may be put back to.
    #[inline]
    pub(super) fn get_and_free(&mut self, number: u32) -> Option<(&mut Slot<K, V>, &mut FreeSlots)> {
        let slot = self.rows.get_mut(number / ROW as u32)?.0.get_mut(number as usize % ROW)?;
        Some((slot, &mut self.free))
    }

    /// Prefetches the next `n` slots that will be allocated.
    #[inline]
    pub(super) fn prefetch_free(&self, n: usize) {
        self.free.next().take(n).for_each(|number| self.prefetch(number));
    }
}

/// The free slots: a bitmap, and a stack of those of its words that are not 0. Slots of one word are allocated one after the
/// other, from the word in which a slot was freed last: it may still be in the cache.
#[derive(Debug, Default)]
pub(super) struct FreeSlots {
    /// A bit for each slot, set if it is free.
    bitmap: Vec<u64>,
    /// Indices of the words that are not 0, the next one to be used last.
    not_empty: Vec<u32>,
}

/// Slots of one word of the bitmap.
const WORD: u32 = u64::BITS;

impl FreeSlots {
    #[inline]
    fn take(&mut self) -> Option<u32> {
        let word = *self.not_empty.last()?;
        let bits = self.bitmap.get_mut(word as usize)?;
        let number = word * WORD + bits.trailing_zeros();
        *bits &= bits.wrapping_sub(1);
        if *bits == 0 {
            self.not_empty.pop();
        }
        Some(number)
    }

    #[inline]
    pub(super) fn put(&mut self, number: u32) {
        let word = number / WORD;
        if self.bitmap.len() <= word as usize {
            self.bitmap.resize(word as usize + 1, 0);
        }
        let Some(bits) = self.bitmap.get_mut(word as usize) else { return };
        if *bits == 0 {
            self.not_empty.push(word);
        }
        *bits |= 1 << (number % WORD);
    }

    #[inline]
    fn has(&self, number: u32) -> bool {
        self.bitmap.get((number / WORD) as usize).is_some_and(|bits| bits & (1 << (number % WORD)) != 0)
    }

    /// The slots that will be allocated next, in order.
    fn next(&self) -> impl Iterator<Item = u32> {
        self.not_empty.iter().rev().flat_map(|word| {
            let mut bits = self.bitmap.get(*word as usize).copied().unwrap_or(0);
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < WORD).then_some(word * WORD + bit)
            })
        })
    }
}

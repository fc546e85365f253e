use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// An id, or none, and how far ahead the deadline is.
    Insert(Option<u16>, u64),
    Remove(usize),
    Take(u16),
    Unname(usize),
    End(usize),
    Reopen(usize),
    Forget,
    Reschedule(usize, u64),
    Unschedule(usize),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    // Distances of every magnitude, so that both levels of the wheel and its overflow are used and crossed.
    let distance = (0u32..44).prop_flat_map(|bits| 0..(1u64 << bits));
    prop_oneof![
        8 => (proptest::option::weighted(0.9, 0..300u16), distance.clone()).prop_map(|(id, at)| Step::Insert(id, at)),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => (0..300u16).prop_map(Step::Take),
        1 => any::<usize>().prop_map(Step::Unname),
        2 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Reopen),
        1 => Just(Step::Forget),
        2 => (any::<usize>(), distance.clone()).prop_map(|(i, d)| Step::Reschedule(i, d)),
        1 => any::<usize>().prop_map(Step::Unschedule),
        4 => distance.prop_map(Step::Advance),
    ]
}

/// An entry of the model.
#[derive(Debug, Clone)]
struct Known {
    key: Key,
    id: Option<u16>,
    /// Deadline, order of setting, and whether it was set beyond the horizon, where the order of equal ones is not kept.
    due: Option<(u64, u64, bool)>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    sequence: u64,
    entries: BTreeMap<u64, Known>,
    ended: VecDeque<u64>,
    gone: Vec<Key>,
}

impl Model {
    fn pick(&self, pick: usize) -> Option<u64> {
        self.entries.keys().nth(pick.checked_rem(self.entries.len())?).copied()
    }

    fn remove(&mut self, name: u64) -> Known {
        let known = self.entries.remove(&name).unwrap();
        self.gone.push(known.key);
        self.ended.retain(|ended| *ended != name);
        known
    }

    fn due(&self, distance: u64) -> (u64, u64, bool) {
        (self.now + distance, self.sequence, distance > wheel::HORIZON_MS)
    }

    /// What is due, in order.
    fn expired(&self) -> Vec<(u64, u64, bool)> {
        let mut due: Vec<_> = self.entries.values().filter_map(|known| known.due).collect();
        due.retain(|(at, ..)| *at <= self.now);
        due.sort_unstable();
        due
    }
}

proptest! {
    /// Against sorted maps: found by id, ended once, never early, never lost, equal deadlines in order.
    #[test]
    fn behaves_like_sorted_maps(start in any::<u32>(), steps in proptest::collection::vec(step(), 1..250)) {
        let mut model = Model { now: u64::from(start), ..Model::default() };
        let mut real = InFlight::new([7; 32]);
        real.pop_expired(MonotonicTime::from_millis(model.now));
        for step in steps {
            model.sequence += 1;
            let name = model.sequence;
            match step {
                Step::Insert(id, distance) => {
                    let due = model.due(distance);
                    let at = MonotonicTime::from_millis(due.0);
                    let holder = id.and_then(|id| model.entries.values().find(|known| known.id == Some(id)));
                    let key = match id {
                        None => real.insert_nameless(at, name).unwrap(),
                        Some(id) => match real.insert(id, at, name) {
                            Ok(key) => { prop_assert!(holder.is_none()); key }
                            Err(key) => { prop_assert_eq!(key, holder.map(|known| known.key)); continue }
                        },
                    };
                    model.entries.insert(name, Known { key, id, due: Some(due), ended: false });
                }
                Step::Remove(pick) => if let Some(name) = model.pick(pick) {
                    let known = model.remove(name);
                    prop_assert_eq!(real.remove(known.key), Some((known.id, name)));
                },
                Step::Take(id) => {
                    let holder = model.entries.iter().find(|(_, known)| known.id == Some(id)).map(|(name, _)| *name);
                    prop_assert_eq!(real.take(&id), holder);
                    holder.map(|name| model.remove(name));
                }
                Step::Unname(pick) => if let Some(name) = model.pick(pick) {
                    let known = model.entries.get_mut(&name).unwrap();
                    prop_assert_eq!(real.unname(known.key), known.id.take());
                },
                Step::End(pick) => if let Some(name) = model.pick(pick) {
                    let known = model.entries.get_mut(&name).unwrap();
                    prop_assert_eq!(real.end(known.key), !known.ended);
                    if !known.ended {
                        (known.ended, known.due) = (true, None);
                        model.ended.push_back(name);
                    }
                },
                Step::Reopen(pick) => if let Some(name) = model.pick(pick) {
                    let known = model.entries.get_mut(&name).unwrap();
                    real.reopen(known.key);
                    known.ended = false;
                    model.ended.retain(|ended| *ended != name);
                },
                Step::Forget => {
                    let name = model.ended.front().copied();
                    let known = name.map(|name| model.remove(name));
                    prop_assert_eq!(real.forget_oldest(), name.zip(known).map(|(name, known)| (known.id, name)));
                }
                Step::Reschedule(pick, distance) => if let Some(name) = model.pick(pick) {
                    let due = model.due(distance);
                    let known = model.entries.get_mut(&name).unwrap();
                    real.reschedule(known.key, MonotonicTime::from_millis(due.0));
                    if !known.ended {
                        known.due = Some(due);
                    }
                },
                Step::Unschedule(pick) => if let Some(name) = model.pick(pick) {
                    let known = model.entries.get_mut(&name).unwrap();
                    real.unschedule(known.key);
                    known.due = None;
                },
                Step::Advance(distance) => {
                    model.now += distance;
                    if let Some(wakeup) = real.next_wakeup() {
                        let first = model.entries.values().filter_map(|known| known.due).min();
                        prop_assert!(first.is_none_or(|(at, ..)| wakeup.as_millis() <= at), "wakes too late");
                    } else {
                        prop_assert!(model.entries.values().all(|known| known.due.is_none()), "does not wake");
                    }
                    let expected = model.expired();
                    let mut fired = Vec::new();
                    while let Some(key) = real.pop_expired(MonotonicTime::from_millis(model.now)) {
                        let known = model.entries.get_mut(real.get(key).unwrap()).unwrap();
                        fired.push(known.due.take().expect("fires once"));
                    }
                    prop_assert_eq!(
                        fired.iter().map(|(at, ..)| at).collect::<Vec<_>>(),
                        expected.iter().map(|(at, ..)| at).collect::<Vec<_>>()
                    );
                    let near = |due: &[(u64, u64, bool)]| -> Vec<_> {
                        due.iter().filter(|(.., far)| !far).copied().collect()
                    };
                    prop_assert_eq!(near(&fired), near(&expected));
                }
            }
            prop_assert_eq!((real.len(), real.n_ended()), (model.entries.len() - model.ended.len(), model.ended.len()));
            prop_assert_eq!(real.is_empty(), model.entries.len() == model.ended.len());
        }
        let mut open: Vec<_> = real.iter().map(|(key, name)| (*name, key)).collect();
        open.sort_unstable_by_key(|(name, _)| *name);
        let expected = model.entries.iter().filter(|(_, known)| !known.ended).map(|(name, known)| (*name, known.key));
        prop_assert!(open.iter().copied().eq(expected));
        for key in model.gone.iter().chain(model.entries.values().map(|known| &known.key)) {
            let is_open = model.entries.values().any(|known| known.key == *key && !known.ended);
            prop_assert_eq!((real.is_open(*key), real.get_open(*key).is_some()), (is_open, is_open));
        }
        for (name, known) in &model.entries {
            prop_assert_eq!((real.get(known.key), real.id(known.key)), (Some(name), known.id.as_ref()));
        }
        for key in &model.gone {
            prop_assert_eq!(real.get(*key), None);
            prop_assert!(!real.end(*key) && real.remove(*key).is_none() && real.unname(*key).is_none());
        }
        let ids: Vec<u16> = (0..300).collect();
        let mut keys = Vec::new();
        real.find_each(ids.iter().map(|id| (id % 7 != 3).then_some(*id)), &mut keys);
        for (id, key) in ids.iter().zip(keys) {
            let held = model.entries.values().find(|known| known.id == Some(*id)).map(|known| known.key);
            prop_assert_eq!(real.find(id), held);
            prop_assert_eq!(key, held.filter(|_| id % 7 != 3));
        }
        let mut values = Vec::new();
        // The last id is taken twice.
        real.take_each(ids.iter().copied().chain([299]), &mut values);
        prop_assert_eq!(values.pop(), Some(None));
        for (id, value) in ids.iter().zip(values) {
            let held = model.entries.iter().find(|(_, known)| known.id == Some(*id)).map(|(name, _)| *name);
            prop_assert_eq!((value, real.find(id)), (held, None));
        }
        let nameless = model.entries.values().filter(|known| known.id.is_none());
        prop_assert_eq!(real.len() + real.n_ended(), nameless.count());
    }
}

#[test]
fn time_that_steps_back_fires_nothing_early() {
    let mut table = InFlight::new([7; 32]);
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(1_000)), None);
    let key = table.insert("r1", MonotonicTime::from_millis(1_500), ()).unwrap();
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(10)), None);
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(1_499)), None);
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(1_500)), Some(key));
}

/// An id with the same hash as every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colliding(u8);

impl Hash for Colliding {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u8(0);
    }
}

#[test]
fn ids_whose_hashes_are_equal_are_told_apart() {
    let mut table = InFlight::new([7; 32]);
    let ids: Vec<_> = (0..50).map(Colliding).collect();
    let keys: Vec<_> = ids.iter().map(|id| table.insert(*id, None, ()).unwrap()).collect();
    let mut found = Vec::new();
    table.find_each(ids.iter().copied().map(Some), &mut found);
    assert!(found.iter().copied().eq(keys.iter().copied().map(Some)));
    table.remove(keys[3]);
    assert_eq!((table.find(&ids[3]), table.find(&ids[4])), (None, Some(keys[4])));
}

#[test]
fn ids_have_tags_of_their_own() {
    let table = InFlight::<u32, ()>::new([7; 32]);
    let tags: std::collections::BTreeSet<u32> = (0..10_000u32).map(|id| table.tag(&id)).collect();
    assert!(tags.len() > 9_990, "{}", tags.len());
}

#[test]
fn a_key_of_what_was_removed_reopens_nothing() {
    let mut table = InFlight::new([7; 32]);
    let old = table.insert("r1", None, ()).unwrap();
    table.remove(old);
    let new = table.insert("r2", None, ()).unwrap();
    table.end(new);
    table.reopen(old);
    assert_eq!((table.len(), table.n_ended(), table.is_open(new)), (0, 1, false));
}

#[test]
fn without_a_deadline_nothing_comes() {
    let mut table = InFlight::new([7; 32]);
    let key = table.insert("r1", None, ()).unwrap();
    assert_eq!((table.next_wakeup(), table.pop_expired(MonotonicTime::from_millis(u64::MAX))), (None, None));
    table.reschedule(key, MonotonicTime::from_millis(7));
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(u64::MAX)), Some(key));
}

#[test]
fn the_end_of_time_comes_last() {
    let mut table = InFlight::new([7; 32]);
    let last = table.insert("r1", MonotonicTime::from_millis(u64::MAX), ()).unwrap();
    let first = table.insert("r2", MonotonicTime::from_millis(u64::MAX - 1), ()).unwrap();
    assert!(table.next_wakeup() <= Some(MonotonicTime::from_millis(u64::MAX - 1)));
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(u64::MAX - 1)), Some(first));
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(u64::MAX - 1)), None);
    assert_eq!(table.pop_expired(MonotonicTime::from_millis(u64::MAX)), Some(last));
}

#[test]
fn a_wheel_that_is_told_the_time_reaches_as_far_ahead_of_it() {
    const HOUR: u64 = 3_600_000;
    let at = MonotonicTime::from_millis;
    let mut table = InFlight::new([7; 32]);
    for hour in [5, 5, 9, 20] {
        let now = hour * HOUR;
        table.follow(at(now));
        while table.pop_expired(at(now)).is_some() {}
        let deadlines = [1, 30_000, 300_000].map(|timeout| now + timeout);
        let keys = deadlines.map(|deadline| table.insert(deadline, at(deadline), ()).map_err(drop));
        assert_eq!((table.n_overflow(), keys.map(|key| key.is_ok())), (0, [true; 3]), "in hour {hour}");
        let late = table.pop_expired(at(now + 29_999));
        assert_eq!(late.and_then(|key| table.remove(key)).map(|(id, ())| id), Some(Some(deadlines[0])));
        for key in keys.into_iter().flatten() {
            table.remove(key);
        }
    }
}

#[test]
fn a_wheel_that_follows_lets_nothing_come_early() {
    let mut table = InFlight::new([7; 32]);
    let at = MonotonicTime::from_millis;
    for deadline in [200_000, 400_000, 500_000] {
        table.insert(deadline, at(deadline), ()).unwrap();
    }
    table.follow(at(450_000));
    assert!(table.next_wakeup().is_some_and(|wakeup| wakeup <= at(450_000)));
    let mut pop = |now| table.pop_expired(at(now)).map(|key| *table.id(key).unwrap());
    assert_eq!([pop(450_000), pop(450_000), pop(450_000)], [Some(200_000), Some(400_000), None]);
    assert_eq!([pop(499_999), pop(500_000)], [None, Some(500_000)]);
}

#[test]
fn a_key_of_a_removed_entry_finds_nothing_in_the_reused_place() {
    let mut table = InFlight::new([7; 32]);
    let old = table.insert("r1", MonotonicTime::from_millis(1), 'a').unwrap();
    table.remove(old);
    let new = table.insert("r1", MonotonicTime::from_millis(2), 'b').unwrap();
    assert_eq!(old.slot(), new.slot());
    assert_eq!((table.get(old), table.get(new)), (None, Some(&'b')));
    assert_eq!(table.remove(old), None);
    assert_eq!(table.remove(new), Some((Some("r1"), 'b')));
}

/// An entry that is removed long before its deadline leaves a stale record behind until then. One in a hundred is not removed, so
/// that no list is ever without a live record.
#[test]
fn what_was_answered_leaves_no_more_behind_than_there_is() {
    let mut table = InFlight::new([7; 32]);
    let mut answered = VecDeque::new();
    let mut blocks = 0;
    for n in 0..1_200_000u64 {
        let key = table.insert(n, MonotonicTime::from_millis(n / 10 + 300_000), ()).unwrap();
        if n % 100 != 0 {
            answered.push_back(key);
        }
        if answered.len() > 1_000 {
            table.remove(answered.pop_front().unwrap());
        }
        blocks = blocks.max(table.wheel.n_blocks());
    }
    // Blocks of seven records; 13,000 entries at the end.
    assert!(blocks < 4 * 13_000 / 7 + 4_300, "{blocks} blocks");
    assert_eq!(std::iter::from_fn(|| table.pop_expired(MonotonicTime::from_millis(u64::MAX))).count(), table.len());
}

/// Ended entries leave a stale record behind when they are removed or reopened.
#[test]
fn what_has_ended_and_gone_is_neither_forgotten_twice_nor_kept_for_ever() {
    let mut table = InFlight::new([7; 32]);
    let ended = |table: &mut InFlight<u32, ()>, id: u32| {
        let key = table.insert(id, None, ()).unwrap();
        assert!(table.end(key));
        key
    };
    let keys: Vec<_> = (0..100).map(|id| ended(&mut table, id)).collect();
    table.reopen(keys[0]);
    assert_eq!(table.take(&1), Some(()));
    table.forget_beyond(90);
    assert_eq!((table.n_ended(), table.len()), (90, 1));
    assert_eq!([0, 2, 9, 10].map(|id| table.find(&id)), [Some(keys[0]), None, None, Some(keys[10])]);
    for id in 100..10_000 {
        let key = ended(&mut table, id);
        table.remove(key);
    }
    let records = table.wheel.first_ended().count();
    assert!(records <= 3 * 90 + 32, "{records} records of 90 entries");
    table.forget_beyond(0);
    assert_eq!((table.n_ended(), table.len()), (0, 1));
}

#[test]
fn memory_is_counted() {
    let mut table = InFlight::new([7; 32]);
    let empty = table.n_bytes();
    for id in 0..100_000u32 {
        table.insert(id, MonotonicTime::from_millis(u64::from(id)), [0u8; 32]).unwrap();
    }
    let full = table.n_bytes();
    // A slot, a record of the wheel and a slot number of the index for each, and spare room.
    let least = size_of::<slots::Slot<u32, [u8; 32]>>() + size_of::<lists::Record>() + size_of::<u32>();
    let per_item = (full - empty) / 100_000;
    assert!((least..2 * least).contains(&per_item), "{per_item} bytes an entry, of which {least} are taken");
    while table.pop_expired(MonotonicTime::from_millis(100_000)).is_some_and(|key| table.remove(key).is_some()) {}
    assert_eq!((table.len(), table.n_bytes() >= full), (0, true));
}

//! Crashes, full disks, damage, other versions.

use super::{
    Subject, Tried, appended, chain, expect_same, open, replayed,
    samples::{Item, START_MS, entries, writes},
};
use crate::{
    AtomicWrite, Entry, Store, StoreError, StoreErrorKind,
    codec::{Frame, HEADER_BYTES, seal},
};

pub(super) fn crash<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(60);
    for life in writes.chunks(15) {
        let mut store = open(subject)?;
        replayed(&mut store)?;
        appended(&mut store, life)?;
        subject.crash(store);
    }
    expect_same("after four crashes", &entries(&writes), &replayed(&mut open(subject)?)?)?;
    Ok(Tried::Held)
}

pub(super) fn prefix<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    // Of several entries each: a half-written one shows.
    let several = |number: u64| AtomicWrite::from((0..5).map(|part| part_of(number, part)).collect::<Vec<_>>());
    let writes: Vec<_> = (0..60).map(several).collect();
    let (before, after) = writes.split_at(20);
    let mut store = open(subject)?;
    appended(&mut store, before)?;
    if !subject.break_appends(&mut store) {
        return Ok(Tried::Skipped);
    }
    if store.append(after).is_ok() {
        return Err("the subject breaks the append, and it says that all is well".to_owned());
    }
    subject.crash(store);
    subject.repair();
    let mut store = open(subject)?;
    let found = replayed(&mut store)?;
    let whole = (before.len()..=writes.len()).find(|kept| {
        let kept = writes.get(..*kept).unwrap_or_default();
        entries(kept) == found
    });
    let Some(kept) = whole else {
        return Err(format!(
            "{} entries are left, which are no number of whole writes of 5 from the first on",
            found.len()
        ));
    };
    // It goes on from there.
    let more = several(100);
    appended(&mut store, std::slice::from_ref(&more))?;
    let expected: Vec<_> = writes.get(..kept).unwrap_or_default().iter().chain([&more]).cloned().collect();
    drop(store);
    expect_same("an append after the failure", &entries(&expected), &replayed(&mut open(subject)?)?)?;
    Ok(Tried::Held)
}

fn part_of(number: u64, part: u64) -> Entry {
    let item = Item::new(number * 5 + part, START_MS);
    if part == 2 { item.intent() } else { item.accepted() }
}

pub(super) fn no_second_try<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(80);
    let mut store = open(subject)?;
    if !subject.break_appends(&mut store) {
        return Ok(Tried::Skipped);
    }
    let Err(first) = store.append(&writes) else {
        return Err("the subject breaks the append, and it says that all is well".to_owned());
    };
    let small = [AtomicWrite::from(vec![Item::new(500, START_MS).intent()])];
    match store.append(&small) {
        Ok(()) => return Err(format!("an append failed ({}), and the next one is taken", chain(&first))),
        Err(error) if error.kind() != StoreErrorKind::FailedBefore => {
            return Err(format!("an append after a failed one fails, but is not refused for that: {}", chain(&error)));
        }
        Err(_) => {}
    }
    subject.crash(store);
    subject.repair();
    appended(&mut open(subject)?, &small)?;
    Ok(Tried::Held)
}

/// A closed subject with these writes in it, and the frames that it made of them.
fn with_frames<S: Subject>(subject: &mut S, writes: &[AtomicWrite]) -> Result<Option<Vec<Frame>>, String> {
    let mut store = open(subject)?;
    appended(&mut store, writes)?;
    drop(store);
    Ok(subject.frames())
}

/// What a subject gives whose frames were changed: the entries, and the error that ended them.
fn refusal<S: Subject>(subject: &mut S, frames: Vec<Frame>) -> (Vec<Entry>, Option<StoreError>) {
    subject.set_frames(frames);
    let mut given = Vec::new();
    let outcome = subject.open().and_then(|mut store| {
        store.replay(&mut |entry| {
            given.push(entry);
            Ok(())
        })
    });
    (given, outcome.err())
}

/// The refusal must be of this kind, at this position, after nothing but what stands before it.
fn expect_refused(
    what: &str,
    (given, error): (Vec<Entry>, Option<StoreError>),
    kind: StoreErrorKind,
    position: u64,
    before: &[Entry],
) -> Result<StoreError, String> {
    let Some(error) = error else {
        return Err(format!("{what}, and the replay says that all is well"));
    };
    if error.kind() != kind || error.position() != Some(position) {
        return Err(format!("{what}: {kind:?} at position {position} was expected, not: {}", chain(&error)));
    }
    // One that checks everything when it is opened gives nothing at all.
    if !before.starts_with(&given) {
        return Err(format!("{what}: entries of that write or of a later one were given, {} in all", given.len()));
    }
    Ok(error)
}

pub(super) fn damage<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(10);
    let Some(frames) = with_frames(subject, &writes)? else { return Ok(Tried::Skipped) };
    if frames.len() != writes.len() {
        return Err(format!("{} small writes made {} frames", writes.len(), frames.len()));
    }
    for (index, frame) in frames.iter().enumerate() {
        let before = entries(writes.get(..index).unwrap_or_default());
        // The first byte is the format: another one is not damage.
        for bit in (8..frame.bytes.len() * 8).step_by(23) {
            let mut damaged = frames.clone();
            if let Some(byte) = damaged.get_mut(index).and_then(|frame| frame.bytes.get_mut(bit / 8)) {
                *byte ^= 1 << (bit % 8);
            }
            let what = format!("bit {bit} of frame {} is flipped", frame.position);
            expect_refused(&what, refusal(subject, damaged), StoreErrorKind::Damaged, frame.position, &before)?;
        }
        let mut cut = frames.clone();
        if let Some(frame) = cut.get_mut(index) {
            frame.bytes.truncate(frame.bytes.len() - 1);
        }
        let what = format!("frame {} is cut", frame.position);
        expect_refused(&what, refusal(subject, cut), StoreErrorKind::Damaged, frame.position, &before)?;
    }
    Ok(Tried::Held)
}

pub(super) fn unknown<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(10);
    let Some(frames) = with_frames(subject, &writes)? else { return Ok(Tried::Skipped) };
    let Some(position) = frames.get(4).map(|frame| frame.position) else {
        return Err("ten writes made fewer than five frames".to_owned());
    };
    // An entry of kind 200 without content, well formed in everything else.
    let body = [vec![0; HEADER_BYTES], vec![200, 0]].concat();
    let newer_format = [vec![9], vec![0; 40]].concat();
    let newer_kind = seal(position, 0, true, body).map(|frame| frame.bytes).unwrap_or_default();
    for (what, bytes, name) in [("kind", newer_kind, "kind 200"), ("format", newer_format, "format 9")] {
        let mut changed = frames.clone();
        if let Some(frame) = changed.get_mut(4) {
            frame.bytes = bytes;
        }
        let before = entries(writes.get(..4).unwrap_or_default());
        let what = format!("a frame has an unknown {what}");
        let refused = refusal(subject, changed);
        let error = expect_refused(&what, refused, StoreErrorKind::Unsupported, position, &before)?;
        if !chain(&error).contains(name) {
            return Err(format!("{what}, and the error does not say \"{name}\": {}", chain(&error)));
        }
    }
    Ok(Tried::Held)
}

pub(super) fn gap<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(10);
    let Some(frames) = with_frames(subject, &writes)? else { return Ok(Tried::Skipped) };
    let Some(position) = frames.get(4).map(|frame| frame.position) else {
        return Err("ten writes made fewer than five frames".to_owned());
    };
    let before = entries(writes.get(..4).unwrap_or_default());
    let mut missing = frames.clone();
    missing.remove(4);
    let refused = refusal(subject, missing);
    expect_refused("a frame is missing", refused, StoreErrorKind::Damaged, position, &before)?;

    let mut swapped = frames;
    let other = swapped.get(6).map(|frame| frame.bytes.clone()).unwrap_or_default();
    if let Some(frame) = swapped.get_mut(4) {
        frame.bytes = other;
    }
    let refused = refusal(subject, swapped);
    expect_refused("another frame stands in its place", refused, StoreErrorKind::Damaged, position, &before)?;
    Ok(Tried::Held)
}

pub(super) fn one_owner<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    if !S::IS_EXCLUSIVE {
        return Ok(Tried::Skipped);
    }
    let first = open(subject)?;
    match subject.open() {
        Ok(_) => return Err("a second opening succeeds while the first store is open".to_owned()),
        Err(error) if error.kind() != StoreErrorKind::InUse => {
            return Err(format!("a second opening fails, but not because the store is in use: {}", chain(&error)));
        }
        Err(_) => {}
    }
    drop(first);
    open(subject)?;
    Ok(Tried::Held)
}

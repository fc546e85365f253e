//! What is appended is replayed.

use std::{error::Error, fmt};

use setpoint::Now;

use super::{
    Subject, Tried, appended, chain, expect_same, open, replayed,
    samples::{Item, START_MS, entries, writes},
};
use crate::{AtomicWrite, AuditEntry, Retired, Store, StoreError};

pub(super) fn empty<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let mut store = open(subject)?;
    expect_same("an empty store", &[], &replayed(&mut store)?)?;
    let mut audit = 0_u64;
    store
        .audit(&mut |_| {
            audit += 1;
            Ok(())
        })
        .map_err(|error| format!("reading the audit fails: {}", chain(&error)))?;
    let retired = store.retire(Now::new(0, START_MS)).map_err(|error| format!("retire fails: {}", chain(&error)))?;
    if (audit, retired) != (0, Retired::default()) {
        return Err(format!("an empty store has {audit} entries of the audit, and dropped {retired:?}"));
    }
    // Nothing to append is no failure, and leaves nothing.
    appended(&mut store, &[])?;
    appended(&mut store, &[AtomicWrite::default()])?;
    drop(store);
    expect_same("an empty store, opened again", &[], &replayed(&mut open(subject)?)?)?;
    Ok(Tried::Held)
}

pub(super) fn exact<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(40);
    let mut store = open(subject)?;
    for group in writes.chunks(7) {
        appended(&mut store, group)?;
    }
    expect_same("in the store that took it", &entries(&writes), &replayed(&mut store)?)?;
    drop(store);
    expect_same("after opening it again", &entries(&writes), &replayed(&mut open(subject)?)?)?;
    Ok(Tried::Held)
}

pub(super) fn twice<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(40);
    let (before, after) = writes.split_at(25);
    let mut store = open(subject)?;
    appended(&mut store, before)?;
    drop(store);
    let mut store = open(subject)?;
    expect_same("the first replay", &entries(before), &replayed(&mut store)?)?;
    expect_same("the second replay", &entries(before), &replayed(&mut store)?)?;
    appended(&mut store, after)?;
    expect_same("a replay after a further append", &entries(&writes), &replayed(&mut store)?)?;
    Ok(Tried::Held)
}

pub(super) fn many<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(3_000);
    for life in writes.chunks(500) {
        let mut store = open(subject)?;
        replayed(&mut store)?;
        for group in life.chunks(100) {
            appended(&mut store, group)?;
        }
    }
    expect_same("3,000 writes, opened five times on the way", &entries(&writes), &replayed(&mut open(subject)?)?)?;
    Ok(Tried::Held)
}

pub(super) fn big<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let accepted = |number: u64| {
        let length = usize::try_from(number * 379 % 4_000).unwrap_or_default();
        Item::new(number, START_MS).accepted_with_input(format!("{number:0length$}").into())
    };
    let big = AtomicWrite::from((0..1_000).map(accepted).collect::<Vec<_>>());
    let huge = Item::new(2_000, START_MS).accepted_with_input("x".repeat(3 << 20).into());
    let small = AtomicWrite::from(vec![Item::new(1, START_MS).intent()]);
    let writes = [small.clone(), big, AtomicWrite::from(vec![huge]), small];
    let mut store = open(subject)?;
    appended(&mut store, &writes)?;
    drop(store);
    expect_same("a write of 1,000 entries and one of 3 MiB", &entries(&writes), &replayed(&mut open(subject)?)?)?;
    Ok(Tried::Held)
}

pub(super) fn audit<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(40);
    let expected: Vec<_> = writes.iter().flat_map(|write| &write.audit).cloned().collect();
    let mut store = open(subject)?;
    appended(&mut store, &writes)?;
    drop(store);
    let mut store = open(subject)?;
    expect_same("the state", &entries(&writes), &replayed(&mut store)?)?;
    let mut found = Vec::<AuditEntry>::new();
    store
        .audit(&mut |entry| {
            found.push(entry);
            Ok(())
        })
        .map_err(|error| format!("reading the audit fails: {}", chain(&error)))?;
    if found == expected {
        Ok(Tried::Held)
    } else {
        Err(format!("the audit has {} entries, and {} in that order were appended", found.len(), expected.len()))
    }
}

/// What a reader says when it takes no more.
#[derive(Debug)]
struct Enough(u64);

impl fmt::Display for Enough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enough after {}", self.0)
    }
}

impl Error for Enough {}

pub(super) fn reader_errors<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let writes = writes(40);
    let mut store = open(subject)?;
    appended(&mut store, &writes)?;
    for most in [1, 17] {
        let mut taken = 0;
        let outcome = store.replay(&mut |_| {
            taken += 1;
            if taken < most { Ok(()) } else { Err(StoreError::rejected("an entry", Enough(taken))) }
        });
        let Err(error) = outcome else {
            return Err("the reader takes no more, and the replay says that all is well".to_owned());
        };
        if taken != most {
            return Err(format!("the reader takes no more after entry {most}, and was given {taken}"));
        }
        let source = error.source().and_then(|source| source.downcast_ref::<Enough>());
        if source.map(|enough| enough.0) != Some(most) {
            return Err(format!("the reader's own error is not the source of what comes back: {}", chain(&error)));
        }
    }
    expect_same("a replay after those", &entries(&writes), &replayed(&mut store)?)?;
    Ok(Tried::Held)
}

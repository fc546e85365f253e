//! A log leaves a store as text, and comes into another.

use std::{error::Error, fs, io, path::Path};

use setpoint_store::{
    AtomicWrite, AuditEntry, Entry, MemoryStore, Store, StoreErrorKind,
    ndjson::{NdjsonError, export, import},
};

/// One with every kind of entry in it: the golden files.
fn store() -> MemoryStore {
    let mut store = MemoryStore::new();
    for case in ["channels", "batch", "outcomes"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/format-1-{case}.json"));
        store.append(&[serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()]).unwrap();
    }
    store
}

fn content(store: &mut MemoryStore) -> (Vec<Entry>, Vec<AuditEntry>) {
    let (mut entries, mut audit) = (Vec::new(), Vec::new());
    let replay = &mut |entry| {
        entries.push(entry);
        Ok(())
    };
    store.replay(replay).unwrap();
    let read = &mut |entry| {
        audit.push(entry);
        Ok(())
    };
    store.audit(read).unwrap();
    (entries, audit)
}

#[test]
fn what_is_exported_and_imported_is_the_same() {
    let mut text = Vec::new();
    let lines = export(&mut store(), &mut text).unwrap();
    assert_eq!((lines, text.iter().filter(|byte| **byte == b'\n').count()), (17, 17));
    let mut copy = MemoryStore::new();
    assert_eq!(import(&mut text.as_slice(), &mut copy).unwrap(), 17);
    assert_eq!(content(&mut copy), content(&mut store()));
}

#[test]
fn a_long_import_takes_many_writes() {
    let line = r#"{"entries":[{"engine":{"record":"intent","messageId":"00000000000000000000000000000007"}}]}"#;
    let text = [line; 2_500].join("\n");
    let mut store = MemoryStore::new();
    assert_eq!(import(&mut text.as_bytes(), &mut store).unwrap(), 2_500);
    assert_eq!((store.frames().len(), content(&mut store).0.len()), (3, 2_500));
}

#[test]
fn a_line_that_is_not_known_is_named_and_nothing_is_skipped() {
    let good = r#"{"entries":[{"engine":{"record":"intent","messageId":"00000000000000000000000000000007"}}]}"#;
    for bad in [r#"{"entries":[{"engine":{"record":"forgotten"}}]}"#, r#"{"records":[]}"#, "[", "", "7"] {
        let text = format!("{good}\n{bad}\n{good}\n");
        let mut store = MemoryStore::new();
        let error = import(&mut text.as_bytes(), &mut store).unwrap_err();
        assert!(matches!(error, NdjsonError::Line { line: 2, .. }), "{bad}: {error}");
        assert!(error.source().is_some());
        assert!(store.frames().is_empty(), "{bad}");
    }
}

#[test]
fn text_that_cannot_be_written_and_a_store_that_fails_are_told_apart() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = export(&mut store(), &mut Full).unwrap_err();
    assert!(
        matches!(&error, NdjsonError::Io { line: 1, source } if source.kind() == io::ErrorKind::StorageFull),
        "{error}"
    );

    let mut damaged = store();
    let mut frames = damaged.frames();
    frames[1].bytes[20] ^= 1;
    damaged.set_frames(frames);
    let mut text = Vec::new();
    let error = export(&mut damaged, &mut text).unwrap_err();
    assert!(matches!(&error, NdjsonError::Store(error) if error.kind() == StoreErrorKind::Damaged), "{error}");

    let mut small = MemoryStore::with_capacity(10);
    let error = import(&mut "{}\n".repeat(3).as_bytes(), &mut small);
    assert_eq!(error.unwrap(), 3, "nothing to keep");
    let write = AtomicWrite { entries: Vec::new(), audit: content(&mut store()).1 };
    let line = serde_json::to_string(&write).unwrap();
    let error = import(&mut line.as_bytes(), &mut small).unwrap_err();
    assert!(matches!(&error, NdjsonError::Store(error) if error.kind() == StoreErrorKind::Full), "{error}");
}

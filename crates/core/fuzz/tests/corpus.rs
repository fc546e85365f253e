//! The kept corpus and every input that once was a finding, through the same functions that libFuzzer calls.

use std::{fs, panic, path::Path};

use setpoint_fuzz::TARGETS;

/// Every input of every target, and which of them fail.
fn replay(folder: &str, least: usize) {
    let mut failures = Vec::new();
    for (target, run) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(target);
        let files = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        let files: Vec<_> = files.filter(|path| !path.ends_with(".gitkeep")).collect();
        assert!(files.len() >= least, "{} holds {} inputs", folder.display(), files.len());
        for file in files {
            let input = fs::read(&file).unwrap();
            if panic::catch_unwind(|| run(&input)).is_err() {
                failures.push(file);
            }
        }
    }
    assert!(failures.is_empty(), "these fail: {failures:#?}");
}

#[test]
fn the_kept_corpus_holds() {
    replay("corpus", 10);
}

#[test]
fn findings_stay_fixed() {
    replay("regressions", 0);
}

/// The arbitrary bytes that a fuzzer would try first.
#[test]
fn small_inputs_hold() {
    for (_, run) in TARGETS {
        run(b"");
        for first in 0..=u8::MAX {
            run(&[first]);
            run(&[first; 64]);
            run(&(0..200u8).map(|at| at.wrapping_mul(first)).collect::<Vec<_>>());
        }
    }
}

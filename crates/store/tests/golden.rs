//! What format 1 wrote is read for ever, and written again byte for byte.
//!
//! A case in `golden` is two files: what was kept, as JSON, and the frames of it, a line each: position and bytes, hexadecimal.
//! They are never edited. `cargo test -p setpoint-store --test golden -- --ignored` writes the frames of a new case.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use setpoint_store::{
    AtomicWrite,
    codec::{Decoder, Frame, encode},
};

/// How large frames of these cases are at most: small, so that one case has several.
const MAX_FRAME_BYTES: usize = 400;
const FIRST_POSITION: u64 = 0x1_0000_0000;

/// The files with what was kept.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    assert!(!cases.is_empty());
    cases
}

fn written(case: &Path) -> AtomicWrite {
    serde_json::from_str(&fs::read_to_string(case).unwrap()).unwrap()
}

fn as_text(frames: &[Frame]) -> String {
    let mut text = String::new();
    for frame in frames {
        write!(text, "{:x} ", frame.position).unwrap();
        frame.bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

fn from_text(text: &str) -> Vec<Frame> {
    let line = |line: &str| {
        let (position, bytes) = line.split_once(' ').unwrap();
        let digits: Vec<_> = bytes.chars().collect();
        let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
        Frame::new(u64::from_str_radix(position, 16).unwrap(), digits.chunks(2).map(byte).collect())
    };
    text.lines().map(line).collect()
}

#[test]
fn what_format_1_wrote_is_read_for_ever_and_written_again_byte_for_byte() {
    for case in cases() {
        let (write, text) = (written(&case), fs::read_to_string(case.with_extension("frames")).unwrap());
        let mut decoder = Decoder::new();
        let mut read = None;
        for frame in from_text(&text) {
            assert_eq!(read, None, "{}", case.display());
            read = decoder.frame(frame.position, &frame.bytes).unwrap();
        }
        assert_eq!(read.as_ref(), Some(&write), "{}", case.display());
        assert_eq!(as_text(&encode(&write, FIRST_POSITION, MAX_FRAME_BYTES).unwrap()), text, "{}", case.display());
    }
}

#[test]
fn the_cases_have_every_kind_of_entry() {
    let mut kinds = BTreeSet::new();
    for case in cases() {
        let value = serde_json::to_value(written(&case)).unwrap();
        for entry in value["entries"].as_array().unwrap().iter().chain(value["audit"].as_array().unwrap()) {
            let (of, record) = entry.as_object().unwrap().iter().next().unwrap();
            let tag = ["record", "audit", "channel"].iter().find_map(|tag| record[tag].as_str()).unwrap();
            kinds.insert(format!("{of} {tag}"));
        }
    }
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    let expected = [
        "channel deleted",
        "channel saved",
        "engine accepted",
        "engine final",
        "engine intent",
        "engine late",
        "engine published",
        "engine undeliverable",
    ];
    assert_eq!(kinds, expected);
}

#[test]
#[ignore = "writes files"]
fn write_the_frames_of_new_cases() {
    for case in cases() {
        let path = case.with_extension("frames");
        if !path.exists() {
            fs::write(path, as_text(&encode(&written(&case), FIRST_POSITION, MAX_FRAME_BYTES).unwrap())).unwrap();
        }
    }
}

//! Finding cases, making their bytes, comparing what they expect.

use std::{fs, path::PathBuf};

use serde_json::Value;
use setpoint::{Family, Limits};

/// One case of a file, named `{group}/{name}`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// Every case of one directory.
pub(crate) fn cases(kind: &str) -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let group = file.file_stem().unwrap().to_str().unwrap();
        let data: Value = serde_json::from_slice(&fs::read(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in data["cases"].as_array().expect("a file has a list of cases") {
            let name = format!("{group}/{}", case["name"].as_str().expect("a case has a name"));
            cases.push(Case { name, data: case.clone() });
        }
    }
    cases
}

/// Runs every case of one directory and reports all that fail.
pub(crate) fn run(kind: &str, run: impl Fn(&Value) -> Result<(), String>) {
    let failures: Vec<String> = cases(kind)
        .iter()
        .filter_map(|case| run(&case.data).err().map(|why| format!("{}: {why}", case.name)))
        .collect();
    assert!(failures.is_empty(), "{} of {kind} failed:\n{}", failures.len(), failures.join("\n"));
}

/// The bytes that a case is about: exactly one of `json`, `text`, `parts`, `hex` and `sample`.
pub(crate) fn bytes(case: &Value) -> Vec<u8> {
    let forms = ["json", "text", "parts", "hex", "sample"];
    let mut given = forms.iter().filter(|form| case.get(form).is_some());
    let (Some(form), None) = (given.next(), given.next()) else { panic!("a case has exactly one of {forms:?}") };
    let value = &case[form];
    match *form {
        "json" => value.to_string().into_bytes(),
        "text" => string(value).into_bytes(),
        "parts" => value.as_array().unwrap().iter().flat_map(part).collect(),
        "hex" => {
            let digits = string(value);
            let digits: Vec<char> = digits.chars().filter(|char| !char.is_whitespace()).collect();
            digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
        }
        _ => sample(&string(value)),
    }
}

/// A part is a text, or a text and how often it is repeated.
fn part(part: &Value) -> Vec<u8> {
    match part.get("repeat") {
        Some(text) => string(text).repeat(part["times"].as_u64().unwrap() as usize).into_bytes(),
        None => string(part).into_bytes(),
    }
}

/// One of the source pages' messages, byte for byte.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).unwrap()
}

/// A text, which may be written as a list of lines or pieces.
pub(crate) fn string(value: &Value) -> String {
    match value {
        Value::Array(pieces) => pieces.iter().map(|piece| piece.as_str().expect("a piece is a string")).collect(),
        value => value.as_str().expect("a string").to_owned(),
    }
}

pub(crate) fn family(case: &Value) -> Family {
    case.get("family").map_or(Family::Invoke, |family| serde_json::from_value(family.clone()).unwrap())
}

pub(crate) fn limits(case: &Value) -> Limits {
    case.get("limits").map_or(Limits::DEFAULT, |limits| serde_json::from_value(limits.clone()).unwrap())
}

/// Whether `found` is what is expected: objects may have more members, everything else is equal.
pub(crate) fn compare(expected: &Value, found: &Value) -> Result<(), String> {
    compare_at("", expected, found)
}

fn compare_at(path: &str, expected: &Value, found: &Value) -> Result<(), String> {
    match (expected, found) {
        (Value::Object(members), Value::Object(_)) => members.iter().try_for_each(|(key, expected)| {
            let found = found.get(key).ok_or_else(|| format!("{path}.{key}: is not there"))?;
            compare_at(&format!("{path}.{key}"), expected, found)
        }),
        (Value::Array(expected), Value::Array(elements)) if expected.len() == elements.len() => {
            let mut pairs = expected.iter().zip(elements).enumerate();
            pairs.try_for_each(|(at, (expected, found))| compare_at(&format!("{path}[{at}]"), expected, found))
        }
        _ if expected == found => Ok(()),
        _ => Err(format!("{path}: expected {expected}, found {found}")),
    }
}

fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "vectors"].iter().collect()
}

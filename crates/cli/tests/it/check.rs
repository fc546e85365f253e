//! `setpoint check`.

use serde_json::Value;

use crate::command::{file, run, run_with};

const INVOKES: &str = include_str!("../../../core/vectors/samples/invoke-request.json");
const WRITES: &str = include_str!("../../../core/vectors/samples/set-request.json");

fn check(args: &[&str], body: &str) -> (i32, Value) {
    let ran = run_with(&[&["check", "-"], args].concat(), body);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}")))
}

fn codes(response: &Value) -> Vec<i64> {
    response["data"].as_array().unwrap().iter().map(|reply| reply["status"].as_i64().unwrap()).collect()
}

#[test]
fn the_samples_would_be_accepted() {
    let (code, response) = check(&["--family", "invoke", "--org", "o15434988531231"], INVOKES);
    assert_eq!((code, codes(&response)), (0, vec![0, 0]));
    assert_eq!(response["data"][0]["requestMethod"], "thing.service.bbb");
    let (code, response) = check(&["--family", "write", "--org", "adadad"], WRITES);
    assert_eq!((code, codes(&response)), (0, vec![0, 0]));
}

#[test]
fn some_refused_is_1_and_the_whole_request_is_2() {
    // The samples name their org, so in the name of another org every item is refused.
    let (code, response) = check(&["--family", "write", "--org", "another"], WRITES);
    assert_eq!((code, codes(&response)), (1, vec![1000, 1000]));
    let (code, response) = check(&["--family", "write", "--org", "o"], r#"{"data":[],"data":[]}"#);
    assert_eq!((code, response["status"].as_i64(), response.get("data")), (2, Some(400), None));
    assert!(response["submsg"].as_str().unwrap().contains("byte"), "{response}");
}

#[test]
fn what_exists_is_checked_only_where_a_list_says_it() {
    let dir = tempfile::tempdir().unwrap();
    let list = file(dir.path(), "devices.csv", "orgId,productKey,deviceKey,assetId,services\no1,dfasdf,dsfa,aaa,bbb\n");
    let common = ["--family", "invoke", "--org", "o1"];
    let with = |more: &[&str]| check(&[&common, more].concat(), INVOKES);
    assert_eq!(codes(&with(&[]).1), [0, 0]);
    assert_eq!(codes(&with(&["--channel", "DATASVC.CONTROL.other"]).1), [1_000_103, 1_000_103]);
    assert_eq!(codes(&with(&["--channel", "DATASVC.CONTROL.afdasfasdf", "--channel", "DATASVC.CONTROL.b"]).1), [0, 0]);
    let (code, response) = with(&["--devices", list.to_str().unwrap()]);
    assert_eq!((code, codes(&response)), (1, vec![0, 1_000_213]), "the list has the service bbb and no other");
    let nobody = check(&["--family", "invoke", "--org", "o2", "--devices", list.to_str().unwrap()], INVOKES);
    assert_eq!(codes(&nobody.1), [1_000_201, 1_000_201]);
}

#[test]
fn wrong_usage_and_files_that_are_not_there_are_told_apart_from_verdicts() {
    for args in [
        &["check", "-", "--family", "both", "--org", "o"][..],
        &["check", "-", "--org", "o"],
        &["check"],
        &["no-such-command"],
        &[],
    ] {
        let ran = run(args);
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
    let ran = run(&["check", "/no/such/file.json", "--family", "invoke", "--org", "o"]);
    assert_eq!(ran.code, 66);
    assert!(ran.stderr.contains("/no/such/file.json"), "{ran:?}");
    let ran = run(&["check", "-", "--family", "invoke", "--org", "o", "--devices", "/no/such/list.csv"]);
    assert_eq!(ran.code, 66);
    assert!(ran.stderr.contains("/no/such/list.csv"), "{ran:?}");
}

#[test]
fn help_and_version_are_no_errors() {
    for args in [&["--help"][..], &["--version"], &["check", "--help"], &["demo", "--help"], &["invoke", "--help"]] {
        let ran = run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    }
    assert!(run(&["check", "--help"]).stdout.contains("Exit codes"));
}

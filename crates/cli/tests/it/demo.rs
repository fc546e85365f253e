//! `setpoint demo`.

use serde_json::Value;

use crate::command::run;

#[test]
fn the_books_balance_and_the_json_says_so() {
    let ran = run(&["demo", "--items", "150", "--devices", "7", "--seed", "5", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.json_lines();
    let [report] = &lines[..] else { panic!("one object: {lines:?}") };
    let count = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report}"));
    assert_eq!(report["books"], "balanced");
    assert_eq!((count("unaccounted"), count("misattributed")), (0, 0));
    assert_eq!(count("submitted"), 150);
    assert_eq!(count("accepted") + count("refused"), 150);
    assert_eq!(count("succeeded") + count("failed") + count("refused") + count("timedOut"), 150);
    for name in ["late", "duplicate", "unknown", "seed", "devices"] {
        count(name);
    }
    let samples = report["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2);
    for sample in samples {
        assert_eq!((&sample["submitted"], &sample["succeeded"], &sample["failed"]), (&2.into(), &1.into(), &1.into()));
    }
    let succeeded = &report["latencyMs"]["succeeded"];
    assert!(succeeded["p50"].as_f64().unwrap() <= succeeded["max"].as_f64().unwrap());
    assert!(report["wrong"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn one_command_to_one_device_is_enough() {
    let ran = run(&["demo", "--items", "1", "--devices", "1", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json_lines()[0]["submitted"], Value::from(1));
}

#[test]
fn a_person_sees_the_samples_a_table_and_the_books() {
    let ran = run(&["demo", "--items", "20", "--devices", "3"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["dfsadfdsafdsaf", "the pitch drive is blocked", "p99 ms", "The books balance."] {
        assert!(ran.stdout.contains(part), "{part} in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn numbers_out_of_range_are_wrong_usage() {
    for args in [["demo", "--items", "0"], ["demo", "--devices", "0"], ["demo", "--items", "many"]] {
        assert_eq!(run(&args).code, 64);
    }
}

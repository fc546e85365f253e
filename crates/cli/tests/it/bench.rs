//! `setpoint bench`. No test depends on how fast it is.

use serde_json::Value;

use crate::{
    command::{Ran, run},
    plant::Plant,
};

const SHORT: [&str; 9] = ["bench", "--devices", "5", "--batch", "10", "--duration", "1s", "--warmup", "0s"];

fn report(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = ran.json_lines();
    let [report] = &lines[..] else { panic!("one object: {lines:?}") };
    assert_eq!(report["books"], "balanced", "{report}");
    report.clone()
}

/// Checks that the run has every documented field, and that every item succeeded and was executed once.
fn check(run: &Value, way: &str, arrivals: &str) {
    assert_eq!((&run["way"], &run["arrivals"]), (&way.into(), &arrivals.into()));
    assert!(run["itemsPerSecond"].as_f64().unwrap() > 0.0, "{run}");
    assert!(run["cpuMicrosPerItem"].as_f64().unwrap() > 0.0, "{run}");
    let (own, other, from) = match arrivals {
        "closed" => ("inFlight", "ratePerSecond", "sending"),
        _ => ("ratePerSecond", "inFlight", "intendedSending"),
    };
    assert!(run[own].is_number() && run.get(other).is_none() && run["latencyFrom"] == from, "{run}");
    let latency = ["p50", "p90", "p99", "p999", "max"].map(|name| run["latencyMs"][name].as_f64().unwrap());
    assert!(latency.is_sorted() && latency[0] > 0.0, "{latency:?}");
    let count = |name: &str| run["items"][name].as_u64().unwrap_or_else(|| panic!("{name} in {run}"));
    let ended: u64 = ["succeeded", "failed", "refused", "timedOut", "cancelled"].map(count).iter().sum();
    assert_eq!((count("submitted"), count("succeeded")), (ended, ended));
    assert!(run["wrong"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn the_gateway_is_measured_end_to_end_and_the_books_balance() {
    let report = report(&run(&[&SHORT[..], &["--in-flight", "2", "--json"]].concat()));
    let setup = &report["setup"];
    assert_eq!((&setup["devices"], &setup["batch"], &setup["seconds"]), (&5.into(), &10.into(), &1.0.into()));
    assert!(setup["warmupSeconds"].is_number() && setup["cores"].is_u64() && setup["sharedCores"] == true);
    assert!(setup["service"] == "start" && setup["wildcards"] == false);
    let runs = report["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    check(&runs[0], "gateway", "closed");
    assert_eq!(runs[0]["executed"], runs[0]["items"]["succeeded"]);
    assert!(report.get("comparison").is_none());
}

#[test]
fn an_open_loop_sends_what_its_rate_says_whatever_comes_back() {
    let report = report(&run(&[&SHORT[..], &["--rate", "200", "--wildcards", "--json"]].concat()));
    check(&report["runs"][0], "gateway", "open");
    assert_eq!(report["runs"][0]["items"]["submitted"], 200);
    assert_eq!(report["setup"]["wildcards"], true);
}

#[test]
fn bare_mqtt_carries_the_same_traffic() {
    let report = report(&run(&[&SHORT[..], &["--bare", "--json"]].concat()));
    check(&report["runs"][0], "bare", "closed");
    assert_eq!(report["runs"][0]["executed"], report["runs"][0]["items"]["succeeded"]);
}

#[test]
fn a_comparison_takes_turns_and_holds_the_medians_against_three_targets() {
    let report = report(&run(&[&SHORT[..], &["--compare", "--json"]].concat()));
    let runs = report["runs"].as_array().unwrap();
    let turn = [("bare", "closed"), ("gateway", "closed")];
    let expected = [&turn[..], &turn, &turn, &[("gateway", "open")]].concat();
    assert_eq!(runs.len(), expected.len());
    for (run, (way, arrivals)) in runs.iter().zip(expected) {
        check(run, way, arrivals);
    }
    let rate = |at: usize| runs[at]["itemsPerSecond"].as_f64().unwrap();
    let mut ratios = [0, 2, 4].map(|bare| rate(bare + 1) / rate(bare));
    ratios.sort_by(f64::total_cmp);
    assert!((report["comparison"]["ratio"].as_f64().unwrap() - ratios[1]).abs() < 1e-9);
    let targets = report["comparison"]["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 3);
    for target in targets {
        assert!(target["name"].is_string() && target["met"].is_boolean(), "{target}");
        assert!(target["target"].is_number() && target["measured"].is_number(), "{target}");
    }
}

#[test]
fn a_person_sees_a_table_the_books_and_that_processors_are_shared() {
    let ran = run(&[&SHORT[..], &["--compare"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in ["share", "p99.9 ms", "bare", "gateway", "The books balance."] {
        assert!(ran.stdout.contains(part), "{part} in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colours without a terminal");
}

#[test]
fn a_gateway_that_runs_already_is_measured_with_devices_that_run_already() {
    let plant = Plant::start(&[]);
    let (url, list) = (plant.url.as_str(), plant.list.as_str());
    let args = ["bench", "--url", url, "--org", "o1", "--list", list, "--batch", "5", "--in-flight", "1"];
    let report = report(&run(&[&args[..], &["--duration", "1s", "--warmup", "0s", "--json"]].concat()));
    check(&report["runs"][0], "gateway", "closed");
    assert!(report["runs"][0]["executed"].is_null() && report["setup"]["devices"].is_null());
    assert_eq!(report["setup"]["sharedCores"], false);

    let foreign = run(&["bench", "--url", url, "--org", "o9", "--list", list]);
    assert_eq!(foreign.code, 66, "{foreign:?}");
}

#[test]
fn what_does_not_go_together_is_wrong_usage() {
    for args in [
        &["--bare", "--compare"][..],
        &["--compare", "--rate", "5"],
        &["--url", "http://127.0.0.1:1"],
        &["--duration", "10"],
        &["--batch", "0"],
    ] {
        assert_eq!(run(&[&["bench"], args].concat()).code, 64, "{args:?}");
    }
}

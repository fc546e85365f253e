//! `serve`, `devices simulate`, `channel`, `invoke` and `write` together.

use std::path::Path;

use crate::{
    command::{Ran, Running, file, run, run_with},
    plant::Plant,
};
use serde_json::{Value, json};

const INVOKES: &str = "DATASVC.CONTROL.ops";
const WRITES: &str = "DATASVC.SET.ops";

impl Plant {
    fn run(&self, args: &[&str]) -> Ran {
        run(&[args, &["--url", &self.url, "--org", "o1"]].concat())
    }

    fn send(&self, family: &str, items: &Value, more: &[&str]) -> Ran {
        let body = json!({ "data": items }).to_string();
        run_with(&[&[family, "-", "--url", &self.url, "--org", "o1"], more].concat(), &body)
    }
}

fn invoke(id: &str, asset: &str) -> Value {
    json!({"requestId":id,"controlChannelId":INVOKES,"assetId":asset,"serviceId":"start","inputData":{"id":id},"timeout":20_000})
}

fn write(id: &str, asset: &str) -> Value {
    json!({"requestId":id,"setMeasurepointChannelId":WRITES,"assetId":asset,"measurepointId":"power","inputData":{"arg":7}})
}

fn events(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ran.json_lines().iter().map(|line| (text(&line["event"]), text(&line["requestId"]))).collect()
}

#[test]
fn channels_are_made_shown_changed_and_deleted() {
    let plant = Plant::start(&[]);
    let made = plant.run(&["channel", "create", INVOKES, "--desc", "control room"]);
    assert_eq!(
        (made.code, made.json_lines()),
        (0, vec![json!({"id":INVOKES,"desc":"control room","family":"invoke"})])
    );
    assert_eq!(plant.run(&["channel", "create", WRITES]).code, 0);
    let again = plant.run(&["channel", "create", INVOKES]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("1000101"), "{again:?}");
    assert_eq!(plant.run(&["channel", "list"]).json_lines().len(), 2);
    assert_eq!(plant.run(&["channel", "list", "--family", "write"]).json_lines().len(), 1);
    assert_eq!(plant.run(&["channel", "update", INVOKES, "--desc", "night shift"]).code, 0);
    assert_eq!(plant.run(&["channel", "get", INVOKES]).json_lines()[0]["desc"], "night shift");
    assert_eq!(plant.run(&["channel", "delete", INVOKES]).code, 0);
    let gone = plant.run(&["channel", "get", INVOKES]);
    assert_eq!(gone.code, 1);
    assert!(gone.stderr.contains(INVOKES), "{gone:?}");
    let other_org = run(&["channel", "get", WRITES, "--url", &plant.url, "--org", "o2"]);
    assert_eq!(other_org.code, 1, "{other_org:?}");
    assert_eq!(plant.run(&["channel", "create", "ops"]).code, 64);
}

/// The events without `accepted`, which is printed only if the response arrives before the outcome.
fn ends(ran: &Ran) -> Vec<serde_json::Value> {
    ran.json_lines().into_iter().filter(|line| line["event"] != "accepted").collect()
}

#[test]
fn batches_are_sent_and_every_outcome_is_shown() {
    let plant = Plant::start(&[]);
    assert_eq!(plant.run(&["channel", "create", INVOKES]).code, 0);
    assert_eq!(plant.run(&["channel", "create", WRITES]).code, 0);

    let all = plant.send("invoke", &json!([invoke("a", "wtg-1"), invoke("b", "wtg-2")]), &["--json"]);
    assert_eq!(all.code, 0, "{all:?}");
    let lines = ends(&all);
    assert_eq!(lines.len(), 3, "{lines:?}");
    let finished: Vec<_> = lines.iter().filter(|line| line["event"] == "succeeded").collect();
    assert_eq!(finished.len(), 2);
    assert!(finished.iter().all(|line| line["outputData"]["id"] == line["requestId"]), "{finished:?}");
    assert_eq!((&lines[2]["event"], &lines[2]["succeeded"]), (&"batchDone".into(), &2.into()));
    assert_eq!(lines[2]["accepted"], 2, "also those whose outcome arrived before the response");

    let some = plant.send("write", &json!([write("a", "wtg-3"), write("b", "nobody")]), &["--json"]);
    assert_eq!(some.code, 1, "{some:?}");
    let events = events(&some);
    assert!(events.contains(&("succeeded".into(), "a".into())) && events.contains(&("refused".into(), "b".into())));

    let over_mqtt = plant.send("invoke", &json!([invoke("c", "wtg-1")]), &["--json", "--broker", &plant.broker]);
    assert_eq!(over_mqtt.code, 0, "{over_mqtt:?}");

    let text = plant.send("invoke", &json!([invoke("d", "wtg-1")]), &[]);
    assert_eq!(text.code, 0, "{text:?}");
    assert!(
        text.stdout.starts_with("succeeded") && text.stdout.contains("\"d\"") && text.stdout.contains("all"),
        "{text:?}"
    );
}

#[test]
fn a_batch_that_is_sent_again_tells_the_same_and_executes_nothing() {
    let plant = Plant::start(&[]);
    assert_eq!(plant.run(&["channel", "create", INVOKES]).code, 0);
    let items = json!([invoke("a", "wtg-1"), invoke("b", "wtg-2")]);
    let told = |ran: &Ran| {
        assert_eq!(ran.code, 0, "{ran:?}");
        let mut outputs: Vec<_> = ends(ran).iter().map(|line| line["outputData"].to_string()).collect();
        outputs.sort();
        outputs
    };
    let (first, again) = (plant.send("invoke", &items, &["--json"]), plant.send("invoke", &items, &["--json"]));
    assert_eq!(told(&first), told(&again));
    let Plant { devices, service: _service, .. } = plant;
    devices.interrupt();
    let (_, lines) = devices.rest();
    let executed: Vec<_> = lines.iter().filter(|line| line.starts_with("{\"device\"")).collect();
    assert_eq!(executed.len(), 2, "{executed:?}");
}

#[test]
fn what_cannot_be_accepted_is_said_without_waiting() {
    let plant = Plant::start(&[]);
    // The channel does not exist, so there is nothing to listen on; the service says which item is wrong.
    let missing = plant.send("invoke", &json!([invoke("a", "wtg-1")]), &["--json"]);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert_eq!(missing.json_lines()[0]["code"], 1_000_103);
    let broken = run_with(&["invoke", "-", "--url", &plant.url, "--org", "o1"], "{\"data\":[");
    assert_eq!(broken.code, 2, "{broken:?}");
    assert!(broken.stderr.contains("byte 9"), "{broken:?}");
    let body = json!({ "data": [invoke("a", "wtg-1")] }).to_string();
    let no_org = run_with(&["invoke", "-", "--url", &plant.url, "--org", "nobody"], &body);
    assert_ne!(no_org.code, 0);
    assert!(no_org.stderr.contains("orgId does not exist"), "{no_org:?}");
}

#[test]
fn a_device_that_fails_is_a_failure_and_not_an_error() {
    let plant = Plant::start(&["--fail", "100"]);
    assert_eq!(plant.run(&["channel", "create", INVOKES]).code, 0);
    let failed = plant.send("invoke", &json!([invoke("a", "wtg-1")]), &["--json"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    let lines = failed.json_lines();
    let line = lines.iter().find(|line| line["event"] == "failed").unwrap();
    assert_eq!(line["code"], 1_000_204);
    assert!(line["submsg"].as_str().unwrap().contains("2000"), "{line}");
}

#[test]
fn a_signal_ends_them_in_order() {
    let plant = Plant::start(&[]);
    let Plant { service, devices, .. } = plant;
    devices.interrupt();
    assert_eq!(devices.wait(), 0);
    service.terminate();
    assert_eq!(service.wait(), 0);
}

#[test]
fn an_interrupted_batch_is_cancelled_and_says_so() {
    let plant = Plant::start(&["--never", "100"]);
    assert_eq!(plant.run(&["channel", "create", INVOKES]).code, 0);
    let dir = tempfile::tempdir().unwrap();
    let body = file(dir.path(), "b.json", &json!({ "data": [invoke("a", "wtg-1")] }).to_string());
    let args = ["invoke", body.to_str().unwrap(), "--url", &plant.url, "--org", "o1", "--json"];
    let sending = Running::start(&args);
    sending.line("{\"event\":\"accepted\"");
    sending.interrupt();
    sending.line("{\"event\":\"cancelled\"");
    assert_eq!(sending.wait(), 130);
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let ran = run(&["channel", "list", "--url", "http://127.0.0.1:1", "--org", "o1"]);
    assert_eq!(ran.code, 69);
    assert!(ran.stderr.contains("http://127.0.0.1:1") && ran.stderr.contains("setpoint serve"), "{ran:?}");
}

#[test]
fn what_would_open_an_unauthenticated_service_to_the_network_is_refused() {
    let ran = run(&["serve", "--listen", "0.0.0.0:0", "--mqtt-listen", "127.0.0.1:0"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.stderr.contains("--allow-unauthenticated-network"), "{ran:?}");
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| file(dir.path(), name, text).to_str().unwrap().to_owned();
    let misspelt = path("s.toml", "[http]\nlisten_on = 1\n");
    let ran = run(&["serve", "--config", &misspelt]);
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.stderr.contains("listen_on") && ran.stderr.contains(&misspelt), "{ran:?}");
    let list = path("d.csv", "orgId\no1\n");
    let ran = run(&["serve", "--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0", "--devices", &list]);
    assert_eq!(ran.code, 66, "{ran:?}");
    assert!(ran.stderr.contains(&list), "{ran:?}");
    assert!(!Path::new("mqtt_storage").exists(), "the embedded broker keeps nothing in the working directory");
}

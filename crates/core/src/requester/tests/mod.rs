//! The requester on a virtual clock. What single scripts can show stands in `vectors/engine`.

mod model;

use serde_json::json;

use crate::{DeviceName, Family, Invoke, Now, Requester, Write};

use super::{Event, RequesterConfig};

fn requester() -> Requester {
    Requester::new("o1", RequesterConfig::default(), [3; 32])
}

#[test]
fn built_invokes_are_what_a_service_accepts() {
    let item = Invoke::new("DATASVC.CONTROL.c", DeviceName::keys("p", "d"), "start")
        .with_input(&json!({ "text": "a\"b\u{e9}", "n": 1.5 }))
        .unwrap()
        .with_timeout_ms(2_000);
    let mut requester = requester();
    let sent = requester.submit_invokes(&[item.clone(), item], Now::new(0, 1_700_000_000_000)).unwrap();
    let entries = crate::request::read_batch(&sent.body, Family::Invoke, "o1", &crate::Limits::DEFAULT).unwrap();
    assert!(entries.iter().all(|entry| matches!(entry, crate::request::Entry::Accepted(_))), "{entries:?}");
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    let (first, second) = (&body["data"][0], &body["data"][1]);
    assert_ne!(first["requestId"], second["requestId"]);
    assert_eq!(first["inputData"], json!({ "text": "a\"b\u{e9}", "n": 1.5 }));
    assert_eq!((&first["timeout"], &first["gmtServiceRequest"]), (&json!(2_000), &json!(1_700_000_000_000_i64)));
    assert_eq!((sent.items, requester.open_items()), (2, 2));
}

#[test]
fn built_writes_are_what_a_service_accepts() {
    let item = Write::new("DATASVC.SET.c", DeviceName::asset("a1"), "speed", 12.5).with_request_id("w1");
    let sent = requester().submit_writes(&[item], Now::new(0, 7)).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body["data"][0]["inputData"], json!({ "arg": 12.5 }));
    assert_eq!(body["data"][0]["requestId"], "w1");
}

#[test]
fn an_outcome_gives_its_output_as_any_type() {
    #[derive(serde::Deserialize)]
    struct Output {
        rpm: f64,
    }
    let mut requester = requester();
    let item = Invoke::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_request_id("r1");
    requester.submit_invokes(&[item], Now::default()).unwrap();
    let message =
        br#"{"data":[{"requestId":"r1","controlChannelId":"c","serviceId":"s","status":0,"outputData":{"rpm":1.5}}]}"#;
    requester.handle_message(message).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| requester.poll_event()).collect();
    let Event::Finished { outcome, .. } = &events[1] else { panic!("{events:?}") };
    assert_eq!(outcome.output::<Output>().unwrap().rpm, 1.5);
    assert!(outcome.output::<Vec<u8>>().is_err());
}

#[test]
fn a_driver_that_comes_only_when_it_is_asked_ends_every_item_after_its_timeout_and_the_grace() {
    let mut requester = requester();
    let item = |timeout| Invoke::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_timeout_ms(timeout);
    requester.submit_invokes(&[item(300_000), item(1), item(1_000)], Now::new(7, 0)).unwrap();
    let mut now = 7;
    let mut calls = 0;
    let mut ended = Vec::new();
    while let Some(wakeup) = requester.poll_timeout() {
        now = wakeup.as_millis().max(now);
        requester.handle_timeout(Now::new(now, 0));
        calls += 1;
        assert!(calls < 20, "a few calls early are harmless, these are a waste");
        while let Some(event) = requester.poll_event() {
            if let Event::TimedOut { item, .. } = event {
                ended.push((item.index, now - 7));
            }
        }
    }
    assert_eq!(ended, [(1, 5_001), (2, 6_000), (0, 305_000)]);
}

#[test]
fn a_requester_knows_the_org_that_it_speaks_for() {
    assert_eq!(requester().org_id(), "o1");
}

#[test]
fn an_invoke_read_from_json_is_the_one_that_was_written() {
    let item = Invoke::new("DATASVC.CONTROL.c", DeviceName::keys("p", "d"), "start").with_request_id("r");
    let json = serde_json::to_string(&item).unwrap();
    assert_eq!(serde_json::from_str::<Invoke>(&json).unwrap(), item);
}

#[test]
fn room_is_kept_for_small_messages_and_not_for_large_ones() {
    let mut requester = requester();
    let message = |len: usize| {
        let output = "x".repeat(len);
        format!(r#"{{"data":[{{"controlChannelId":"c","serviceId":"s","status":0,"outputData":{{"x":"{output}"}}}}]}}"#)
    };
    let mut take = |len: usize| {
        requester.config.limits.payload_bytes = usize::MAX;
        requester.handle_message(message(len).as_bytes()).unwrap();
        let Some(Event::Unknown { outcome }) = requester.poll_event() else { panic!("one reply, for nobody") };
        assert_eq!(outcome.output_data().len(), len + 8);
        drop(outcome);
        requester.message.text.capacity()
    };
    let small = take(1_000);
    assert!(small >= 1_000);
    assert_eq!(take(10), small);
    assert_eq!(take(2 << 20), 0);
}

//! The requester on a virtual clock. Scripts of single conversations are vectors: `vectors/engine`.

mod model;

use serde_json::json;

use crate::{DeviceName, Family, InvokeItem, Limits, Now, Requester, WriteItem};

use super::{Event, ItemRef, Outcome, RequestBatchId, RequesterConfig};

fn requester() -> Requester {
    Requester::new("o1", RequesterConfig::default(), [3; 32])
}

#[test]
fn built_invokes_are_what_a_service_accepts() {
    let item = InvokeItem::new("DATASVC.CONTROL.c", DeviceName::keys("p", "d"), "start")
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
    let item = WriteItem::new("DATASVC.SET.c", DeviceName::asset("a1"), "speed", 12.5).with_request_id("w1");
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
    let item = InvokeItem::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_request_id("r1");
    requester.submit_invokes(&[item], Now::default()).unwrap();
    let message =
        br#"{"data":[{"requestId":"r1","controlChannelId":"c","serviceId":"s","status":0,"outputData":{"rpm":1.5}}]}"#;
    requester.handle_message(message).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| requester.poll_event()).collect();
    let Event::Finished { outcome, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!(outcome.output::<Output>().unwrap().rpm, 1.5);
    assert!(outcome.output::<Vec<u8>>().is_err());
}

#[test]
fn an_outcome_shows_what_it_says() {
    let message = br#"{"data":[{"requestId":"r1","measurepointId":"speed","status":1000205,"submsg":"stuck"}]}"#;
    let outcome = Outcome::read(message, &Limits::DEFAULT).unwrap().remove(0).unwrap();
    let shown = format!("{outcome:?}");
    assert!(shown.contains("1000205") && shown.contains("stuck") && shown.contains("speed"), "{shown}");
    assert!(!outcome.is_success());
}

#[test]
fn a_driver_that_comes_only_when_it_is_asked_ends_every_item_after_its_timeout_and_the_grace() {
    let mut requester = requester();
    let item =
        |timeout| InvokeItem::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_timeout_ms(timeout);
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
    let item = InvokeItem::new("DATASVC.CONTROL.c", DeviceName::keys("p", "d"), "start").with_request_id("r");
    let json = serde_json::to_string(&item).unwrap();
    assert_eq!(serde_json::from_str::<InvokeItem>(&json).unwrap(), item);
}

#[test]
fn room_is_kept_for_small_messages_and_not_for_large_ones() {
    let mut requester = requester();
    let message = |len: usize| {
        let output = "x".repeat(len);
        format!(r#"{{"data":[{{"controlChannelId":"c","serviceId":"s","status":0,"outputData":{{"x":"{output}"}}}}]}}"#)
    };
    let mut take = |len: usize| {
        requester.config.limits.payload_bytes = std::num::NonZeroUsize::MAX;
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

#[test]
fn patience_is_the_shortest_timeout_that_counts() {
    let item = |id: &str, timeout: &str| {
        format!(
            r#"{{"requestId":"{id}","controlChannelId":"DATASVC.CONTROL.x","assetId":"a","serviceId":"s","timeout":{timeout}}}"#
        )
    };
    let patience = |body: String| {
        let submitted = requester().submit_body(Family::Invoke, body.into_bytes(), Now::default());
        submitted.unwrap().patience_ms
    };
    let body = format!(r#"{{"data":[{},{},{}]}}"#, item("a", "9000"), item("\\u0062", "4000"), item("c", "0"));
    assert_eq!(patience(body), 4_000, "item c is refused and does not count");
    assert_eq!(patience(r#"{"data":[1]}"#.to_owned()), 30_000);
}

#[test]
fn an_outcome_written_as_a_message_is_read_as_an_equal_one() {
    let message = br#"{"data":[{"requestId":"r1","controlChannelId":"c","serviceId":"s","outputData":{"x": 1.0},
        "status":1000204,"msg":"invoke service error","submsg":"\u00e9"},{"requestId":"r2","setMeasurepointChannelId":"c",
        "orgId":"o","measurepointId":"m","status":0},{"requestId":"r3"}]}"#;
    let outcomes = Outcome::read(message, &Limits::DEFAULT).unwrap();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes[2].as_ref().is_err_and(|bad| bad.index == 2));
    let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_ne!(outcomes[0], outcomes[1]);
    for outcome in outcomes {
        let again = Outcome::read(&outcome.to_message(), &Limits::DEFAULT).unwrap();
        assert_eq!(again, [Ok(outcome)]);
    }
    assert!(Outcome::read(b"{}", &Limits::DEFAULT).is_err());
}

#[test]
fn an_item_named_elsewhere_is_the_one_that_events_name() {
    let mut requester = requester();
    let item = InvokeItem::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_request_id("r");
    let batch = requester.submit_invokes(&[item], Now::default()).unwrap().batch;
    requester.cancel(batch);
    let named = ItemRef::new(RequestBatchId(1), 0, Family::Invoke, Some("r"));
    assert_eq!(requester.poll_event(), Some(Event::Cancelled { item: named.clone() }));
    assert_eq!(named.request_id(), Some("r"));
    assert_ne!(named, ItemRef::new(RequestBatchId(1), 0, Family::Write, Some("r")));
}

#[test]
fn request_ids_made_for_others_are_uuids_of_their_time() {
    let mut requester = requester();
    let ids = [(); 2].map(|()| requester.new_request_id(Now::new(0, 0x0123_4567_89ab)));
    assert!(ids.iter().all(|id| id.len() == 36 && id.starts_with("01234567-89ab-7")));
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn deadlines_are_within_reach_however_long_the_clock_has_run_and_nothing_expired() {
    let mut requester = requester();
    for minute in [10_000, 10_001, 10_010, 10_060] {
        let item = InvokeItem::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_timeout_ms(300_000);
        let submitted = requester.submit_invokes(&[item], Now::new(minute * 60_000, 0)).unwrap();
        assert_eq!(requester.items.n_overflow(), 0, "in minute {minute}");
        requester.cancel(submitted.batch);
    }
}

#[test]
fn what_is_told_at_once_is_what_would_be_polled_and_nothing_of_a_message_that_cannot_be_read() {
    let message =
        br#"{"data":[{"requestId":"r1","controlChannelId":"c","serviceId":"s","status":0,"outputData":{"x":1.0}},
        {"requestId":"r1","controlChannelId":"c","serviceId":"s","status":0,"outputData":{"x":2}},{"requestId":"r2"},
        {"requestId":"r3","controlChannelId":"c","serviceId":"s","status":1000203,"submsg":"\u00e9"}, 7]}"#;
    let submitted = || {
        let item = InvokeItem::new("DATASVC.CONTROL.c", DeviceName::asset("a1"), "start").with_request_id("r1");
        let mut requester = requester();
        requester.submit_invokes(&[item], Now::default()).unwrap();
        requester
    };
    let mut polled = submitted();
    assert_eq!(polled.handle_message(message), Ok(5));
    let polled: Vec<_> = std::iter::from_fn(|| polled.poll_event()).collect();
    let mut told = Vec::new();
    let mut requester = submitted();
    let broken = &message[..message.len() - 1];
    assert!(requester.handle_message_each(broken, |event| panic!("{event:?}")).is_err());
    assert_eq!(requester.handle_message_each(message, |event| told.push(format!("{event:?}"))), Ok(5));
    assert_eq!((told.len(), requester.poll_event()), (6, None));
    assert_eq!(told, polled.iter().map(|event| format!("{:?}", event.borrowed())).collect::<Vec<_>>());
}

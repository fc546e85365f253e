//! Batches, their outcomes, and replies that belong to no batch.

use std::collections::HashMap;

use futures_util::StreamExt;
use setpoint::{
    Code, Family, WriteItem,
    requester::{Event, SubmitError, Summary},
};
use setpoint_client::{Client, Error, Outcomes};

use crate::service::{
    CHANNEL, Service, Step, count, invoke, items, outcome, quick, request_id, reserve, soon, successes,
};

/// Reads a batch to its end and checks that every item ended exactly once.
pub(crate) async fn settle(outcomes: Outcomes) -> (Vec<Event>, Summary) {
    let submitted = outcomes.items();
    let (events, summary) = soon(outcomes.collect()).await.unwrap();
    let mut ends = HashMap::new();
    for event in &events {
        match event {
            Event::Refused { item, .. }
            | Event::Finished { item, .. }
            | Event::TimedOut { item, .. }
            | Event::Cancelled { item } => *ends.entry(item.index).or_insert(0) += 1,
            Event::Accepted { .. } => {}
            other => panic!("{other:?} belongs to no batch"),
        }
    }
    assert_eq!(ends.len(), submitted, "every item ends: {events:?}");
    assert!(ends.values().all(|count| *count == 1), "and ends once: {events:?}");
    assert_eq!(summary.submitted, submitted);
    let Summary { refused, succeeded, failed, timed_out, cancelled, .. } = summary;
    assert_eq!(refused + succeeded + failed + timed_out + cancelled, submitted);
    (events, summary)
}

/// Checks that every success has the output of its own item.
pub(crate) fn own_outputs(events: &[Event]) {
    for event in events {
        if let Event::Finished { item, outcome } = event {
            let output: HashMap<String, String> = outcome.output().unwrap();
            assert_eq!(output.get("of").map(String::as_str), item.request_id());
        }
    }
}

#[tokio::test]
async fn accepted_then_finished() {
    let service = Service::start([]).await;
    let client = service.client().await;
    assert_eq!(service.connections().len(), 1, "it listens before it sends");
    let outcomes = client.invoke([invoke("a"), invoke("b")]).await.unwrap();
    soon(service.received(1)).await;
    service.publish(successes(&service.bodies()[0]).to_string());
    let (events, summary) = settle(outcomes).await;
    assert_eq!((summary.accepted, summary.succeeded), (2, 2));
    own_outputs(&events);
    soon(client.close()).await;
}

#[tokio::test]
async fn request_ids_are_generated_and_told() {
    let service = Service::start([Step::OutcomesFirst]).await;
    let client = service.client().await;
    let mut item = invoke("");
    item.request_id = None;
    let outcomes = client.invoke(vec![item.clone(), item]).await.unwrap();
    let (events, _) = settle(outcomes).await;
    let sent: Vec<_> = items(&service.bodies()[0]).iter().map(request_id).collect();
    assert_ne!(sent[0], sent[1]);
    for event in &events {
        if let Event::Finished { item, .. } = event {
            assert_eq!(item.request_id(), Some(sent[item.index].as_str()));
        }
    }
}

#[tokio::test]
async fn an_outcome_that_overtakes_the_response_counts() {
    let service = Service::start([Step::Hold]).await;
    let client = service.client().await;
    let mut outcomes = client.invoke([invoke("fast"), invoke("slow")]).await.unwrap();
    soon(service.received(1)).await;
    service.publish(outcome("fast", 0).to_string());
    assert!(matches!(soon(outcomes.next()).await, Some(Event::Finished { item, .. }) if item.index == 0));
    service.release();
    assert!(matches!(soon(outcomes.next()).await, Some(Event::Accepted { item }) if item.index == 1));
    service.publish(outcome("slow", 1_000_204).to_string());
    assert!(
        matches!(soon(outcomes.next()).await, Some(Event::Finished { item, outcome }) if item.index == 1 && outcome.code() == Code::INVOKE_FAILED)
    );
    assert!(matches!(soon(outcomes.next()).await, Some(Event::BatchDone { summary, .. }) if summary.failed == 1));
    assert_eq!(soon(outcomes.next()).await, None);
    assert_eq!(soon(outcomes.next()).await, None, "it stays at its end");
}

#[tokio::test]
async fn duplicates_conflicts_unknown_and_garbage_end_nothing() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut late = client.late_events();
    let outcomes = client.invoke([invoke("a"), invoke("b")]).await.unwrap();
    soon(service.received(1)).await;
    for message in [
        outcome("a", 0).to_string(),
        outcome("a", 0).to_string(),
        outcome("a", 1_000_204).to_string(),
        outcome("stranger", 0).to_string(),
        "this is not JSON".to_owned(),
        r#"{"data":[{"requestId":7}]}"#.to_owned(),
        r#"{"data":[]}"#.to_owned(),
        r#"{"status":0}"#.to_owned(),
        "[]".to_owned(),
        outcome("b", 0).to_string(),
    ] {
        service.publish(message);
    }
    let (events, summary) = settle(outcomes).await;
    own_outputs(&events);
    assert_eq!((summary.succeeded, summary.failed), (2, 0));
    soon(client.close()).await;
    let mut seen = Vec::new();
    while let Some(event) = soon(late.next()).await {
        seen.push(event);
    }
    assert!(matches!(&seen[0], Event::Duplicate { conflict: false, item, .. } if item.index == 0), "{seen:?}");
    assert!(matches!(&seen[1], Event::Duplicate { conflict: true, .. }), "{seen:?}");
    assert!(matches!(&seen[2], Event::Unknown { outcome } if &*outcome.request_id() == "stranger"), "{seen:?}");
    assert!(seen[3..].iter().all(|event| matches!(event, Event::Unreadable { .. })), "{seen:?}");
    let stats = client.stats();
    assert_eq!((stats.duplicate, stats.unknown, stats.late), (2, 1, 0));
    assert!(stats.unreadable >= 3, "{stats:?}");
    assert_eq!(late.missed(), 0);
}

#[tokio::test]
async fn a_whole_batch_can_be_refused() {
    let service = Service::start([Step::Answer(
        400,
        r#"{"status":400,"msg":"Invalid Argument orgId","submsg":"orgId does not exist"}"#,
    )])
    .await;
    let client = service.client().await;
    let outcomes = client.invoke([invoke("a"), invoke("b")]).await.unwrap();
    let (events, summary) = settle(outcomes).await;
    assert_eq!(summary.refused, 2);
    assert!(
        matches!(&events[0], Event::Refused { refusal, .. } if refusal.whole_request && refusal.code == Code(400) && refusal.submsg.as_deref() == Some("orgId does not exist"))
    );
    assert_eq!(service.bodies().len(), 1, "what was refused is not sent again");
}

#[tokio::test]
async fn what_is_wrong_before_sending_is_said_and_nothing_is_sent() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let error = client.send_body(Family::Invoke, "{\"data\":[").await.unwrap_err();
    assert_eq!((error.code(), error.offset()), (Some(Code(400)), Some(9)), "{error}");
    let error = client.write([WriteItem::new("", setpoint::DeviceName::asset("a"), "p", 1)]).await.unwrap_err();
    assert!(matches!(&error, Error::NoChannel { index: 0, family: Family::Write }));
    assert!(error.to_string().contains(".channel(\"DATASVC.SET.…\")"), "{error}");
    let mut elsewhere = invoke("a");
    elsewhere.control_channel_id = "DATASVC.CONTROL.other".to_owned();
    let error = client.invoke([invoke("b"), elsewhere]).await.unwrap_err();
    assert!(matches!(&error, Error::NotListening { index: 1, .. }));
    let open = client.invoke([invoke("twice")]).await.unwrap();
    let error = client.invoke([invoke("twice")]).await.unwrap_err();
    assert!(matches!(&error, Error::Submit(SubmitError::InUse { index: 0, .. })), "{error}");
    soon(service.received(1)).await;
    service.publish(outcome("twice", 0).to_string());
    settle(open).await;
    assert_eq!(service.bodies().len(), 1);
}

#[tokio::test]
async fn a_slow_consumer_holds_nobody_up_and_loses_nothing() {
    let service = Service::start((0..4).map(|_| Step::OutcomesFirst)).await;
    let client = service.client().await;
    let batch = |name: &str| (0..500).map(|n| invoke(&format!("{name}-{n}"))).collect::<Vec<_>>();
    let unread = client.invoke(batch("unread")).await.unwrap();
    for name in ["x", "y", "z"] {
        let (events, summary) = settle(client.invoke(batch(name)).await.unwrap()).await;
        assert_eq!(summary.succeeded, 500);
        own_outputs(&events);
    }
    let (events, summary) = settle(unread).await;
    assert_eq!((summary.succeeded, events.len()), (500, 1_000));
    own_outputs(&events);
}

#[tokio::test]
async fn many_batches_at_once_each_get_their_own() {
    let service = Service::start((0..40).map(|_| Step::OutcomesFirst)).await;
    let client = service.builder().requests_under_way(count(3)).build().await.unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                let batch: Vec<_> = (0..25).map(|i| invoke(&format!("{n}-{i}"))).collect();
                settle(client.invoke(batch).await.unwrap()).await
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let (events, summary) = soon(task).await.unwrap();
        assert_eq!(summary.succeeded, 25);
        own_outputs(&events);
        for event in events {
            if let Event::Finished { item, .. } = event {
                assert_eq!(item.request_id(), Some(format!("{n}-{}", item.index).as_str()));
            }
        }
    }
}

#[tokio::test]
async fn without_an_outcome_an_item_times_out_and_what_comes_then_is_late() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut late = client.late_events();
    let outcomes = client.invoke([invoke("a").with_timeout_ms(30)]).await.unwrap();
    let (events, summary) = settle(outcomes).await;
    assert_eq!(summary.timed_out, 1);
    assert!(matches!(events.last(), Some(Event::TimedOut { known_unsent: false, outcome: None, .. })), "{events:?}");
    service.publish(outcome("a", 0).to_string());
    assert!(matches!(soon(late.next()).await, Some(Event::Late { item, .. }) if item.request_id() == Some("a")));
}

#[tokio::test]
async fn closing_ends_what_is_open_and_refuses_what_is_new() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut outcomes = client.invoke([invoke("a")]).await.unwrap();
    assert!(matches!(soon(outcomes.next()).await, Some(Event::Accepted { .. })));
    soon(client.clone().close()).await;
    let (events, summary) = soon(outcomes.collect()).await.unwrap();
    assert_eq!(summary.cancelled, 1);
    assert!(matches!(&events[..], [Event::Cancelled { .. }]));
    assert!(matches!(client.invoke([invoke("b")]).await, Err(Error::Closed)));
    assert_eq!(soon(client.late_events().next()).await, None);
    soon(client.close()).await;
}

#[tokio::test]
async fn a_client_without_what_it_needs_says_what() {
    let service = Service::start([]).await;
    let text = |result: Result<Client, Error>| result.unwrap_err().to_string();
    let no_org = Client::builder(service.url()).channel(CHANNEL).build().await;
    assert!(text(no_org).contains(".org_id("));
    assert!(text(quick(Client::builder(service.url())).build().await).contains(".channel("));
    assert!(text(service.builder().channel("ops").build().await).contains("DATASVC.CONTROL."));
    let missing = text(service.builder().channel("DATASVC.CONTROL.missing").build().await);
    assert!(missing.contains("setpoint channel create DATASVC.CONTROL.missing"), "{missing}");
    let (_port, addr) = reserve();
    let url = format!("http://{addr}");
    let down = text(quick(Client::builder(&url)).channel(CHANNEL).build().await);
    assert!(down.contains(&url) && down.contains("setpoint serve"), "{down}");
}

//! Calls that are dropped before they return, and what other calls get then.

use std::{future::Future, pin::pin, task::Context, time::Duration};

use futures_util::{StreamExt, task::noop_waker};
use setpoint::requester::Event;

use crate::{
    exchange::{own_outputs, settle},
    service::{Service, Step, count, invoke, items, outcome, request_id, soon},
};

#[tokio::test]
async fn a_dropped_stream_cancels_and_the_next_call_gets_its_own_answer() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut late = client.late_events();
    let mut dropped = client.invoke([invoke("dropped")]).await.unwrap();
    assert!(matches!(soon(dropped.next()).await, Some(Event::Accepted { .. })));
    drop(dropped);
    let outcomes = client.invoke([invoke("kept")]).await.unwrap();
    soon(service.received(2)).await;
    service.publish(outcome("dropped", 0).to_string());
    service.publish(outcome("kept", 0).to_string());
    let (events, summary) = settle(outcomes).await;
    assert_eq!(summary.succeeded, 1);
    own_outputs(&events);
    let event = soon(late.next()).await;
    assert!(matches!(&event, Some(Event::Late { item, .. }) if item.request_id() == Some("dropped")), "{event:?}");
}

#[tokio::test]
async fn a_request_that_is_under_way_when_its_stream_is_dropped_is_aborted() {
    let service = Service::start([Step::Hold]).await;
    let builder = service.builder().requests_under_way(count(1)).response_timeout(Duration::MAX);
    let client = builder.build().await.unwrap();
    let dropped = client.invoke([invoke("dropped")]).await.unwrap();
    soon(service.received(1)).await;
    // Its response never comes, and it holds the only slot.
    drop(dropped);
    service.then(Step::OutcomesFirst);
    let (_, summary) = settle(soon(client.invoke([invoke("kept")])).await.unwrap()).await;
    assert_eq!(summary.succeeded, 1);
    assert_eq!(service.bodies().len(), 2, "and it is not sent again");
}

#[tokio::test]
async fn a_call_may_be_dropped_at_every_await() {
    let service = Service::start([]).await;
    let client = service.builder().requests_under_way(count(2)).build().await.unwrap();
    for polls in 0..6 {
        {
            let mut call = pin!(client.invoke([invoke(&format!("dropped-{polls}"))]));
            for _ in 0..polls {
                let ready = call.as_mut().poll(&mut Context::from_waker(&noop_waker())).is_ready();
                if ready {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let id = format!("kept-{polls}");
        let outcomes = soon(client.invoke([invoke(&id)])).await.unwrap();
        service.publish(outcome(&id, 0).to_string());
        let (events, summary) = settle(outcomes).await;
        assert_eq!(summary.succeeded, 1, "after {polls} polls");
        own_outputs(&events);
    }
    let sent: Vec<_> = service.bodies().iter().map(|body| request_id(&items(body)[0])).collect();
    // After one poll the batch is in the queue of the client's task, which has not seen it.
    assert!(!sent.iter().any(|id| id == "dropped-0" || id == "dropped-1"), "{sent:?}");
}

#[tokio::test]
async fn a_batch_that_waits_to_be_sent_again_takes_no_slot() {
    let service = Service::start([Step::BreakOff]).await;
    let builder = service.builder().requests_under_way(count(1));
    let client = builder.backoff(Duration::from_secs(100), Duration::from_secs(100)).build().await.unwrap();
    let waiting = client.invoke([invoke("waiting").with_timeout_ms(300_000)]).await.unwrap();
    service.then(Step::OutcomesFirst);
    let (_, summary) = settle(soon(client.invoke([invoke("kept")])).await.unwrap()).await;
    assert_eq!(summary.succeeded, 1);
    service.publish(outcome("waiting", 0).to_string());
    settle(waiting).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_dropped_at_random_leave_the_others_alone() {
    let service = Service::start((0..400).map(|_| Step::OutcomesFirst)).await;
    let client = service.builder().requests_under_way(count(4)).build().await.unwrap();
    let tasks: Vec<_> = (0..120_u64)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                let batch: Vec<_> = (0..3).map(|i| invoke(&format!("{n}-{i}"))).collect();
                if n % 3 == 0 {
                    let whole = async { client.invoke(batch).await.unwrap().summary().await };
                    // Whether it is dropped before it is done is left to chance.
                    let _ = tokio::time::timeout(Duration::from_micros(n * 97 % 5_000), whole).await;
                    return;
                }
                let (events, summary) = settle(client.invoke(batch).await.unwrap()).await;
                assert_eq!(summary.succeeded, 3);
                own_outputs(&events);
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    soon(client.close()).await;
}

#[tokio::test]
async fn a_dropped_read_loses_no_event() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut outcomes = client.invoke([invoke("a")]).await.unwrap();
    assert!(matches!(soon(outcomes.next()).await, Some(Event::Accepted { .. })));
    {
        let mut read = pin!(outcomes.next_event());
        assert!(read.as_mut().poll(&mut Context::from_waker(&noop_waker())).is_pending());
    }
    service.publish(outcome("a", 0).to_string());
    assert!(matches!(soon(outcomes.next()).await, Some(Event::Finished { .. })));
}

#[tokio::test]
async fn calls_wait_while_the_slots_are_taken() {
    let service = Service::start([Step::Hold]).await;
    let client = service.builder().requests_under_way(count(1)).build().await.unwrap();
    let first = client.invoke([invoke("first")]).await.unwrap();
    soon(service.received(1)).await;
    let mut second = pin!(client.invoke([invoke("second")]));
    for _ in 0..200 {
        assert!(second.as_mut().poll(&mut Context::from_waker(&noop_waker())).is_pending());
        tokio::task::yield_now().await;
    }
    assert_eq!(service.bodies().len(), 1);
    service.release();
    let second = soon(second).await.unwrap();
    soon(service.received(2)).await;
    service.publish(outcome("second", 0).to_string());
    service.publish(outcome("first", 0).to_string());
    settle(first).await;
    settle(second).await;
}

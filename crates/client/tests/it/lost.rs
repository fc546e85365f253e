//! Requests and responses that get lost.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use setpoint::{
    Code,
    requester::{Event, RequesterConfig},
};
use setpoint_client::{ChannelSource, Client, SourceError, SourceEvent, SourceFuture};
use tokio::sync::mpsc;

use crate::{
    exchange::{own_outputs, settle},
    service::{Service, Step, count, invoke, quick, reserve, soon, successes},
};

const BUSY: &str = r#"{"status":503,"msg":"Service Unavailable","submsg":"try again later"}"#;

/// A source that a test feeds; the sender is dropped when the source is closed or dropped.
pub(crate) struct Fed(pub(crate) mpsc::UnboundedReceiver<String>, pub(crate) Option<mpsc::Sender<()>>);

impl ChannelSource for Fed {
    fn name(&self) -> String {
        "fed".to_owned()
    }
    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }
    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async { self.0.recv().await.map(|text| SourceEvent::Message(text.into_bytes().into())) })
    }
    fn close(&mut self) -> SourceFuture<'_, ()> {
        self.1 = None;
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_lost_response_is_asked_for_again_with_the_same_body() {
    let service = Service::start([Step::BreakOff, Step::OutcomesFirst]).await;
    let client = service.client().await;
    let outcomes = client.invoke([invoke("a"), invoke("b")]).await.unwrap();
    let (events, summary) = settle(outcomes).await;
    assert_eq!((summary.accepted, summary.succeeded), (2, 2));
    own_outputs(&events);
    let bodies = service.bodies();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1], "byte for byte");
}

#[tokio::test]
async fn a_response_that_does_not_come_is_asked_for_again() {
    let service = Service::start([Step::Hold, Step::OutcomesFirst]).await;
    let client = service.builder().response_timeout(Duration::from_millis(50)).build().await.unwrap();
    let (_, summary) = settle(client.invoke([invoke("a")]).await.unwrap()).await;
    assert_eq!(summary.succeeded, 1);
    assert_eq!(service.bodies().len(), 2);
}

#[tokio::test]
async fn a_response_without_an_end_is_given_up_and_asked_for_again() {
    let service = Service::start([Step::Endless, Step::OutcomesFirst]).await;
    let mut config = RequesterConfig::default();
    config.limits.body_bytes = std::num::NonZeroUsize::new(1 << 16).unwrap();
    let client = service.builder().requester(config).response_timeout(Duration::MAX).build().await.unwrap();
    let (_, summary) = settle(client.invoke([invoke("a")]).await.unwrap()).await;
    assert_eq!((summary.succeeded, service.bodies().len()), (1, 2));
}

#[tokio::test]
async fn after_a_lost_response_a_busy_service_is_asked_until_it_answers() {
    let script = [
        Step::BreakOff,
        Step::Answer(503, BUSY),
        Step::Answer(502, "<html>bad gateway</html>"),
        Step::Answer(503, BUSY),
        Step::OutcomesFirst,
    ];
    let service = Service::start(script).await;
    let client = service.client().await;
    let (_, summary) = settle(client.invoke([invoke("a")]).await.unwrap()).await;
    assert_eq!((summary.succeeded, service.bodies().len()), (1, 5));
    assert_eq!(client.stats().unreadable, 1, "the proxy's page is reported");
}

#[tokio::test]
async fn a_busy_service_that_answers_at_once_has_refused() {
    let service = Service::start([Step::Answer(503, BUSY)]).await;
    let client = service.client().await;
    let (events, _) = settle(client.invoke([invoke("a")]).await.unwrap()).await;
    assert!(
        matches!(&events[..], [Event::Refused { refusal, .. }] if refusal.code == Code(503) && refusal.whole_request)
    );
    assert_eq!(service.bodies().len(), 1);
}

#[tokio::test]
async fn outcomes_alone_are_enough_when_every_response_is_lost() {
    let service = Service::start((0..1_000).map(|_| Step::BreakOff)).await;
    let client = service.client().await;
    let outcomes = client.invoke([invoke("a"), invoke("b")]).await.unwrap();
    soon(service.received(2)).await;
    service.publish(successes(&service.bodies()[0]).to_string());
    let (_, summary) = settle(outcomes).await;
    assert_eq!((summary.accepted, summary.succeeded), (2, 2));
}

#[tokio::test]
async fn nothing_is_sent_again_once_the_shortest_timeout_has_passed() {
    let service = Service::start((0..1_000_000).map(|_| Step::BreakOff)).await;
    let client = service.client().await;
    let batch = [invoke("a").with_timeout_ms(150), invoke("b").with_timeout_ms(400)];
    let (events, summary) = settle(client.invoke(batch).await.unwrap()).await;
    assert_eq!(summary.timed_out, 2);
    assert!(events.iter().all(|event| matches!(event, Event::TimedOut { known_unsent: false, outcome: None, .. })));
    let sent = service.bodies().len();
    assert!(sent > 1, "it was sent again while there was time");
    let _ = settle(client.invoke([invoke("c").with_timeout_ms(1)]).await.unwrap()).await;
    let others = service.bodies().iter().skip(sent).filter(|body| !body.windows(3).any(|at| at == b"\"c\"")).count();
    assert_eq!(others, 0, "the ended batch is not sent any more");
}

#[tokio::test]
async fn a_wrong_address_that_answers_is_found_out_at_once() {
    let service = Service::start([Step::Answer(404, "<html>nothing here</html>")]).await;
    let client = service.client().await;
    let (events, _) = settle(client.invoke([invoke("a")]).await.unwrap()).await;
    let [Event::Refused { refusal, .. }] = &events[..] else { panic!("{events:?}") };
    let submsg = refusal.submsg.as_deref().unwrap();
    assert!(submsg.contains("HTTP 404") && submsg.contains("check the URL"), "{submsg}");
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent_and_the_items_say_so() {
    let (_port, addr) = reserve();
    let url = format!("http://{addr}");
    let (_feed, fed) = mpsc::unbounded_channel();
    let client = quick(Client::builder(&url))
        .source(Fed(fed, None))
        .connect_attempts(count(3).try_into().unwrap())
        .build()
        .await
        .unwrap();
    let mut item = invoke("a");
    item.control_channel_id = crate::service::CHANNEL.to_owned();
    let (events, summary) = settle(client.invoke([item]).await.unwrap()).await;
    assert_eq!((summary.refused, summary.accepted), (1, 0));
    let [Event::Refused { refusal, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(refusal.whole_request && refusal.submsg.as_deref().unwrap().contains("refused"), "{refusal:?}");
}

#[tokio::test]
async fn a_connection_is_tried_again_while_there_is_time() {
    let (port, addr) = reserve();
    let (feed, fed) = mpsc::unbounded_channel();
    let builder = quick(Client::builder(format!("http://{addr}"))).source(Fed(fed, None));
    // With a grace period, so that the last attempt and the deadline do not coincide.
    let builder = builder.connect_attempts(NonZeroU32::MAX).requester(RequesterConfig::default());
    let client = builder.build().await.unwrap();
    let item = |id: &str, timeout| {
        let mut item = invoke(id).with_timeout_ms(timeout);
        item.control_channel_id = crate::service::CHANNEL.to_owned();
        item
    };
    let started = Instant::now();
    let (_, summary) = settle(client.invoke([item("a", 300)]).await.unwrap()).await;
    assert!(started.elapsed() >= Duration::from_millis(250), "it does not give up before");
    assert_eq!((summary.refused, summary.timed_out), (1, 0), "nothing was sent, and that is known");

    let outcomes = client.invoke([item("b", 20_000)]).await.unwrap();
    let service = Service::start_on(port, []).await;
    soon(service.received(1)).await;
    feed.send(successes(&service.bodies()[0]).to_string()).unwrap();
    assert_eq!(settle(outcomes).await.1.succeeded, 1);
}

#[tokio::test]
async fn a_source_of_the_callers_own_is_heard_and_closed() {
    let service = Service::start([]).await;
    let (feed, fed) = mpsc::unbounded_channel();
    let (alive, mut gone) = mpsc::channel(1);
    let client = quick(Client::builder(service.url())).source(Fed(fed, Some(alive))).build().await.unwrap();
    let mut item = invoke("a");
    item.control_channel_id = "DATASVC.CONTROL.any".to_owned();
    let outcomes = client.invoke([item]).await.unwrap();
    soon(service.received(1)).await;
    feed.send(successes(&service.bodies()[0]).to_string()).unwrap();
    // The handle is not what keeps the task alive: the stream does.
    drop(client);
    let (_, summary) = settle(outcomes).await;
    assert_eq!(summary.succeeded, 1);
    assert_eq!(soon(gone.recv()).await, None, "with the last stream gone, the source is closed");
}

#[tokio::test]
async fn when_the_source_has_ended_nothing_more_is_sent() {
    let service = Service::start([]).await;
    let (feed, fed) = mpsc::unbounded_channel();
    let client = quick(Client::builder(service.url())).source(Fed(fed, None)).build().await.unwrap();
    let mut changes = client.channel_events();
    drop(feed);
    let ended = soon(changes.next_event()).await;
    assert!(matches!(ended, Some(setpoint_client::ChannelEvent::Ended { .. })), "{ended:?}");
    let mut item = invoke("a");
    item.control_channel_id = "DATASVC.CONTROL.any".to_owned();
    let error = client.invoke([item]).await.unwrap_err();
    assert!(error.to_string().contains("fed has ended"), "{error}");
    assert!(service.bodies().is_empty());
}

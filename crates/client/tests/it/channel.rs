//! The event stream, when it breaks.

use setpoint_client::{ChannelEvent, ChannelEvents};

use crate::{
    exchange::{own_outputs, settle},
    service::{Service, invoke, outcome, soon},
};

async fn next(changes: &mut ChannelEvents) -> ChannelEvent {
    soon(changes.next_event()).await.unwrap()
}

#[tokio::test]
async fn a_broken_stream_is_resumed_and_nothing_is_lost() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut changes = client.channel_events();
    let outcomes = client.invoke([invoke("a"), invoke("b"), invoke("c")]).await.unwrap();
    soon(service.received(1)).await;
    service.publish(outcome("a", 0).to_string());
    // Published while nobody is connected, or nearly so: it must come all the same.
    service.cut_streams();
    service.publish(outcome("b", 0).to_string());
    service.cut_streams();
    assert!(matches!(next(&mut changes).await, ChannelEvent::Disconnected { .. }));
    assert!(matches!(next(&mut changes).await, ChannelEvent::Connected { .. }));
    service.publish(outcome("c", 0).to_string());
    let (events, summary) = settle(outcomes).await;
    assert_eq!(summary.succeeded, 3);
    own_outputs(&events);
    assert_eq!(client.stats().gaps, 0);
    let connections = service.connections();
    assert_eq!(connections[0], None);
    assert!(connections[1..].iter().all(Option::is_some), "{connections:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_first_message_is_resumed_as_well() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut changes = client.channel_events();
    service.publish(outcome("nobody", 0).to_string());
    service.cut_streams();
    soon(service.connected(2)).await;
    assert!(matches!(next(&mut changes).await, ChannelEvent::Disconnected { .. }));
    assert!(matches!(next(&mut changes).await, ChannelEvent::Connected { .. }));
    assert_eq!(client.stats().gaps, 0);
    assert!(service.connections()[1].is_some(), "the service gives an id to resume from before any message");
}

#[tokio::test]
async fn a_stream_that_cannot_be_resumed_is_a_gap() {
    let service = Service::start([]).await;
    service.without_ids();
    let client = service.client().await;
    let mut changes = client.channel_events();
    service.cut_streams();
    assert!(matches!(next(&mut changes).await, ChannelEvent::Disconnected { .. }));
    assert!(matches!(next(&mut changes).await, ChannelEvent::Connected { .. }));
    let gap = next(&mut changes).await;
    assert!(
        matches!(&gap, ChannelEvent::Gap { source, .. } if source.contains("/channels/DATASVC.CONTROL.ops/events")),
        "{gap:?}"
    );
    assert_eq!(client.stats().gaps, 1);
    assert_eq!(service.connections(), [None, None]);
}

#[tokio::test]
async fn a_channel_that_is_gone_is_named_while_the_stream_goes_on_trying() {
    let service = Service::start([]).await;
    let client = service.client().await;
    let mut changes = client.channel_events();
    service.delete_channel(true);
    service.cut_streams();
    assert!(matches!(next(&mut changes).await, ChannelEvent::Disconnected { .. }));
    let why = next(&mut changes).await;
    assert!(matches!(&why, ChannelEvent::Disconnected { reason, .. } if reason.contains("404")), "{why:?}");
    service.delete_channel(false);
    assert!(matches!(next(&mut changes).await, ChannelEvent::Connected { .. }));
}

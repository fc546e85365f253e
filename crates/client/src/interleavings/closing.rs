//! The client is closed, or its source ends, while batches are under way.

use std::time::Duration;

use setpoint::{DeviceName, InvokeItem};
use setpoint_interleave::{alive, below, chance, cut, note, task};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    scenario::{callers, client, ended, gone},
    service::{Feed, Service},
};
use crate::{ChannelEvent, ChannelEvents, Client, Error, SourceEvent};

/// Callers send while the source ends, the client is closed, or both.
pub(super) async fn closing() {
    let (client, service, _) = client().await;
    let mut changes = client.channel_events();
    let callers = callers(&client, &service, chance(2));
    sleep(Duration::from_millis(below(300))).await;
    let source_over = chance(2);
    if source_over {
        service.oracle().source_over = true;
        service.feed(if chance(2) { Feed::End } else { Feed::Panic });
        sleep(Duration::from_millis(below(100))).await;
    }
    if chance(4) {
        // More than the channel between the source and the client's task holds.
        (0..600).for_each(|_| service.feed(Feed::Change(SourceEvent::Connected)));
    }
    let closers = if chance(3) { Vec::new() } else { closers(&client, &service) };
    let closed = !closers.is_empty();
    ended(closers).await;
    // In any case every stream ends and every call returns.
    ended(callers).await;
    if closed {
        let error = timeout(Duration::from_secs(1), client.invoke(one())).await.expect("at once").unwrap_err();
        assert!(matches!(error, Error::Closed), "{error}");
    } else if source_over {
        hears_of_the_end(&mut changes).await;
        let error = client.invoke(one()).await.unwrap_err();
        assert!(matches!(error, Error::SourceEnded { .. }), "{error}");
    }
    drop(client);
    gone().await;
    while let Some(event) = timeout(Duration::from_secs(1), changes.next_event()).await.expect("it ends, too") {
        assert!(!matches!(event, ChannelEvent::Ended { .. }) || source_over);
    }
}

/// One or two tasks that close the client; the first of them waits until it is closed.
fn closers(client: &Client, service: &Service) -> Vec<JoinHandle<()>> {
    (0..=below(2))
        .map(|number| {
            let (client, service) = (client.clone(), service.clone());
            tokio::spawn(task("closer", async move {
                sleep(Duration::from_millis(below(50))).await;
                service.oracle().closing = true;
                if number > 0 && chance(3) && cut(client.close()).await.is_none() {
                    note(|| "a close is cut".to_owned());
                    return;
                }
                client.close().await;
                note(|| "closed".to_owned());
                assert_eq!((alive("client"), alive("sender")), (0, 0), "a closed client does nothing any more");
            }))
        })
        .collect()
}

async fn hears_of_the_end(changes: &mut ChannelEvents) {
    let hears = async {
        loop {
            match changes.next_event().await.expect("the client is not closed") {
                ChannelEvent::Ended { source, .. } => break assert_eq!(source, "scripted"),
                _ => continue,
            }
        }
    };
    timeout(Duration::from_secs(10), hears).await.expect("the end of the source is reported");
}

fn one() -> Vec<InvokeItem> {
    vec![InvokeItem::new("", DeviceName::asset("turbine-7"), "start").with_request_id("after")]
}

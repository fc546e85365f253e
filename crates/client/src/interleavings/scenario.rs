//! Callers that send batches concurrently.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    panic::resume_unwind,
    time::Duration,
};

use setpoint::{
    DeviceName, InvokeItem,
    requester::{RequesterConfig, Summary},
};
use setpoint_interleave::{alive, below, chance, cut, note, task};
use tokio::{
    task::{JoinError, JoinHandle},
    time::{sleep, timeout},
};

use super::{
    oracle::PATIENT_MS,
    service::{Channel, Service},
};
use crate::{Channels, Client, Error, Outcomes, client::Listening};

/// More than one scenario ever has open; its last step opens exactly as many.
const OPEN_ITEMS: usize = 40;
/// Longer, on the virtual clock, than anything takes.
const LONG: Duration = Duration::from_secs(600);
const URL: &str = "http://127.0.0.1:1";

/// A client of the scripted service, the service, and how many requests may be under way at once.
pub(super) async fn client() -> (Client, Service, usize) {
    let (service, channel) = Service::new();
    let slots = 1 + below(3) as usize;
    let mut config = RequesterConfig::default();
    config.grace_ms = below(2) * 500;
    config.open_items = std::num::NonZeroUsize::new(OPEN_ITEMS).unwrap();
    let builder = Client::builder(URL)
        .org_id("o1")
        .requester(config)
        .requests_under_way(NonZeroUsize::new(slots).unwrap())
        .connect_attempts(NonZeroU32::new(1 + below(3) as u32).unwrap())
        .backoff(Duration::from_millis(below(50)), Duration::from_millis(100));
    let listening =
        Listening { invoke: vec!["DATASVC.CONTROL.ops".to_owned()], any_channel: true, ..Listening::default() };
    let channels = Channels::new(URL, "o1").unwrap();
    let source: Box<Channel> = Box::new(channel);
    let client = builder.start(service.clone(), channels, listening, vec![source], [7; 32]).await.unwrap();
    (client, service, slots)
}

/// Starts callers. With `cuts` some of them drop the future that they wait for before it is ready.
pub(super) fn callers(client: &Client, service: &Service, cuts: bool) -> Vec<JoinHandle<()>> {
    (0..=below(3))
        .map(|caller| {
            let (client, service) = (client.clone(), service.clone());
            tokio::spawn(task("caller", async move {
                for batch in 0..=below(2) {
                    call(&client, &service, &format!("{caller}.{batch}"), cuts).await;
                }
            }))
        })
        .collect()
}

async fn call(client: &Client, service: &Service, name: &str, cuts: bool) {
    let ids: Vec<_> = (0..=below(2)).map(|item| (format!("{name}.{item}"), timeout_ms())).collect();
    let submit = client.invoke(invokes(&ids));
    let outcomes = match if cuts { below(6) } else { 9 } {
        0 => {
            let done = cut(submit).await;
            note(|| format!("{name}: the call is cut, done: {}", done.is_some()));
            return;
        }
        1 => {
            drop(cut(async { submit.await?.summary().await }).await);
            return;
        }
        _ => submit.await,
    };
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(Error::Closed) if service.oracle().closing => return,
        Err(Error::SourceEnded { .. }) if service.oracle().source_over => return,
        Err(error) => panic!("{name}: {error}"),
    };
    if cuts && chance(4) {
        let mut outcomes = outcomes;
        for _ in 0..below(3) {
            drop(cut(outcomes.next_event()).await);
        }
        note(|| format!("{name}: the stream is dropped"));
        return;
    }
    read(service, &ids, outcomes).await;
}

/// Reads a stream to its end and checks it.
async fn read(service: &Service, ids: &[(String, u32)], outcomes: Outcomes) -> Summary {
    let (events, summary) =
        timeout(LONG, outcomes.collect()).await.expect("the stream ends").expect("with its summary");
    note(|| format!("{:?} ended: {summary:?}", ids[0].0));
    service.oracle().check(ids, &events, summary);
    summary
}

fn timeout_ms() -> u32 {
    if chance(3) { 20 + below(280) as u32 } else { PATIENT_MS }
}

fn invokes(ids: &[(String, u32)]) -> Vec<InvokeItem> {
    let invoke = |(id, timeout_ms): &(String, u32)| {
        InvokeItem::new("", DeviceName::asset("turbine-7"), "start").with_request_id(id).with_timeout_ms(*timeout_ms)
    };
    ids.iter().map(invoke).collect()
}

/// Callers send, in some order; afterwards everything that they used is free again.
pub(super) async fn sending(cuts: bool) {
    let (client, service, slots) = client().await;
    let callers = callers(&client, &service, cuts);
    if cuts {
        for caller in &callers {
            if chance(3) {
                sleep(Duration::from_millis(below(200))).await;
                caller.abort();
            }
        }
    }
    ended(callers).await;
    // The cancellations of what was dropped just now are on their way to the client's task.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(alive("sender"), 0, "a batch for which nobody waits is not sent any more");
    everything_is_free(&client, &service, slots).await;
    if chance(2) {
        client.close().await;
    }
    drop(client);
    gone().await;
}

/// Uses every request slot at once, and opens as many items as may be open.
async fn everything_is_free(client: &Client, service: &Service, slots: usize) {
    service.answer_together(slots);
    let mut batches: Vec<Vec<_>> = vec![Vec::new(); slots];
    for item in 0..OPEN_ITEMS {
        batches[item % slots].push((format!("last.{item}"), PATIENT_MS));
    }
    let batches = batches.into_iter().map(|ids| {
        let (client, service) = (client.clone(), service.clone());
        tokio::spawn(task("caller", async move {
            let outcomes = timeout(LONG, client.invoke(invokes(&ids))).await.expect("a slot is free").unwrap();
            let summary = read(&service, &ids, outcomes).await;
            assert_eq!(summary.succeeded, ids.len());
        }))
    });
    ended(batches.collect::<Vec<_>>()).await;
}

/// Waits for tasks that may have been aborted.
pub(super) async fn ended(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        let panicked = task.await.err().filter(JoinError::is_panic);
        if let Some(error) = panicked {
            resume_unwind(error.into_panic());
        }
    }
}

/// Waits until every task of the client has ended.
pub(super) async fn gone() {
    let alive = || ["client", "sender", "pump"].map(alive);
    let gone = async {
        while alive() != [0; 3] {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.unwrap_or_else(|_| panic!("client, sender, pump: {:?}", alive()));
}

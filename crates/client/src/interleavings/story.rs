//! Callers that send batches, all at once.

use std::{panic::resume_unwind, time::Duration};

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
    books::PATIENT_MS,
    service::{Channel, Service},
};
use crate::{Channels, Client, Error, Outcomes, client::Listening};

/// More than one story ever has open, and as many as its end has open at once.
const OPEN_ITEMS: usize = 40;
/// The virtual clock costs nothing: whatever takes longer never comes.
const LONG: Duration = Duration::from_secs(600);
const URL: &str = "http://127.0.0.1:1";

/// A client of the scripted service, the service, and how many requests may be under way.
pub(super) async fn client() -> (Client, Service, usize) {
    let (service, channel) = Service::new();
    let slots = 1 + below(3) as usize;
    let mut config = RequesterConfig::default();
    config.grace_ms = below(2) * 500;
    config.open_items = OPEN_ITEMS;
    let builder = Client::builder(URL)
        .org_id("o1")
        .requester(config)
        .requests_under_way(slots)
        .connect_attempts(1 + below(3) as u32)
        .backoff(Duration::from_millis(below(50)), Duration::from_millis(100));
    let listening =
        Listening { invoke: vec!["DATASVC.CONTROL.ops".to_owned()], anything: true, ..Listening::default() };
    let channels = Channels::new(URL, "o1").unwrap();
    let source: Box<Channel> = Box::new(channel);
    let client = builder.start(service.clone(), channels, listening, vec![source], [7; 32]).await.unwrap();
    (client, service, slots)
}

/// Starts callers. With `cuts` some of them drop what they wait for half-way.
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
        Err(Error::Closed) if service.books().closing => return,
        Err(Error::SourceEnded { .. }) if service.books().source_over => return,
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

/// Reads a stream to its end, and checks it.
async fn read(service: &Service, ids: &[(String, u32)], outcomes: Outcomes) -> Summary {
    let (events, summary) =
        timeout(LONG, outcomes.collect()).await.expect("the stream ends").expect("with its summary");
    note(|| format!("{:?} ended: {summary:?}", ids[0].0));
    service.books().check(ids, &events, summary);
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

/// Callers send, in one order or another; then the client is as if it were new.
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
    // What was dropped just now is on its way to the client's task.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(alive("sender"), 0, "what nobody waits for is not sent any more");
    everything_is_free(&client, &service, slots).await;
    if chance(2) {
        client.close().await;
    }
    drop(client);
    gone().await;
}

/// As many requests as may be under way are under way at once, and together they open as many items as may be open.
async fn everything_is_free(client: &Client, service: &Service, slots: usize) {
    service.rally(slots);
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

/// Every task of the client is gone, soon after it was told to end.
pub(super) async fn gone() {
    let alive = || ["client", "sender", "pump"].map(alive);
    let gone = async {
        while alive() != [0; 3] {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.unwrap_or_else(|_| panic!("client, sender, pump: {:?}", alive()));
}

//! Clients that go away while their batch is being stored.

use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::json;
use setpoint::Now;
use setpoint_gateway::setpoint_store::{AtomicWrite, AuditEntry, Entry, Retired, Store, StoreError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{INVOKE, OPS, Service, Socket, config, invoke, within};

/// A store that says when it is given something of the engine's to keep, and waits for permission before it returns.
struct HeldBack {
    given: UnboundedSender<()>,
    may: Receiver<()>,
}

impl Store for HeldBack {
    fn replay(&mut self, _: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError> {
        if writes.iter().flat_map(|write| &write.entries).any(|entry| matches!(entry, Entry::Engine(_))) {
            let _ = self.given.send(());
            // An error means that the test no longer holds it back.
            let _ = self.may.recv();
        }
        Ok(())
    }

    fn retire(&mut self, _: Now) -> Result<Retired, StoreError> {
        Ok(Retired::default())
    }

    fn audit(&mut self, _: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }
}

fn held_back() -> (HeldBack, UnboundedReceiver<()>, Sender<()>) {
    let (given, asked) = unbounded_channel();
    let (gate, may) = channel();
    (HeldBack { given, may }, asked, gate)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_while_its_batch_is_stored_has_sent_it() {
    let (store, mut asked, gate) = held_back();
    let service = Service::with_store(config(), store).await;
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    let items = json!([invoke("r1"), invoke("r2")]);
    let body = json!({ "data": items }).to_string();
    let mut socket = Socket::connect(service.gateway.http_addr()).await;
    let head = format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    socket.send(format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await;
    within("the batch", asked.recv()).await;
    assert!(!device.has_more(), "nothing is handed over that is not stored");
    drop(socket);
    drop(gate);
    // Sent again, it is answered as it would have been.
    assert_eq!(service.put(INVOKE, items).await.statuses(), [0, 0]);
    for _ in 0..2 {
        let command = device.command().await;
        device.succeed(&command, json!({})).await;
    }
    topic.replies(2).await;
    assert!(!device.has_more(), "nothing was dispatched twice");
    assert_eq!(service.gateway.stats().accepted, 2);
    service.gateway.shutdown().await.expect("it has not failed");
}

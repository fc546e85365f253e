//! The run loop with inputs that were queued before it starts, so that their order is certain.

use std::{num::NonZeroUsize, sync::Arc};

use setpoint::{
    Family, Limits,
    responder::{CheckedBatch, ResponderConfig, Restore},
};
use setpoint_store::NullStore;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Batch, Control, Outputs, RunHandle, RunLoop, inputs};
use crate::{
    catalog::{Catalog, ChannelCommand, DeviceEntry, Draft},
    ports::{ChannelPort, DevicePort, HandOver, Health, Publication},
    store::StoreWriter,
    telemetry::Metrics,
};

const OPS: &str = "DATASVC.CONTROL.ops";
const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();
const OTHER: &str = "DATASVC.CONTROL.other";

/// Takes everything and does nothing with it.
#[derive(Debug)]
struct Ignore;

impl DevicePort for Ignore {
    fn hand_over(&self, _: HandOver) {}
}

impl ChannelPort for Ignore {
    fn publish(&self, _: Publication) {}
}

fn catalog() -> Arc<Catalog> {
    let mut draft = Draft::new(10);
    for org in ["o1", "o2"] {
        draft.add_device(&DeviceEntry::new(org, "p", format!("d-{org}"), "a1")).unwrap();
    }
    for (org, id) in [("o1", OPS), ("o2", OTHER)] {
        draft.change_channel(&ChannelCommand::create(org, id, None).unwrap()).unwrap();
    }
    Arc::new(Catalog::new(draft, |_| ()))
}

/// A batch of one item, read against the catalog as it is now, and the end where its answer comes.
fn batch(catalog: &Catalog, org_id: &str, channel_id: &str) -> (Batch, oneshot::Receiver<super::inputs::Answer>) {
    let body = format!(
        r#"{{"data":[{{"requestId":"r1","controlChannelId":"{channel_id}","assetId":"a1","serviceId":"start"}}]}}"#
    );
    let snapshot = catalog.snapshot();
    let batch = CheckedBatch::read(body, Family::Invoke, org_id, &*snapshot, &Limits::DEFAULT, setpoint_clock::now());
    let (answer, answered) = oneshot::channel();
    (Batch { batch, catalog_version: snapshot.version(), answer }, answered)
}

/// Runs the loop over what `queue` queues, until that is done.
async fn run(catalog: &Arc<Catalog>, queue: impl AsyncFnOnce(RunHandle)) {
    let (run, inputs) = inputs(TEN, TEN);
    let metrics = Metrics::new(Health::new());
    let reports = run.clone();
    let store = StoreWriter::start(NullStore, metrics.store.clone(), move |outcome| {
        reports.tell(outcome.map_or_else(Control::PersistFailed, Control::Persisted));
    });
    let outputs = Outputs { store: store.unwrap(), devices: Box::new(Ignore), channels: Box::new(Ignore) };
    let responder = Restore::new(ResponderConfig::default(), [7; 32], setpoint_clock::now()).finish();
    let run_loop = RunLoop::new(responder, Arc::clone(catalog), outputs, metrics);
    let stop = CancellationToken::new();
    let guard = stop.clone().drop_guard();
    let queued = async move {
        queue(run).await;
        drop(guard);
    };
    let ((), ended) = tokio::join!(queued, run_loop.run(inputs, stop));
    ended.unwrap();
}

#[tokio::test]
async fn a_batch_that_was_read_before_its_channel_was_deleted_finds_it_gone() {
    let catalog = catalog();
    let (mine, answer) = batch(&catalog, "o1", OPS);
    let (others, other_answer) = batch(&catalog, "o2", OTHER);
    run(&catalog, async |run| {
        run.batch(mine).unwrap();
        run.batch(others).unwrap();
        let (org_id, id) = ("o1".to_owned(), OPS.to_owned());
        // Changes of channels are taken before batches.
        let delete = ChannelCommand::Delete { org_id, family: Family::Invoke, id, force: false };
        run.channel(delete).await.unwrap().unwrap();
        let answer = String::from_utf8(answer.await.unwrap().body).unwrap();
        let code = Family::Invoke.table().channel_missing.0;
        assert!(answer.contains(&format!("\"status\":{code}")), "{answer}");
        let answer = String::from_utf8(other_answer.await.unwrap().body).unwrap();
        assert!(answer.contains("\"status\":0,"), "{answer}");
    })
    .await;
}

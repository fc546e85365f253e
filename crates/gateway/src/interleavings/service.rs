//! A gateway without sockets.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use setpoint::{
    Now,
    responder::{Restore, WriteId},
};
use setpoint_interleave::{below, chance, note, task};
use setpoint_store::{AtomicWrite, AuditEntry, Entry, Retired, Store, StoreError, StoreErrorKind};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use super::{books::Books, links};
use crate::{
    assembly::{catalog_with_feeds, orgs_and_devices},
    catalog::{ChannelCommand, DeviceEntry, Draft},
    channels,
    config::Config,
    error::GatewayError,
    http::{App, router},
    lifecycle::Lifecycle,
    ports::Health,
    run::{Control, Outputs, RunHandle, RunLoop, inputs},
    store::{Committer, StoreWriter},
    telemetry::Metrics,
};

pub(super) const CHANNEL: &str = "DATASVC.CONTROL.ops";
/// As in the gateway: how much longer than the shutdown timeout the run loop is waited for.
const SLACK: Duration = Duration::from_secs(1);

pub(super) struct Service {
    pub(super) router: Router,
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) lifecycle: Lifecycle,
    /// Requests under way, as the server's connections.
    pub(super) requests: TaskTracker,
    run: RunHandle,
    run_ended: JoinHandle<()>,
    links: [JoinHandle<()>; 2],
    store: JoinHandle<()>,
    shutdown_timeout: Duration,
}

impl Service {
    /// As [`Gateway::start_with_store`](crate::Gateway::start_with_store), with scripted links and a scripted store.
    pub(super) fn start() -> Self {
        let devices = [1, 2, 3].map(|n| DeviceEntry::new("o1", "p", format!("d{n}"), format!("a{n}"))).into();
        let config = Arc::new(Config { devices, ..Config::default() });
        let books = Arc::new(Mutex::new(Books::default()));
        let health = Health::new();
        let lifecycle = Lifecycle::new(health.clone());
        let metrics = Metrics::new(health.clone());
        let mut draft = Draft::new(config.events.channels_per_org.get());
        orgs_and_devices(&config, &mut draft).unwrap();
        draft.change_channel(&ChannelCommand::create("o1", CHANNEL, None).unwrap()).unwrap();
        let (catalog, feeds) = catalog_with_feeds(draft, "run".into(), &config.events);
        let responder = Restore::new(config.engine.responder.clone(), [7; 32], setpoint_clock::now()).finish();

        let (run, inputs) = inputs(config.engine.waiting_batches, config.mqtt.inbox_messages);
        let reports = run.clone();
        let store = Scripted(Arc::clone(&books));
        let report = move |outcome: Result<WriteId, StoreError>| {
            reports.tell(outcome.map_or_else(Control::PersistFailed, Control::Persisted));
        };
        let (store, committer) = StoreWriter::with_committer(store, metrics.store.clone(), report);
        let (commands, commands_out) = mpsc::unbounded_channel();
        let (publications, messages) = mpsc::unbounded_channel();
        let router_of_channels = channels::Router::new(vec![feeds.clone()], publications);
        let outputs = Outputs { store, devices: Box::new(commands), channels: Box::new(router_of_channels) };
        let run_loop = RunLoop::new(responder, Arc::clone(&catalog), outputs, metrics.clone());
        let ending = lifecycle.clone();
        let run_ended = tokio::spawn(task("run loop", async move {
            if let Err(error) = run_loop.run(inputs, ending.abort.clone()).await {
                ending.fail(error);
            }
        }));
        let links = [
            tokio::spawn(task("devices' link", links::devices(commands_out, run.clone(), Arc::clone(&books)))),
            tokio::spawn(task("channels' link", links::channels(messages, run.clone(), Arc::clone(&books)))),
        ];
        let store = tokio::spawn(task("store", commits(committer)));
        let app = App::new(Arc::clone(&config), catalog, feeds, run.clone(), metrics, health, lifecycle.clone());
        Self {
            router: router(app),
            books,
            lifecycle,
            requests: TaskTracker::new(),
            run,
            run_ended,
            links,
            store,
            shutdown_timeout: Duration::from_millis(config.http.shutdown_timeout_ms),
        }
    }

    /// As [`Gateway::shutdown`](crate::Gateway::shutdown), in the same order.
    pub(super) async fn shutdown(self) {
        self.books.lock().unwrap().stopping = true;
        self.run.tell(Control::StopAccepting);
        self.lifecycle.shut_down();
        self.requests.close();
        drop(timeout(self.shutdown_timeout, self.requests.wait()).await);
        let told = Instant::now();
        self.run.tell(Control::Finish(told + self.shutdown_timeout));
        timeout(self.shutdown_timeout + SLACK, self.run_ended).await.expect("the run loop ends").unwrap();
        let failed = self.lifecycle.failure();
        let aborted = self.lifecycle.abort.is_cancelled();
        note(|| format!("ended, failure: {failed:?}"));
        if failed.is_none() && !aborted {
            // The run loop ends because nothing is left to do, not because its time is up.
            assert!(told.elapsed() < self.shutdown_timeout, "something waits for ever");
        }
        assert_eq!(failed.is_some(), matches!(failed, Some(GatewayError::Store(_))), "{failed:?}");
        self.lifecycle.abort.cancel();
        for link in self.links {
            link.await.unwrap();
        }
        self.store.await.unwrap();
        if failed.is_none() && !aborted {
            self.books.lock().unwrap().decided_is_published();
        }
    }
}

/// What the store's thread does, with pauses where it would wait for the disk.
async fn commits<R: Fn(Result<WriteId, StoreError>)>(mut committer: Committer<Scripted, R>) {
    let mut idle = 0;
    loop {
        match committer.gather_waiting() {
            None => return,
            Some(false) => idle += 1,
            Some(true) => {
                idle = 0;
                if chance(2) {
                    sleep(Duration::from_millis(below(30))).await;
                }
                if !committer.commit() {
                    return;
                }
            }
        }
        // A real thread is woken up. Polling less often after a long idle time keeps the schedule short.
        sleep(Duration::from_millis(1 + below(if idle < 100 { 5 } else { 200 }))).await;
    }
}

/// A store that keeps its entries in the books, until it breaks.
struct Scripted(Arc<Mutex<Books>>);

impl Store for Scripted {
    fn replay(&mut self, _: &mut dyn FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append(&mut self, writes: &[AtomicWrite]) -> Result<(), StoreError> {
        let mut books = self.0.lock().unwrap();
        assert!(!books.store_failed, "it failed, and is asked again");
        if books.store_breaks {
            books.store_failed = true;
            books.stopping = true;
            return Err(StoreError::new(StoreErrorKind::Failed, "scripted"));
        }
        writes.iter().flat_map(|write| &write.entries).for_each(|entry| books.keep(entry));
        Ok(())
    }

    fn retire(&mut self, _: Now) -> Result<Retired, StoreError> {
        Ok(Retired::default())
    }

    fn audit(&mut self, _: &mut dyn FnMut(AuditEntry) -> Result<(), StoreError>) -> Result<(), StoreError> {
        Ok(())
    }
}

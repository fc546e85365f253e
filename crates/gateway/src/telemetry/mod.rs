//! Metrics, and `/metrics` in the text format of OpenMetrics (Prometheus).

mod engine;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

pub(crate) use engine::EngineStats;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::ports::{Health, Link};

/// The content type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of one gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    pub(crate) http: HttpMetrics,
    pub(crate) devices: DeviceMetrics,
    pub(crate) store: StoreMetrics,
    pub(crate) engine: EngineStats,
    /// The state of the links is read from here when the metrics are rendered.
    health: Health,
    links: Family<LinkLabels, Gauge>,
    /// Event streams open.
    pub(crate) streams: Gauge,
}

/// Requests and connections.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    pub(crate) connections: Gauge,
    refused: Family<ReasonLabels, Counter>,
}

/// Device messages.
#[derive(Debug, Clone)]
pub(crate) struct DeviceMetrics {
    round_trip: Histogram,
    ignored: Family<ReasonLabels, Counter>,
}

/// Commits of the store.
#[derive(Debug, Clone)]
pub(crate) struct StoreMetrics {
    commit: Histogram,
    writes: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LinkLabels {
    link: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl Metrics {
    /// All zero. The state of the links is read from `health`: metrics observe it and decide nothing.
    pub(crate) fn new(health: Health) -> Self {
        let mut registry = Registry::with_prefix("setpoint");
        let http = HttpMetrics {
            requests: Family::default(),
            seconds: Family::new_with_constructor(durations as fn() -> Histogram),
            connections: Gauge::default(),
            refused: Family::default(),
        };
        registry.register("http_requests", "HTTP requests answered", http.requests.clone());
        registry.register_with_unit(
            "http_request",
            "Time from a request's header to its answer's",
            Unit::Seconds,
            http.seconds.clone(),
        );
        registry.register("http_connections", "HTTP connections open", http.connections.clone());
        registry.register("http_connections_refused", "HTTP connections over a bound", http.refused.clone());

        let devices = DeviceMetrics { round_trip: durations(), ignored: Family::default() };
        registry.register_with_unit(
            "device_round_trip",
            "Time from the hand-over of a command to the outcome that the device's answer gave",
            Unit::Seconds,
            devices.round_trip.clone(),
        );
        registry.register("device_messages_ignored", "Messages of devices that nothing reads", devices.ignored.clone());

        let store = StoreMetrics::default();
        registry.register_with_unit(
            "store_commit",
            "Time to bring a group of writes to stable storage",
            Unit::Seconds,
            store.commit.clone(),
        );
        registry.register("store_writes", "Writes brought to stable storage", store.writes.clone());

        let links = Family::<LinkLabels, Gauge>::default();
        registry.register("mqtt_link_up", "Whether the connection to the broker is up", links.clone());
        let streams = Gauge::default();
        registry.register("event_streams", "Event streams open", streams.clone());
        let engine = EngineStats::default();
        registry.register_collector(Box::new(engine.clone()));
        Self { registry: Arc::new(registry), http, devices, store, engine, health, links, streams }
    }

    /// All metrics, as text.
    pub(crate) fn render(&self) -> String {
        let health = self.health.state();
        for (link, up) in [(Link::Devices, health.devices), (Link::Channels, health.channels)] {
            self.links.get_or_create(&LinkLabels { link: link.name() }).set(i64::from(up));
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl HttpMetrics {
    /// Counts an answered request. `route` is the pattern of the route, never a path that a client chose.
    pub(crate) fn answered(&self, route: &str, method: &str, status: u16, took: Duration) {
        let labels = RequestLabels { route: route.to_owned(), method: method.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabels { reason }).inc();
    }
}

impl DeviceMetrics {
    pub(crate) fn answered(&self, after_ms: u64) {
        self.round_trip.observe(Duration::from_millis(after_ms).as_secs_f64());
    }

    pub(crate) fn ignored(&self, reason: &'static str) {
        self.ignored.get_or_create(&ReasonLabels { reason }).inc();
    }
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self { commit: durations(), writes: Counter::<u64, AtomicU64>::default() }
    }
}

impl StoreMetrics {
    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.commit.observe(took.as_secs_f64());
        self.writes.inc_by(writes as u64);
    }
}

/// A histogram of durations, from 0.1 ms to about 200 s.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 2.0, 22))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_can_be_scraped() {
        let health = Health::new();
        let metrics = Metrics::new(health.clone());
        metrics.http.answered("/healthz", "GET", 200, Duration::from_millis(1));
        metrics.http.refused("connections");
        metrics.devices.answered(3);
        metrics.devices.ignored("retained");
        metrics.store.committed(2, Duration::from_micros(10));
        health.set_link(Link::Devices, true);
        metrics.streams.inc();
        let text = metrics.render();
        for line in [
            "setpoint_http_requests_total{route=\"/healthz\",method=\"GET\",status=\"200\"} 1",
            "setpoint_http_connections_refused_total{reason=\"connections\"} 1",
            "setpoint_device_round_trip_seconds_count 1",
            "setpoint_device_messages_ignored_total{reason=\"retained\"} 1",
            "setpoint_store_writes_total 2",
            "setpoint_mqtt_link_up{link=\"devices\"} 1",
            "setpoint_mqtt_link_up{link=\"channels\"} 0",
            "setpoint_event_streams 1",
            "setpoint_items_accepted_total 0",
            "setpoint_items_pending 0",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }
}

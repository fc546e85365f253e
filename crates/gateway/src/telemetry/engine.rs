//! The engine's own counters and gauges.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use setpoint::responder::ResponderStats;

use crate::lock::lock;

/// The engine's counters as of the run loop's last turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineStats(Arc<Mutex<ResponderStats>>);

impl EngineStats {
    pub(crate) fn set(&self, stats: ResponderStats) {
        *lock(&self.0) = stats;
    }

    pub(crate) fn get(&self) -> ResponderStats {
        lock(&self.0).clone()
    }
}

impl Collector for EngineStats {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.get();
        let counters = [
            ("batches", "Batches that came in", stats.batches),
            ("batches_refused", "Batches refused as a whole", stats.batches_refused),
            ("items_accepted", "Items accepted", stats.accepted),
            ("items_refused", "Items refused in the response", stats.refused),
            ("items_repeated", "Items answered from the record of an earlier, equal one", stats.repeated),
            ("finals_succeeded", "Items that ended with success", stats.succeeded),
            ("finals_failed", "Items that ended with a failure", stats.failed),
            ("finals_expired_unsent", "Items that timed out before they were sent", stats.expired_unsent),
            ("finals_timed_out", "Items that timed out with their effect unknown", stats.timed_out),
            ("replies_published", "Finals published and acknowledged", stats.published),
            ("replies_undeliverable", "Finals whose channel was gone", stats.undeliverable),
            ("answers_late", "Device answers after a timeout", stats.late),
            ("answers_duplicate", "Device answers that repeat an earlier one", stats.duplicate),
            ("answers_conflict", "Device answers that contradict an earlier one", stats.conflict),
            ("answers_unknown", "Device answers under an id that is not known", stats.unknown),
            ("answers_wrong_device", "Device answers from another device than was asked", stats.wrong_device),
            ("answers_unreadable", "Device messages without a readable id", stats.unreadable),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, EncodeMetric::metric_type(&counter))?)?;
        }
        let gauges = [
            ("items_pending", "Accepted items without a final", stats.pending),
            ("outbox", "Finals not yet acknowledged as published", stats.outbox),
            ("request_ids_remembered", "Request ids remembered against repetition", stats.remembered),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, EncodeMetric::metric_type(&gauge))?)?;
        }
        Ok(())
    }
}

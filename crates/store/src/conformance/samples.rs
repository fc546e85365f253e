//! Items and their records.

use std::sync::Arc;

use setpoint::{
    Code, Device, Family, MessageId,
    responder::{AuditRecord, FinalOutcome, Record, StoredCommand},
};

use crate::{AtomicWrite, AuditEntry, ChannelRecord, Entry};

/// When the first items are accepted, epoch milliseconds.
pub(super) const START_MS: i64 = 1_700_000_000_000;
pub(super) const HOUR_MS: i64 = 60 * 60 * 1_000;
/// How long request ids are remembered.
pub(super) const WINDOW_MS: i64 = 24 * HOUR_MS;

/// The item with this number: everything about it follows from that and from when it was accepted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) number: u64,
    pub(super) accepted_ms: i64,
}

impl Item {
    pub(super) fn new(number: u64, accepted_ms: i64) -> Self {
        Self { number, accepted_ms }
    }

    pub(super) fn id(self) -> MessageId {
        // Odd, so that numbers are spread over all bits and stay different.
        MessageId::from_bits(u128::from(self.number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    pub(super) fn accepted(self) -> Entry {
        self.accepted_with_input(r#"{"speed":3}"#.into())
    }

    pub(super) fn accepted_with_input(self, input: Box<str>) -> Entry {
        let number = self.number;
        let mut device = Device::new("turbine", &format!("device-{number}"), &format!("asset-{number}"));
        device.deduplicates = number.is_multiple_of(3);
        Entry::Engine(Record::Accepted(Arc::new(StoredCommand {
            message_id: self.id(),
            family: if number.is_multiple_of(2) { Family::Invoke } else { Family::Write },
            org_id: "o1".into(),
            request_id: format!("request-{number}").into(),
            channel_id: "DATASVC.CONTROL.ops".into(),
            device: Arc::new(device),
            service_name: number.is_multiple_of(2).then(|| "Start the turbine".into()),
            target: "start".into(),
            callback_url: number.is_multiple_of(5).then(|| "https://example.com/callback".into()),
            input: (!number.is_multiple_of(7)).then_some(input),
            timeout_ms: 60_000,
            gmt_service_request: self.accepted_ms,
            accepted_at_epoch_ms: self.accepted_ms,
            remember_until_epoch_ms: self.accepted_ms + WINDOW_MS,
            fingerprint: u128::MAX / u128::from(number + 1),
        })))
    }

    pub(super) fn intent(self) -> Entry {
        Entry::Engine(Record::Intent { message_id: self.id() })
    }

    pub(super) fn decided(self) -> Entry {
        let outcome = FinalOutcome {
            code: Code(0),
            submsg: "SUCCESS".into(),
            output: Some(format!(r#"{{"number":{}}}"#, self.number).into()),
            device_reply_epoch_ms: self.accepted_ms + 50,
            decided_at_epoch_ms: self.accepted_ms + 50,
        };
        Entry::Engine(Record::Final { message_id: self.id(), outcome: Arc::new(outcome) })
    }

    /// The end of the item.
    pub(super) fn published(self) -> Entry {
        let message_id = self.id();
        let is_lost = self.number.is_multiple_of(11);
        Entry::Engine(if is_lost { Record::Undeliverable { message_id } } else { Record::Published { message_id } })
    }

    pub(super) fn late(self) -> AuditEntry {
        AuditEntry::Engine(AuditRecord::Late {
            message_id: self.id(),
            device_code: self.number.is_multiple_of(2).then_some(200),
            at_epoch_ms: self.accepted_ms + 90_000,
        })
    }

    /// All that is ever stored of it, each record in a write of its own but the last.
    pub(super) fn life(self) -> Vec<AtomicWrite> {
        let last = AtomicWrite { entries: vec![self.published()], audit: vec![self.late()] };
        let writes = [self.accepted(), self.intent(), self.decided()].map(|entry| AtomicWrite::from(vec![entry]));
        writes.into_iter().chain([last]).collect()
    }
}

pub(super) fn saved(channel: &str, desc: &str) -> Entry {
    Entry::Channel(ChannelRecord::Saved { org_id: "o1".into(), channel_id: channel.into(), desc: Some(desc.into()) })
}

pub(super) fn deleted(channel: &str) -> Entry {
    Entry::Channel(ChannelRecord::Deleted { org_id: "o1".into(), channel_id: channel.into() })
}

/// So many writes of different sizes, with every kind of record in them.
pub(super) fn writes(count: u64) -> Vec<AtomicWrite> {
    (0..count)
        .map(|number| {
            let items = (0..=number % 4).map(|part| Item::new(number * 4 + part, START_MS));
            let entries: Vec<Entry> = match number % 5 {
                0 => items.map(Item::accepted).collect(),
                1 => items.map(Item::intent).collect(),
                2 => items.map(Item::decided).collect(),
                3 => items.map(Item::published).collect(),
                _ => vec![saved(&format!("DATASVC.CONTROL.{number}"), "a channel"), deleted("DATASVC.CONTROL.4")],
            };
            let audit = if number.is_multiple_of(3) { vec![Item::new(number, START_MS).late()] } else { Vec::new() };
            AtomicWrite { entries, audit }
        })
        .collect()
}

pub(super) fn entries(writes: &[AtomicWrite]) -> Vec<Entry> {
    writes.iter().flat_map(|write| &write.entries).cloned().collect()
}

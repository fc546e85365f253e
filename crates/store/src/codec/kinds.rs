//! The content of each kind of entry.

use std::sync::Arc;

use setpoint::{
    Code, Device, Family, MessageId,
    responder::{AuditRecord, FinalOutcome, Record, StoredCommand},
};

use super::{
    Problem,
    bytes::{Fault, Input, Output},
};
use crate::{AtomicWrite, AuditEntry, ChannelRecord, Entry};

const ACCEPTED: u8 = 1;
const INTENT: u8 = 2;
const FINAL: u8 = 3;
const PUBLISHED: u8 = 4;
const UNDELIVERABLE: u8 = 5;
const CHANNEL_SAVED: u8 = 32;
const CHANNEL_DELETED: u8 = 33;
const LATE: u8 = 64;

/// Flags of [`ACCEPTED`].
const DEDUPLICATES: u8 = 1;
const HAS_SERVICE_NAME: u8 = 2;
const HAS_CALLBACK_URL: u8 = 4;
const HAS_INPUT: u8 = 8;
/// The only flag of the other kinds: the optional field is there.
const HAS: u8 = 1;

pub(super) fn write_all<'a>(write: &'a AtomicWrite, out: &mut Output<'a>) -> Result<(), Problem> {
    for entry in &write.entries {
        match entry {
            Entry::Engine(record) => write_record(record, out)?,
            Entry::Channel(record) => write_channel(record, out)?,
        }
    }
    write.audit.iter().try_for_each(|AuditEntry::Engine(record)| write_audit(record, out))
}

fn write_record<'a>(record: &'a Record, out: &mut Output<'a>) -> Result<(), Problem> {
    let id_only = match record {
        Record::Accepted(command) => return write_accepted(command, out),
        Record::Final { message_id, outcome } => return write_final(*message_id, outcome, out),
        Record::Intent { .. } => INTENT,
        Record::Published { .. } => PUBLISHED,
        Record::Undeliverable { .. } => UNDELIVERABLE,
        _ => return Err(Problem::UnknownRecord),
    };
    out.entry(id_only, |out| {
        out.id(record.message_id());
        Ok(())
    })
}

fn write_accepted<'a>(command: &'a StoredCommand, out: &mut Output<'a>) -> Result<(), Problem> {
    // Every field by name: a new one must not be forgotten.
    let StoredCommand {
        message_id,
        family,
        org_id,
        request_id,
        channel_id,
        device,
        service_name,
        target,
        callback_url,
        input,
        timeout_ms,
        gmt_service_request,
        accepted_at_epoch_ms,
        remember_until_epoch_ms,
        fingerprint,
    } = command;
    out.entry(ACCEPTED, |out| {
        out.id(*message_id);
        out.u8(match family {
            Family::Invoke => 1,
            Family::Write => 2,
        });
        out.u8(flag(device.deduplicates, DEDUPLICATES)
            | flag(service_name.is_some(), HAS_SERVICE_NAME)
            | flag(callback_url.is_some(), HAS_CALLBACK_URL)
            | flag(input.is_some(), HAS_INPUT));
        out.shared(org_id);
        out.text(request_id);
        out.shared(channel_id);
        out.shared(&device.product_key);
        out.text(&device.device_key);
        out.text(&device.asset_id);
        if let Some(name) = service_name {
            out.shared(name);
        }
        out.shared(target);
        if let Some(url) = callback_url {
            out.shared(url);
        }
        if let Some(input) = input {
            out.text(input);
        }
        out.fixed(timeout_ms.to_le_bytes());
        out.fixed(gmt_service_request.to_le_bytes());
        out.fixed(accepted_at_epoch_ms.to_le_bytes());
        out.fixed(remember_until_epoch_ms.to_le_bytes());
        out.fixed(fingerprint.to_le_bytes());
        Ok(())
    })
}

fn write_final<'a>(message_id: MessageId, outcome: &'a FinalOutcome, out: &mut Output<'a>) -> Result<(), Problem> {
    let FinalOutcome { code, submsg, output, device_reply_epoch_ms, decided_at_epoch_ms } = outcome;
    out.entry(FINAL, |out| {
        out.id(message_id);
        out.u8(flag(output.is_some(), HAS));
        out.fixed(code.0.to_le_bytes());
        out.shared(submsg);
        if let Some(output) = output {
            out.text(output);
        }
        out.fixed(device_reply_epoch_ms.to_le_bytes());
        out.fixed(decided_at_epoch_ms.to_le_bytes());
        Ok(())
    })
}

fn write_channel<'a>(record: &'a ChannelRecord, out: &mut Output<'a>) -> Result<(), Problem> {
    match record {
        ChannelRecord::Saved { org_id, channel_id, desc } => out.entry(CHANNEL_SAVED, |out| {
            out.u8(flag(desc.is_some(), HAS));
            out.shared(org_id);
            out.shared(channel_id);
            if let Some(desc) = desc {
                out.text(desc);
            }
            Ok(())
        }),
        ChannelRecord::Deleted { org_id, channel_id } => out.entry(CHANNEL_DELETED, |out| {
            out.shared(org_id);
            out.shared(channel_id);
            Ok(())
        }),
    }
}

fn write_audit(record: &AuditRecord, out: &mut Output<'_>) -> Result<(), Problem> {
    match record {
        AuditRecord::Late { message_id, device_code, at_epoch_ms } => out.entry(LATE, |out| {
            out.id(*message_id);
            out.u8(flag(device_code.is_some(), HAS));
            out.fixed(device_code.unwrap_or(0).to_le_bytes());
            out.fixed(at_epoch_ms.to_le_bytes());
            Ok(())
        }),
        _ => Err(Problem::UnknownRecord),
    }
}

fn flag(is_set: bool, flag: u8) -> u8 {
    if is_set { flag } else { 0 }
}

pub(super) fn read_all(mut input: Input<'_>) -> Result<AtomicWrite, Fault> {
    let mut write = AtomicWrite::default();
    while input.left() > 0 {
        let at = input.at();
        let kind = input.begin_entry()?;
        let name = match kind {
            ACCEPTED => {
                write.entries.push(Entry::Engine(read_accepted(&mut input)?));
                "accepted"
            }
            INTENT => {
                write.entries.push(Entry::Engine(Record::Intent { message_id: input.id()? }));
                "intent"
            }
            FINAL => {
                write.entries.push(Entry::Engine(read_final(&mut input)?));
                "final"
            }
            PUBLISHED => {
                write.entries.push(Entry::Engine(Record::Published { message_id: input.id()? }));
                "published"
            }
            UNDELIVERABLE => {
                write.entries.push(Entry::Engine(Record::Undeliverable { message_id: input.id()? }));
                "undeliverable"
            }
            CHANNEL_SAVED => {
                write.entries.push(Entry::Channel(read_saved(&mut input)?));
                "channelSaved"
            }
            CHANNEL_DELETED => {
                let (org_id, channel_id) = (owned(input.shared()?), owned(input.shared()?));
                write.entries.push(Entry::Channel(ChannelRecord::Deleted { org_id, channel_id }));
                "channelDeleted"
            }
            LATE => {
                write.audit.push(AuditEntry::Engine(read_late(&mut input)?));
                "late"
            }
            found => return Err((at, Problem::Kind { found })),
        };
        input.end_entry(name)?;
    }
    Ok(write)
}

fn read_accepted(input: &mut Input<'_>) -> Result<Record, Fault> {
    let message_id = input.id()?;
    let at = input.at();
    let family = match input.u8()? {
        1 => Family::Invoke,
        2 => Family::Write,
        found => return Err((at, Problem::Family { found })),
    };
    let flags = input.flags(DEDUPLICATES | HAS_SERVICE_NAME | HAS_CALLBACK_URL | HAS_INPUT)?;
    let has = |flag| flags & flag != 0;
    let org_id = input.shared()?;
    let request_id = input.text()?.into();
    let channel_id = input.shared()?;
    let product_key = input.shared()?;
    let mut device = Device::new(&product_key, input.text()?, input.text()?);
    device.deduplicates = has(DEDUPLICATES);
    Ok(Record::Accepted(Arc::new(StoredCommand {
        message_id,
        family,
        org_id,
        request_id,
        channel_id,
        device: Arc::new(device),
        service_name: has(HAS_SERVICE_NAME).then(|| input.shared()).transpose()?,
        target: owned(input.shared()?),
        callback_url: has(HAS_CALLBACK_URL).then(|| input.shared()).transpose()?.map(owned),
        input: has(HAS_INPUT).then(|| input.text()).transpose()?.map(Box::from),
        timeout_ms: u32::from_le_bytes(input.fixed()?),
        gmt_service_request: input.i64()?,
        accepted_at_epoch_ms: input.i64()?,
        remember_until_epoch_ms: input.i64()?,
        fingerprint: u128::from_le_bytes(input.fixed()?),
    })))
}

fn read_final(input: &mut Input<'_>) -> Result<Record, Fault> {
    let message_id = input.id()?;
    let flags = input.flags(HAS)?;
    let outcome = FinalOutcome {
        code: Code(input.i64()?),
        submsg: owned(input.shared()?),
        output: (flags == HAS).then(|| input.text()).transpose()?.map(Box::from),
        device_reply_epoch_ms: input.i64()?,
        decided_at_epoch_ms: input.i64()?,
    };
    Ok(Record::Final { message_id, outcome: Arc::new(outcome) })
}

fn read_saved(input: &mut Input<'_>) -> Result<ChannelRecord, Fault> {
    let flags = input.flags(HAS)?;
    Ok(ChannelRecord::Saved {
        org_id: owned(input.shared()?),
        channel_id: owned(input.shared()?),
        desc: (flags == HAS).then(|| input.text()).transpose()?.map(Box::from),
    })
}

fn read_late(input: &mut Input<'_>) -> Result<AuditRecord, Fault> {
    let message_id = input.id()?;
    let flags = input.flags(HAS)?;
    let code = input.i64()?;
    Ok(AuditRecord::Late { message_id, device_code: (flags == HAS).then_some(code), at_epoch_ms: input.i64()? })
}

fn owned(text: Arc<str>) -> Box<str> {
    Box::from(&*text)
}

impl Output<'_> {
    fn id(&mut self, id: MessageId) {
        self.fixed(id.to_bits().to_le_bytes());
    }
}

impl Input<'_> {
    fn id(&mut self) -> Result<MessageId, Fault> {
        self.fixed().map(|bytes| MessageId::from_bits(u128::from_le_bytes(bytes)))
    }

    fn i64(&mut self) -> Result<i64, Fault> {
        self.fixed().map(i64::from_le_bytes)
    }
}

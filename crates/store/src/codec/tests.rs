//! What is written is read again, and nothing else is.

use std::sync::Arc;

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError},
};
use setpoint::{
    Code, Device, Family, MessageId,
    responder::{AuditRecord, FinalOutcome, Record, StoredCommand},
};

use super::{CodecError, Decoder, Frame, HEADER_BYTES, Problem, encode, frame::checksum, seal};
use crate::{AtomicWrite, AuditEntry, ChannelRecord, Entry};

/// A text: often one of few, as in a batch, sometimes too long for the dictionary.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["o1", "DATASVC.CONTROL.ops", "turbine", "start", "SUCCESS", ""]).prop_map(str::to_owned),
        2 => vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect()),
        1 => (250_usize..300).prop_map(|length| "x".repeat(length)),
    ]
}

fn id() -> impl Strategy<Value = MessageId> {
    any::<u128>().prop_map(MessageId::from_bits)
}

fn device() -> impl Strategy<Value = Arc<Device>> {
    (text(), text(), text(), any::<bool>()).prop_map(|(product, key, asset, deduplicates)| {
        let mut device = Device::new(&product, &key, &asset);
        device.deduplicates = deduplicates;
        Arc::new(device)
    })
}

fn command() -> impl Strategy<Value = StoredCommand> {
    let names = (id(), any::<bool>(), text(), text(), text(), device());
    let optional = prop::option::of(text());
    let contents = (prop::option::of(text()), text(), optional, prop::option::of(text()));
    let numbers = (any::<u32>(), any::<i64>(), any::<i64>(), any::<i64>(), any::<u128>());
    (names, contents, numbers).prop_map(|(names, contents, numbers)| {
        let (message_id, is_invoke, org_id, request_id, channel_id, device) = names;
        let (service_name, target, callback_url, input) = contents;
        let (timeout_ms, gmt_service_request, accepted_at_epoch_ms, remember_until_epoch_ms, fingerprint) = numbers;
        StoredCommand {
            message_id,
            family: if is_invoke { Family::Invoke } else { Family::Write },
            org_id: org_id.into(),
            request_id: request_id.into(),
            channel_id: channel_id.into(),
            device,
            service_name: service_name.map(Into::into),
            target: target.into(),
            callback_url: callback_url.map(Into::into),
            input: input.map(Into::into),
            timeout_ms,
            gmt_service_request,
            accepted_at_epoch_ms,
            remember_until_epoch_ms,
            fingerprint,
        }
    })
}

fn outcome() -> impl Strategy<Value = FinalOutcome> {
    (any::<i64>(), text(), prop::option::of(text()), any::<i64>(), any::<i64>()).prop_map(
        |(code, submsg, output, device_reply_epoch_ms, decided_at_epoch_ms)| FinalOutcome {
            code: Code(code),
            submsg: submsg.into(),
            output: output.map(Into::into),
            device_reply_epoch_ms,
            decided_at_epoch_ms,
        },
    )
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        3 => command().prop_map(|command| Entry::Engine(Record::Accepted(Arc::new(command)))),
        1 => id().prop_map(|message_id| Entry::Engine(Record::Intent { message_id })),
        2 => (id(), outcome()).prop_map(|(message_id, outcome)| {
            Entry::Engine(Record::Final { message_id, outcome: Arc::new(outcome) })
        }),
        1 => id().prop_map(|message_id| Entry::Engine(Record::Published { message_id })),
        1 => id().prop_map(|message_id| Entry::Engine(Record::Undeliverable { message_id })),
        1 => (text(), text(), prop::option::of(text())).prop_map(|(org_id, channel_id, desc)| {
            let desc = desc.map(Into::into);
            Entry::Channel(ChannelRecord::Saved { org_id: org_id.into(), channel_id: channel_id.into(), desc })
        }),
        1 => (text(), text()).prop_map(|(org_id, channel_id)| {
            Entry::Channel(ChannelRecord::Deleted { org_id: org_id.into(), channel_id: channel_id.into() })
        }),
    ]
}

fn audit() -> impl Strategy<Value = AuditEntry> {
    (id(), any::<Option<i64>>(), any::<i64>()).prop_map(|(message_id, device_code, at_epoch_ms)| {
        AuditEntry::Engine(AuditRecord::Late { message_id, device_code, at_epoch_ms })
    })
}

fn write() -> impl Strategy<Value = AtomicWrite> {
    (vec(entry(), 0..8), vec(audit(), 0..3)).prop_map(|(entries, audit)| AtomicWrite { entries, audit })
}

/// Reads frames that are to be one write.
fn decode(frames: &[Frame]) -> Result<Option<AtomicWrite>, CodecError> {
    let mut decoder = Decoder::new();
    let mut last = None;
    for frame in frames {
        last = decoder.frame(frame.position, &frame.bytes)?;
    }
    decoder.finish()?;
    Ok(last)
}

/// The frame is refused, or read as what it was.
fn refused_or_same(write: &AtomicWrite, position: u64, bytes: &[u8]) -> Result<(), TestCaseError> {
    match Decoder::new().frame(position, bytes) {
        Ok(read) => prop_assert_eq!(read.as_ref(), Some(write)),
        Err(error) => prop_assert_eq!(error.position(), position),
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(write in write(), position in any::<u64>(), max_bytes in 0_usize..600) {
        let frames = encode(&write, position, max_bytes).unwrap();
        for (number, frame) in frames.iter().enumerate() {
            prop_assert_eq!(frame.position, position.saturating_add(number as u64));
            prop_assert!(frame.bytes.len() <= max_bytes.max(HEADER_BYTES + 1));
        }
        prop_assert_eq!(decode(&frames), Ok(Some(write)));
    }

    #[test]
    fn a_part_that_is_missing_repeated_or_moved_is_refused(write in write(), index in any::<prop::sample::Index>()) {
        let frames = encode(&write, 17, 60).unwrap();
        prop_assume!(frames.len() > 2);
        let at = index.index(frames.len());
        let (mut missing, mut repeated, mut swapped) = (frames.clone(), frames.clone(), frames);
        missing.remove(at);
        repeated.insert(at, repeated[at].clone());
        let other = (at + 1) % swapped.len();
        swapped.swap(at, other);
        for frames in [missing, repeated, swapped] {
            prop_assert!(decode(&frames).is_err());
        }
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(bytes in vec(any::<u8>(), 0..300), position in any::<u64>()) {
        let _ = Decoder::new().frame(position, &bytes);
        // With a header that fits, all of it is looked at.
        let frame = seal(position, 0, true, [vec![0; HEADER_BYTES], bytes].concat()).unwrap();
        if let Ok(Some(write)) = Decoder::new().frame(position, &frame.bytes) {
            prop_assert_eq!(decode(&encode(&write, position, usize::MAX).unwrap()), Ok(Some(write)));
        }
    }

    #[test]
    fn a_body_that_is_nearly_right_does_no_harm(
        write in write(), at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&write, 17, usize::MAX).unwrap().remove(0).bytes;
        prop_assume!(bytes.len() > HEADER_BYTES);
        let body = bytes.len() - HEADER_BYTES;
        bytes[HEADER_BYTES + at.index(body)] = value;
        let _ = Decoder::new().frame(17, &seal(17, 0, true, bytes.clone()).unwrap().bytes);
        bytes.truncate(HEADER_BYTES + cut.index(body));
        if let Err(error) = Decoder::new().frame(17, &seal(17, 0, true, bytes.clone()).unwrap().bytes) {
            prop_assert!(error.offset() <= bytes.len(), "{}", error);
        }
    }
}

proptest! {
    #![proptest_config(Config::with_cases(24))]

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused(write in write(), position in any::<u64>()) {
        let frame = encode(&write, position, usize::MAX).unwrap().remove(0).bytes;
        for length in 0..frame.len() {
            prop_assert!(Decoder::new().frame(position, &frame[..length]).is_err(), "cut to {}", length);
        }
        let mut flipped = frame.clone();
        for bit in 0..frame.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            refused_or_same(&write, position, &flipped)?;
            prop_assert!(Decoder::new().frame(position, &flipped).is_err(), "bit {}", bit);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        for bit in 0..u64::BITS {
            let elsewhere = position ^ 1 << bit;
            prop_assert!(Decoder::new().frame(elsewhere, &frame).is_err(), "moved to {}", elsewhere);
        }
        prop_assert!(Decoder::new().frame(position, &[&frame[..], &[0]].concat()).is_err());
    }
}

/// A frame around this body, at position 17.
fn problem(body: &[u8]) -> (usize, Problem) {
    let frame = seal(17, 0, true, [&[0; HEADER_BYTES], body].concat()).unwrap();
    let error = Decoder::new().frame(17, &frame.bytes).unwrap_err();
    (error.offset() - HEADER_BYTES, error.problem().clone())
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let id = [7; 16];
    let published = |extra: &[u8]| [&[4, 16 + extra.len() as u8][..], &id, extra].concat();
    assert_eq!(problem(&[&published(&[])[..], &[77, 1, 0]].concat()), (18, Problem::Kind { found: 77 }));
    assert_eq!(problem(&published(&[1, 2])), (18, Problem::Surplus { kind: "published", bytes: 2 }));
    assert_eq!(problem(&[4, 3, 1, 2, 3]), (2, Problem::Truncated { needed: 16, left: 3 }));
    assert_eq!(problem(&[4, 17, 1]), (1, Problem::Truncated { needed: 17, left: 1 }));
    assert_eq!(problem(&[4, 0x80, 0]), (1, Problem::Varint));
    assert_eq!(problem(&[33, 1, 2]), (2, Problem::Reference { found: 0, known: 0 }));
    assert!(matches!(problem(&[33, 3, 0, 1, 0xff]), (4, Problem::Text(_))));
    assert_eq!(problem(&[32, 1, 2]), (2, Problem::Flags { found: 2 }));
    let long = [&[33, 0x84, 2, 0, 0x81, 2][..], &[b'x'; 257]].concat();
    assert_eq!(problem(&long), (3, Problem::DictionaryText { bytes: 257 }));
    let accepted = [&[1, 17][..], &id, &[3]].concat();
    assert_eq!(problem(&accepted), (18, Problem::Family { found: 3 }));
}

#[test]
fn flags_that_this_version_does_not_know_are_refused() {
    let mut frame = seal(17, 0, true, vec![0; HEADER_BYTES]).unwrap().bytes;
    frame[1] = 0b11;
    let checksum = checksum(17, &frame).to_le_bytes();
    frame[8..12].copy_from_slice(&checksum);
    let error = Decoder::new().frame(17, &frame).unwrap_err();
    assert_eq!((error.offset(), error.problem()), (1, &Problem::Flags { found: 3 }));
}

#[test]
fn the_place_in_a_write_of_several_frames_is_that_in_its_own_frame() {
    // 40 bytes of right entries, then one of an unknown kind, in frames of 30 bytes of body.
    let body = [&[4, 16][..], &[7; 16], &[2, 16], &[7; 16], &[77, 0]].concat();
    let mut decoder = Decoder::new();
    let parts: Vec<_> = body.chunks(30).collect();
    let sealed = |part: usize| {
        let bytes = [&[0; HEADER_BYTES], parts[part]].concat();
        seal(17 + part as u64, part as u16, part + 1 == parts.len(), bytes).unwrap()
    };
    assert_eq!(decoder.frame(17, &sealed(0).bytes), Ok(None));
    let error = decoder.frame(18, &sealed(1).bytes).unwrap_err();
    assert_eq!(
        (error.position(), error.offset(), error.problem()),
        (18, HEADER_BYTES + 6, &Problem::Kind { found: 77 })
    );
    // It can be used again.
    assert_eq!(decoder.frame(17, &sealed(0).bytes), Ok(None));
    assert_eq!(decoder.finish().unwrap_err().problem(), &Problem::Unfinished);
}

#[test]
fn a_batch_takes_a_fraction_of_its_json() {
    let item = |number: u64| {
        let device = Device::new("turbine-v2", &format!("device-{number:06}"), &format!("asset-{number:06}"));
        Record::Accepted(Arc::new(StoredCommand {
            message_id: MessageId::from_bits(u128::from(number) << 32),
            family: Family::Invoke,
            org_id: "o15724291160".into(),
            request_id: format!("0b8a2c36-9a52-4c3b-8d5e-{number:012}").into(),
            channel_id: "DATASVC.CONTROL.operations".into(),
            device: Arc::new(device),
            service_name: Some("Set the power limit".into()),
            target: "setPowerLimit".into(),
            callback_url: None,
            input: Some(r#"{"limit":1500,"unit":"kW"}"#.into()),
            timeout_ms: 30_000,
            gmt_service_request: 1_700_000_000_000,
            accepted_at_epoch_ms: 1_700_000_000_000,
            remember_until_epoch_ms: 1_700_086_400_000,
            fingerprint: u128::MAX / u128::from(number + 1),
        }))
    };
    let records: Vec<_> = (0..100).map(item).collect();
    let json = serde_json::to_string(&records).unwrap().len();
    let frames = encode(&AtomicWrite::of_engine(records, Vec::new()), 0, usize::MAX).unwrap();
    assert_eq!((frames[0].bytes.len() / 100, json / 100), (161, 608));
}

#[test]
fn every_field_of_a_device_is_in_the_codec() {
    // `Device` can grow without this crate noticing: its fields as it writes them itself.
    let fields = serde_json::to_value(Device::new("p", "d", "a")).unwrap();
    let names: Vec<_> = fields.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["assetId", "deduplicates", "deviceKey", "productKey"]);
}

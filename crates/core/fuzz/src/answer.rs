//! `answer`: anything on any topic, said to a responder that waits for three devices.
//!
//! An input is a topic, a line break, and a payload. In the payload `$a`, `$b` and `$c` stand for the message ids of the
//! commands that are waited for, which nobody could guess.

use std::sync::Arc;

use setpoint::{
    Code, Device, DeviceRef, Directory, Family, Limits, MessageId, Now, Responder,
    device::{AnswerTopic, read_answer},
    json,
    reply::read_message,
    responder::{Attribution, CheckedBatch, Effect, HandedOver, ResponderConfig},
};

use crate::body;

const NOW: Now = Now::new(1_000, 1_700_000_000_000);
const NAMES: [&str; 3] = ["$a", "$b", "$c"];

/// Only the device and the service that a command was sent to can end it, under its own id, and only once.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return raw(data) };
    let (topic, payload) = text.split_once('\n').unwrap_or(("/sys/p/d0/thing/service/s_reply", text));
    let (mut responder, sent) = waiting();
    let mut payload = payload.to_owned();
    for (name, sent) in NAMES.iter().zip(&sent) {
        payload = payload.replace(name, &sent.message_id.to_string());
    }
    said(&mut responder, &sent, topic, payload.as_bytes());
}

/// A payload that is not even text.
fn raw(data: &[u8]) {
    assert!(read_answer(data, &Limits::DEFAULT).is_err());
    let (mut responder, sent) = waiting();
    let attribution = responder.handle_device_message("/sys/p/d0/thing/service/s_reply", data, NOW);
    assert_eq!((attribution, responder.stats().pending), (Attribution::Unreadable, sent.len()));
}

fn said(responder: &mut Responder, sent: &[Sent], topic: &str, payload: &[u8]) {
    let attribution = responder.handle_device_message(topic, payload, NOW);
    let finals = finals(responder);
    let answer = read_answer(payload, &Limits::DEFAULT);
    let named = answer.as_ref().ok().and_then(|answer| {
        let id = answer.id.decode();
        sent.iter().find(|sent| sent.message_id.to_string() == *id)
    });
    let is_asked = |sent: &Sent| format!("{}_reply", sent.topic) == topic;
    match (attribution, named) {
        (Attribution::Succeeded | Attribution::Failed, Some(named)) => {
            assert!(is_asked(named), "{topic} ended the command on {}", named.topic);
            let [only] = &finals[..] else { panic!("{finals:?}") };
            assert_eq!(only.0, named.request_id);
            assert_eq!(responder.stats().pending, sent.len() - 1);
            let content = answer.unwrap().content;
            let is_success = content.as_ref().is_ok_and(|content| content.code == 200);
            assert_eq!((attribution == Attribution::Succeeded, only.1.is_success()), (is_success, is_success));
            // Said again it changes nothing.
            assert_eq!(responder.handle_device_message(topic, payload, NOW), Attribution::Duplicate);
            assert_eq!(self::finals(responder), []);
        }
        (Attribution::WrongDevice, Some(named)) => assert!(!is_asked(named)),
        (Attribution::Unreadable, _) => assert!(AnswerTopic::parse(topic).is_none() || answer.is_err()),
        (Attribution::Unknown, None) => {}
        other => panic!("{other:?}"),
    }
    if !matches!(attribution, Attribution::Succeeded | Attribution::Failed) {
        assert_eq!((finals.len(), responder.stats().pending), (0, sent.len()));
    }
}

/// What was handed over.
#[derive(Debug)]
struct Sent {
    request_id: String,
    message_id: MessageId,
    topic: String,
}

/// Orgs `o1` and `o2` with one device each, and one that both families of `o1` use.
#[derive(Debug)]
struct World;

impl Directory for World {
    fn has_org(&self, _org_id: &str) -> bool {
        true
    }

    fn has_channel(&self, _org_id: &str, _family: Family, _channel_id: &str) -> bool {
        true
    }

    fn device(&self, _org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        let DeviceRef::Asset(asset_id) = device else { return None };
        Some(Arc::new(Device::new("p", asset_id, asset_id)))
    }
}

/// A responder that has handed over an invoke to `d0`, a write to `d0`, and an invoke to `d1`, which is another org's.
fn waiting() -> (Responder, [Sent; 3]) {
    let mut responder = Responder::new(ResponderConfig::default(), [1; 32]);
    responder.handle_link(true, NOW);
    let commands =
        [("o1", Family::Invoke, "d0", "a"), ("o1", Family::Write, "d0", "b"), ("o2", Family::Invoke, "d1", "c")];
    let sent = commands.map(|(org_id, family, device, request_id)| {
        let item = body::item(family, &format!("\"{request_id}\""), device, r#"{"x":1}"#, 1_000);
        let body = body::batch(&[item]);
        let batch = CheckedBatch::read(body, family, org_id, &World, &Limits::DEFAULT, NOW);
        responder.handle_batch(batch, NOW);
        let mut sent = None;
        while let Some(effect) = responder.poll_effect(NOW) {
            match effect {
                Effect::Persist { write, .. } => responder.handle_persisted(write, NOW),
                Effect::HandOver { message_id, topic, .. } => {
                    sent = Some(Sent { request_id: request_id.to_owned(), message_id, topic });
                    responder.handle_handed_over(message_id, HandedOver::Taken, NOW);
                }
                Effect::Answer { status, .. } => assert_eq!(status, 200),
                other => panic!("{other:?}"),
            }
        }
        sent.unwrap()
    });
    (responder, sent)
}

/// Request id and code of every reply that is published now.
fn finals(responder: &mut Responder) -> Vec<(String, Code)> {
    let mut finals = Vec::new();
    while let Some(effect) = responder.poll_effect(NOW) {
        match effect {
            Effect::Persist { write, .. } => responder.handle_persisted(write, NOW),
            Effect::Publish { publication, body, .. } => {
                assert_eq!(json::check(&body, Limits::DEFAULT.depth.get()), Ok(()), "the final");
                for reply in read_message(&body, &Limits::DEFAULT).unwrap() {
                    let reply = reply.unwrap();
                    finals.push((reply.request_id.unwrap().decode().into_owned(), reply.code));
                }
                responder.handle_published(publication);
            }
            other => panic!("{other:?}"),
        }
    }
    finals
}

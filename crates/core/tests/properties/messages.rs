//! Replies and answers: what is written is read back, and nothing breaks the readers.

use proptest::{collection::vec, option, prelude::*};
use setpoint::{
    Code, Family, Limits,
    device::{AnswerTopic, CommandPayload, command_topic, read_answer},
    json::{self, Payload, Text},
    reply::{
        Reply, ReplyPart, ReplyParts, ReplySpans, Response, close, open_message, open_response, read_message,
        read_response, read_spans, write_reply,
    },
    request::is_topic_safe,
};

use super::text::{broken, payload, string};

/// What a reply is made of, owned.
#[derive(Debug, Clone)]
struct Parts {
    family: Family,
    texts: Vec<Option<String>>,
    payloads: Vec<String>,
    integers: Vec<Option<i64>>,
    code: i64,
}

fn parts() -> impl Strategy<Value = Parts> {
    let family = prop_oneof![Just(Family::Invoke), Just(Family::Write)];
    let text = option::of(string().prop_map(|(content, _)| content));
    (family, vec(text, 11), vec(payload(), 2), vec(option::of(any::<i64>()), 4), any::<i64>())
        .prop_map(|(family, texts, payloads, integers, code)| Parts { family, texts, payloads, integers, code })
}

impl Parts {
    fn reply(&self) -> Reply<'_> {
        let text = |at: usize| self.texts[at].as_deref().map(Text::plain);
        let mut reply = Reply::empty(self.family);
        reply.request_id = text(0);
        reply.channel_id = text(1);
        reply.product_key = text(2);
        reply.device_key = text(3);
        reply.asset_id = text(4);
        reply.target = text(5);
        reply.callback_url = text(6);
        reply.msg = text(7);
        reply.submsg = text(8);
        reply.input = Payload::parse(&self.payloads[0]).ok();
        reply.code = Code(self.code);
        reply.timeout = self.integers[0];
        reply.gmt_service_request = self.integers[1];
        reply.gmt_service_reply = self.integers[2];
        match self.family {
            Family::Invoke => {
                reply.service_name = text(9);
                reply.output = Payload::parse(&self.payloads[1]).unwrap();
                reply.gmt_device_reply = self.integers[3];
            }
            Family::Write => reply.org_id = text(10),
        }
        reply
    }
}

/// A reply that mostly is right, of members with one of a few values each: many are as in the reply before.
fn reply_text() -> impl Strategy<Value = String> {
    const FIELDS: [(&str, &[&str]); 12] = [
        ("requestId", &["\"r1\"", "\"r2\"", "\"r10\"", "\"r\\u0031\"", "null"]),
        ("messageId", &["null", "[1,{\"a\":2}]"]),
        (
            "controlChannelId",
            &["\"DATASVC.CONTROL.ops-north\"", "\"DATASVC.CONTROL.ops-north-and-south-and-east-and-west\""],
        ),
        ("setMeasurepointChannelId", &["null", "\"c\"", "7"]),
        ("serviceId", &["\"start\"", "\"stop\"", "\"é\"", "\"\"", "null"]),
        ("inputData", &["{}", "{\"a\":1}", "{\"a\":10}", "{\"a\":1e400}", "null", "[]", "{\"a\":{\"b\":[1, 2]}}"]),
        ("outputData", &["{}", "{\"power\":1248.5,\"state\":\"RUNNING\",\"since\":1536638267000}", "1"]),
        ("status", &["0", "1", "10", "1000203", "-1", "1.0", "null"]),
        ("msg", &["\"SUCCESS\"", "\"timeout\"", "null", "false"]),
        ("timeout", &["1", "30000", "300000", "-0", "null"]),
        ("gmtServiceReply", &["1536638267000", "1536638267001", "9223372036854775808"]),
        ("unknown", &["true", "\"\""]),
    ];
    let at = prop_oneof![4 => Just(0), 1 => any::<usize>()];
    let space = prop_oneof![3 => Just(""), 1 => Just(" "), 1 => Just("\n  ")];
    (vec(option::weighted(0.9, at), FIELDS.len()), space, 0..FIELDS.len()).prop_map(|(chosen, space, turn)| {
        let mut members: Vec<String> = FIELDS
            .iter()
            .zip(chosen)
            .filter_map(|((name, values), at)| Some((name, values[at? % values.len()])))
            .map(|(name, value)| format!("{space}\"{name}\":{space}{value}"))
            .collect();
        // Now and then in another order.
        let len = members.len().max(1);
        members.rotate_left(if turn == 1 { 5 % len } else { 0 });
        format!("{{{}}}", members.join(","))
    })
}

/// What the reply says in this part.
fn said(reply: &Reply<'_>, part: ReplyPart) -> String {
    match part {
        ReplyPart::RequestId => format!("{:?}", reply.request_id),
        ReplyPart::OrgId => format!("{:?}", reply.org_id),
        ReplyPart::ChannelId => format!("{:?}", reply.channel_id),
        ReplyPart::ProductKey => format!("{:?}", reply.product_key),
        ReplyPart::DeviceKey => format!("{:?}", reply.device_key),
        ReplyPart::AssetId => format!("{:?}", reply.asset_id),
        ReplyPart::ServiceName => format!("{:?}", reply.service_name),
        ReplyPart::Target => format!("{:?}", reply.target),
        ReplyPart::CallbackUrl => format!("{:?}", reply.callback_url),
        ReplyPart::Msg => format!("{:?}", reply.msg),
        ReplyPart::Submsg => format!("{:?}", reply.submsg),
        ReplyPart::Input => format!("{:?}", reply.input),
        ReplyPart::Output => format!("{:?}", reply.output),
        ReplyPart::Timeout => format!("{:?}", reply.timeout),
        ReplyPart::GmtServiceRequest => format!("{:?}", reply.gmt_service_request),
        ReplyPart::GmtServiceReply => format!("{:?}", reply.gmt_service_reply),
        ReplyPart::GmtDeviceReply => format!("{:?}", reply.gmt_device_reply),
    }
}

fn message(open: fn(&mut Vec<u8>), replies: &[Reply<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    open(&mut out);
    for (index, reply) in replies.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_reply(&mut out, reply);
    }
    close(&mut out);
    out
}

/// The readers of whole messages return; what they return does not matter here.
fn readers_return(bytes: &[u8]) {
    for family in Family::ALL {
        let _ = read_response(bytes, family, &Limits::DEFAULT);
    }
    let _ = read_message(bytes, &Limits::DEFAULT);
    let _ = read_answer(bytes, &Limits::DEFAULT);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn replies_are_read_as_they_were_written(parts in vec(parts(), 0..4)) {
        let replies: Vec<_> = parts.iter().map(Parts::reply).collect();
        let written = message(open_message, &replies);
        prop_assert_eq!(json::check(&written, 128), Ok(()));
        let read: Vec<_> = read_message(&written, &Limits::DEFAULT).unwrap().into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(&read, &replies);
        // What was read writes the same bytes again.
        prop_assert_eq!(message(open_message, &read), written);
    }

    #[test]
    fn a_reply_is_read_as_if_none_had_come_before_it(replies in vec(reply_text(), 1..12)) {
        let together = format!(r#"{{"data":[{}]}}"#, replies.join(","));
        let together = read_message(together.as_bytes(), &Limits::DEFAULT).unwrap();
        prop_assert_eq!(together.len(), replies.len());
        for (reply, text) in together.iter().zip(&replies) {
            let alone = format!(r#"{{"data":[{text}]}}"#);
            let alone = read_message(alone.as_bytes(), &Limits::DEFAULT).unwrap().remove(0);
            match (reply, alone) {
                (Ok(reply), Ok(alone)) => prop_assert_eq!(reply, &alone),
                (Err(bad), Err(alone)) => prop_assert_eq!(&bad.reason, &alone.reason),
                (reply, alone) => prop_assert!(false, "{:?} but alone {:?}", reply, alone),
            }
        }
    }

    #[test]
    fn what_is_said_to_be_as_before_is(replies in vec(reply_text(), 1..12)) {
        let message = format!(r#"{{"data":[{}]}}"#, replies.join(","));
        let mut spans = Vec::new();
        let text = read_spans(message.as_bytes(), &Limits::DEFAULT, &mut spans).unwrap();
        for pair in spans.windows(2) {
            let Ok(read) = &pair[1] else { continue };
            if read.has_code_of_before() {
                prop_assert_eq!(pair[0].as_ref().unwrap().code, read.code);
            }
            let changed: Vec<_> = read.changed().collect();
            for part in ReplyParts::ALL {
                prop_assert_eq!(read.is_as_before(part), !changed.contains(&part));
                if changed.contains(&part) {
                    continue;
                }
                let before = pair[0].as_ref().unwrap();
                prop_assert_eq!(before.family, read.family);
                let said = |spans: &ReplySpans| said(&spans.reply(text), part);
                prop_assert_eq!(said(before), said(read), "{:?}", part);
                let written = |spans: &ReplySpans| spans.range(part).map(|range| text[range].to_owned());
                prop_assert_eq!(written(before), written(read));
            }
        }
    }

    #[test]
    fn responses_are_read_as_they_were_written(parts in vec(parts(), 0..4), family in 0..2usize) {
        let family = Family::ALL[family];
        let replies: Vec<_> = parts.iter().filter(|parts| parts.family == family).map(Parts::reply).collect();
        let written = message(open_response, &replies);
        let expected = Response::Replies(replies.into_iter().map(Ok).collect());
        prop_assert_eq!(read_response(&written, family, &Limits::DEFAULT), Ok(expected));
    }

    #[test]
    fn a_bad_reply_hurts_no_neighbour(parts in parts(), bad in "null|5|\"x\"|\\[\\]|\\{\\}|\\{\"status\":\"0\"\\}") {
        let mut written = Vec::new();
        open_message(&mut written);
        write_reply(&mut written, &parts.reply());
        written.extend_from_slice(format!(",{bad},").as_bytes());
        write_reply(&mut written, &parts.reply());
        close(&mut written);
        let read = read_message(&written, &Limits::DEFAULT).unwrap();
        prop_assert_eq!(read.len(), 3);
        prop_assert_eq!(read[0].as_ref(), Ok(&parts.reply()));
        prop_assert!(read[1].as_ref().is_err_and(|bad| bad.index == 1));
        prop_assert_eq!(read[2].as_ref(), Ok(&parts.reply()));
    }

    #[test]
    fn broken_messages_are_read_or_refused(
        broken in broken(parts().prop_map(|parts| String::from_utf8(message(open_message, &[parts.reply()])).unwrap())),
    ) {
        readers_return(&broken);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        readers_return(&bytes);
    }

    #[test]
    fn answers_keep_their_data((id, id_text) in string(), code in any::<i64>(), data in payload(), (words, message) in string()) {
        prop_assume!(!id.is_empty());
        let payload = format!(r#"{{"id":{id_text},"code":{code},"data":{data},"message":{message}}}"#);
        let answer = read_answer(payload.as_bytes(), &Limits::DEFAULT).unwrap();
        prop_assert_eq!(answer.id.decode(), &id[..]);
        let content = answer.content.unwrap();
        prop_assert_eq!(content.code, code);
        prop_assert_eq!(content.data.unwrap().as_str(), data);
        prop_assert_eq!(content.message.unwrap().decode(), &words[..]);
    }

    #[test]
    fn commands_are_strict_json(family in 0..2usize, input in payload(), (target, _) in string(), timeout in any::<u64>(), deadline in any::<i64>()) {
        let command = CommandPayload {
            family: Family::ALL[family],
            message_id: "m1",
            target: &target,
            input: Payload::parse(&input).ok(),
            timeout_ms: timeout,
            deadline_epoch_ms: deadline,
        };
        let mut payload = Vec::new();
        command.write(&mut payload);
        prop_assert_eq!(json::check(&payload, 128), Ok(()));
        let value: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        prop_assert_eq!(&value["id"], "m1");
        prop_assert_eq!(&value["timeout"], timeout);
        prop_assert_eq!(&value["deadline"], deadline);
    }

    #[test]
    fn an_answers_topic_tells_who_was_asked(family in 0..2usize, names in vec("[^+#/$\\pC][^+#/\\pC]{0,12}", 3)) {
        let family = Family::ALL[family];
        prop_assert!(names.iter().all(|name| is_topic_safe(name)));
        let topic = command_topic(family, &names[0], &names[1], &names[2]) + "_reply";
        let expected = AnswerTopic {
            product_key: &names[0],
            device_key: &names[1],
            service_id: (family == Family::Invoke).then_some(&names[2][..]),
        };
        prop_assert_eq!(AnswerTopic::parse(&topic), Some(expected));
    }

    #[test]
    fn any_topic_is_read_or_refused(topic in "/?(sys|ext)?/{0,2}[a+#]{0,2}/[b/]{0,3}/thing/service/[a-z/_]{0,24}(_reply)?") {
        let _ = AnswerTopic::parse(&topic);
    }
}

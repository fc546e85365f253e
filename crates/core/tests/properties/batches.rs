//! Batches: every item gets its answer, and no item hurts another.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::Index};
use setpoint::{
    AnyDirectory, Family, Limits, Now, Responder,
    check::{Checker, check, check_form},
    json,
    reply::{Response, read_response},
    request::{Entry, read_batch},
    responder::{CheckedBatch, Effect, ResponderConfig},
};

use super::{
    item_by_item,
    text::{broken, document, payload, string},
};

const SAMPLES: [(Family, &str); 2] = [
    (Family::Invoke, include_str!("../../vectors/samples/invoke-request.json")),
    (Family::Write, include_str!("../../vectors/samples/set-request.json")),
];

/// An item with this id that is accepted.
fn good(id: &str, input: &str) -> String {
    format!(
        r#"{{"requestId":{id},"controlChannelId":"DATASVC.CONTROL.c","assetId":"a","serviceId":"s","inputData":{input}}}"#
    )
}

fn body(items: &[String]) -> String {
    format!(r#"{{"data":[{}]}}"#, items.join(","))
}

fn read(body: &str) -> Vec<Entry<'_>> {
    read_batch(body.as_bytes(), Family::Invoke, "o1", &Limits::DEFAULT).unwrap()
}

/// A value for a field: of any type, often one that is nearly right.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        document(),
        string().prop_map(|(_, text)| text),
        payload(),
        Just("\"DATASVC.CONTROL.c\"".to_owned()),
        Just("\"DATASVC.SET.c\"".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        (0..400_000i64).prop_map(|n| n.to_string()),
    ]
}

/// Any of the known fields, in any order, each with any value.
fn members() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    const NAMES: [&str; 16] = [
        "requestId",
        "orgId",
        "callType",
        "controlChannelId",
        "setMeasurepointChannelId",
        "productKey",
        "deviceKey",
        "assetId",
        "serviceId",
        "measurepointId",
        "callbackUrl",
        "inputData",
        "timeout",
        "gmtServiceRequest",
        "gmtSetMeasurepointRequest",
        "unknown",
    ];
    proptest::sample::subsequence(&NAMES[..], 0..=NAMES.len()).prop_shuffle().prop_flat_map(|names| {
        let values = vec(value(), names.len());
        values.prop_map(move |values| names.iter().copied().zip(values).collect())
    })
}

/// An object with these members, with `space` wherever white space may stand.
fn object(members: &[(&str, String)], space: &str) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{space}\"{name}\"{space}:{space}{value}{space}")).collect();
    format!("{{{}}}", members.join(","))
}

fn item() -> impl Strategy<Value = String> {
    members().prop_map(|members| object(&members, ""))
}

/// Short texts and numbers of every length: around these, reading changes its way.
fn short() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -!#-\\[\\]-~]{0,70}".prop_map(|text| format!("\"{text}\"")),
        "(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        "-?(0|[1-9][0-9]{0,18})",
        "[0-9.eE+-]{1,20}",
        "\"[a-zé\\\\\"\u{7f}]{0,20}\"",
    ]
}

/// An item that mostly is right, or nearly: its members are there or not, each with one of a few values.
fn nearly_good() -> impl Strategy<Value = String> {
    const CHANNEL: &[&str] = &["\"DATASVC.CONTROL.c\"", "\"DATASVC.SET.c\"", "\"DATASVC.CONTROL.\"", "\"\"", "null"];
    const NAME: &[&str] =
        &["\"a\"", "\"b c\"", "null", "\"\"", "\"$a\"", "\"a/b\"", "\"a+\"", "\"é\"", "\"a\\u0062\"", "7"];
    const INTEGER: &[&str] = &[
        "30000",
        "1",
        "300000",
        "300001",
        "0",
        "-0",
        "-1",
        "-12",
        "1.0",
        "1e3",
        "9223372036854775808",
        "null",
        "\"1\"",
    ];
    const INPUT: &[&str] = &["{\"arg\":1}", "{}", "{\"arg\":null}", "{\"a\":1,\"b\":2}", "{\"a\":1e400}", "null", "[]"];
    const FIELDS: [(&str, &[&str]); 14] = [
        ("orgId", &["\"o1\"", "null", "\"\"", "\"o2\"", "1"]),
        ("callType", &["\"ASYNC\"", "null", "5"]),
        ("controlChannelId", CHANNEL),
        ("setMeasurepointChannelId", &["\"DATASVC.SET.c\"", "\"DATASVC.SET.d\"", "\"DATASVC.SET./\""]),
        ("productKey", NAME),
        ("deviceKey", NAME),
        ("assetId", NAME),
        ("serviceId", NAME),
        ("measurepointId", NAME),
        ("callbackUrl", &["null", "\"http://a\"", "\"\"", "[]"]),
        ("inputData", INPUT),
        ("timeout", INTEGER),
        ("gmtServiceRequest", INTEGER),
        ("gmtSetMeasurepointRequest", INTEGER),
    ];
    let at = prop_oneof![8 => Just(0), 1 => any::<usize>()];
    let id = prop_oneof![8 => any::<u32>().prop_map(|id| format!("\"{id}\"")), 1 => short()];
    (id, vec(option::weighted(0.8, at), FIELDS.len()), prop_oneof![3 => Just(""), 1 => Just(" ")]).prop_map(
        |(id, chosen, space)| {
            let mut members = vec![("requestId", id)];
            for ((name, values), at) in FIELDS.iter().zip(chosen) {
                members.extend(at.map(|at| (*name, values[at % values.len()].to_owned())));
            }
            object(&members, space)
        },
    )
}

/// What holds of every body: an answer that is strict JSON and has one reply for each item.
fn answers(body: &[u8], family: Family) -> Result<(), TestCaseError> {
    let now = Now::new(0, 1_700_000_000_000);
    let report = check(body, family, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    let form = check_form(body, family, "o1", &Limits::DEFAULT, now);
    prop_assert_eq!((&form.error, &form.items), (&report.error, &report.items));
    // A directory repeats names without their escapes.
    let tree = |response: &[u8]| serde_json::from_slice::<serde_json::Value>(response).ok();
    prop_assert_eq!(tree(&form.response), tree(&report.response));
    let item_by_item = item_by_item::response(body, family, "o1", &Limits::DEFAULT, now);
    prop_assert_eq!(String::from_utf8_lossy(&form.response), String::from_utf8_lossy(&item_by_item));
    let status = report.error.as_ref().map_or(200, |error| error.status);
    prop_assert_eq!(served(body, family, now), (status, String::from_utf8_lossy(&report.response).into_owned()));
    prop_assert_eq!(json::check(&report.response, 128), Ok(()));
    match read_response(&report.response, family, &Limits::DEFAULT) {
        Ok(Response::Error(error)) => prop_assert_eq!(Some(error.status), report.error.map(|error| error.status)),
        Ok(Response::Replies(replies)) => {
            prop_assert_eq!(report.error, None);
            prop_assert_eq!(replies.len(), report.items.len());
            for (reply, item) in replies.into_iter().zip(&report.items) {
                let reply = reply.unwrap();
                prop_assert_eq!(reply.code, item.code);
                prop_assert_eq!(reply.code.is_success(), item.faults.is_empty());
            }
        }
        Err(error) => prop_assert!(false, "{}", error),
    }
    Ok(())
}

/// What a service without history answers.
fn served(body: &[u8], family: Family, now: Now) -> (u16, String) {
    let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    let batch = CheckedBatch::read(body.to_vec(), family, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    let ticket = responder.handle_batch(batch, now);
    loop {
        match responder.poll_effect(now).expect("an answer") {
            Effect::Persist { write, .. } => responder.handle_persisted(write, now),
            Effect::Answer { batch, status, body } if batch == ticket => {
                return (status, String::from_utf8(body).unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_item_is_answered(items in vec(prop_oneof![4 => item(), 1 => document()], 1..5)) {
        for family in Family::ALL {
            answers(body(&items).as_bytes(), family)?;
        }
    }

    #[test]
    fn nearly_good_items_are_answered(items in vec(nearly_good(), 1..6)) {
        for family in Family::ALL {
            answers(body(&items).as_bytes(), family)?;
        }
    }

    #[test]
    fn broken_samples_are_answered(
        sample in 0..2usize,
        broken in (0..2usize).prop_flat_map(|at| broken(Just(SAMPLES[at].1.to_owned()))),
    ) {
        answers(&broken, SAMPLES[sample].0)?;
    }

    #[test]
    fn arbitrary_bytes_are_answered(body in vec(any::<u8>(), 0..200)) {
        for family in Family::ALL {
            answers(&body, family)?;
        }
    }

    #[test]
    fn what_was_checked_before_does_not_count(
        bodies in vec((prop_oneof![
            4 => vec(prop_oneof![nearly_good(), item()], 1..4).prop_map(|items| body(&items).into_bytes()),
            1 => vec(nearly_good(), 1..4).prop_flat_map(|items| broken(Just(body(&items)))),
        ], 2..10usize, prop_oneof![Just("o1"), Just("o2")]), 2..6),
    ) {
        let now = Now::new(0, 1_700_000_000_000);
        for family in Family::ALL {
            let (mut checker, mut room) = (Checker::new(family), Vec::new());
            for (body, depth, org_id) in &bodies {
                let mut limits = Limits::DEFAULT;
                limits.depth = std::num::NonZeroUsize::new(*depth).unwrap();
                let report = checker.check_form(body, org_id, &limits, now, room);
                let first = Checker::new(family).check_form(body, org_id, &limits, now, Vec::new());
                prop_assert_eq!(&report, &first);
                prop_assert_eq!(&first, &check_form(body, family, org_id, &limits, now));
                room = report.response;
            }
        }
    }

    #[test]
    fn one_item_never_changes_another(other in prop_oneof![item(), document()], input in payload(), at in 0..3usize) {
        let mut items = vec![good("\"id 1\"", &input), good("\"id 2\"", &input)];
        let alone = body(&items);
        items.insert(at, other);
        let together = body(&items);
        let mut entries = read(&together);
        let inserted = entries.remove(at);
        prop_assume!(!["id 1", "id 2"].iter().any(|id| inserted.request_id().is_some_and(|other| other == **id)));
        prop_assert_eq!(entries, read(&alone));
    }

    #[test]
    fn white_space_does_not_count(items in vec(members(), 1..4), space in "[ \\t\\r\\n]{1,3}") {
        let compact: Vec<String> = items.iter().map(|members| object(members, "")).collect();
        let spaced: Vec<String> = items.iter().map(|members| object(members, &space)).collect();
        let (compact, spaced) = (body(&compact), body(&spaced));
        prop_assert_eq!(read(&spaced), read(&compact));
    }

    /// The reader takes a short way with what it recognises at a glance; `tail` decides whether there is enough text
    /// behind it for a glance.
    #[test]
    fn short_values_are_read_as_long_ones(value in short(), key in "[a-z]{1,20}", tail in 0..120usize) {
        let tail = " ".repeat(tail);
        for (compact, spaced) in [
            (format!(r#"{{"{key}":{value}}}{tail}"#), format!("{{\n\"{key}\"\n:\n{value}\n}}\n")),
            (format!(r#"[{{"{key}":{value},"b":1}}]{tail}"#), format!("[{{\n\"{key}\"\n:\n{value}\n,\n\"b\":1}}]\n")),
        ] {
            let valid = json::check(spaced.as_bytes(), 10);
            prop_assert_eq!(json::check(compact.as_bytes(), 10).is_ok(), valid.is_ok(), "{:?} {}", valid, compact);
        }
        let item = |space: &str| object(&[("requestId", value.clone()), ("timeout", value.clone()), ("inputData", format!("{{\"{key}\":{value}}}"))], space);
        let (compact, spaced) = (body(&[item("")]) + &tail, body(&[item("\n")]));
        let entries = |body| read_batch(str::as_bytes(body), Family::Invoke, "o1", &Limits::DEFAULT);
        match (entries(&compact), entries(&spaced)) {
            (Ok(compact), Ok(spaced)) => prop_assert_eq!(compact, spaced),
            (Err(compact), Err(spaced)) => prop_assert_eq!(compact.status, spaced.status),
            (compact, spaced) => prop_assert!(false, "{:?} {:?}", compact, spaced),
        }
    }

    #[test]
    fn order_of_members_does_not_count(input in payload(), moves in vec(any::<(Index, Index)>(), 0..8)) {
        let mut members = [
            r#""requestId":"r""#.to_owned(), r#""controlChannelId":"DATASVC.CONTROL.c""#.to_owned(),
            r#""productKey":"p""#.to_owned(), r#""deviceKey":"d""#.to_owned(), r#""serviceId":"s""#.to_owned(),
            r#""timeout":5"#.to_owned(), r#""x":{"requestId":1}"#.to_owned(), format!(r#""inputData":{input}"#),
        ];
        let ordered = body(&[format!("{{{}}}", members.join(","))]);
        for (a, b) in moves {
            let (a, b) = (a.index(members.len()), b.index(members.len()));
            members.swap(a, b);
        }
        let moved = body(&[format!("{{{}}}", members.join(","))]);
        prop_assert_eq!(read(&ordered), read(&moved));
    }

    #[test]
    fn strings_and_payloads_come_through((content, text) in string(), input in payload()) {
        let item = good("\"r\"", &input).replace("\"assetId\"", &format!("\"callbackUrl\":{text},\"assetId\""));
        let body = body(&[item]);
        let [Entry::Accepted(command)] = &read(&body)[..] else { panic!("refused") };
        let url = command.callback_url.unwrap();
        prop_assert_eq!(url.decode(), &content[..]);
        prop_assert_eq!(url.len(), content.len());
        prop_assert_eq!(url.is_empty(), content.is_empty());
        prop_assert_eq!(command.input.unwrap().as_str(), input);
    }

    #[test]
    fn repeated_ids_are_refused_and_no_others(ids in vec(("[ab]{1,2}", 0..3u8), 1..30)) {
        // The same content in three spellings.
        let spell = |id: &str, how: u8| match how {
            0 => format!("\"{id}\""),
            1 => id.chars().fold("\"".to_owned(), |text, c| format!("{text}\\u{:04x}", c as u32)) + "\"",
            _ => format!("\"\\u{:04X}{}\"", id.as_bytes()[0], &id[1..]),
        };
        let items: Vec<String> = ids.iter().map(|(id, how)| good(&spell(id, *how), "null")).collect();
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for (id, _) in &ids {
            *uses.entry(id).or_default() += 1;
        }
        let body = body(&items);
        for (entry, (id, _)) in read(&body).iter().zip(&ids) {
            prop_assert_eq!(matches!(entry, Entry::Accepted(_)), uses[&id[..]] == 1);
        }
    }
}

//! A batch body in, the full response out: read, validated item by item, answered.
//!
//! Every peer holds items to the same rules as the engine and answers the same; the tests below prove it. What the
//! peers leave out: duplicate keys, numbers beyond a double in payloads, a bound on nesting, all faults of an item (they
//! report the first), and a wrong type in any field but `inputData` and `timeout`, which fails their whole batch.

pub mod cow;
pub mod owned;
mod reply;
mod rules;
pub mod sonic;

use std::cell::RefCell;

use setpoint::{
    Family, Limits, Now,
    check::{Checker, check_form},
    request::read_batch,
};
use setpoint_benches::{EPOCH_MS, ORG};

/// The engine: the form of every item, as the peers do, without a directory to ask.
pub fn engine(body: &[u8]) -> Vec<u8> {
    check_form(body, Family::Invoke, ORG, &Limits::DEFAULT, Now::new(0, EPOCH_MS)).response
}

/// The engine with a checker and room that are kept from body to body: how long the response is.
pub fn engine_kept(body: &[u8]) -> usize {
    thread_local! {
        static KEPT: RefCell<(Checker, Vec<u8>)> = RefCell::new((Checker::new(Family::Invoke), Vec::new()));
    }
    KEPT.with_borrow_mut(|(checker, room)| {
        *room = checker.check_form(body, ORG, &Limits::DEFAULT, Now::new(0, EPOCH_MS), std::mem::take(room)).response;
        room.len()
    })
}

/// The engine's reading and validating alone: how many items there are.
///
/// # Panics
/// The body is not a batch.
pub fn engine_read(body: &[u8]) -> usize {
    read_batch(body, Family::Invoke, ORG, &Limits::DEFAULT).expect("a batch").len()
}

/// serde_json merely skipping the document.
///
/// # Panics
/// The body is not JSON.
pub fn skip(body: &[u8]) {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).expect("JSON");
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use setpoint_benches::{SIZES, batch};

    use super::*;

    type Respond = fn(&[u8]) -> Vec<u8>;

    static PEERS: [(&str, Respond); 3] = [("owned", owned::respond), ("cow", cow::respond), ("sonic", sonic::respond)];

    /// The items of a response, without the words of a refusal.
    fn items(response: &[u8]) -> Vec<Value> {
        let mut response: Value = serde_json::from_slice(response).unwrap();
        assert_eq!((&response["status"], &response["msg"]), (&0.into(), &"Success".into()));
        let Value::Array(mut items) = response["data"].take() else { panic!("no data") };
        for item in &mut items {
            let submsg = &mut item["submsg"];
            *submsg = submsg.is_string().into();
        }
        items
    }

    #[test]
    fn every_peer_answers_every_item_as_the_engine_does() {
        for size in SIZES {
            let body = batch(Family::Invoke, size).body;
            let expected = items(&engine(&body));
            assert_eq!(expected.len(), size);
            assert_eq!(engine_kept(&body), engine(&body).len());
            for (name, respond) in PEERS {
                for (index, (found, expected)) in items(&respond(&body)).iter().zip(&expected).enumerate() {
                    assert_eq!(found, expected, "{name}, item {index} of {size}");
                }
            }
        }
    }

    #[test]
    fn every_peer_refuses_both_items_of_one_id() {
        let item = r#"{"requestId":"r","controlChannelId":"DATASVC.CONTROL.c","assetId":"a","serviceId":"s"}"#;
        let body = format!(r#"{{"data":[{item},{},{item}]}}"#, item.replace("\"r\"", "\"q\""));
        let expected = items(&engine(body.as_bytes()));
        assert_eq!(
            expected.iter().map(|item| item["status"].as_i64()).collect::<Vec<_>>(),
            [Some(1000), Some(0), Some(1000)]
        );
        for (name, respond) in PEERS {
            assert_eq!(items(&respond(body.as_bytes())), expected, "{name}");
        }
    }

    #[test]
    fn every_peer_keeps_the_limits() {
        let item = |members: &str| {
            format!(
                r#"{{"requestId":"{members}","controlChannelId":"DATASVC.CONTROL.c","assetId":"a","serviceId":"s"}}"#
            )
        };
        let good = item("r");
        let bodies = [
            item(&"r".repeat(129)),
            item(r"a\u0001b"),
            good.replace("\"s\"", "\"a/b\""),
            good.replace("\"s\"", "\"$s\""),
            good.replace("CONTROL.c", "CONTROL."),
            good.replace("CONTROL.c", "CONTROL.é"),
            good.replace("CONTROL.c", &format!("CONTROL.{}", "c".repeat(60))),
            good.replace("\"a\"", &format!("\"{}\"", "a".repeat(129))),
            good.replace("\"serviceId\"", "\"timeout\":300001,\"serviceId\""),
            good.replace("\"serviceId\"", "\"timeout\":300000,\"serviceId\""),
            good.replace("\"serviceId\"", "\"timeout\":1.5,\"serviceId\""),
            good.replace("\"serviceId\"", "\"inputData\":7,\"serviceId\""),
            good.replace("\"serviceId\"", "\"gmtServiceRequest\":-1,\"serviceId\""),
        ];
        for item in bodies {
            let body = format!(r#"{{"data":[{item}]}}"#);
            let expected = items(&engine(body.as_bytes()));
            for (name, respond) in PEERS {
                assert_eq!(items(&respond(body.as_bytes())), expected, "{name}: {item}");
            }
        }
    }
}

//! The smallest messages that the protocol allows: what is left when reading is to cost as little as it can, so that the
//! keeping of what is in flight shows.

use std::fmt::Write;

/// The channel of every item here.
const CHANNEL: &str = "DATASVC.CONTROL.c";

/// A batch of invokes: an id, the names that must be there, and a timeout in milliseconds.
pub fn batch<Id: AsRef<str>>(items: impl IntoIterator<Item = (Id, u32)>) -> Vec<u8> {
    list(items, |out, (id, timeout_ms)| {
        let id = id.as_ref();
        write!(
            out,
            r#"{{"requestId":"{id}","controlChannelId":"{CHANNEL}","assetId":"a","serviceId":"s","timeout":{timeout_ms}}}"#
        )
    })
}

/// A channel message with a success for each id.
pub fn message<Id: AsRef<str>>(ids: impl IntoIterator<Item = Id>) -> Vec<u8> {
    list(ids, |out, id| {
        let id = id.as_ref();
        write!(out, r#"{{"requestId":"{id}","controlChannelId":"{CHANNEL}","serviceId":"s","status":0}}"#)
    })
}

fn list<T>(items: impl IntoIterator<Item = T>, each: impl Fn(&mut String, T) -> std::fmt::Result) -> Vec<u8> {
    let mut out = String::from(r#"{"data":["#);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        // Writing to a string does not fail.
        let _ = each(&mut out, item);
    }
    out.push_str("]}");
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use setpoint::{
        Family, Limits,
        reply::read_message,
        request::{Entry, read_batch},
    };

    use super::*;

    #[test]
    fn small_messages_are_valid() {
        let ids: Vec<String> = (0..20).map(crate::nth_id).collect();
        let body = batch(ids.iter().map(|id| (id, 5_000)));
        let entries = read_batch(&body, Family::Invoke, crate::ORG, &Limits::DEFAULT).unwrap();
        assert!(entries.iter().all(|entry| matches!(entry, Entry::Accepted(_))));
        let message = message(&ids);
        let replies = read_message(&message, &Limits::DEFAULT).unwrap();
        assert!(replies.iter().all(Result::is_ok));
        assert_eq!((entries.len(), replies.len()), (20, 20));
    }
}

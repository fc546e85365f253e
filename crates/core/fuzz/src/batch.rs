//! `batch`: any body gets a verdict, and an answer that says it.

use serde_json::Value;
use setpoint::{
    AnyDirectory, Family, Limits, Now, RequestError,
    check::{Report, check, check_form},
    json,
    reply::{Response, read_response},
    request::{Entry, read_batch},
};

use crate::item_by_item;

const NOW: Now = Now::new(0, 1_700_000_000_000);
const ORG: &str = "o1";

/// Whatever the body is: the same verdict every time, one reply for each item, and an answer that is strict JSON.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    // Bounds that short inputs reach.
    let mut tight = Limits::DEFAULT;
    (tight.body_bytes, tight.items, tight.depth, tight.payload_bytes) = [1_500, 4, 6, 40].map(crate::bound).into();
    for limits in [Limits::DEFAULT, tight] {
        for family in Family::ALL {
            judge(data, family, &limits);
        }
    }
}

fn judge(body: &[u8], family: Family, limits: &Limits) {
    let entries = read_batch(body, family, ORG, limits);
    let report = check(body, family, ORG, &AnyDirectory, limits, NOW);
    assert_eq!(report, check(body, family, ORG, &AnyDirectory, limits, NOW), "judged otherwise the second time");
    let form = check_form(body, family, ORG, limits, NOW);
    assert_eq!((&form.error, &form.items), (&report.error, &report.items), "judged otherwise where nobody is asked");
    // A directory repeats names without their escapes.
    let tree = |response: &[u8]| serde_json::from_slice::<Value>(response).ok();
    assert_eq!(tree(&form.response), tree(&report.response), "answered otherwise where nobody is asked");
    let item_by_item = item_by_item::response(body, family, ORG, limits, NOW);
    assert_eq!(String::from_utf8_lossy(&form.response), String::from_utf8_lossy(&item_by_item), "copied otherwise");
    assert_eq!(json::check(&report.response, limits.depth.get()), Ok(()), "the answer");
    match entries {
        Err(error) => refused(body, family, &error, &report),
        Ok(entries) => {
            assert_eq!(json::check(body, limits.depth.get()), Ok(()), "taken, though it is not strict JSON");
            taken(body, family, limits, &entries, &report);
        }
    }
}

fn refused(body: &[u8], family: Family, error: &RequestError, report: &Report<'_>) {
    assert_eq!(report.error.as_ref(), Some(error));
    assert!(report.items.is_empty() && matches!(error.status, 400 | 413), "{error}");
    assert!(error.offset.is_none_or(|offset| offset <= body.len()), "{error}");
    let read = read_response(&report.response, family, &Limits::DEFAULT);
    let Ok(Response::Error(read)) = read else { panic!("{read:?}") };
    assert_eq!((read.status, read.msg, read.submsg), (error.status, error.msg.clone(), error.submsg.clone()));
}

fn taken(body: &[u8], family: Family, limits: &Limits, entries: &[Entry<'_>], report: &Report<'_>) {
    assert_eq!((report.error.as_ref(), report.items.len()), (None, entries.len()));
    assert!(!entries.is_empty() && entries.len() <= limits.items.get());
    let read = read_response(&report.response, family, limits);
    let Ok(Response::Replies(replies)) = read else { panic!("{read:?}") };
    assert_eq!(replies.len(), entries.len(), "one reply for each item");
    // A reader with a tree says the same, unless a number is too large for it.
    let tree: Option<Value> = serde_json::from_slice(body).ok();
    for (index, ((reply, item), entry)) in replies.iter().zip(&report.items).zip(entries).enumerate() {
        let reply = reply.as_ref().unwrap();
        assert_eq!((reply.code, item.index), (item.code, index));
        assert_eq!(reply.code.is_success(), item.faults.is_empty());
        assert_eq!(reply.request_id, entry.request_id());
        let Entry::Accepted(command) = entry else {
            assert!(!item.faults.is_empty());
            continue;
        };
        assert_eq!((reply.target, reply.input), (Some(command.target), command.input));
        assert_eq!(reply.timeout, Some(i64::from(command.timeout_ms)));
        let Some(tree) = tree.as_ref().map(|tree| &tree["data"][index]) else { continue };
        assert_eq!(tree["requestId"], *command.request_id.decode());
        assert_eq!(tree[family.table().channel_field], *command.channel_id.decode());
        assert_eq!(tree[family.table().target_field], *command.target.decode());
        let input = command.input.map_or(Value::Null, |input| serde_json::from_str(input.as_str()).unwrap());
        assert_eq!(tree.get("inputData").unwrap_or(&Value::Null), &input);
    }
}

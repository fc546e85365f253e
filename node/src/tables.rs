//! The protocol's own tables, as JSON text.

use napi_derive::napi;
use serde_json::{Value, json};
use setpoint::{Code, Family};

/// The whole published table of codes, in ascending order.
#[napi(catch_unwind)]
pub(crate) fn codes_json() -> String {
    let rows = Code::table().iter().map(|info| {
        json!({
            "code": info.code, "msg": info.msg, "planes": info.planes, "certainty": info.certainty,
            "retry": info.retry,
        })
    });
    Value::Array(rows.collect()).to_string()
}

/// Everything in which the two families differ: names of calls, fields and codes.
#[napi(catch_unwind)]
pub(crate) fn families_json() -> String {
    let rows = Family::ALL.into_iter().map(|family| {
        let table = family.table();
        let row = json!({
            "name": table.name, "path": table.path, "action": table.action, "channelsPath": table.channels_path,
            "channelField": table.channel_field, "channelPrefix": table.channel_prefix,
            "targetField": table.target_field, "channelExists": table.channel_exists,
            "channelMissing": table.channel_missing,
        });
        (table.name.to_owned(), row)
    });
    Value::Object(rows.collect()).to_string()
}

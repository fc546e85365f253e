//! Texts that the targets put together.

use setpoint::Family;

/// The channel of a family that exists in every org.
pub(crate) fn channel(family: Family) -> String {
    format!("{}c", family.table().channel_prefix)
}

/// An item for target `s` of the device with this asset id. `request_id` and `input` are JSON.
pub(crate) fn item(family: Family, request_id: &str, asset_id: &str, input: &str, timeout_ms: u64) -> String {
    let table = family.table();
    format!(
        r#"{{"requestId":{request_id},"{}":"{}","assetId":"{asset_id}","{}":"s","inputData":{input},"timeout":{timeout_ms}}}"#,
        table.channel_field,
        channel(family),
        table.target_field,
    )
}

/// A body of these items.
pub(crate) fn batch(items: &[String]) -> String {
    format!(r#"{{"data":[{}]}}"#, items.join(","))
}

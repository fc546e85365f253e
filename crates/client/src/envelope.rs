//! The envelope of answers to calls that are not batches: `{"status":…,"msg":…,"submsg":…,"data":…}`.

use serde::Deserialize;
use setpoint::Code;

#[derive(Debug, Deserialize)]
pub(crate) struct Envelope<'a, T> {
    pub(crate) status: i64,
    #[serde(default, borrow)]
    pub(crate) msg: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(crate) submsg: Option<std::borrow::Cow<'a, str>>,
    pub(crate) data: Option<T>,
}

/// Code and message of an answer, for a person; `None` if it is no such envelope.
pub(crate) fn describe(body: &[u8]) -> Option<String> {
    let envelope: Envelope<'_, serde::de::IgnoredAny> = serde_json::from_slice(body).ok()?;
    let msg = envelope.msg.unwrap_or_else(|| Code(envelope.status).msg().into());
    Some(match envelope.submsg {
        Some(submsg) if submsg != msg => format!("{} {msg}: {submsg}", envelope.status),
        _ => format!("{} {msg}", envelope.status),
    })
}

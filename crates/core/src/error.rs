//! Errors of the whole request.

use std::borrow::Cow;

use crate::Code;

/// Why a whole request was refused: nothing of it was accepted or sent. With some statuses that is
/// [not certain](RequestError::is_certain).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{status} {msg}: {submsg}")]
#[non_exhaustive]
pub struct RequestError {
    /// The status in the body and of the HTTP response: 400, 401, 403, 404, 413, 415, 429, 500 or 503.
    pub status: u16,
    /// The message, such as `Invalid Argument orgId`.
    pub msg: Cow<'static, str>,
    /// What exactly is wrong.
    pub submsg: Cow<'static, str>,
    /// Byte offset in the body, where the body is at fault.
    pub offset: Option<usize>,
}

impl RequestError {
    /// An error with this status.
    pub fn new(status: u16, msg: impl Into<Cow<'static, str>>, submsg: impl Into<Cow<'static, str>>) -> Self {
        Self { status, msg: msg.into(), submsg: submsg.into(), offset: None }
    }

    /// The body is unusable at `offset`: status 400, `Invalid Argument body`.
    pub fn body(offset: usize, reason: impl std::fmt::Display) -> Self {
        let mut error = Self::new(400, "Invalid Argument body", format!("{reason} at byte {offset}"));
        error.offset = Some(offset);
        error
    }

    /// The org of the query does not exist: the published response, word for word.
    pub fn unknown_org() -> Self {
        Self::new(400, "Invalid Argument orgId", "orgId does not exist")
    }

    /// The body or its list is larger than the service accepts: status 413.
    pub fn too_large(submsg: impl Into<Cow<'static, str>>) -> Self {
        Self::new(413, "Invalid Argument body", submsg)
    }

    /// A bound of the org is reached, try again later: status 429.
    pub fn quota(submsg: impl Into<Cow<'static, str>>) -> Self {
        Self::new(429, "Too Many Requests", submsg)
    }

    /// The service cannot accept the batch now, try again later: status 503.
    pub fn unavailable(submsg: impl Into<Cow<'static, str>>) -> Self {
        Self::new(503, "Service Unavailable", submsg)
    }

    /// The service failed, and whether it accepted the batch is unknown, send the same batch again later: status 500.
    pub fn internal(submsg: impl Into<Cow<'static, str>>) -> Self {
        Self::new(500, Code::INTERNAL.msg(), submsg)
    }

    /// Whether the status means for certain that nothing of the batch was accepted.
    pub fn is_certain(&self) -> bool {
        matches!(self.status, 400 | 401 | 403 | 404 | 413 | 415 | 429 | 503)
    }

    /// The response body: `{"status":…,"msg":…,"submsg":…}`.
    pub fn response(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.msg.len() + self.submsg.len());
        crate::reply::write_error(&mut out, self);
        out
    }
}

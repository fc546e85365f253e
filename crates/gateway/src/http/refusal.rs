//! A request that is refused as a whole.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use setpoint::RequestError;

use super::json;
use crate::run::NotTaken;

/// The whole-request error plane: the body says what the HTTP status says, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    error: RequestError,
    /// The request's body was not read, or cannot be trusted to end where it says: the connection is not used again.
    close: bool,
}

impl Refusal {
    /// A refusal before the body was read.
    pub(super) fn unread(error: RequestError) -> Self {
        Self { error, close: true }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self { error, close: false }
    }
}

impl From<NotTaken> for Refusal {
    fn from(reason: NotTaken) -> Self {
        match reason {
            NotTaken::Full => RequestError::unavailable("too many requests are waiting: send it again later"),
            NotTaken::Ended => RequestError::unavailable("the service is stopping: send it again when it is back"),
            NotTaken::Unanswered => RequestError::internal(
                "the service stopped before it could answer, and whether it took the request is unknown: \
                 send the same again when it is back",
            ),
        }
        .into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, self.error.response());
        if self.close {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

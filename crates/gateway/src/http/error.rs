//! A request that fails.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use setpoint::{Family, RequestError};

use super::json;
use crate::{catalog::ChannelError, run::NotTaken};

/// Why a request fails, as it is answered: in the body and in the HTTP status.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// The whole request is refused; the body says what the HTTP status says, and why.
    Request {
        error: RequestError,
        /// The request's body was not read, or cannot be trusted to end where it says: the connection is not used again.
        close: bool,
    },
    /// A call about channels fails with one of the family's codes.
    Channel(Family, ChannelError),
}

impl HttpError {
    /// A refusal before the body was read.
    pub(super) fn unread(error: RequestError) -> Self {
        Self::Request { error, close: true }
    }

    /// The failure of a call about channels of this family.
    pub(super) fn channel(family: Family, error: ChannelError) -> Self {
        match error {
            ChannelError::UnknownOrg(_) => RequestError::unknown_org().into(),
            error => Self::Channel(family, error),
        }
    }

    /// The same, before the body was read.
    pub(super) fn before_body(self) -> Self {
        match self {
            Self::Request { error, .. } => Self::unread(error),
            channel @ Self::Channel(..) => channel,
        }
    }
}

impl From<RequestError> for HttpError {
    fn from(error: RequestError) -> Self {
        Self::Request { error, close: false }
    }
}

impl From<NotTaken> for HttpError {
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

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        match self {
            Self::Request { error, close } => {
                let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = json(status, error.response());
                if close {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                response
            }
            Self::Channel(family, error) => channel_response(family, &error),
        }
    }
}

fn channel_response(family: Family, error: &ChannelError) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        status: i64,
        msg: &'a str,
        submsg: String,
    }
    let status = match error {
        ChannelError::Missing | ChannelError::UnknownOrg(_) => StatusCode::NOT_FOUND,
        ChannelError::Exists | ChannelError::InUse(_) => StatusCode::CONFLICT,
        ChannelError::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
        ChannelError::Illegal(_) | ChannelError::Rename | ChannelError::Save(_) | ChannelError::Query(_) => {
            StatusCode::BAD_REQUEST
        }
    };
    let code = error.code(family);
    let body = Body { status: code.0, msg: code.msg(), submsg: error.to_string() };
    json(status, super::serialize(&body))
}

//! What handlers take from a request besides its body.

use axum::{
    extract::{FromRequestParts, Path},
    http::{Method, request::Parts},
};
use setpoint::{Family, RequestError};

use super::{
    App,
    error::HttpError,
    query::{Query, invalid},
};
use crate::access::Caller;

/// The parameter that every call has.
const ORG_ID: &str = "orgId";

/// Every route but those of operators takes a caller, and has no other way to an org, its devices or its channels.
impl FromRequestParts<App> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        with_query(parts, |query| Ok(app.access.caller(query.required(ORG_ID)?)))
    }
}

/// Which family the parameter `action` names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action(pub(super) Family);

impl FromRequestParts<App> for Action {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, HttpError> {
        with_query(parts, |query| {
            let action = query.required("action")?;
            let family = Family::ALL.into_iter().find(|family| family.table().action == action);
            family.map(Self).ok_or_else(|| {
                let [invoke, write] = Family::ALL.map(|family| family.table().action);
                invalid("action", format!("the action is neither {invoke} nor {write}"))
            })
        })
    }
}

/// The parameter `force`: false if it is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Force(pub(super) bool);

impl FromRequestParts<App> for Force {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, HttpError> {
        with_query(parts, |query| match query.optional("force")? {
            None | Some("false") => Ok(Self(false)),
            Some("true") => Ok(Self(true)),
            Some(other) => Err(invalid("force", format!("force is {other:?}: give true or false"))),
        })
    }
}

/// The id in the path. One that cannot even be decoded is nobody's: empty.
#[derive(Debug)]
pub(super) struct Id(pub(super) String);

impl FromRequestParts<App> for Id {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, HttpError> {
        let id = Path::<String>::from_request_parts(parts, app).await;
        Ok(Self(id.map(|Path(id)| id).unwrap_or_default()))
    }
}

/// Reads the query. Where it is refused and the request has a body, that is not read any more.
fn with_query<T>(parts: &Parts, read: impl FnOnce(&Query<'_>) -> Result<T, RequestError>) -> Result<T, HttpError> {
    let value = Query::parse(parts.uri.query()).and_then(|query| read(&query));
    value.map_err(|error| match parts.method {
        Method::PUT | Method::POST => HttpError::unread(error),
        _ => error.into(),
    })
}

//! The channel calls of both families.

use axum::{
    extract::{Path, Request, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use setpoint::{Directory, Family, RequestError};

use super::{
    App, body, json,
    query::{ORG_ID, Query, invalid},
    refusal::Refusal,
};
use crate::{
    registry::{Channel, ChannelError},
    run::ChannelCall,
};

/// Largest body of a channel call, in bytes.
const BODY_BYTES: usize = 16 << 10;
/// Longest description, in bytes.
const DESC_BYTES: usize = 1_024;

type Id = Result<Path<String>, PathRejection>;

/// `POST …Channels?orgId=`
pub(super) async fn create(State(app): State<App>, family: Family, request: Request) -> Result<Response, Failure> {
    let (org_id, body) = org_and_body(&app, request).await?;
    let id = body.id(family).unwrap_or_default();
    if id.is_empty() {
        let field = family.table().channel_field;
        return Err(Failure::Channel(family, ChannelError::Illegal(format!("{field} is missing"))));
    }
    let desc = body.desc(family)?;
    let call = ChannelCall::Create { org_id, family, id: id.clone(), desc };
    let desc = app.run.channel(call).await?.map_err(|error| Failure::Channel(family, error))?;
    Ok(success(&Shown { family, id: &id, desc: desc.as_deref(), twice: true }))
}

/// `GET …Channels?orgId=&pageSize=&pageToken=`
pub(super) async fn list(State(app): State<App>, family: Family, request: Request) -> Result<Response, Failure> {
    let query = Query::parse(request.uri().query())?;
    let org_id = known_org(&app, &query)?;
    let number = |name: &str, default: usize, least: usize| -> Result<usize, Failure> {
        let Some(text) = query.optional(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| *number >= least && !text.starts_with('+'));
        number.ok_or_else(|| {
            Failure::Channel(family, ChannelError::Query(format!("{name} is {text:?}: give a number from {least} on")))
        })
    };
    let page_size = number("pageSize", 0, 0)?;
    let page_token = number("pageToken", 1, 1)?;
    let registry = app.registry();
    let channels = registry.channels.list(org_id, family);
    let total_size = channels.len();
    let (skip, take) = match page_size {
        0 => (0, usize::MAX),
        size => (size.saturating_mul(page_token - 1), size),
    };
    let data = channels.skip(skip).take(take).map(|channel| Shown::of(family, channel)).collect();
    Ok(success(&Page { page_token, page_size, total_size, data }))
}

/// `GET …Channels/{id}?orgId=`
pub(super) async fn get(State(app): State<App>, family: Family, id: Id, request: Request) -> Result<Response, Failure> {
    let query = Query::parse(request.uri().query())?;
    let org_id = known_org(&app, &query)?;
    let id = existing(family, id)?;
    let registry = app.registry();
    let channel = registry.channels.get(org_id, family, &id).ok_or(Failure::Channel(family, ChannelError::Missing))?;
    Ok(success(&Shown::of(family, channel)))
}

/// `PUT …Channels/{id}?orgId=`
pub(super) async fn update(
    State(app): State<App>,
    family: Family,
    id: Id,
    request: Request,
) -> Result<Response, Failure> {
    let (org_id, body) = org_and_body(&app, request).await?;
    let id = existing(family, id)?;
    if body.id(family).is_some_and(|other| other != id) {
        return Err(Failure::Channel(family, ChannelError::Rename));
    }
    let desc = body.desc(family)?;
    let call = ChannelCall::Update { org_id, family, id: id.clone(), desc };
    let desc = app.run.channel(call).await?.map_err(|error| Failure::Channel(family, error))?;
    Ok(success(&Shown { family, id: &id, desc: desc.as_deref(), twice: false }))
}

/// `DELETE …Channels/{id}?orgId=&force=`
pub(super) async fn delete(
    State(app): State<App>,
    family: Family,
    id: Id,
    request: Request,
) -> Result<Response, Failure> {
    let (org_id, force) = {
        let query = Query::parse(request.uri().query())?;
        let force = match query.optional("force")? {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(invalid("force", format!("force is {other:?}: give true or false")).into()),
        };
        (known_org(&app, &query)?.to_owned(), force)
    };
    let id = existing(family, id)?;
    let call = ChannelCall::Delete { org_id, family, id, force };
    app.run.channel(call).await?.map_err(|error| Failure::Channel(family, error))?;
    Ok(success(&()))
}

/// Why a channel call fails: on the plane of the whole request, or with one of the family's codes.
#[derive(Debug)]
pub(super) enum Failure {
    Request(Refusal),
    Channel(Family, ChannelError),
}

impl<T: Into<Refusal>> From<T> for Failure {
    fn from(refusal: T) -> Self {
        Self::Request(refusal.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Request(refusal) => refusal.into_response(),
            Self::Channel(family, error) => {
                let status = match error {
                    ChannelError::Missing => StatusCode::NOT_FOUND,
                    ChannelError::Exists | ChannelError::InUse(_) => StatusCode::CONFLICT,
                    ChannelError::Limit(_) => StatusCode::TOO_MANY_REQUESTS,
                    ChannelError::Illegal(_)
                    | ChannelError::Rename
                    | ChannelError::Save(_)
                    | ChannelError::Query(_) => StatusCode::BAD_REQUEST,
                };
                let code = error.code(family);
                let body = Refused { status: code.0, msg: code.msg(), submsg: error.to_string() };
                json(status, serialize(&body))
            }
        }
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    status: i64,
    msg: &'a str,
    submsg: String,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    status: i64,
    msg: &'static str,
    submsg: Option<&'static str>,
    data: &'a T,
}

fn success<T: Serialize>(data: &T) -> Response {
    json(StatusCode::OK, serialize(&Envelope { status: 0, msg: "Success", submsg: None, data }))
}

fn serialize(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers into memory: nothing in it can fail.
    serde_json::to_vec(value).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    page_token: usize,
    page_size: usize,
    total_size: usize,
    data: Vec<Shown<'a>>,
}

/// A channel as it is answered: `{id, controlChannelId, desc}`, after an update without the first.
struct Shown<'a> {
    family: Family,
    id: &'a str,
    desc: Option<&'a str>,
    twice: bool,
}

impl<'a> Shown<'a> {
    fn of(family: Family, channel: &'a Channel) -> Self {
        Self { family, id: &channel.id, desc: channel.desc.as_deref(), twice: true }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.twice {
            map.serialize_entry("id", self.id)?;
        }
        map.serialize_entry(self.family.table().channel_field, self.id)?;
        map.serialize_entry("desc", &self.desc)?;
        map.end()
    }
}

/// The body of a create or update; a known key that is there twice is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelBody {
    control_channel_id: Option<String>,
    set_measurepoint_channel_id: Option<String>,
    desc: Option<String>,
}

impl ChannelBody {
    fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        // serde would also take an array for a struct.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(RequestError::body(0, "the body must be a JSON object"));
        }
        serde_json::from_slice(bytes).map_err(|error| invalid("body", error.to_string()))
    }

    fn id(&self, family: Family) -> Option<String> {
        match family {
            Family::Invoke => self.control_channel_id.clone(),
            Family::Write => self.set_measurepoint_channel_id.clone(),
        }
    }

    fn desc(self, family: Family) -> Result<Option<String>, Failure> {
        match self.desc {
            Some(desc) if desc.len() > DESC_BYTES => Err(Failure::Channel(
                family,
                ChannelError::Save(format!("desc is {} bytes long: at most {DESC_BYTES}", desc.len())),
            )),
            desc => Ok(desc),
        }
    }
}

async fn org_and_body(app: &App, request: Request) -> Result<(String, ChannelBody), Failure> {
    let (head, payload) = request.into_parts();
    let org_id = {
        let query = Query::parse(head.uri.query()).map_err(Refusal::unread)?;
        known_org(app, &query).map_err(Refusal::unread)?.to_owned()
    };
    let body = body::read(app, &head.headers, payload, BODY_BYTES).await?;
    Ok((org_id, ChannelBody::parse(&body.bytes)?))
}

fn known_org<'q>(app: &App, query: &'q Query<'_>) -> Result<&'q str, RequestError> {
    let org_id = query.required(ORG_ID)?;
    if !app.registry().has_org(org_id) {
        return Err(RequestError::unknown_org());
    }
    Ok(org_id)
}

/// The id of the path. One that cannot even be decoded is nobody's.
fn existing(family: Family, id: Id) -> Result<String, Failure> {
    id.map(|Path(id)| id).map_err(|_| Failure::Channel(family, ChannelError::Missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_an_object_without_doubled_keys() {
        let body = ChannelBody::parse(br#" {"controlChannelId":"c","desc":null,"other":[1]} "#).unwrap();
        assert_eq!(body.id(Family::Invoke).as_deref(), Some("c"));
        assert_eq!(body.id(Family::Write), None);
        for bad in [
            &b""[..],
            b"[\"c\",null,\"d\"]",
            b"{\"desc\":\"a\",\"desc\":\"b\"}",
            b"{\"desc\":1}",
            b"{\"desc\":\"a\"} x",
            b"{\"desc\":\"\xff\"}",
            b"null",
        ] {
            assert_eq!(ChannelBody::parse(bad).unwrap_err().status, 400);
        }
    }

    #[test]
    fn a_channel_is_shown_in_the_published_order() {
        let shown = Shown { family: Family::Write, id: "DATASVC.SET.a", desc: None, twice: true };
        let text = String::from_utf8(serialize(&shown)).unwrap();
        assert_eq!(text, r#"{"id":"DATASVC.SET.a","setMeasurepointChannelId":"DATASVC.SET.a","desc":null}"#);
    }
}

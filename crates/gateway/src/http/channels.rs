//! The channel calls of both families.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;
use setpoint::Family;

use super::{
    App, body,
    channel_body::{ChannelBody, ChannelView, Page},
    error::HttpError,
    extract::{Force, Id},
    json,
    query::Query,
    serialize,
};
use crate::{
    access::Caller,
    catalog::{Change, ChannelCommand, ChannelError},
};

/// Largest body of a channel call, in bytes.
const BODY_BYTES: usize = 16 << 10;

/// `POST …Channels?orgId=`
pub(super) async fn create(
    State(app): State<App>,
    family: Family,
    caller: Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let body = read(&app, family, &caller, request).await?;
    let Some(id) = body.id(family).filter(|id| !id.is_empty()).map(str::to_owned) else {
        let field = family.table().channel_field;
        return Err(HttpError::Channel(family, ChannelError::Illegal(format!("{field} is missing"))));
    };
    let desc = body.desc(family)?;
    let org_id = caller.org_id().to_string();
    let change = change(&app, family, ChannelCommand::Create { org_id, family, id: id.clone(), desc }).await?;
    Ok(success(&ChannelView { family, id: &id, desc: desc_of(&change), with_id: true }))
}

/// `GET …Channels?orgId=&pageSize=&pageToken=`
pub(super) async fn list(family: Family, caller: Caller, request: Request) -> Result<Response, HttpError> {
    let org_id = caller.existing_org().map_err(|error| HttpError::channel(family, error))?;
    let query = Query::parse(request.uri().query())?;
    let number = |name: &str, default: usize, least: usize| -> Result<usize, HttpError> {
        let Some(text) = query.optional(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| *number >= least && !text.starts_with('+'));
        number.ok_or_else(|| {
            let problem = format!("{name} is {text:?}: give a number from {least} on");
            HttpError::Channel(family, ChannelError::Query(problem))
        })
    };
    let page_size = number("pageSize", 0, 0)?;
    let page_token = number("pageToken", 1, 1)?;
    let catalog = caller.catalog();
    let channels = catalog.channels(org_id, family);
    let total_size = channels.len();
    let (skip, take) = match page_size {
        0 => (0, usize::MAX),
        size => (size.saturating_mul(page_token - 1), size),
    };
    let data = channels.skip(skip).take(take).map(|channel| ChannelView::of(family, channel)).collect();
    Ok(success(&Page { page_token, page_size, total_size, data }))
}

/// `GET …Channels/{id}?orgId=`
pub(super) async fn get(family: Family, caller: Caller, Id(id): Id) -> Result<Response, HttpError> {
    let channel = caller.channel(family, &id).map_err(|error| HttpError::channel(family, error))?;
    Ok(success(&ChannelView::of(family, &channel)))
}

/// `PUT …Channels/{id}?orgId=`
pub(super) async fn update(
    State(app): State<App>,
    family: Family,
    caller: Caller,
    Id(id): Id,
    request: Request,
) -> Result<Response, HttpError> {
    let body = read(&app, family, &caller, request).await?;
    if id.is_empty() {
        return Err(HttpError::Channel(family, ChannelError::Missing));
    }
    if body.id(family).is_some_and(|other| other != id) {
        return Err(HttpError::Channel(family, ChannelError::Rename));
    }
    let desc = body.desc(family)?;
    let org_id = caller.org_id().to_string();
    let change = change(&app, family, ChannelCommand::Update { org_id, family, id: id.clone(), desc }).await?;
    Ok(success(&ChannelView { family, id: &id, desc: desc_of(&change), with_id: false }))
}

/// `DELETE …Channels/{id}?orgId=&force=`
pub(super) async fn delete(
    State(app): State<App>,
    family: Family,
    Force(force): Force,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, HttpError> {
    caller.existing_org().map_err(|error| HttpError::channel(family, error))?;
    let org_id = caller.org_id().to_string();
    change(&app, family, ChannelCommand::Delete { org_id, family, id, force }).await?;
    Ok(success(&()))
}

/// Reads the body of a call for an org that exists.
async fn read(app: &App, family: Family, caller: &Caller, request: Request) -> Result<ChannelBody, HttpError> {
    caller.existing_org().map_err(|error| HttpError::channel(family, error).before_body())?;
    let (head, payload) = request.into_parts();
    let body = body::read(app, &head.headers, payload, BODY_BYTES).await?;
    Ok(ChannelBody::parse(&body.bytes)?)
}

async fn change(app: &App, family: Family, command: ChannelCommand) -> Result<Change, HttpError> {
    app.run.channel(command).await?.map_err(|error| HttpError::channel(family, error))
}

fn desc_of(change: &Change) -> Option<&str> {
    match change {
        Change::ChannelCreated { desc, .. } | Change::ChannelUpdated { desc, .. } => desc.as_deref(),
        Change::ChannelDeleted { .. } | Change::Org { .. } | Change::Device { .. } => None,
    }
}

fn success<T: Serialize>(data: &T) -> Response {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        status: i64,
        msg: &'static str,
        submsg: Option<&'static str>,
        data: &'a T,
    }
    json(StatusCode::OK, serialize(&Envelope { status: 0, msg: "Success", submsg: None, data }))
}

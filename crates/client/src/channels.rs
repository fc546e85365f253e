//! The channel calls: create, get, list, update, delete.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use setpoint::{Code, Family, Limits};
use url::Url;

use crate::{
    Error,
    envelope::Envelope,
    http::{Attempt, Http},
    transport_error::TransportError,
};

/// The channel calls of the service. A channel's family follows from the prefix of its id.
///
/// ```no_run
/// # async fn run() -> Result<(), setpoint_client::Error> {
/// use setpoint_client::{Channels, Family, Page};
///
/// let channels = Channels::new("http://127.0.0.1:8080", "o1")?;
/// channels.create("DATASVC.CONTROL.ops", "control room").await?;
/// for channel in channels.list(Family::Invoke, Page::default()).await?.channels {
///     println!("{} ({})", channel.id, channel.desc);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Channels {
    http: Http,
    timeout: Duration,
}

/// A channel, as the service describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Channel {
    /// Its id, which is also the name of its topic.
    pub id: String,
    /// Its description.
    pub desc: String,
    /// Invoke or write.
    pub family: Family,
}

/// Which part of a list.
///
/// ```
/// use setpoint_client::Page;
///
/// let second = Page::new(50, 2);
/// assert_eq!((second.size, second.token), (50, 2));
/// assert_eq!(Page::default(), Page::new(0, 1), "everything on one page");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Channels on a page; 0 puts all of them on one.
    pub size: u32,
    /// Which page, from 1.
    pub token: u32,
}

impl Page {
    /// Page `token`, counted from 1, of pages with `size` channels each; with a `size` of 0 all are on one page.
    pub fn new(size: u32, token: u32) -> Self {
        Self { size, token }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new(0, 1)
    }
}

/// Part of the list of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelList {
    /// How many there are in all.
    pub total: u64,
    /// Those of this page.
    pub channels: Vec<Channel>,
}

#[derive(Deserialize)]
struct WireChannel {
    #[serde(alias = "controlChannelId", alias = "setMeasurepointChannelId")]
    channel_id: String,
    #[serde(default)]
    desc: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireList {
    total_size: u64,
    data: Vec<WireChannel>,
}

/// The family whose channel ids start like this one.
pub(crate) fn family_of(channel_id: &str) -> Result<Family, Error> {
    Family::ALL.into_iter().find(|family| channel_id.starts_with(family.table().channel_prefix)).ok_or_else(|| {
        Error::setting(
            "channel",
            format!(
                "{channel_id:?} belongs to neither family; ids start with {} or {}",
                Family::Invoke.table().channel_prefix,
                Family::Write.table().channel_prefix
            ),
        )
    })
}

impl Channels {
    /// The channel calls of the service at `url`, in the name of `org_id`.
    ///
    /// # Errors
    /// The URL is not usable.
    pub fn new(url: &str, org_id: &str) -> Result<Self, Error> {
        let http = Http::new(url, org_id, Duration::from_secs(3), Limits::DEFAULT.reply_bytes.get())?;
        Ok(Self::over(http, Duration::from_secs(10)))
    }

    pub(crate) fn over(http: Http, timeout: Duration) -> Self {
        Self { http, timeout }
    }

    /// Creates a channel.
    ///
    /// # Errors
    /// The id is not well formed, or the service refused or did not answer.
    pub async fn create(&self, id: &str, desc: &str) -> Result<Channel, Error> {
        let family = family_of(id)?;
        let url = self.http.url(family.table().channels_path, &[], &[]);
        let wire: WireChannel = self.call(Method::POST, url, Some(body(family, id, desc))).await?;
        Ok(channel(family, wire))
    }

    /// Creates a channel unless it exists. Returns whether it was created.
    ///
    /// ```no_run
    /// # async fn run(channels: setpoint_client::Channels) -> Result<(), setpoint_client::Error> {
    /// if channels.ensure("DATASVC.CONTROL.ops").await? {
    ///     println!("created");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As of [`create`](Self::create).
    pub async fn ensure(&self, id: &str) -> Result<bool, Error> {
        match self.create(id, "").await {
            Ok(_) => Ok(true),
            Err(Error::CallRefused { code, .. }) if code == family_of(id)?.table().channel_exists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One channel; `None` if the org has no such channel.
    ///
    /// # Errors
    /// The id is not well formed, or the service refused or did not answer.
    pub async fn get(&self, id: &str) -> Result<Option<Channel>, Error> {
        let family = family_of(id)?;
        match self.call(Method::GET, self.one(family, id, &[]), None).await {
            Ok(wire) => Ok(Some(channel(family, wire))),
            Err(Error::CallRefused { code, .. })
                if code == family.table().channel_missing || code == Code::NOT_FOUND =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The org's channels of a family.
    ///
    /// # Errors
    /// The service refused or did not answer.
    pub async fn list(&self, family: Family, page: Page) -> Result<ChannelList, Error> {
        let (size, token) = (page.size.to_string(), page.token.to_string());
        let query = [("pageSize", size.as_str()), ("pageToken", token.as_str())];
        let url = self.http.url(family.table().channels_path, &[], &query);
        let list: WireList = self.call(Method::GET, url, None).await?;
        let channels = list.data.into_iter().map(|wire| channel(family, wire)).collect();
        Ok(ChannelList { total: list.total_size, channels })
    }

    /// Changes a channel's description.
    ///
    /// # Errors
    /// The id is not well formed, or the service refused or did not answer.
    pub async fn update(&self, id: &str, desc: &str) -> Result<(), Error> {
        let family = family_of(id)?;
        self.command(Method::PUT, self.one(family, id, &[]), Some(body(family, id, desc))).await
    }

    /// Deletes a channel. While items are in flight on it the service refuses, unless `force` is set: their outcomes
    /// are then never published.
    ///
    /// # Errors
    /// The id is not well formed, or the service refused or did not answer.
    pub async fn delete(&self, id: &str, force: bool) -> Result<(), Error> {
        let query: &[(&str, &str)] = if force { &[("force", "true")] } else { &[] };
        self.command(Method::DELETE, self.one(family_of(id)?, id, query), None).await
    }

    fn one(&self, family: Family, id: &str, query: &[(&str, &str)]) -> Url {
        self.http.url(family.table().channels_path, &[id], query)
    }

    async fn command(&self, method: Method, url: Url, body: Option<Bytes>) -> Result<(), Error> {
        let (url, http_status, bytes) = self.exchange(method, url, body).await?;
        open::<serde::de::IgnoredAny>(&url, http_status, &bytes).map(drop)
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, url: Url, body: Option<Bytes>) -> Result<T, Error> {
        let (url, http_status, bytes) = self.exchange(method, url, body).await?;
        open(&url, http_status, &bytes)?.ok_or_else(|| Error::Unreadable {
            url,
            http_status,
            offset: None,
            source: "it has no data".into(),
        })
    }

    async fn exchange(&self, method: Method, url: Url, body: Option<Bytes>) -> Result<(String, u16, Bytes), Error> {
        let text = url.to_string();
        let (not_sent, source): (bool, TransportError) = match self.http.call(method, url, body, self.timeout).await {
            Attempt::Response { status, body } => return Ok((text, status, body)),
            Attempt::NotSent(error) => (true, error),
            Attempt::Lost(error) => (false, error),
        };
        Err(Error::Unreachable { url: text, not_sent, source })
    }
}

/// The data of an answer, unless it says that the call was refused.
fn open<T: DeserializeOwned>(url: &str, http_status: u16, body: &[u8]) -> Result<Option<T>, Error> {
    let unreadable = |error: serde_json::Error| Error::Unreadable {
        url: url.to_owned(),
        http_status,
        offset: None,
        source: error.into(),
    };
    // The status first: an answer that refuses need not have this call's data.
    let status: Envelope<'_, serde::de::IgnoredAny> = serde_json::from_slice(body).map_err(unreadable)?;
    if status.status != 0 {
        let code = Code(status.status);
        return Err(Error::CallRefused {
            url: url.to_owned(),
            code,
            msg: status.msg.map_or_else(|| code.msg().to_owned(), Into::into),
            submsg: status.submsg.map(Into::into),
        });
    }
    let envelope: Envelope<'_, T> = serde_json::from_slice(body).map_err(unreadable)?;
    Ok(envelope.data)
}

fn body(family: Family, id: &str, desc: &str) -> Bytes {
    serde_json::json!({ family.table().channel_field: id, "desc": desc }).to_string().into()
}

fn channel(family: Family, wire: WireChannel) -> Channel {
    Channel { id: wire.channel_id, desc: wire.desc.unwrap_or_default(), family }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_follows_from_the_prefix() {
        assert_eq!(family_of("DATASVC.CONTROL.x").unwrap(), Family::Invoke);
        assert_eq!(family_of("DATASVC.SET.x").unwrap(), Family::Write);
        assert!(family_of("ops").unwrap_err().to_string().contains("DATASVC.CONTROL."));
    }

    #[test]
    fn answers_are_read_and_refusals_keep_their_code() {
        let body = br#"{"status":0,"msg":"Success","submsg":null,"data":{"id":"7","controlChannelId":"DATASVC.CONTROL.x","desc":"d"}}"#;
        let wire: WireChannel = open("u", 200, body).unwrap().unwrap();
        assert_eq!((wire.channel_id.as_str(), wire.desc.as_deref()), ("DATASVC.CONTROL.x", Some("d")));
        let refused = br#"{"status":1000101,"msg":"control group already exists","submsg":"x"}"#;
        let error = open::<WireChannel>("u", 200, refused).map(drop).unwrap_err();
        assert_eq!(error.code(), Some(Code::CONTROL_CHANNEL_EXISTS));
        assert_eq!(error.to_string(), "u answered 1000101 control group already exists: x");
        let html = open::<WireChannel>("u", 502, b"<html>").map(drop).unwrap_err().to_string();
        assert!(html.contains("502") && html.contains("check the URL"), "{html}");
    }
}

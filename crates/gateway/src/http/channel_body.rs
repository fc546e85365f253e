//! Channels as they are written in requests and answers.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use setpoint::{Family, RequestError};

use super::{error::HttpError, query::invalid};
use crate::catalog::{Channel, ChannelError};

/// Longest description, in bytes.
const DESC_BYTES: usize = 1_024;

/// The body of a create or update; a known key that is there twice is an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelBody {
    control_channel_id: Option<String>,
    set_measurepoint_channel_id: Option<String>,
    desc: Option<String>,
}

impl ChannelBody {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        // serde would also take an array for a struct.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(RequestError::body(0, "the body must be a JSON object"));
        }
        serde_json::from_slice(bytes).map_err(|error| invalid("body", error.to_string()))
    }

    /// The id that it gives for a channel of this family.
    pub(super) fn id(&self, family: Family) -> Option<&str> {
        match family {
            Family::Invoke => self.control_channel_id.as_deref(),
            Family::Write => self.set_measurepoint_channel_id.as_deref(),
        }
    }

    pub(super) fn desc(self, family: Family) -> Result<Option<String>, HttpError> {
        match self.desc {
            Some(desc) if desc.len() > DESC_BYTES => {
                let problem = format!("desc is {} bytes long: at most {DESC_BYTES}", desc.len());
                Err(HttpError::Channel(family, ChannelError::Save(problem)))
            }
            desc => Ok(desc),
        }
    }
}

/// A channel as it is answered: `{id, controlChannelId, desc}`, after an update without the first.
#[derive(Debug)]
pub(super) struct ChannelView<'a> {
    pub(super) family: Family,
    pub(super) id: &'a str,
    pub(super) desc: Option<&'a str>,
    pub(super) with_id: bool,
}

impl<'a> ChannelView<'a> {
    pub(super) fn of(family: Family, channel: &'a Channel) -> Self {
        Self { family, id: &channel.id, desc: channel.desc.as_deref(), with_id: true }
    }
}

impl Serialize for ChannelView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.with_id {
            map.serialize_entry("id", self.id)?;
        }
        map.serialize_entry(self.family.table().channel_field, self.id)?;
        map.serialize_entry("desc", &self.desc)?;
        map.end()
    }
}

/// One page of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<'a> {
    pub(super) page_token: usize,
    pub(super) page_size: usize,
    pub(super) total_size: usize,
    pub(super) data: Vec<ChannelView<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::serialize;

    #[test]
    fn a_body_is_an_object_without_doubled_keys() {
        let body = ChannelBody::parse(br#" {"controlChannelId":"c","desc":null,"other":[1]} "#).unwrap();
        assert_eq!(body.id(Family::Invoke), Some("c"));
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
        let view = ChannelView { family: Family::Write, id: "DATASVC.SET.a", desc: None, with_id: true };
        let text = String::from_utf8(serialize(&view)).unwrap();
        assert_eq!(text, r#"{"id":"DATASVC.SET.a","setMeasurepointChannelId":"DATASVC.SET.a","desc":null}"#);
    }
}

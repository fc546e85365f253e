//! Responses, and a socket for what no HTTP client would send.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::within;

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    pub(super) async fn of(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
            .collect();
        let text = within("a body", response.text()).await.expect("a body");
        Self { status, headers, text }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    /// The replies of a batch, one per item.
    pub(crate) fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["data"].as_array().expect("a list").clone()
    }

    /// The status of each item.
    pub(crate) fn statuses(&self) -> Vec<i64> {
        self.items().iter().map(|item| item["status"].as_i64().expect("a number")).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Asserts a refusal on the plane of the whole request.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, msg: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], status, "the body mirrors the status: {self:?}");
        assert!(body["msg"].as_str().is_some_and(|text| text.contains(msg)), "{msg} in {self:?}");
        assert!(body["submsg"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        assert!(body.get("data").is_none(), "{self:?}");
    }
}

/// A bare connection.
pub(crate) struct Socket(TcpStream);

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self(stream)
    }
}

impl Socket {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self(within("a connection", TcpStream::connect(addr)).await.expect("a connection"))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("sending", self.0.write_all(bytes.as_ref())).await.expect("it is taken");
    }

    /// Sends as much as the other side takes.
    pub(crate) async fn push(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may close before it has read everything.
        let _ = within("sending", self.0.write_all(bytes.as_ref())).await;
    }

    /// Everything until the other side closes.
    pub(crate) async fn until_closed(&mut self) -> String {
        let mut bytes = Vec::new();
        // It may close with a reset when it has not read everything.
        let _ = within("the end of the connection", self.0.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything up to and including this text.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut bytes = Vec::new();
        within(text, async {
            while !String::from_utf8_lossy(&bytes).contains(text) {
                let mut part = [0; 4096];
                let read = self.0.read(&mut part).await.expect("more");
                assert_ne!(read, 0, "{text} before the end: {}", String::from_utf8_lossy(&bytes));
                bytes.extend_from_slice(&part[..read]);
            }
        })
        .await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Does not read, and takes the smallest amount from the other side.
    pub(crate) fn into_inner(self) -> TcpStream {
        self.0
    }
}

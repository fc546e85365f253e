//! The calls to the service, and what is known when one of them fails.

use std::{error::Error as _, net::IpAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use setpoint::Family;
use url::{Host, Url};

use crate::Error;

/// The service, as one org sees it.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: Url,
    org_id: String,
    /// Bytes of a response after which it is given up.
    most: usize,
}

/// The way to the service.
pub(crate) trait Transport: Clone + Send + Sync + 'static {
    /// Sends a batch, once.
    fn put_batch(&self, family: Family, body: Bytes, timeout: Duration) -> impl Future<Output = Attempt> + Send;
}

/// How one attempt to call ended.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// A response, complete.
    Response { status: u16, body: Bytes },
    /// No connection: certainly nothing was sent.
    NotSent(String),
    /// Something was sent, or may have been, and no response came back.
    Lost(String),
}

impl Http {
    /// `most` is the largest response, in bytes.
    pub(crate) fn new(base: &str, org_id: &str, connect_timeout: Duration, most: usize) -> Result<Self, Error> {
        let base = parse_base(base)?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .tcp_nodelay(true)
            // Below what services and proxies keep: a connection that the other side has closed loses a response.
            .pool_idle_timeout(Duration::from_secs(4))
            // A redirected PUT might be sent twice, or as a GET.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("setpoint-client/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            // A proxy for the outside does not know this machine's own loopback.
            builder = builder.no_proxy();
        }
        builder = with_tls(builder, &base)?;
        let client = builder
            .build()
            .map_err(|error| Error::Setting { setting: "HTTP client", reason: chain(&error.without_url()) })?;
        Ok(Self { client, base, org_id: org_id.to_owned(), most })
    }

    /// The org in whose name every call is made.
    pub(crate) fn org_id(&self) -> &str {
        &self.org_id
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The URL of a call: the base's path, then `segments` (escaped), then the org and `query`.
    pub(crate) fn url(&self, path: &str, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        // Cannot fail: `parse_base` lets only http and https through.
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.extend(segments);
        }
        url.query_pairs_mut().append_pair("orgId", &self.org_id).extend_pairs(query);
        url
    }

    /// The URL of the batch call.
    pub(crate) fn batch_url(&self, family: Family) -> Url {
        self.url(family.table().path, &[], &[])
    }

    /// Makes one call, once.
    pub(crate) async fn call(
        &self,
        method: reqwest::Method,
        url: Url,
        body: Option<Bytes>,
        timeout: Duration,
    ) -> Attempt {
        let mut request = self
            .client
            .request(method, url)
            .timeout(timeout)
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let status = response.status().as_u16();
        match read(response, self.most).await {
            Ok(body) => Attempt::Response { status, body },
            Err(reason) => Attempt::Lost(reason),
        }
    }
}

impl Transport for Http {
    async fn put_batch(&self, family: Family, body: Bytes, timeout: Duration) -> Attempt {
        self.call(reqwest::Method::PUT, self.batch_url(family), Some(body), timeout).await
    }
}

/// The body, unless it has more than `most` bytes.
pub(crate) async fn read(mut response: reqwest::Response, most: usize) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(describe)? {
        if body.len() + chunk.len() > most {
            return Err(format!("the response has more than {most} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn failed(error: reqwest::Error) -> Attempt {
    let certainly_not_sent = error.is_connect() || error.is_builder();
    let reason = describe(error);
    if certainly_not_sent { Attempt::NotSent(reason) } else { Attempt::Lost(reason) }
}

/// The whole chain of causes: the outermost text of an HTTP error says next to nothing.
pub(crate) fn describe(error: reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return "no response in time".to_owned();
    }
    chain(&error.without_url())
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

fn parse_base(base: &str) -> Result<Url, Error> {
    let refuse = |reason: String| Error::Setting { setting: "URL", reason };
    let url = Url::parse(base).map_err(|error| {
        refuse(format!("{base:?} is not a URL ({error}); it looks like http://127.0.0.1:8080, with the scheme"))
    })?;
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "tls") => {}
        "https" => return Err(refuse("https:// takes the feature `tls` of setpoint-client".to_owned())),
        other => return Err(refuse(format!("{other}:// is not http:// or https://"))),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse(format!("{base:?} has a query or fragment; give the service's address alone")));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(not(feature = "tls"))]
fn with_tls(builder: reqwest::ClientBuilder, _base: &Url) -> Result<reqwest::ClientBuilder, Error> {
    Ok(builder)
}

/// rustls with ring, named outright: neither the process-wide default provider nor anyone else's choice decides.
#[cfg(feature = "tls")]
fn with_tls(builder: reqwest::ClientBuilder, base: &Url) -> Result<reqwest::ClientBuilder, Error> {
    use std::sync::Arc;
    if base.scheme() != "https" {
        // The platform's certificates need not even be read. A config must be named all the same, or reqwest asks
        // for a process-wide provider; this one trusts nobody.
        return Ok(builder.tls_backend_preconfigured(
            tls_builder(base)?.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new(provider)
        .map_err(|error| Error::Setting { setting: "TLS", reason: error.to_string() })?;
    Ok(builder.tls_backend_preconfigured(
        tls_builder(base)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
    ))
}

#[cfg(feature = "tls")]
fn tls_builder(_base: &Url) -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Error> {
    rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setting { setting: "TLS", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(base: &str) -> Http {
        Http::new(base, "o 1&x", Duration::from_secs(1), 1).unwrap()
    }

    #[test]
    fn urls_keep_the_base_path_and_escape_the_org() {
        for base in ["http://gw:8080/setpoint", "http://gw:8080/setpoint/"] {
            assert_eq!(
                http(base).batch_url(Family::Invoke).as_str(),
                "http://gw:8080/setpoint/dataService/devices/multiInvoke?orgId=o+1%26x"
            );
        }
        assert_eq!(
            http("http://gw").url("/channels", &["a/b", "events"], &[("x", "y")]).as_str(),
            "http://gw/channels/a%2Fb/events?orgId=o+1%26x&x=y"
        );
    }

    #[test]
    fn unusable_urls_say_what_is_wrong() {
        for (base, part) in [
            ("127.0.0.1:8080", "http://"),
            ("localhost:8080", "is not http://"),
            ("mqtt://x", "is not http://"),
            ("http://x/?orgId=1", "query"),
            ("", "is not a URL"),
        ] {
            let error = Http::new(base, "o", Duration::from_secs(1), 1).unwrap_err().to_string();
            assert!(error.contains(part), "{base}: {error}");
        }
    }

    #[test]
    fn loopback_is_known_in_every_spelling() {
        for (url, loopback) in [
            ("http://localhost:1", true),
            ("http://127.3.2.1", true),
            ("http://[::1]:9", true),
            ("http://example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), loopback, "{url}");
        }
    }
}

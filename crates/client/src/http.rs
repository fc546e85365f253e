//! The calls to the service, and what is known when one of them fails.

use std::{net::IpAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use setpoint::Family;
use url::{Host, Url};

use crate::{
    Error,
    transport_error::{Cause, TransportError},
};

/// The service, as one org sees it.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    base: Url,
    org_id: String,
    max_response_bytes: usize,
}

/// Carries batches to the service.
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
    NotSent(TransportError),
    /// Something was sent, or may have been, and no complete response came back.
    Lost(TransportError),
}

impl Http {
    pub(crate) fn new(
        base: &str,
        org_id: &str,
        connect_timeout: Duration,
        max_response_bytes: usize,
    ) -> Result<Self, Error> {
        let base = parse_base(base)?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .tcp_nodelay(true)
            // Shorter than what services and proxies keep: a request on a connection that the other side is just
            // closing loses its response.
            .pool_idle_timeout(Duration::from_secs(4))
            // A redirected PUT might be sent twice, or as a GET.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("setpoint-client/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            // A proxy cannot reach this machine's own loopback.
            builder = builder.no_proxy();
        }
        builder = with_tls(builder, &base)?;
        let client = builder
            .build()
            .map_err(|error| Error::setting_because("HTTP client", "it cannot be built", error.without_url()))?;
        Ok(Self { client, base, org_id: org_id.to_owned(), max_response_bytes })
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
            Err(error) => {
                let error = TransportError::from_http(error);
                return if error.is_before_sending() { Attempt::NotSent(error) } else { Attempt::Lost(error) };
            }
        };
        let status = response.status().as_u16();
        match read(response, self.max_response_bytes).await {
            Ok(body) => Attempt::Response { status, body },
            Err(error) => Attempt::Lost(error),
        }
    }
}

impl Transport for Http {
    async fn put_batch(&self, family: Family, body: Bytes, timeout: Duration) -> Attempt {
        self.call(reqwest::Method::PUT, self.batch_url(family), Some(body), timeout).await
    }
}

/// The body, unless it has more than `max_bytes`.
pub(crate) async fn read(mut response: reqwest::Response, max_bytes: usize) -> Result<Bytes, TransportError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(TransportError::from_http)? {
        if body.len() + chunk.len() > max_bytes {
            return Err(Cause::TooLarge { max_bytes }.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn parse_base(base: &str) -> Result<Url, Error> {
    let refuse = |reason: String| Error::setting("URL", reason);
    let url = Url::parse(base).map_err(|error| {
        let reason = format!("{base:?} is not a URL; it looks like http://127.0.0.1:8080, with the scheme");
        Error::setting_because("URL", reason, error)
    })?;
    match url.scheme() {
        "http" => {}
        "https" if cfg!(feature = "tls") => {}
        "https" => return Err(refuse("https:// needs the feature `tls` of setpoint-client".to_owned())),
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

/// rustls with ring, named explicitly, so that neither the process-wide default provider nor another crate's choice
/// decides.
#[cfg(feature = "tls")]
fn with_tls(builder: reqwest::ClientBuilder, base: &Url) -> Result<reqwest::ClientBuilder, Error> {
    use std::sync::Arc;
    if base.scheme() != "https" {
        // The platform's certificates are not needed. Without a config, reqwest would ask for a process-wide provider;
        // this one trusts nobody.
        return Ok(builder.tls_backend_preconfigured(
            tls_builder(base)?.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(tls_error)?;
    Ok(builder.tls_backend_preconfigured(
        tls_builder(base)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
    ))
}

#[cfg(feature = "tls")]
fn tls_builder(_base: &Url) -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Error> {
    rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(tls_error)
}

#[cfg(feature = "tls")]
fn tls_error(error: rustls::Error) -> Error {
    Error::setting_because("TLS", "it cannot be set up", error)
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

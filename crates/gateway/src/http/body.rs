//! Request bodies, read within bounds of size, memory and time.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::HeaderMap, http::header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use setpoint::RequestError;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::{App, error::HttpError};
use crate::run::HeldBody;

/// Most memory reserved before the body has arrived, in bytes: a client only has to announce a length to have it reserved.
const FIRST_BYTES: usize = 64 << 10;

/// Reads a JSON body of at most `limit` bytes. As it arrives, it is counted against the memory for all bodies.
pub(super) async fn read(app: &App, headers: &HeaderMap, mut body: Body, limit: usize) -> Result<HeldBody, HttpError> {
    let announced = check_headers(headers, limit).map_err(HttpError::unread)?;
    let http = &app.config.http;
    let idle = Duration::from_millis(http.body_idle_timeout_ms.get());
    let end = Instant::now() + Duration::from_millis(http.body_timeout_ms.get());
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    let mut share: Option<OwnedSemaphorePermit> = None;
    loop {
        let frame = match timeout_at(end.min(Instant::now() + idle), body.frame()).await {
            Err(_) => {
                return Err(HttpError::unread(RequestError::new(408, "Request Timeout", "the body took too long")));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(HttpError::unread(malformed("the body does not end where it should"))),
            Ok(Some(Ok(frame))) => frame,
        };
        // No trailer has a meaning here.
        let Ok(data) = frame.into_data() else { continue };
        let have = whole.len() + parts.len();
        if have + data.len() > limit {
            return Err(HttpError::unread(too_large(limit)));
        }
        let taken = u32::try_from(data.len())
            .ok()
            .and_then(|bytes| Arc::clone(&app.body_memory).try_acquire_many_owned(bytes).ok());
        let Some(taken) = taken else {
            let reason = "too many request bodies are held at once: send it again later";
            return Err(HttpError::unread(RequestError::unavailable(reason)));
        };
        match &mut share {
            None => share = Some(taken),
            Some(share) => share.merge(taken),
        }
        if have == 0 {
            whole = data;
            continue;
        }
        if parts.is_empty() {
            parts.reserve(announced.unwrap_or(0).clamp(have + data.len(), FIRST_BYTES.max(have + data.len())));
            parts.extend_from_slice(&whole);
            whole = Bytes::new();
        }
        parts.extend_from_slice(&data);
    }
    Ok(HeldBody::new(if parts.is_empty() { whole } else { parts.freeze() }, share))
}

/// Refuses a body that is encoded, is not JSON in UTF-8, or is announced to be longer than `limit`. Returns the announced
/// length, if there is one.
fn check_headers(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, RequestError> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        // Request smuggling: a proxy and the service must not read different lengths. hyper removes a Content-Length that
        // stands beside the encoding, so that case cannot be told from others here.
        return Err(malformed("send the body with a Content-Length: Transfer-Encoding is not taken"));
    }
    for value in headers.get_all(header::CONTENT_ENCODING) {
        let plain =
            value.to_str().is_ok_and(|list| list.split(',').all(|one| one.trim().eq_ignore_ascii_case("identity")));
        if !plain {
            return Err(unsupported("the body must not be encoded: leave Content-Encoding out"));
        }
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    if let Some(first) = types.next() {
        let one = types.next().is_none();
        if !one || !first.to_str().is_ok_and(is_json_in_utf8) {
            return Err(unsupported("the body must be JSON in UTF-8: send Content-Type: application/json"));
        }
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Ok(None) };
    let length = length.to_str().ok().and_then(|text| text.parse::<usize>().ok());
    match length {
        Some(length) if lengths.next().is_none() && length <= limit => Ok(Some(length)),
        Some(length) if length > limit => Err(too_large(limit)),
        _ => Err(malformed("the Content-Length is not one number")),
    }
}

/// Whether it is `application/json` and, if it names a charset, that is UTF-8.
fn is_json_in_utf8(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let value = value.trim().trim_matches('"');
                value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        })
}

fn malformed(reason: &'static str) -> RequestError {
    RequestError::new(400, "Invalid Argument body", reason)
}

fn unsupported(reason: &'static str) -> RequestError {
    RequestError::new(415, "Unsupported Media Type", reason)
}

fn too_large(limit: usize) -> RequestError {
    RequestError::too_large(format!("the body is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn check(fields: &[(HeaderName, &'static str)]) -> Result<Option<usize>, u16> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        check_headers(&headers, 1_000).map_err(|error| error.status)
    }

    #[test]
    fn only_plain_json_in_utf8_is_taken() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf8\"",
            "application/json; profile=x",
        ] {
            assert_eq!(check(&[(header::CONTENT_TYPE, good)]), Ok(None), "{good}");
        }
        for bad in [
            "text/plain",
            "application/json; charset=utf-16",
            "application/jsonp",
            "",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(check(&[(header::CONTENT_TYPE, bad)]), Err(415), "{bad}");
        }
        assert_eq!(check(&[]), Ok(None), "a missing type says nothing wrong");
        let json = (header::CONTENT_TYPE, "application/json");
        assert_eq!(check(&[json.clone(), json]), Err(415));
        assert_eq!(check(&[(header::CONTENT_ENCODING, "identity")]), Ok(None));
        for bad in ["gzip", "identity, br", "", "zstd"] {
            assert_eq!(check(&[(header::CONTENT_ENCODING, bad)]), Err(415), "{bad}");
        }
    }

    #[test]
    fn the_length_is_one_number_within_the_limit() {
        let length = |text| (header::CONTENT_LENGTH, text);
        assert_eq!(check(&[length("1000")]), Ok(Some(1_000)));
        assert_eq!(check(&[length("1001")]), Err(413));
        for bad in ["-1", "1, 1", "x", ""] {
            assert_eq!(check(&[length(bad)]), Err(400), "{bad}");
        }
        assert_eq!(check(&[length("5"), length("5")]), Err(400));
        assert_eq!(check(&[(header::TRANSFER_ENCODING, "chunked")]), Err(400));
    }
}

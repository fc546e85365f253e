//! Requests that are refused as a whole.

use serde_json::json;

use crate::support::{INVOKE, OPS, Reply, Service, Socket, config, invoke, nonzero};

#[tokio::test(flavor = "multi_thread")]
async fn the_org_is_named_exactly_once_and_exists() {
    let service = Service::start().await;
    let batch = json!({ "data": [invoke("r1")] }).to_string();
    for query in [
        "",
        "?orgId",
        "?orgId=",
        "?orgid=o1",
        "?orgId=o1&orgId=o1",
        "?orgId=o1&orgId=o2",
        "?orgId=o1%00",
        "?orgId=o1%0a",
        "?orgId=o%ff1",
        "?orgId=o%",
        "?orgId=O1",
        "?orgId=nobody",
    ] {
        let reply = service.send("PUT", &format!("/dataService/devices/multiInvoke{query}"), &batch).await;
        reply.assert_refused(400, "Invalid Argument orgId");
    }
    let unknown = service.send("PUT", "/dataService/devices/multiInvoke?orgId=nobody", &batch).await;
    let published = json!({ "status": 400, "msg": "Invalid Argument orgId", "submsg": "orgId does not exist" });
    assert_eq!(unknown.json(), published);
    let spelt = service.send("PUT", "/dataService/devices/multiInvoke?orgId=%6f1", &batch).await;
    assert_eq!(spelt.statuses(), [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_is_plain_json_in_utf8() {
    let service = Service::start().await;
    let send = async |headers: &[(&str, &str)], body: &[u8]| {
        let mut request = service.http.put(service.url(INVOKE)).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        Reply { status, headers: Vec::new(), text: response.text().await.unwrap() }
    };
    let batch = json!({ "data": [invoke("r1")] }).to_string().into_bytes();
    for content_type in ["text/plain", "application/json; charset=utf-16", "application/x-www-form-urlencoded"] {
        send(&[("content-type", content_type)], &batch).await.assert_refused(415, "Unsupported");
    }
    let json_type = ("content-type", "application/json; charset=utf-8");
    for encoding in ["gzip", "br", "identity, gzip"] {
        send(&[json_type, ("content-encoding", encoding)], &batch).await.assert_refused(415, "Unsupported");
    }
    assert_eq!(send(&[json_type, ("content-encoding", "identity")], &batch).await.status, 200);
    assert_eq!(send(&[], &batch).await.status, 200, "curl -d @file with an empty type, for instance");
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"{\"data\":[]}",
        b"{\"data\":{}}",
        b"{}",
        b"{\"data\":[1],\"data\":[2]}",
        b"{\"data\":[\"\xff\"]}",
        b"{\"data\":[1]} x",
        b"\x1f\x8b\x08",
    ] {
        send(&[json_type], body).await.assert_refused(400, "Invalid Argument body");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let mut config = config();
    config.engine.responder.limits.body_bytes = nonzero(100_000);
    let service = Service::with(config).await;
    let addr = service.gateway.http_addr();
    let mut socket = Socket::connect(addr).await;
    socket
        .send(format!(
            "PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100001\r\n\r\n"
        ))
        .await;
    let answer = socket.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"status\":413"), "{answer}");

    let mut socket = Socket::connect(addr).await;
    socket
        .send(format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100001\r\n\r\n"))
        .await;
    let answer = socket.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "nothing is invited that would be refused: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_wrong_methods_are_errors_of_the_same_shape() {
    let service = Service::start().await;
    for path in [
        "/",
        "/dataService/devices/multiInvoke/?orgId=o1",
        "/dataService/devices/multiinvoke",
        "//healthz",
        "/channels",
    ] {
        service.send("PUT", path, "{}").await.assert_refused(404, "Invalid object id");
    }
    for (method, path, allowed) in [
        ("POST", INVOKE, &["PUT"][..]),
        ("GET", INVOKE, &["PUT"]),
        ("DELETE", "/dataService/controlChannels?orgId=o1", &["GET", "POST"]),
        ("POST", "/healthz", &["GET"]),
        ("PUT", &format!("/channels/{OPS}/events?orgId=o1"), &["GET"]),
    ] {
        let reply = service.send(method, path, "").await;
        reply.assert_refused(405, "Method Not Allowed");
        let allow = reply.header("allow").unwrap_or_default();
        assert!(allowed.iter().all(|method| allow.contains(method)), "{method} {path}: Allow: {allow}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bodies_at_once_are_refused_before_they_are_accepted() {
    let mut config = config();
    config.engine.responder.limits.body_bytes = nonzero(100_000);
    config.http.body_bytes_in_all = nonzero(100_000);
    let service = Service::with(config).await;
    let mut slow = Socket::connect(service.gateway.http_addr()).await;
    slow.send(format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 99990\r\n\r\n"))
        .await;
    slow.until("100 Continue").await;
    // Two bodies do not fit. Which of them is refused depends on how far the first one has been read.
    slow.send(vec![b' '; 99_000]).await;
    let refused = loop {
        let reply = service.put(INVOKE, json!([invoke("r1"), { "pad": "x".repeat(2_000) }])).await;
        if reply.status != 200 {
            break reply;
        }
    };
    refused.assert_refused(503, "Service Unavailable");
    slow.send(vec![b' '; 990]).await;
    assert!(slow.until("Invalid Argument body").await.contains("HTTP/1.1 400 "));
    let reply = service.put(INVOKE, json!([invoke("r2")])).await;
    assert_eq!(reply.statuses(), [0], "the memory is given back");
}

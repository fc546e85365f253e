//! HTTP/2, which the gateway does not support: a client that asks for it gets HTTP/1 or is disconnected at once.

use serde_json::json;

use crate::support::{INVOKE, Service, Socket, invoke};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
/// `:method: GET`, `:scheme: http`, `:path: /`, from the table that every HTTP/2 peer knows.
const GET: &[u8] = &[0x82, 0x86, 0x84];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A connection with prior knowledge, and what follows its settings.
fn knowing(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    frames.into_iter().for_each(|frame| bytes.extend(frame));
    bytes
}

/// Streams that are opened and at once reset, as in the rapid reset attack.
fn rapid_reset() -> Vec<u8> {
    let streams = (1..20_000).step_by(2);
    knowing(streams.flat_map(|stream| [frame(HEADERS, 5, stream, GET), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]))
}

/// A header block that never ends.
fn continuation_flood() -> Vec<u8> {
    let endless = (0..10_000).map(|_| frame(CONTINUATION, 0, 1, &[0x40; 100]));
    knowing([frame(HEADERS, 0, 1, GET)].into_iter().chain(endless))
}

/// Asserts that neither an HTTP/2 client nor an HTTP/1 client could take this for success.
fn assert_refused(answer: &str, what: &str) {
    assert!(["", "HTTP/1.1 400 ", "HTTP/1.1 505 "].iter().any(|start| answer.starts_with(start)), "{what}: {answer}");
    assert!(answer.is_empty() || answer.matches("HTTP/1.1 ").count() == 1, "{what}: {answer}");
    for success in ["HTTP/1.1 2", "HTTP/1.1 1"] {
        assert!(!answer.contains(success), "{what}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_with_prior_knowledge_is_refused_and_its_floods_reach_nothing() {
    let service = Service::start().await;
    for (what, bytes) in [
        ("the preface", PREFACE.to_vec()),
        ("the preface and settings", knowing([])),
        ("a request", knowing([frame(HEADERS, 5, 1, GET)])),
        ("a request with a body", knowing([frame(HEADERS, 4, 1, GET), frame(DATA, 1, 1, b"{\"data\":[]}")])),
        ("a rapid reset", rapid_reset()),
        ("a flood of continuations", continuation_flood()),
        ("a flood of pings", knowing((0..10_000).map(|n: u64| frame(PING, 0, 0, &n.to_be_bytes())))),
        ("frames without a preface", frame(SETTINGS, 0, 0, &[])),
        ("half a preface as a request", b"PRI * HTTP/2.0\r\nhost: x\r\n\r\n".to_vec()),
        ("a version that does not exist", b"GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n".to_vec()),
    ] {
        let mut socket = Socket::connect(service.gateway.http_addr()).await;
        socket.push(bytes).await;
        assert_refused(&socket.until_closed().await, what);
    }
    assert_eq!(service.send("GET", "/healthz", "").await.status, 200, "the gateway goes on");
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    assert_eq!(service.gateway.stats().batches, 1, "nothing of it reached the engine");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_to_change_to_http_2_is_passed_over_and_what_follows_in_it_refused() {
    let service = Service::start().await;
    let offer = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
    let mut socket = Socket::connect(service.gateway.http_addr()).await;
    socket.push(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{offer}\r\n")).await;
    socket.push(knowing([frame(HEADERS, 5, 1, GET)])).await;
    let answers = socket.until_closed().await;
    assert!(answers.starts_with("HTTP/1.1 200 "), "the offer is passed over: {answers}");
    let (_, rest) = answers.split_once("\"reason\":null}").expect("all of the answer");
    assert_refused(rest, "what follows as if it had been taken up");
    let batch = json!({ "data": [invoke("r1")] }).to_string();
    let mut socket = Socket::connect(service.gateway.http_addr()).await;
    let head = format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{offer}");
    socket.send(format!("{head}content-length: {}\r\n\r\n{batch}", batch.len())).await;
    let answer = socket.until("\"requestId\":\"r1\"").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "the batch itself is taken, over HTTP/1: {answer}");
}

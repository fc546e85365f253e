//! Abusive clients, with short timeouts.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::support::{INVOKE, OPS, Service, Socket, config, nonzero, within};

async fn impatient() -> Service {
    let mut config = config();
    config.http.header_timeout_ms = nonzero(200);
    config.http.body_idle_timeout_ms = nonzero(200);
    config.http.body_timeout_ms = nonzero(1_000);
    config.http.write_timeout_ms = nonzero(300);
    config.http.max_connections_per_peer = nonzero(8);
    Service::with(config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_can_be_read_in_two_ways_are_refused_and_the_connection_closed() {
    let service = Service::start().await;
    for fields in [
        "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n3;x=y\r\n{}\n\r\n0\r\n\r\n",
        "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: identity\r\n\r\n",
        "content-length: 3\r\ncontent-length: 4\r\n\r\n{}  ",
        "content-length: 3, 3\r\n\r\n{} ",
        "content-length: +3\r\n\r\n{} ",
        "content-length: -1\r\n\r\n",
        "content-length: 3\r\n x: folded\r\n\r\n{} ",
    ] {
        let mut socket = Socket::connect(service.gateway.http_addr()).await;
        socket.push(format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{fields}")).await;
        let answer = socket.until_closed().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "nothing behind it is taken for a request: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_bounded_in_size_and_number() {
    let service = Service::start().await;
    let large = format!("x: {}\r\n", "y".repeat(100_000));
    let many: String = (0..1_000).map(|n| format!("x{n}: y\r\n")).collect();
    for fields in [large, many] {
        let mut socket = Socket::connect(service.gateway.http_addr()).await;
        socket.push(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{fields}\r\n")).await;
        let answer = socket.until_closed().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut socket = Socket::connect(service.gateway.http_addr()).await;
    socket.push("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(!socket.until_closed().await.contains("200"), "HTTP/1 only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_go_on_is_let_go() {
    let service = impatient().await;
    let addr = service.gateway.http_addr();
    let head = format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
    for (start, answer) in [
        (String::new(), ""),
        ("PUT /dataSer".to_owned(), ""),
        (format!("{head}x: y\r\n"), ""),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "HTTP/1.1 200 "),
        (format!("{head}content-length: 10\r\n\r\n{{\"da"), "HTTP/1.1 408 "),
    ] {
        let mut socket = Socket::connect(addr).await;
        socket.send(&start).await;
        let received = socket.until_closed().await;
        assert!(received.starts_with(answer), "{start:?}: {received}");
        assert!(answer.is_empty() == received.is_empty(), "{start:?}: {received}");
    }
    assert_eq!(service.send("GET", "/healthz", "").await.status, 200, "others are not affected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_for_ever_is_given_up() {
    let service = impatient().await;
    let mut socket = Socket::connect(service.gateway.http_addr()).await;
    socket.send(format!("PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")).await;
    let mut stream = socket.into_inner();
    let (mut read, mut write) = stream.split();
    let mut answer = String::new();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    within("an answer", async {
        loop {
            tokio::select! {
                _ = tick.tick() => drop(tokio::io::AsyncWriteExt::write_all(&mut write, b" ").await),
                // It may be closed with a reset, as the client goes on sending.
                _ = read.read_to_string(&mut answer) => return,
            }
        }
    })
    .await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_disconnected() {
    let service = impatient().await;
    let addr = service.gateway.http_addr();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1_024).unwrap();
    let mut stream = socket.connect(addr).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n".repeat(20_000);
    within("room for the requests", tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()))
        .await
        .unwrap();
    within("the end of the other connection", async {
        loop {
            // A connection of its own each time: a client with a pool may hold several.
            let mut socket = Socket::connect(addr).await;
            socket.send("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            let metrics = socket.until_closed().await;
            if metrics.contains("setpoint_http_connections 1\n") {
                return;
            }
        }
    })
    .await;
    let mut answers = Vec::new();
    // It ends with a reset, as not everything was read on either side.
    let _ = within("the end", stream.read_to_end(&mut answers)).await;
    let answered = String::from_utf8_lossy(&answers).matches("HTTP/1.1 200").count();
    assert!(answered < 20_000, "{answered} answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_from_one_peer_are_bounded() {
    let service = impatient().await;
    let addr = service.gateway.http_addr();
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::connect(addr).await;
        socket.send(format!("GET /channels/{OPS}/events?orgId=o1 HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        socket.until("ready").await;
        open.push(socket);
    }
    let answer = Socket::connect(addr).await.until_closed().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    open.pop();
    // The place is given back when the service has seen the end of the connection.
    within("a place", async {
        loop {
            let mut socket = Socket::connect(addr).await;
            socket.push("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            if socket.until_closed().await.starts_with("HTTP/1.1 200 ") {
                return;
            }
        }
    })
    .await;
}

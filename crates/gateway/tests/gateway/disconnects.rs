//! Clients that go away.

use serde_json::json;

use crate::support::{INVOKE, OPS, Service, Socket, invoke};

fn request(body: &str, content_length: usize) -> String {
    format!(
        "PUT {INVOKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {content_length}\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_in_the_middle_of_its_body_has_sent_nothing() {
    let service = Service::start().await;
    let body = json!({ "data": [invoke("r1")] }).to_string();
    for cut in [0, 1, body.len() / 2, body.len() - 1] {
        let mut socket = Socket::connect(service.gateway.http_addr()).await;
        socket.send(request(&body[..cut], body.len())).await;
        drop(socket);
    }
    let mut device = service.device("p", "d1").await;
    assert_eq!(service.put(INVOKE, json!([invoke("r2")])).await.statuses(), [0]);
    let stats = service.gateway.stats();
    assert_eq!((stats.batches, stats.accepted), (1, 1), "only the whole batch was seen");
    device.command().await;
    assert!(!device.has_more());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_after_its_body_can_send_it_again() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    for n in 0..20 {
        let items = json!([invoke(&format!("r{n}a")), invoke(&format!("r{n}b"))]);
        let body = json!({ "data": items }).to_string();
        let mut socket = Socket::connect(service.gateway.http_addr()).await;
        socket.send(request(&body, body.len())).await;
        drop(socket);
        assert_eq!(service.put(INVOKE, items).await.statuses(), [0, 0]);
        for _ in 0..2 {
            let command = device.command().await;
            device.succeed(&command, json!({})).await;
        }
        topic.replies(2).await;
    }
    assert!(!device.has_more(), "nothing was dispatched twice");
    assert_eq!(service.gateway.stats().accepted, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_many_requests() {
    let service = Service::start().await;
    let mut socket = Socket::connect(service.gateway.http_addr()).await;
    for n in 0..3 {
        let body = json!({ "data": [invoke(&format!("r{n}"))] }).to_string();
        socket.send(request(&body, body.len())).await;
        let answer = socket.until(&format!("\"r{n}\"")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(service.gateway.stats().accepted, 3);
}

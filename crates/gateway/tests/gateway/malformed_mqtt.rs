//! Malformed MQTT on the port of the embedded broker: it ends its own connection and no other.

use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::support::{INVOKE, OPS, Service, Socket, config, invoke};

const CONNECT: u8 = 0x10;
const PUBLISH: u8 = 0x30;
/// The CONNACK that accepts a client.
const TAKEN: &str = "\x20\x02\0\0";

/// A packet that announces its true length.
fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    announced(kind, body.len(), body)
}

/// A packet that announces this length, true or not.
fn announced(kind: u8, mut length: usize, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    loop {
        let byte = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { byte } else { byte | 0x80 });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// A string or bytes with a length prefix.
fn field(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let length = u16::try_from(bytes.len()).expect("a short field");
    [&length.to_be_bytes(), bytes].concat()
}

/// The body of a CONNECT of MQTT 3.1.1.
fn connect(client_id: impl AsRef<[u8]>) -> Vec<u8> {
    [field("MQTT"), vec![4, 2, 0, 60], field(client_id)].concat()
}

fn publish(topic: impl AsRef<[u8]>, payload: &[u8]) -> Vec<u8> {
    packet(PUBLISH, &[&field(topic), payload].concat())
}

/// What ends a connection before its CONNECT.
fn before_connect() -> Vec<(&'static str, Vec<u8>)> {
    let whole = packet(CONNECT, &connect("x"));
    vec![
        ("a length in five bytes", vec![CONNECT, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a length without end", vec![0xff; 1_000]),
        ("a length shorter than the packet", announced(CONNECT, connect("x").len() - 3, &connect("x"))),
        ("a length of nothing", announced(CONNECT, 0, &connect("x"))),
        ("more than any packet may have", announced(CONNECT, 0x0fff_ffff, &connect("x"))),
        ("a field longer than the packet", packet(CONNECT, &[0xff, 0xff, b'M', b'Q', b'T', b'T'])),
        ("another protocol's name", packet(CONNECT, &[field("HTTP"), vec![4, 2, 0, 60], field("x")].concat())),
        ("a version that does not exist", packet(CONNECT, &[field("MQTT"), vec![9, 2, 0, 60], field("x")].concat())),
        ("a reserved flag", packet(CONNECT, &[field("MQTT"), vec![4, 3, 0, 60], field("x")].concat())),
        ("a client id that is no UTF-8", packet(CONNECT, &connect([b'x', 0xff, 0xfe]))),
        ("a client id that could be a path", packet(CONNECT, &connect("../\x1b[2J\nx"))),
        ("properties longer than the packet", packet(CONNECT, &[field("MQTT"), vec![5, 2, 0, 60, 0x7f]].concat())),
        ("a message before CONNECT", publish(OPS, b"{\"data\":[]}")),
        ("an answer before CONNECT", publish("/sys/p/d1/thing/service/start_reply", b"{}")),
        ("a subscription before CONNECT", packet(0x82, &[vec![0, 1], field("#"), vec![1]].concat())),
        ("a sign of life before CONNECT", vec![0xc0, 0]),
        ("a packet of no kind", packet(0x00, &connect("x"))),
        ("flags that CONNECT does not have", [&[CONNECT | 0x0f], &whole[1..]].concat()),
        ("a request of HTTP", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("a greeting of TLS", [&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &[7; 194]].concat()),
        ("a hundred kilobytes of one byte", vec![0x41; 100_000]),
        ("noise", (0..4_096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
    ]
}

/// What ends the connection of a client that was accepted.
fn after_connect(max_packet_bytes: usize) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a second CONNECT", packet(CONNECT, &connect("again"))),
        ("a topic that is no UTF-8", publish(b"/sys/p/d1/\xff\xfe", b"{}")),
        ("a topic with a NUL", publish("/sys/p/d1\0/x", b"{}")),
        ("a topic with half a surrogate", publish(b"/sys/\xed\xa0\x80", b"{}")),
        ("a topic with a wildcard", publish("/sys/+/#", b"{}")),
        ("no topic", publish("", b"{}")),
        ("a topic longer than the packet", packet(PUBLISH, &[0xff, 0xff, b'/'])),
        ("a quality of service that does not exist", packet(PUBLISH | 0x06, &[field("/x"), vec![0, 1]].concat())),
        ("a message id that is missing", packet(PUBLISH | 0x02, &field("/x"))),
        ("a message over the bound", publish("/sys/p/d1/thing/service/start_reply", &vec![b' '; max_packet_bytes])),
        ("a length over the bound", announced(PUBLISH, max_packet_bytes * 2, &field("/x"))),
        ("a length in five bytes", vec![PUBLISH, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a subscription to nothing", packet(0x82, &[0, 1])),
        ("a filter that is no UTF-8", packet(0x82, &[vec![0, 1], field([0xff]), vec![1]].concat())),
        ("a packet of no kind", vec![0x00, 0]),
        ("noise", vec![0xf7; 1_000]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_packets_end_their_own_connection_and_no_other() {
    const BOUND: usize = 100_000;
    let mut config = config();
    config.mqtt.max_packet_bytes = u32::try_from(BOUND).unwrap();
    let service = Service::with(config).await;
    let broker = service.gateway.mqtt_addr().unwrap();
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;

    // All at once: what could be the start of a longer packet is waited for until the broker's patience ends.
    let strangers = before_connect().into_iter().map(|(what, bytes)| async move {
        let mut socket = Socket::connect(broker).await;
        socket.push(bytes).await;
        let answer = socket.until_closed().await;
        assert!(!answer.starts_with(TAKEN), "{what}: it is taken for a client");
    });
    join_all(strangers).await;
    for (n, (what, bytes)) in after_connect(BOUND).into_iter().enumerate() {
        let mut socket = Socket::connect(broker).await;
        socket.send(packet(CONNECT, &connect(format!("client-{n}")))).await;
        assert_eq!(socket.until(TAKEN).await, TAKEN, "{what}: it is taken for a client first");
        socket.push(bytes).await;
        socket.until_closed().await;

        // The connections from before are still there: the device's, the reader's, and both of the gateway.
        let name = format!("r{n}");
        assert_eq!(service.put(INVOKE, json!([invoke(&name)])).await.statuses(), [0], "after {what}");
        let command = device.command().await;
        device.succeed(&command, json!({ "after": what })).await;
        let reply = topic.reply().await;
        assert_eq!((&reply["requestId"], &reply["outputData"]), (&json!(name), &json!({ "after": what })));
    }
    assert!(!device.has_more());
    let stats = service.gateway.stats();
    assert_eq!((stats.unknown, stats.unreadable, stats.wrong_device), (0, 0, 0), "nothing of it reached the engine");
    assert_eq!(service.send("GET", "/readyz", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_are_cut_off_end_with_their_connection_or_in_time() {
    let service = Service::start().await;
    let broker = service.gateway.mqtt_addr().unwrap();
    let mut device = service.device("p", "d1").await;
    let whole = packet(CONNECT, &connect("cut"));
    for length in 0..whole.len() {
        let mut socket = Socket::connect(broker).await;
        socket.send(&whole[..length]).await;
        let mut stream = socket.into_inner();
        stream.shutdown().await.unwrap();
        assert_eq!(Socket::from(stream).until_closed().await, "", "after {length} bytes");
    }
    // Some never go on, and keep their side open: they are given up, and meanwhile nobody waits for them.
    let mut silent = Socket::connect(broker).await;
    let mut stuck = Socket::connect(broker).await;
    stuck.send(&whole[..whole.len() / 2]).await;
    let mut waiting = Socket::connect(broker).await;
    waiting.send(announced(CONNECT, connect("long").len() + 10, &connect("long"))).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    device.command().await;
    for socket in [&mut silent, &mut stuck, &mut waiting] {
        assert_eq!(socket.until_closed().await, "");
    }
    assert_eq!(service.send("GET", "/readyz", "").await.status, 200);
}

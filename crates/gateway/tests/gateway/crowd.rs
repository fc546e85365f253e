//! Many items over many connections.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use setpoint_gateway::DeviceEntry;

use crate::support::{Device, INVOKE, OPS, Service, config, invoke, nonzero};

const DEVICES: usize = 8;
const ITEMS: usize = 10_000;

/// The asset and the unique name of an item, in the order in which they are sent.
fn items() -> Vec<Value> {
    let item = |n: usize| {
        let mut item = invoke(&format!("r{n}"));
        item["assetId"] = json!(format!("many-{}", n % DEVICES));
        item["inputData"] = json!({ "unique": n });
        item["timeout"] = json!(300_000);
        item
    };
    (0..ITEMS).map(item).collect()
}

/// Takes its share of the commands, and only then answers them, in no order.
async fn answer(mut device: Device, mut random: fastrand::Rng) -> Device {
    let mut commands = Vec::new();
    while commands.len() < ITEMS / DEVICES {
        commands.push(device.command().await);
    }
    random.shuffle(&mut commands);
    for command in commands {
        device.succeed(&command, json!({ "of": command.payload["params"]["unique"] })).await;
    }
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_answers_in_any_order_over_many_connections_end_each_its_own_item() {
    let mut config = config();
    config.engine.responder.pending_per_device = nonzero(ITEMS as u64);
    config.devices = (0..DEVICES).map(|n| DeviceEntry::new("o1", "p", format!("m{n}"), format!("many-{n}"))).collect();
    let service = Service::with(config).await;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut answering = Vec::new();
    for n in 0..DEVICES {
        let device = service.device("p", &format!("m{n}")).await;
        answering.push(answer(device, fastrand::Rng::with_seed(seed + n as u64)));
    }
    let mut topic = service.topic(OPS).await;
    let send = async {
        for part in items().chunks(ITEMS / 4) {
            assert!(service.put(INVOKE, json!(part)).await.statuses().iter().all(|status| *status == 0));
        }
    };
    let (_, replies, ()) = tokio::join!(join_all(answering), topic.replies(ITEMS), send);
    let finals: BTreeMap<_, _> = replies.iter().map(|reply| (reply["requestId"].to_string(), reply)).collect();
    assert_eq!(finals.len(), ITEMS, "each once");
    for (name, reply) in finals {
        let unique = &reply["inputData"]["unique"];
        assert_eq!((&reply["status"], name), (&json!(0), format!("\"r{unique}\"")));
        assert_eq!(&reply["outputData"]["of"], unique);
        let device = unique.as_u64().map(|n| n as usize % DEVICES).expect("a number");
        assert_eq!(reply["assetId"], format!("many-{device}"));
    }
    let stats = service.gateway.stats();
    assert_eq!((stats.succeeded, stats.pending, stats.unknown, stats.wrong_device), (ITEMS as u64, 0, 0, 0));
}

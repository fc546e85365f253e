//! The channel calls.

use serde_json::{Value, json};
use setpoint::Family;

use crate::support::{INVOKE, OPS, Reply, SET, Service, WRITE, config, invoke, nonzero, write};

fn path(family: Family, rest: &str) -> String {
    format!("{}{rest}", family.table().channels_path)
}

#[track_caller]
fn assert_code(reply: &Reply, http: u16, code: i64) {
    let body = reply.json();
    assert_eq!((reply.status, body["status"].as_i64()), (http, Some(code)), "{reply:?}");
    assert_eq!(body["msg"], setpoint::Code(code).msg());
    assert!(body["submsg"].as_str().is_some_and(|text| !text.is_empty()), "{reply:?}");
    assert!(body.get("data").is_none());
}

fn success(data: Value) -> Value {
    json!({ "status": 0, "msg": "Success", "submsg": null, "data": data })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_created_read_changed_and_deleted() {
    let service = Service::start().await;
    for family in Family::ALL {
        let table = family.table();
        let (field, id) = (table.channel_field, format!("{}night-shift_1.a", table.channel_prefix));
        let all = path(family, "?orgId=o1");
        let one = path(family, &format!("/{id}?orgId=o1"));
        let body = json!({ field: id, "desc": "nights" }).to_string();
        let created = service.send("POST", &all, &body).await;
        assert_eq!(created.json(), success(json!({ "id": id, field: id, "desc": "nights" })), "{created:?}");
        assert_code(&service.send("POST", &all, &body).await, 409, table.channel_exists.0);
        assert_eq!(service.send("GET", &one, "").await.json(), created.json());

        let changed = service.send("PUT", &one, &json!({ field: id, "desc": "days" }).to_string()).await;
        assert_eq!(changed.json(), success(json!({ field: id, "desc": "days" })));
        let other = json!({ field: format!("{id}x"), "desc": "days" }).to_string();
        assert_code(&service.send("PUT", &one, &other).await, 400, table.channel_update.0);
        assert_eq!(service.send("PUT", &one, "{}").await.json(), success(json!({ field: id, "desc": null })));

        let listed = service.send("GET", &all, "").await.json();
        assert_eq!(listed["data"]["totalSize"], 2, "{listed}");
        assert_eq!(listed["data"]["data"][0], json!({ "id": id, field: id, "desc": null }));
        assert_eq!(service.send("DELETE", &one, "").await.json(), success(Value::Null));
        for method in ["GET", "PUT", "DELETE"] {
            assert_code(&service.send(method, &one, "{}").await, 404, table.channel_missing.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_channel_looks_like_a_missing_one_and_its_id_is_taken() {
    let service = Service::start().await;
    let missing = service.send("GET", "/dataService/controlChannels/DATASVC.CONTROL.none?orgId=o2", "").await;
    for method in ["GET", "PUT", "DELETE"] {
        let foreign = service.send(method, &format!("/dataService/controlChannels/{OPS}?orgId=o2"), "{}").await;
        assert_code(&foreign, 404, 1_000_103);
        assert_eq!(foreign.text, missing.text);
    }
    let stream = service.send("GET", &format!("/channels/{OPS}/events?orgId=o2"), "").await;
    assert_eq!((stream.status, &stream.text), (404, &missing.text));
    let listed = service.send("GET", "/dataService/controlChannels?orgId=o2", "").await.json();
    assert_eq!(listed["data"], json!({ "pageToken": 1, "pageSize": 0, "totalSize": 0, "data": [] }));
    let body = json!({ "controlChannelId": OPS }).to_string();
    let taken = service.send("POST", "/dataService/controlChannels?orgId=o2", &body).await;
    assert_code(&taken, 409, 1_000_101);
    let mut item = invoke("r1");
    item["assetId"] = json!("a1");
    let batch = service.put("/dataService/devices/multiInvoke?orgId=o2", json!([item])).await;
    assert_eq!(batch.statuses(), [1_000_103]);
    for (method, path) in
        [("GET", "?orgId=nobody"), ("POST", "?orgId=nobody"), ("GET", ""), ("GET", "?orgId=o1&orgId=o2")]
    {
        let reply = service.send(method, &format!("/dataService/controlChannels{path}"), "{}").await;
        reply.assert_refused(400, "Invalid Argument orgId");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_channel_is_refused() {
    let mut config = config();
    config.events.channels_per_org = nonzero(2);
    let service = Service::with(config).await;
    let create = async |body: &str| service.send("POST", "/dataService/controlChannels?orgId=o1", body).await;
    for id in [
        "",
        "ops",
        "DATASVC.CONTROL.",
        "DATASVC.SET.a",
        "DATASVC.CONTROL.a/b",
        "DATASVC.CONTROL.+",
        "DATASVC.CONTROL.ü",
    ] {
        assert_code(&create(&json!({ "controlChannelId": id }).to_string()).await, 400, 1_000_102);
    }
    let long = format!("DATASVC.CONTROL.{}", "x".repeat(49));
    assert_code(&create(&json!({ "controlChannelId": long }).to_string()).await, 400, 1_000_102);
    assert_code(&create(&json!({ "setMeasurepointChannelId": "DATASVC.CONTROL.a" }).to_string()).await, 400, 1_000_102);
    let described = json!({ "controlChannelId": "DATASVC.CONTROL.a", "desc": "x".repeat(1_025) }).to_string();
    assert_code(&create(&described).await, 400, 1_000_106);
    for body in ["", "[]", "{\"desc\":1}", "{\"controlChannelId\":\"a\",\"controlChannelId\":\"b\"}"] {
        create(body).await.assert_refused(400, "Invalid Argument body");
    }
    create(&format!("{{\"desc\":\"{}\"}}", "x".repeat(20_000))).await.assert_refused(413, "Invalid Argument body");
    assert_eq!(create("{\"controlChannelId\":\"DATASVC.CONTROL.a\"}").await.status, 200);
    assert_code(&create("{\"controlChannelId\":\"DATASVC.CONTROL.b\"}").await, 429, 1_000_108);
    assert_eq!(
        service
            .send(
                "POST",
                "/dataService/setMeasurepointChannels?orgId=o1",
                "{\"setMeasurepointChannelId\":\"DATASVC.SET.b\"}"
            )
            .await
            .status,
        200,
        "the families are counted apart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_in_pages() {
    let service = Service::start().await;
    for n in 0..4 {
        let body = json!({ "controlChannelId": format!("DATASVC.CONTROL.c{n}") }).to_string();
        assert_eq!(service.send("POST", "/dataService/controlChannels?orgId=o1", &body).await.status, 200);
    }
    let page = async |query: &str| {
        let body = service.send("GET", &format!("/dataService/controlChannels?orgId=o1{query}"), "").await.json();
        let data = &body["data"];
        let ids = data["data"].as_array().unwrap().iter();
        let ids: String = ids.map(|channel| channel["id"].as_str().unwrap().rsplit('.').next().unwrap()).collect();
        (
            ids,
            data["totalSize"].as_u64().unwrap(),
            data["pageToken"].as_u64().unwrap(),
            data["pageSize"].as_u64().unwrap(),
        )
    };
    assert_eq!(page("").await, ("c0c1c2c3ops".into(), 5, 1, 0));
    assert_eq!(page("&pageSize=2").await, ("c0c1".into(), 5, 1, 2));
    assert_eq!(page("&pageSize=2&pageToken=3").await, ("ops".into(), 5, 3, 2));
    assert_eq!(page("&pageSize=2&pageToken=9").await, (String::new(), 5, 9, 2));
    for query in ["&pageSize=-1", "&pageSize=x", "&pageToken=0", "&pageToken=+1", "&pageSize="] {
        let reply = service.send("GET", &format!("/dataService/controlChannels?orgId=o1{query}"), "").await;
        assert_code(&reply, 400, 1_000_107);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_in_use_is_deleted_only_by_force_and_its_outcomes_are_then_undeliverable() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let mut writer = service.device("p", "d2").await;
    let mut set = service.topic(SET).await;
    let mut events = service.events(OPS, None).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    let one = format!("/dataService/controlChannels/{OPS}?orgId=o1");
    let command = device.command().await;
    let refused = service.send("DELETE", &one, "").await;
    assert_code(&refused, 409, 1_000_105);
    assert!(refused.text.contains("force=true"), "{refused:?}");
    assert_code(&service.send("DELETE", &format!("{one}&force=false"), "").await, 409, 1_000_105);
    service.send("DELETE", &format!("{one}&force=yes"), "").await.assert_refused(400, "force");
    assert_eq!(service.send("DELETE", &format!("{one}&force=true"), "").await.status, 200);
    while events.block().await.is_some() {}

    device.succeed(&command, json!({})).await;
    assert_eq!(service.put(WRITE, json!([write("w1")])).await.statuses(), [0], "the other family goes on");
    let command = writer.command().await;
    writer.succeed(&command, json!({})).await;
    assert_eq!(set.reply().await["requestId"], "w1");
    assert_eq!(service.gateway.stats().undeliverable, 1);
    assert_eq!(service.put(INVOKE, json!([invoke("r2")])).await.statuses(), [1_000_103]);
}

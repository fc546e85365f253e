//! A part of the service that panics: a defect, and no input is known to cause one.
//!
//! The program around the gateway can: its log subscriber runs on the thread that logs. The one here panics on the run loop's
//! own thread, when a device publishes to a certain topic.

use std::fmt::Debug;

use serde_json::json;
use setpoint_gateway::GatewayError;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::support::{INVOKE, OPS, Service, error_chain, invoke, within};

const TOPIC: &str = "/sys/p/panic-here/thing/service/start_reply";

/// Logs nothing, and panics at the topic above.
struct Panics;

impl Visit for Panics {
    fn record_str(&mut self, field: &Field, value: &str) {
        assert!(field.name() != "topic" || value != TOPIC, "the log cannot be written");
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("setpoint_gateway")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Self);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_loop_that_panics_makes_the_service_unhealthy_and_ends_it_with_an_error_of_its_own() {
    // For the whole process, as programs do; the other tests log nothing.
    tracing::subscriber::set_global_default(Panics).expect("there is no other");
    let service = Service::start().await;
    let mut events = service.events(OPS, None).await;
    let device = service.device("p", "panic-here").await;
    assert_eq!(service.send("GET", "/healthz", "").await.status, 200);

    device.publish(TOPIC, r#"{"id":"0","code":200}"#).await;
    let error = within("the end", service.gateway.wait()).await.unwrap_err();
    assert!(matches!(&error, GatewayError::Panicked { part: "run loop", .. }), "{error:?}");
    let reason = "the run loop panicked: the log cannot be written";
    assert_eq!(error_chain(&error), reason);

    // Until it is shut down it says what has become of it.
    let health = service.send("GET", "/healthz", "").await;
    assert_eq!((health.status, health.json()), (500, json!({ "healthy": false, "reason": reason })));
    let ready = service.send("GET", "/readyz", "").await;
    assert_eq!((ready.status, &ready.json()["accepting"]), (503, &json!(false)));
    service.put(INVOKE, json!([invoke("r1")])).await.assert_refused(503, "Unavailable");
    while events.block().await.is_some() {}
    assert_eq!(error_chain(&service.gateway.shutdown().await.unwrap_err()), reason);
}

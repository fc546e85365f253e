//! MQTT 5.

use std::future::Future;

use rumqttc_v5::{
    AsyncClient, EventLoop, Packet, PublishNoticeError, PublishOptions, PublishProperties, QoS, RetainForwardRule,
    SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::mpsc;

use super::{
    Arrived, ConnectionError, Event, Inbox, Outgoing, PACKET_SLACK_BYTES, Sent, Settings, drive,
    options::{capacity, options},
};

/// The sending half.
#[derive(Debug)]
pub(super) struct Client(AsyncClient);

impl Client {
    pub(super) fn send(&self, message: Outgoing) -> Option<impl Future<Output = Sent> + Send + use<>> {
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(PublishProperties {
            message_expiry_interval: message.expiry_s,
            ..PublishProperties::default()
        });
        let notice = self.0.try_publish_tracked(message.topic, message.payload, options).ok()?;
        Some(async move {
            match notice.wait_completion_async().await {
                Ok(()) => Sent::Acknowledged,
                Err(PublishNoticeError::V5PubAck(reason)) => Sent::Rejected(format!("{reason:?}")),
                Err(_) => Sent::Lost,
            }
        })
    }

    pub(super) fn disconnect(&self) {
        // If it cannot be queued, the connection ends without it.
        let _ = self.0.try_disconnect_now();
    }
}

/// Makes the client, and the future that drives it until the connection is lost.
pub(super) fn open(
    settings: &Settings,
    events: mpsc::Sender<Event>,
    inbox: impl Inbox,
) -> Result<(Client, impl Future<Output = ()> + Send + 'static), ConnectionError> {
    let mut options = options!(rumqttc_v5, settings)?;
    let slack = u32::try_from(PACKET_SLACK_BYTES).unwrap_or(0);
    options.set_clean_start(true);
    options.set_outgoing_inflight_upper_limit(settings.window);
    options.set_max_packet_size(Some(settings.max_packet_bytes.saturating_add(slack)));
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let builder = AsyncClient::builder(options).capacity(capacity(settings.window));
    let (client, event_loop) = builder.try_build().map_err(ConnectionError::client)?;
    let (subscriber, filters) = (client.clone(), settings.filters);
    let to_the_end = {
        let events = events.clone();
        async move { poll(&subscriber, event_loop, filters, &events, inbox).await }
    };
    Ok((Client(client), drive(to_the_end, events)))
}

async fn poll(
    client: &AsyncClient,
    mut event_loop: EventLoop,
    filters: &[&str],
    events: &mpsc::Sender<Event>,
    inbox: impl Inbox,
) -> ConnectionError {
    use rumqttc_v5::Event::Incoming;
    loop {
        let up = match event_loop.poll().await {
            Ok(Incoming(Packet::ConnAck(_))) if filters.is_empty() => true,
            Ok(Incoming(Packet::ConnAck(_))) => {
                let filters = filters.iter().map(|filter| SubscribeFilter {
                    nolocal: true,
                    retain_forward_rule: RetainForwardRule::Never,
                    ..SubscribeFilter::new(*filter, QoS::AtLeastOnce)
                });
                if let Err(error) = client.try_subscribe_many(filters) {
                    return ConnectionError::client(error);
                }
                false
            }
            Ok(Incoming(Packet::SubAck(ack))) => {
                let refused = ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                if let Some(code) = refused {
                    return ConnectionError::SubscriptionRefused(format!(": {code:?}"));
                }
                true
            }
            Ok(Incoming(Packet::Publish(publish))) => {
                let message = Arrived { topic: publish.topic, payload: publish.payload, retained: publish.retain };
                if !inbox.take(message).await {
                    return ConnectionError::NobodyListens;
                }
                false
            }
            Ok(_) => false,
            Err(error) => return ConnectionError::client(error),
        };
        if up && events.send(Event::Up).await.is_err() {
            return ConnectionError::NobodyListens;
        }
    }
}

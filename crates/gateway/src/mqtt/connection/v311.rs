//! MQTT 3.1.1.

use std::future::Future;

use rumqttc_v4::{AsyncClient, EventLoop, Packet, PublishOptions, QoS, SubscribeFilter, SubscribeReasonCode};
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
        let options = PublishOptions::at_least_once();
        let notice = self.0.try_publish_tracked(message.topic, message.payload, options).ok()?;
        Some(async move {
            match notice.wait_async().await {
                Ok(_) => Sent::Acknowledged,
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
    let mut options = options!(rumqttc_v4, settings)?;
    let packet = usize::try_from(settings.max_packet_bytes).unwrap_or(usize::MAX);
    options.set_clean_session(true);
    options.set_inflight(settings.window);
    options.set_max_packet_size(packet.saturating_add(PACKET_SLACK_BYTES), packet);
    let builder = AsyncClient::builder(options).capacity(capacity(settings.window));
    let (client, mut event_loop) = builder.try_build().map_err(ConnectionError::client)?;
    let mut network = event_loop.network_options();
    network.set_tcp_nodelay(true);
    event_loop.set_network_options(network);
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
    use rumqttc_v4::Event::Incoming;
    loop {
        let up = match event_loop.poll().await {
            Ok(Incoming(Packet::ConnAck(_))) if filters.is_empty() => true,
            Ok(Incoming(Packet::ConnAck(_))) => {
                let filters = filters.iter().map(|filter| SubscribeFilter::new((*filter).to_owned(), QoS::AtLeastOnce));
                if let Err(error) = client.try_subscribe_many(filters) {
                    return ConnectionError::client(error);
                }
                false
            }
            Ok(Incoming(Packet::SubAck(ack))) => {
                if ack.return_codes.iter().any(|code| matches!(code, SubscribeReasonCode::Failure)) {
                    return ConnectionError::SubscriptionRefused(String::new());
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

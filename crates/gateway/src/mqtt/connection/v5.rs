//! MQTT 5.

use std::future::Future;

use rumqttc_v5::{
    AsyncClient, EventLoop, MqttOptions, Packet, PublishNoticeError, PublishOptions, PublishProperties, QoS,
    RetainForwardRule, SubscribeFilter, SubscribeReasonCode, Transport,
};
use tokio::sync::mpsc;

use super::{Event, Incoming, MESSAGES_PER_WRITE, Outgoing, PACKET_SLACK_BYTES, Sent, Settings, Trust, deliver};

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
                Err(PublishNoticeError::V5PubAck(reason)) => Sent::Refused(format!("{reason:?}")),
                Err(_) => Sent::Lost,
            }
        })
    }

    pub(super) fn say_goodbye(&self) {
        // If it cannot be queued, the connection ends without it.
        let _ = self.0.try_disconnect_now();
    }
}

/// Makes the client, and the future that drives it until the connection is lost.
pub(super) fn open(
    settings: &Settings,
    events: mpsc::Sender<Event>,
    inbox: Option<mpsc::Sender<Incoming>>,
) -> Result<(Client, impl Future<Output = ()> + Send + 'static), String> {
    let address = &settings.address;
    let mut options = MqttOptions::new(&*settings.client_id, (address.host.as_str(), address.port));
    let slack = u32::try_from(PACKET_SLACK_BYTES).unwrap_or(0);
    options.set_keep_alive(settings.keep_alive_s);
    options.set_clean_start(true);
    options.set_outgoing_inflight_upper_limit(settings.window);
    options.set_max_request_batch(MESSAGES_PER_WRITE);
    options.set_max_packet_size(Some(settings.max_packet_bytes.saturating_add(slack)));
    if let Some((user, password)) = &address.credentials {
        options.set_credentials(user, password.clone().into_bytes());
    }
    match &address.tls {
        None => {}
        Some(Trust::System) => {
            options.set_transport(Transport::try_tls_with_default_config().map_err(|error| error.to_string())?);
        }
        Some(Trust::Pem(pem)) => {
            options.set_transport(Transport::tls(pem.clone(), None, None));
        }
    }
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    let capacity = usize::from(settings.window) + 2;
    let (client, driver) =
        AsyncClient::builder(options).capacity(capacity).try_build().map_err(|error| error.to_string())?;
    let run = {
        let (client, filters) = (client.clone(), settings.filters);
        async move {
            let reason = drive(&client, driver, filters, &events, inbox.as_ref()).await;
            // Nobody may be listening any more.
            let _ = events.send(Event::Lost(reason)).await;
        }
    };
    Ok((Client(client), run))
}

async fn drive(
    client: &AsyncClient,
    mut driver: EventLoop,
    filters: &[&str],
    events: &mpsc::Sender<Event>,
    inbox: Option<&mpsc::Sender<Incoming>>,
) -> String {
    use rumqttc_v5::Event::Incoming;
    loop {
        let up = match driver.poll().await {
            Ok(Incoming(Packet::ConnAck(_))) if filters.is_empty() => true,
            Ok(Incoming(Packet::ConnAck(_))) => {
                let filters = filters.iter().map(|filter| SubscribeFilter {
                    nolocal: true,
                    retain_forward_rule: RetainForwardRule::Never,
                    ..SubscribeFilter::new(*filter, QoS::AtLeastOnce)
                });
                if let Err(error) = client.try_subscribe_many(filters) {
                    return error.to_string();
                }
                false
            }
            Ok(Incoming(Packet::SubAck(ack))) => {
                if let Some(code) =
                    ack.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)))
                {
                    return format!("the broker refused a subscription: {code:?}");
                }
                true
            }
            Ok(Incoming(Packet::Publish(publish))) => {
                if !deliver(inbox, publish.topic, publish.payload, publish.retain).await {
                    return "nobody listens any more".to_owned();
                }
                false
            }
            Ok(_) => false,
            Err(error) => return error.to_string(),
        };
        if up && events.send(Event::Up).await.is_err() {
            return "nobody listens any more".to_owned();
        }
    }
}

//! Through the gateway, with the client library: HTTP in, outcomes from the channel's event stream.

use std::num::NonZeroUsize;

use setpoint_client::{Client, DeviceName, Event, InvokeItem, ItemRef, Outcomes};
use tokio::time::Instant;

use super::item::{CHANNEL, End, How, TIMEOUT_MS, input};
use crate::failure::Failure;

/// So many that a batch never waits in the client, which would be part of the measured latency.
const REQUESTS_UNDER_WAY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// A client of the gateway.
#[derive(Debug)]
pub(super) struct Through {
    client: Client,
    devices: Vec<DeviceName>,
    service: String,
}

/// A batch that was sent.
pub(super) struct Sent {
    outcomes: Outcomes,
    first: u64,
}

impl Through {
    pub(super) async fn connect(
        url: &str,
        org: &str,
        devices: Vec<DeviceName>,
        service: &str,
    ) -> Result<Self, Failure> {
        let client = Client::builder(url)
            .org_id(org)
            .channel(CHANNEL)
            .create_channels()
            .requests_under_way(REQUESTS_UNDER_WAY)
            .build()
            .await?;
        Ok(Self { client, devices, service: service.to_owned() })
    }

    pub(super) async fn send(&self, first: u64, items: usize) -> Result<Sent, Failure> {
        let batch: Vec<_> = (first..first + items as u64).map(|number| self.item(number)).collect();
        Ok(Sent { outcomes: self.client.invoke(batch).await?, first })
    }

    fn item(&self, number: u64) -> InvokeItem {
        let at = usize::try_from(number).unwrap_or(0) % self.devices.len();
        let mut item = InvokeItem::new(CHANNEL, self.devices[at].clone(), self.service.as_str());
        item.input_data = Some(serde_json::Map::from_iter([("n".to_owned(), number.into())]));
        item.timeout = Some(TIMEOUT_MS);
        item
    }

    pub(super) async fn close(&self) {
        self.client.close().await;
    }
}

impl Sent {
    pub(super) async fn next(&mut self) -> Option<End> {
        loop {
            let event = self.outcomes.next_event().await?;
            let at = Instant::now();
            let (item, how, own) = match event {
                Event::Finished { item, outcome } if outcome.code().is_success() => {
                    let expected = input(self.first + item.index as u64);
                    let own = *outcome.output_data() == *expected;
                    (item, How::Succeeded, own)
                }
                Event::Finished { item, .. } => (item, How::Failed, true),
                Event::Refused { item, .. } => (item, How::Refused, true),
                Event::TimedOut { item, .. } => (item, How::TimedOut, true),
                Event::Cancelled { item } => (item, How::Cancelled, true),
                _ => continue,
            };
            let ItemRef { index, .. } = item;
            return Some(End { index, how, at, own });
        }
    }
}

//! What HTTP readers of a channel see: its last messages, in order, with numbers to resume from.
//!
//! A feed is one sink of a channel among others: it is open while the catalog has the channel, keeps what it can within its
//! bounds, and says where a reader may have missed something. It decides nothing about publication.

mod log;
mod stream;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock, atomic::AtomicUsize},
};

pub(crate) use log::ChannelLog;
pub(crate) use stream::event_stream;

use crate::{
    lock::{read, write},
    ports::{ChannelSink, Publication},
};

/// What feeds may keep.
#[derive(Debug, Clone)]
pub(crate) struct FeedLimits {
    /// Most messages of one channel.
    pub(crate) messages: usize,
    /// Most bytes of one channel.
    pub(crate) bytes: usize,
    /// Most bytes of all channels together.
    pub(crate) bytes_in_all: usize,
}

/// The feeds of all channels.
#[derive(Debug)]
pub(crate) struct Feeds {
    shared: Shared,
    /// Written when a channel is created or deleted, which is seldom.
    logs: RwLock<LogsByOrg>,
}

/// By org, then by channel id.
type LogsByOrg = HashMap<Arc<str>, HashMap<Arc<str>, Arc<ChannelLog>>>;

/// What all feeds have in common.
#[derive(Debug, Clone)]
struct Shared {
    /// Tells event ids of this run from those of every other run.
    run: Arc<str>,
    limits: FeedLimits,
    /// Bytes kept by all feeds together.
    used: Arc<AtomicUsize>,
}

impl Feeds {
    /// No feeds yet. `run` names this run of the gateway in event ids.
    pub(crate) fn new(run: Arc<str>, limits: FeedLimits) -> Self {
        Self { shared: Shared { run, limits, used: Arc::default() }, logs: RwLock::default() }
    }

    /// The channel exists from now on; a feed that is open stays as it is.
    pub(crate) fn open(&self, org_id: &Arc<str>, channel_id: &Arc<str>) {
        let mut logs = write(&self.logs);
        let org = logs.entry(Arc::clone(org_id)).or_default();
        org.entry(Arc::clone(channel_id)).or_insert_with(|| Arc::new(ChannelLog::new(self.shared.clone())));
    }

    /// The channel is gone: its readers get what is there, and then the end.
    pub(crate) fn close(&self, org_id: &str, channel_id: &str) {
        let closed = write(&self.logs).get_mut(org_id).and_then(|org| org.remove(channel_id));
        if let Some(log) = closed {
            log.close();
        }
    }

    /// The feed of a channel; `None` if there is no such channel.
    pub(crate) fn log(&self, org_id: &str, channel_id: &str) -> Option<Arc<ChannelLog>> {
        read(&self.logs).get(org_id)?.get(channel_id).map(Arc::clone)
    }
}

impl ChannelSink for Feeds {
    fn deliver(&self, publication: &Publication) {
        // A channel that was deleted meanwhile has no readers.
        if let Some(log) = self.log(&publication.org_id, &publication.channel_id) {
            log.append(publication.body.clone());
        }
    }
}

#[cfg(test)]
impl Feeds {
    /// One open feed with room for much.
    fn one() -> Arc<ChannelLog> {
        let limits = FeedLimits { messages: 1_000, bytes: 1 << 20, bytes_in_all: 1 << 20 };
        let feeds = Self::new("run".into(), limits);
        feeds.open(&"o1".into(), &"c".into());
        feeds.log("o1", "c").unwrap()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use setpoint::{Family, responder::PublicationId};

    use super::{log::Found, *};

    #[test]
    fn a_feed_has_the_messages_of_its_channel_while_that_exists() {
        let feeds = Feeds::new("run".into(), FeedLimits { messages: 10, bytes: 1_000, bytes_in_all: 1_000 });
        let (org, channel): (Arc<str>, Arc<str>) = ("o1".into(), "c".into());
        let deliver = |org: &str| {
            feeds.deliver(&Publication {
                id: PublicationId(1),
                org_id: org.into(),
                family: Family::Invoke,
                channel_id: "c".into(),
                body: Bytes::from_static(b"{}"),
            });
        };
        deliver("o1");
        assert!(feeds.log("o1", "c").is_none());
        feeds.open(&org, &channel);
        let log = feeds.log("o1", "c").unwrap();
        deliver("o1");
        deliver("o2");
        feeds.open(&org, &channel);
        assert_eq!(log.after(0, 10), Found::Messages(vec![Bytes::from_static(b"{}")]));
        feeds.close("o1", "c");
        assert!(feeds.log("o1", "c").is_none());
        assert_eq!(log.after(1, 10), Found::Closed);
        feeds.open(&org, &channel);
        assert_eq!(feeds.log("o1", "c").unwrap().after(0, 10), Found::Nothing, "a channel of the same id starts anew");
    }
}

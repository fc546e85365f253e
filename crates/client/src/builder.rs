//! How a client is put together.

use std::{sync::Arc, time::Duration};

use setpoint::{Family, Requester, limits::WARN_CHANNEL_ID_BYTES, requester::RequesterConfig};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

use crate::{
    ChannelSource, Channels, Client, Error, EventStream,
    actor::{Actor, Ends},
    backoff::Backoff,
    client::{Inner, Listening},
    http::{Http, Transport},
    seam::task,
    send::Sending,
    shared::Shared,
    source,
};

/// Inputs on their way to the client's task; those who bring more wait.
const INPUT_BUFFER: usize = 256;

/// Settings of a [`Client`]. None of them is a rule of the protocol: those are the engine's.
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    url: String,
    org_id: String,
    channels: Vec<String>,
    create_channels: bool,
    sources: Vec<Box<dyn ChannelSource>>,
    #[cfg(feature = "mqtt")]
    mqtt: Option<String>,
    #[cfg(feature = "mqtt")]
    mqtt_client_id: Option<String>,
    requester: RequesterConfig,
    connect_timeout: Duration,
    response_timeout: Duration,
    connect_attempts: u32,
    backoff: (Duration, Duration),
    requests_under_way: usize,
    late_buffer: usize,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("org_id", &self.org_id)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            org_id: String::new(),
            channels: Vec::new(),
            create_channels: false,
            sources: Vec::new(),
            #[cfg(feature = "mqtt")]
            mqtt: None,
            #[cfg(feature = "mqtt")]
            mqtt_client_id: None,
            requester: RequesterConfig::default(),
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(10),
            connect_attempts: 4,
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
            requests_under_way: 32,
            late_buffer: 1_024,
        }
    }

    /// The org in whose name every call is made.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = org_id.into();
        self
    }

    /// A channel to listen on; its prefix says which family it serves. The first one of each family is also the
    /// channel of the items that name none. Give as many as needed.
    pub fn channel(mut self, channel_id: impl Into<String>) -> Self {
        self.channels.push(channel_id.into());
        self
    }

    /// Creates the channels that do not exist yet.
    pub fn create_channels(mut self) -> Self {
        self.create_channels = true;
        self
    }

    /// Listens on the MQTT topics named by the channels, at the broker `mqtt://[user:password@]host[:port]`,
    /// instead of the service's event streams.
    #[cfg(feature = "mqtt")]
    pub fn mqtt(mut self, broker_url: impl Into<String>) -> Self {
        self.mqtt = Some(broker_url.into());
        self
    }

    /// The MQTT client id, and with it the session at the broker, which then outlives this client. Without one, a
    /// name is made up and the session removed when the client closes.
    #[cfg(feature = "mqtt")]
    pub fn mqtt_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.mqtt_client_id = Some(client_id.into());
        self
    }

    /// Listens on a source of your own. With one, nothing else is listened on; `channel` then only says what goes
    /// into items that name no channel.
    pub fn source(mut self, source: impl ChannelSource) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// Bounds and allowances of the engine.
    pub fn requester(mut self, config: RequesterConfig) -> Self {
        self.requester = config;
        self
    }

    /// How long a connection may take; 3 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt waits for its response before the same body is sent again; 10 seconds. No attempt goes
    /// on after the batch's last deadline.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How often a connection is tried before a batch of which nothing was sent is given up; 4.
    pub fn connect_attempts(mut self, attempts: u32) -> Self {
        self.connect_attempts = attempts.max(1);
        self
    }

    /// The pauses between attempts, of requests and of connections: from `first`, doubling, up to `most`, with
    /// jitter; 100 ms and 5 s.
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        self.backoff = (first, most);
        self
    }

    /// How many requests may be under way at once; further calls wait; 32. The order in which the service receives
    /// batches that are under way at once is open: with 1 it is the order of the calls.
    pub fn requests_under_way(mut self, most: usize) -> Self {
        self.requests_under_way = most.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many events each stream of late or channel events may leave unread; 1,024. More are counted, not kept.
    pub fn late_buffer(mut self, events: usize) -> Self {
        self.late_buffer = events;
        self
    }

    /// Connects and subscribes, so that from here on no outcome can be missed.
    ///
    /// # Errors
    /// A setting is not usable, or a channel cannot be listened on.
    pub async fn build(mut self) -> Result<Client, Error> {
        if self.org_id.is_empty() {
            return Err(Error::Setting {
                setting: "org",
                reason: "none was given; every call is made in the name of one: .org_id(\"…\")".to_owned(),
            });
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let http = Http::new(&self.url, &self.org_id, self.connect_timeout, self.requester.limits.reply_bytes)?;
        let channels = Channels::over(http.clone(), self.response_timeout);
        let listening = self.listening()?;
        if self.create_channels {
            for id in &self.channels {
                channels.ensure(id).await?;
            }
        }
        let sources = self.sources(&http)?;
        if sources.is_empty() {
            return Err(Error::Setting {
                setting: "channel",
                reason: "none was given, so no outcome could be heard; give at least one: \
                         .channel(\"DATASVC.CONTROL.…\") or .channel(\"DATASVC.SET.…\")"
                    .to_owned(),
            });
        }
        self.start(http, channels, listening, sources, seed).await
    }

    /// Listens on the sources, and starts everything.
    pub(crate) async fn start<T: Transport>(
        self,
        http: T,
        channels: Channels,
        listening: Listening,
        mut sources: Vec<Box<dyn ChannelSource>>,
        seed: [u8; 32],
    ) -> Result<Client, Error> {
        open_all(&mut sources).await?;
        let slots = Arc::new(Semaphore::new(self.requests_under_way));
        let shared = Arc::new(Shared::new(self.late_buffer));
        let (commands_in, commands) = mpsc::channel(self.requests_under_way.min(INPUT_BUFFER));
        let (input_in, input) = mpsc::channel(INPUT_BUFFER);
        let (cancels_in, cancels) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let mut pumps = JoinSet::new();
        for source in sources {
            pumps.spawn(task("pump", source::run(source, input_in.clone(), stopped.clone())));
        }
        let sending = Sending {
            http,
            slots: Arc::clone(&slots),
            response_timeout: self.response_timeout,
            connect_attempts: self.connect_attempts,
            backoff: self.pauses(),
        };
        let (ended, ended_out) = mpsc::channel(1);
        let ends = Ends { commands, input, input_in, cancels, cancels_in, stop, _ended: ended_out };
        let requester = Requester::new(&self.org_id, self.requester, seed);
        let actor = Actor::new(requester, sending, ends, Arc::clone(&shared), pumps);
        tokio::spawn(task("client", actor.run()));
        Ok(Client::new(Inner { commands: commands_in, slots, shared, channels, listening, ended }))
    }

    fn pauses(&self) -> Backoff {
        Backoff::new(self.backoff.0, self.backoff.1)
    }

    fn listening(&self) -> Result<Listening, Error> {
        let mut listening = Listening { anything: !self.sources.is_empty(), ..Listening::default() };
        for id in &self.channels {
            let family = crate::channels::family_of(id)?;
            if id.len() > WARN_CHANNEL_ID_BYTES {
                tracing::warn!(
                    channel = id,
                    "ids above {WARN_CHANNEL_ID_BYTES} bytes are refused by later EnOS versions"
                );
            }
            match family {
                Family::Invoke => listening.invoke.push(id.clone()),
                Family::Write => listening.write.push(id.clone()),
            }
        }
        Ok(listening)
    }

    fn sources(&mut self, http: &Http) -> Result<Vec<Box<dyn ChannelSource>>, Error> {
        if !self.sources.is_empty() || self.channels.is_empty() {
            return Ok(std::mem::take(&mut self.sources));
        }
        let most = self.requester.limits.reply_bytes;
        let mut topics = self.channels.clone();
        topics.sort();
        topics.dedup();
        #[cfg(feature = "mqtt")]
        if let Some(broker) = &self.mqtt {
            let client_id = self.mqtt_client_id.take();
            let source = crate::MqttTopics::new(broker, client_id, topics, most, self.pauses())?;
            return Ok(vec![Box::new(source)]);
        }
        let stream = |id: &String| -> Box<dyn ChannelSource> {
            Box::new(EventStream::new(http, id, most, self.response_timeout, self.pauses()))
        };
        Ok(topics.iter().map(stream).collect())
    }
}

/// Opens every source; if one cannot be opened, the others leave nothing behind.
async fn open_all(sources: &mut [Box<dyn ChannelSource>]) -> Result<(), Error> {
    for number in 0..sources.len() {
        if let Err(error) = sources[number].open().await {
            for opened in &mut sources[..number] {
                opened.close().await;
            }
            return Err(error.into());
        }
    }
    Ok(())
}

//! Builds a client: checks the settings, connects, and starts the tasks.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use setpoint::{Family, Requester, limits::WARN_CHANNEL_ID_BYTES, requester::RequesterConfig};
use setpoint_clock::Backoff;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

use crate::{
    ChannelSource, Channels, Client, Error, EventStream,
    actor::{Actor, ActorChannels},
    client::{Inner, Listening},
    http::{Http, Transport},
    observers::Observers,
    seam::task,
    send::SendContext,
    source,
};

/// Capacity of the queue of inputs to the client's task; senders wait while it is full.
const INPUT_CAPACITY: usize = 256;

/// Settings of a [`Client`]. None of them is a rule of the protocol: those are the engine's.
///
/// ```no_run
/// use std::{num::NonZero, time::Duration};
///
/// use setpoint_client::Client;
///
/// # async fn run() -> Result<(), setpoint_client::Error> {
/// let client = Client::builder("http://127.0.0.1:8080")
///     .org_id("o1")
///     .channel("DATASVC.CONTROL.ops")
///     .channel("DATASVC.SET.ops")
///     .create_channels()
///     .response_timeout(Duration::from_secs(5))
///     .requests_under_way(const { NonZero::new(4).unwrap() })
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
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
    connect_attempts: NonZeroU32,
    backoff: Backoff,
    requests_under_way: NonZeroUsize,
    late_buffer: NonZeroUsize,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL of the MQTT broker may hold a password.
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("org_id", &self.org_id)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the service at `url`, such as `http://127.0.0.1:8080`.
    ///
    /// ```no_run
    /// use setpoint_client::{Client, DeviceName, Event, InvokeItem};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder("http://127.0.0.1:8080")
    ///     .org_id("o1")
    ///     .channel("DATASVC.CONTROL.ops")
    ///     .create_channels()
    ///     .build()
    ///     .await?;
    /// let start = InvokeItem::new("", DeviceName::asset("turbine-7"), "start").with_timeout_ms(5_000);
    /// let mut outcomes = client.invoke(vec![start]).await?;
    /// while let Some(event) = outcomes.next_event().await {
    ///     match event {
    ///         Event::Finished { item, outcome } => println!("{:?}: {}", item.request_id(), outcome.code()),
    ///         Event::TimedOut { item, known_unsent: true, .. } => println!("{:?} may be repeated", item.request_id()),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// client.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }
}

impl Builder {
    fn new(url: String) -> Self {
        const CONNECT_ATTEMPTS: NonZeroU32 = NonZeroU32::new(4).unwrap();
        const REQUESTS_UNDER_WAY: NonZeroUsize = NonZeroUsize::new(32).unwrap();
        const LATE_BUFFER: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();
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
            connect_attempts: CONNECT_ATTEMPTS,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
            requests_under_way: REQUESTS_UNDER_WAY,
            late_buffer: LATE_BUFFER,
        }
    }

    /// The org in whose name every call is made. There is no default.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = org_id.into();
        self
    }

    /// A channel to listen on; its prefix says which family it serves. The first one of each family is also the
    /// channel of the items that name none. May be called several times.
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
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), setpoint_client::Error> {
    /// use setpoint_client::Client;
    ///
    /// let client = Client::builder("http://127.0.0.1:8080")
    ///     .org_id("o1")
    ///     .channel("DATASVC.CONTROL.ops")
    ///     .mqtt("mqtt://127.0.0.1:1883")
    ///     .mqtt_client_id("control-room-1")
    ///     .build()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "mqtt")]
    pub fn mqtt(mut self, broker_url: impl Into<String>) -> Self {
        self.mqtt = Some(broker_url.into());
        self
    }

    /// The MQTT client id, and with it the session at the broker, which then outlives this client. Without one, the
    /// client id is random and the session is removed when the client closes.
    #[cfg(feature = "mqtt")]
    pub fn mqtt_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.mqtt_client_id = Some(client_id.into());
        self
    }

    /// Listens on a source of your own, and on nothing else; `channel` then only gives a channel to items that name none.
    /// [`ChannelSource`] has an example.
    pub fn source(mut self, source: impl ChannelSource) -> Self {
        self.sources.push(Box::new(source));
        self
    }

    /// Limits and times of the engine.
    pub fn requester(mut self, config: RequesterConfig) -> Self {
        self.requester = config;
        self
    }

    /// How long a connection may take. Default 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt waits for its response before the same body is sent again. No attempt continues after the
    /// batch's last deadline. Default 10 s.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How many times a connection is attempted before a batch of which nothing was sent is given up. Default 4.
    pub fn connect_attempts(mut self, attempts: NonZeroU32) -> Self {
        self.connect_attempts = attempts;
        self
    }

    /// The pauses between attempts, of requests and of connections: exponential from `first` up to `longest`, with
    /// jitter. Default 100 ms and 5 s.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff::new(first, longest);
        self
    }

    /// How many requests may be under way at once; further calls wait. Requests that are under way at once arrive in
    /// any order: with 1 the service receives batches in the order of the calls. Default 32.
    pub fn requests_under_way(mut self, limit: NonZeroUsize) -> Self {
        self.requests_under_way = limit;
        self
    }

    /// How many events each stream of late or channel events may leave unread. Further ones are counted, not kept.
    /// Default 1,024.
    pub fn late_buffer(mut self, events: NonZeroUsize) -> Self {
        self.late_buffer = events;
        self
    }

    /// Connects and subscribes, so that from here on no outcome can be missed.
    ///
    /// # Errors
    /// A setting is not usable, or a channel cannot be listened on.
    pub async fn build(mut self) -> Result<Client, Error> {
        if self.org_id.is_empty() {
            return Err(Error::setting("org", "none was given; every call is made in the name of one: .org_id(\"…\")"));
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let http = Http::new(&self.url, &self.org_id, self.connect_timeout, self.requester.limits.reply_bytes.get())?;
        let channels = Channels::over(http.clone(), self.response_timeout);
        let listening = self.listening()?;
        if self.create_channels {
            for id in &self.channels {
                channels.ensure(id).await?;
            }
        }
        let sources = self.sources(&http)?;
        if sources.is_empty() {
            return Err(Error::setting(
                "channel",
                "none was given, so no outcome could be heard; give at least one: \
                 .channel(\"DATASVC.CONTROL.…\") or .channel(\"DATASVC.SET.…\")",
            ));
        }
        self.start(http, channels, listening, sources, seed).await
    }

    /// Opens the sources and starts the tasks.
    pub(crate) async fn start<T: Transport>(
        self,
        transport: T,
        channels: Channels,
        listening: Listening,
        mut sources: Vec<Box<dyn ChannelSource>>,
        seed: [u8; 32],
    ) -> Result<Client, Error> {
        open_all(&mut sources).await?;
        let requests = self.requests_under_way.get().min(Semaphore::MAX_PERMITS);
        let request_slots = Arc::new(Semaphore::new(requests));
        let observers = Arc::new(Observers::new(self.late_buffer));
        let (commands_sender, commands) = mpsc::channel(requests.min(INPUT_CAPACITY));
        let (input_sender, input) = mpsc::channel(INPUT_CAPACITY);
        let (cancels_sender, cancels) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let mut pumps = JoinSet::new();
        for source in sources {
            pumps.spawn(task("pump", source::run(source, input_sender.clone(), stopped.clone())));
        }
        let send_context = SendContext {
            transport,
            request_slots: Arc::clone(&request_slots),
            response_timeout: self.response_timeout,
            connect_attempts: self.connect_attempts,
            backoff: self.backoff,
        };
        let (ended, ended_receiver) = mpsc::channel(1);
        let actor_channels =
            ActorChannels { commands, input, input_sender, cancels, cancels_sender, stop, _ended: ended_receiver };
        let requester = Requester::new(&self.org_id, self.requester, seed);
        let actor = Actor::new(requester, send_context, actor_channels, Arc::clone(&observers), pumps);
        tokio::spawn(task("client", actor.run()));
        Ok(Client::new(Inner { commands: commands_sender, request_slots, observers, channels, listening, ended }))
    }

    fn listening(&self) -> Result<Listening, Error> {
        let mut listening = Listening { any_channel: !self.sources.is_empty(), ..Listening::default() };
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
        let max_message_bytes = self.requester.limits.reply_bytes.get();
        let mut channels = self.channels.clone();
        channels.sort();
        channels.dedup();
        #[cfg(feature = "mqtt")]
        if let Some(broker) = &self.mqtt {
            let client_id = self.mqtt_client_id.take();
            let source = crate::MqttTopics::new(broker, client_id, channels, max_message_bytes, self.backoff.clone())?;
            return Ok(vec![Box::new(source)]);
        }
        let stream = |id: &String| -> Box<dyn ChannelSource> {
            Box::new(EventStream::new(http, id, max_message_bytes, self.response_timeout, self.backoff.clone()))
        };
        Ok(channels.iter().map(stream).collect())
    }
}

/// Opens every source. If one cannot be opened, those that are open are closed.
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

//! Brokers that are not the gateway's own.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use mqtt5::broker::{
    BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageBackendType, StorageConfig, config::TlsConfig,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use super::within;

/// A broker that can be stopped and started again on its port.
pub(crate) struct TestBroker {
    pub(crate) addr: SocketAddr,
    stop: BrokerShutdownHandle,
    running: JoinHandle<()>,
}

impl TestBroker {
    pub(crate) async fn start(addr: SocketAddr) -> Self {
        Self::with(settings(addr)).await
    }

    /// Listens on this address with TLS, too.
    pub(crate) async fn start_with_tls(tls_addr: SocketAddr, cert_file: PathBuf, key_file: PathBuf) -> Self {
        let tls = TlsConfig::new(cert_file, key_file).with_bind_address(tls_addr);
        Self::with(settings("127.0.0.1:0".parse().expect("an address")).with_tls(tls)).await
    }

    async fn with(config: BrokerConfig) -> Self {
        let mut broker = MqttBroker::with_config(config).await.expect("a broker");
        let addr = broker.local_addr().expect("an address");
        let stop = broker.shutdown_handle();
        let running = tokio::spawn(async move { broker.run().await.expect("it runs") });
        Self { addr, stop, running }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.addr)
    }

    /// Stops, and gives the address to start again on.
    pub(crate) async fn stop(self) -> SocketAddr {
        let Self { addr, stop, mut running } = self;
        // A shutdown that is requested before the broker's task has begun to run is lost, so it is requested again.
        let ended = async {
            loop {
                stop.shutdown();
                if let Ok(ended) = timeout(Duration::from_millis(10), &mut running).await {
                    return ended;
                }
            }
        };
        within("the broker's end", ended).await.expect("it ends");
        addr
    }
}

fn settings(addr: SocketAddr) -> BrokerConfig {
    let storage = StorageConfig::new().with_backend(StorageBackendType::Memory);
    BrokerConfig::default().with_bind_address(addr).with_storage(storage).with_sys_topics_enabled(false)
}

/// Speaks just enough MQTT 3.1.1 to take connections, and never acknowledges a message.
pub(crate) struct FakeBroker {
    pub(crate) addr: SocketAddr,
    /// Topics of the messages that came, one entry per connection and message.
    pub(crate) messages: mpsc::UnboundedReceiver<String>,
    connections: mpsc::UnboundedReceiver<JoinHandle<()>>,
    _acceptor: JoinHandle<()>,
}

impl FakeBroker {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (message, messages) = mpsc::unbounded_channel();
        let (connection, connections) = mpsc::unbounded_channel();
        let acceptor = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let message = message.clone();
                let serving = tokio::spawn(async move {
                    // The other side hangs up, or the test cuts it off.
                    let _ = serve(stream, message).await;
                });
                if connection.send(serving).is_err() {
                    return;
                }
            }
        });
        Self { addr, messages, connections, _acceptor: acceptor }
    }

    /// The topic of the next message.
    pub(crate) async fn message(&mut self) -> String {
        within("a message", self.messages.recv()).await.expect("a message")
    }

    /// Cuts every connection that there is.
    pub(crate) fn cut(&mut self) {
        while let Ok(connection) = self.connections.try_recv() {
            connection.abort();
        }
    }
}

async fn serve(mut stream: TcpStream, messages: mpsc::UnboundedSender<String>) -> std::io::Result<()> {
    loop {
        let kind = stream.read_u8().await?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = stream.read_u8().await?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        match kind >> 4 {
            // CONNECT, SUBSCRIBE, PINGREQ
            1 => stream.write_all(&[0x20, 2, 0, 0]).await?,
            8 => stream.write_all(&[0x90, 4, body[0], body[1], 1, 1]).await?,
            12 => stream.write_all(&[0xd0, 0]).await?,
            // PUBLISH
            3 => {
                let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8_lossy(&body[2..2 + length]).into_owned();
                if messages.send(topic).is_err() {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

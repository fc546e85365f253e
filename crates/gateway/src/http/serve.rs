//! The accept loop: bounds the number of connections, the size of requests, and how long both may take.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::task::TaskTracker;

use super::{App, router};
use crate::{config::HttpConfig, lifecycle::Lifecycle, lock::lock, telemetry::HttpMetrics};

/// Pause after a failed accept, which usually means that the process has no file descriptors left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);
/// The answer to a connection over a bound, if it can be written without waiting.
const OVER_BOUND: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: application/json\r\n\
    content-length: 75\r\n\r\n{\"status\":503,\"msg\":\"Service Unavailable\",\"submsg\":\"too many connections\"}\n";

/// A listener and its connections.
#[derive(Debug)]
pub(crate) struct Server {
    addr: SocketAddr,
    connections: TaskTracker,
}

impl Server {
    /// Serves connections until the lifecycle closes.
    pub(crate) fn start(listener: TcpListener, app: App) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let connections = TaskTracker::new();
        let acceptor = Acceptor {
            router: router(app.clone()),
            config: app.config.http.clone(),
            lifecycle: app.lifecycle.clone(),
            metrics: app.metrics.http,
            peers: Arc::default(),
            connections: connections.clone(),
        };
        connections.spawn(app.lifecycle.supervise("HTTP listener", acceptor.run(listener)));
        Ok(Self { addr, connections })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until every connection has ended, or `at_most` has passed.
    pub(crate) async fn drained(&self, at_most: Duration) {
        self.connections.close();
        if timeout(at_most, self.connections.wait()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "requests are cut off");
        }
    }
}

struct Acceptor {
    router: Router,
    config: HttpConfig,
    lifecycle: Lifecycle,
    metrics: HttpMetrics,
    peers: Arc<Peers>,
    connections: TaskTracker,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.lifecycle.close.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer.ip()),
                Err(error) => {
                    // The connection was reset before it was accepted, or there are no descriptors: the listener itself works.
                    tracing::debug!(%error, "accept");
                    sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: IpAddr) {
        let admitted = Peers::admit(&self.peers, peer, &self.config);
        let place = match admitted {
            Ok(place) => place,
            Err(bound) => {
                self.metrics.refused(bound);
                // The send buffer of a new socket is empty: if this does not fit, the peer cannot be told.
                let _ = stream.try_write(OVER_BOUND);
                return;
            }
        };
        // Nagle's algorithm would hold small answers back until the peer acknowledges. An error means that the peer is gone.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_millis(self.config.write_timeout_ms.get())));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(self.config.header_timeout_ms.get()))
            .max_headers(self.config.header_fields.get())
            .max_header_size(self.config.header_bytes)
            .half_close(false);
        let service = TowerToHyperService::new(self.router.clone());
        let connection = builder.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let lifecycle = self.lifecycle.clone();
        let open = self.metrics.connections.clone();
        self.connections.spawn(async move {
            open.inc();
            let mut connection = pin!(connection);
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = lifecycle.close.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        outcome = connection.as_mut() => outcome,
                        () = lifecycle.abort.cancelled() => Ok(()),
                    }
                }
            };
            if let Err(error) = outcome {
                tracing::debug!(%peer, %error, "connection");
            }
            open.dec();
            drop(place);
        });
    }
}

/// How many connections there are, in all and from each address.
#[derive(Debug, Default)]
struct Peers(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection's place; dropping it frees it.
#[derive(Debug)]
struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Peers {
    fn admit(peers: &Arc<Self>, peer: IpAddr, config: &HttpConfig) -> Result<Place, &'static str> {
        let mut counts = lock(&peers.0);
        if counts.all >= config.max_connections.get() {
            return Err("connections");
        }
        let from_peer = counts.by_peer.get(&peer).copied().unwrap_or(0);
        if from_peer >= config.max_connections_per_peer.get() {
            return Err("connections_per_peer");
        }
        counts.all += 1;
        counts.by_peer.insert(peer, from_peer + 1);
        Ok(Place { peers: Arc::clone(peers), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.peers.0);
        counts.all -= 1;
        let left = counts.by_peer.get_mut(&self.peer).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            counts.by_peer.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(OVER_BOUND).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }

    #[test]
    fn places_are_bounded_in_all_and_by_peer_and_given_back() {
        let config = HttpConfig {
            max_connections: NonZeroUsize::new(3).unwrap(),
            max_connections_per_peer: NonZeroUsize::new(2).unwrap(),
            ..HttpConfig::default()
        };
        let peers = Arc::new(Peers::default());
        let admit = |peer: &str| Peers::admit(&peers, peer.parse().unwrap(), &config);
        let first = admit("10.0.0.1").unwrap();
        let _second = admit("10.0.0.1").unwrap();
        assert_eq!(admit("10.0.0.1").unwrap_err(), "connections_per_peer");
        let _third = admit("10.0.0.2").unwrap();
        assert_eq!(admit("10.0.0.3").unwrap_err(), "connections");
        drop(first);
        drop(admit("10.0.0.3").unwrap());
        assert_eq!(peers.0.lock().unwrap().by_peer.len(), 2);
    }
}

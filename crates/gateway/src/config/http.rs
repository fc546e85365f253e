//! The HTTP side: address, timeouts, and bounds.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU64, NonZeroUsize},
};

use serde::{Deserialize, Serialize};

/// Where to listen, and what one connection and all connections together may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpConfig {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Milliseconds in which a request's header must be complete, counted from the end of the last response:
    /// an idle connection is closed after the same time.
    pub header_timeout_ms: NonZeroU64,
    /// Milliseconds without a byte after which a request body is given up.
    pub body_idle_timeout_ms: NonZeroU64,
    /// Milliseconds in which a request body must be complete.
    pub body_timeout_ms: NonZeroU64,
    /// Milliseconds without progress after which a client that does not read is disconnected.
    pub write_timeout_ms: NonZeroU64,
    /// Largest request header in all, in bytes; at least 8,192.
    pub header_bytes: usize,
    /// Most header fields in one request.
    pub header_fields: NonZeroUsize,
    /// Most bytes of request bodies held at once, over all connections; above it requests are answered 503.
    pub body_bytes_in_all: NonZeroUsize,
    /// Most connections at once.
    pub max_connections: NonZeroUsize,
    /// Most connections at once from one address.
    pub max_connections_per_peer: NonZeroUsize,
    /// Milliseconds that a shutdown waits for answers under way, and again for outcomes to be published.
    pub shutdown_timeout_ms: u64,
}

impl Default for HttpConfig {
    /// `127.0.0.1:8080`; 10 s for a header, 10 s between bytes of a body and 60 s for all of it, 30 s for a client that
    /// does not read; 16 KiB and 64 fields of header; 256 MiB of bodies; 4,096 connections, 1,024 from one address;
    /// 5 s for a shutdown.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            header_timeout_ms: const { NonZeroU64::new(10_000).unwrap() },
            body_idle_timeout_ms: const { NonZeroU64::new(10_000).unwrap() },
            body_timeout_ms: const { NonZeroU64::new(60_000).unwrap() },
            write_timeout_ms: const { NonZeroU64::new(30_000).unwrap() },
            header_bytes: 16 << 10,
            header_fields: const { NonZeroUsize::new(64).unwrap() },
            body_bytes_in_all: const { NonZeroUsize::new(256 << 20).unwrap() },
            max_connections: const { NonZeroUsize::new(4_096).unwrap() },
            max_connections_per_peer: const { NonZeroUsize::new(1_024).unwrap() },
            shutdown_timeout_ms: 5_000,
        }
    }
}

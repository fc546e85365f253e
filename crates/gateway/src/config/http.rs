//! Bounds of the HTTP side.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Where to listen, and what one connection and all of them may cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Milliseconds in which a request's header must be complete, counted from the end of the last response:
    /// an idle connection is closed after the same time.
    pub header_timeout_ms: u64,
    /// Milliseconds without a byte after which a request body is given up.
    pub body_idle_timeout_ms: u64,
    /// Milliseconds in which a request body must be complete.
    pub body_timeout_ms: u64,
    /// Milliseconds without progress after which a client that does not read is disconnected.
    pub write_timeout_ms: u64,
    /// Largest request header in all, in bytes; at least 8,192.
    pub header_bytes: usize,
    /// Most header fields in one request.
    pub header_fields: usize,
    /// Most bytes of request bodies held at once, over all connections; above it requests are answered 503.
    pub body_bytes_in_all: usize,
    /// Most connections at once.
    pub max_connections: usize,
    /// Most connections at once from one address.
    pub max_connections_per_peer: usize,
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
            header_timeout_ms: 10_000,
            body_idle_timeout_ms: 10_000,
            body_timeout_ms: 60_000,
            write_timeout_ms: 30_000,
            header_bytes: 16 << 10,
            header_fields: 64,
            body_bytes_in_all: 256 << 20,
            max_connections: 4_096,
            max_connections_per_peer: 1_024,
            shutdown_timeout_ms: 5_000,
        }
    }
}

//! The address of the broker.

use std::fmt;
use std::net::SocketAddr;

/// The registered port of MQTT without TLS.
const DEFAULT_PORT: u16 = 1883;

/// The address of an MQTT broker, without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A text is not the address of a broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the address of an MQTT broker: {reason}; write it as mqtt://host:port")]
#[non_exhaustive]
pub struct ParseBrokerError {
    /// The text as it was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Broker {
    /// Reads `mqtt://host:port`, `tcp://host:port`, `host:port` or `host`; IPv6 addresses in brackets. Without a port it
    /// is 1883.
    ///
    /// ```
    /// use setpoint_devices::Broker;
    ///
    /// assert_eq!(Broker::parse("localhost")?.to_string(), "mqtt://localhost:1883");
    /// assert_eq!(Broker::parse("mqtt://[::1]:1884")?.to_string(), "mqtt://[::1]:1884");
    /// assert!(Broker::parse("mqtts://localhost").is_err());
    /// # Ok::<(), setpoint_devices::ParseBrokerError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The text is none of these, or asks for TLS or a web socket.
    pub fn parse(text: &str) -> Result<Self, ParseBrokerError> {
        let bad = |reason: &str| ParseBrokerError { text: text.to_owned(), reason: reason.to_owned() };
        let rest = match text.split_once("://") {
            Some(("mqtt" | "tcp", rest)) => rest,
            Some(("mqtts" | "ssl" | "tls", _)) => {
                return Err(bad("simulated devices do not speak TLS: name the broker's plain port"));
            }
            Some((scheme, _)) => return Err(bad(&format!("the scheme `{scheme}` is not `mqtt` or `tcp`"))),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '@']) || rest.chars().any(char::is_whitespace) {
            return Err(bad("only a host and a port may follow the scheme (a login goes into the options)"));
        }
        let (host, port) = match rest.strip_prefix('[').map(|v6| v6.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, after))) => match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => return Err(bad("only `:port` may follow the closing bracket")),
            },
            Some(None) => return Err(bad("the closing bracket of the IPv6 address is missing")),
            None => match rest.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => {
                    return Err(bad("an IPv6 address stands in brackets: [::1]:1883"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty() {
            return Err(bad("there is no host"));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return Err(bad(&format!("`{digits}` is not a port from 1 to 65535"))),
            },
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl From<SocketAddr> for Broker {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl From<(&str, u16)> for Broker {
    fn from((host, port): (&str, u16)) -> Self {
        Self { host: host.to_owned(), port }
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "mqtt://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "mqtt://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, host, port) in [
            ("mqtt://127.0.0.1:1884", "127.0.0.1", 1884),
            ("tcp://broker.example:1", "broker.example", 1),
            ("localhost", "localhost", 1883),
            ("localhost:99", "localhost", 99),
            ("mqtt://[::1]:5", "::1", 5),
            ("[::1]", "::1", 1883),
            ("mqtt://h:7/", "h", 7),
        ] {
            assert_eq!(Broker::parse(text).unwrap(), Broker::from((host, port)), "{text}");
        }
        for text in
            ["", "mqtts://h", "http://h", "h:0", "h:70000", "h:x", "::1", "[::1", "[::1]x", "mqtt://u:p@h:1", "h h"]
        {
            let message = Broker::parse(text).unwrap_err().to_string();
            assert!(message.contains(&format!("`{text}`")), "{message}");
        }
    }
}

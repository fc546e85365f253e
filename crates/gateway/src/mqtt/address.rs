//! The address of a broker: host, port, version of the protocol, credentials and TLS.

use std::{fmt, fs, net::SocketAddr};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::config::{ConfigError, MqttConfig, MqttProtocol};

/// Everything that a connection needs to know about its broker. Its `Display` is the URL without credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BrokerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) protocol: MqttProtocol,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) tls: Option<Trust>,
}

/// Whose certificates are trusted.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The system's.
    System,
    /// Those of a PEM file.
    Pem(Vec<u8>),
}

impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerAddress").field("url", &self.to_string()).finish_non_exhaustive()
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        let bare_v6 = self.host.contains(':');
        let (open, close) = if bare_v6 { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl BrokerAddress {
    /// That of the embedded broker.
    pub(crate) fn embedded(addr: SocketAddr, protocol: Option<MqttProtocol>) -> Self {
        let ip = if addr.ip().is_unspecified() { SocketAddr::new(loopback_of(addr), 0).ip() } else { addr.ip() };
        let protocol = protocol.unwrap_or(MqttProtocol::V5);
        Self { host: ip.to_string(), port: addr.port(), protocol, credentials: None, tls: None }
    }

    /// That of an external broker: `mqtt://[user:password@]host[:port][?protocol=3.1.1|5]`, or `mqtts://…`.
    pub(crate) fn external(text: &str, config: &MqttConfig) -> Result<Self, ConfigError> {
        // The URL may hold a password, so no error repeats it.
        let wrong = |problem: String| ConfigError::at("mqtt.url", problem);
        let url = Url::parse(text).map_err(|error| wrong("not a URL".into()).because(error))?;
        let secure = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            other => return Err(wrong(format!("the scheme is {other:?}: use mqtt:// or mqtts://"))),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host".into()))?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(wrong("has a path or a fragment: only host, port and ?protocol= are read".into()));
        }
        let mut protocol = config.protocol.unwrap_or(MqttProtocol::V311);
        for (key, value) in url.query_pairs() {
            protocol = match (&*key, &*value) {
                ("protocol", "3.1.1") => MqttProtocol::V311,
                ("protocol", "5") => MqttProtocol::V5,
                ("protocol", other) => return Err(wrong(format!("protocol is {other:?}: use 3.1.1 or 5"))),
                (other, _) => return Err(wrong(format!("the parameter {other:?} is not known: only protocol is"))),
            };
        }
        let decode = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(String::from).map_err(|error| wrong("user and password must be UTF-8".into()).because(error))
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decode(user)?, decode(password.unwrap_or(""))?)),
        };
        let tls = match (secure, &config.ca_file) {
            (false, None) => None,
            (false, Some(_)) => {
                return Err(ConfigError::at("mqtt.ca_file", "is set and mqtt.url is not mqtts://"));
            }
            (true, None) => Some(Trust::System),
            (true, Some(path)) => Some(Trust::Pem(fs::read(path).map_err(|error| {
                ConfigError::at("mqtt.ca_file", format!("{} cannot be read", path.display())).because(error)
            })?)),
        };
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(if secure { 8883 } else { 1883 }),
            protocol,
            credentials,
            tls,
        })
    }
}

/// The address to connect to when the listener is bound to all of them (`0.0.0.0`, `::`).
fn loopback_of(addr: SocketAddr) -> std::net::IpAddr {
    match addr {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(url: &str) -> Result<BrokerAddress, String> {
        BrokerAddress::external(url, &MqttConfig::default()).map_err(|error| crate::error::Chain(&error).to_string())
    }

    #[test]
    fn a_url_says_host_port_credentials_and_protocol() {
        let plain = external("mqtt://broker").unwrap();
        assert_eq!((&*plain.host, plain.port, plain.protocol), ("broker", 1883, MqttProtocol::V311));
        assert_eq!(plain.to_string(), "mqtt://broker:1883");
        let full = external("mqtts://us%40er:p%3Aw@[::1]:1?protocol=5").unwrap();
        assert_eq!((&*full.host, full.port, full.protocol), ("::1", 1, MqttProtocol::V5));
        assert_eq!(full.credentials, Some(("us@er".into(), "p:w".into())));
        assert!(full.tls == Some(Trust::System));
        assert_eq!(full.to_string(), "mqtts://[::1]:1");
        assert!(!format!("{full:?}").contains("p:w"), "a password is not shown");
        assert_eq!(external("mqtts://broker").unwrap().port, 8883);
    }

    #[test]
    fn what_a_url_cannot_say_is_refused_without_its_password() {
        for (url, part) in [
            ("broker:1883", "scheme"),
            ("http://u:secret@broker", "scheme"),
            ("mqtt://u:secret@broker/topic", "path"),
            ("mqtt://u:secret@broker?protocol=4", "protocol"),
            ("mqtt://u:secret@broker?retain=1", "retain"),
            ("mqtt://", "host"),
            ("", "URL"),
        ] {
            let message = external(url).unwrap_err();
            assert!(message.contains(part) && !message.contains("secret"), "{url}: {message}");
        }
    }

    #[test]
    fn an_embedded_broker_on_every_address_is_reached_on_loopback() {
        let address = BrokerAddress::embedded("0.0.0.0:7".parse().unwrap(), None);
        assert_eq!(address.to_string(), "mqtt://127.0.0.1:7");
    }
}

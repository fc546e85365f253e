//! Reading a configuration from a file, and checking it.

use std::{fs, net::SocketAddr, path::Path};

use super::{Config, ConfigError, bounds};

impl Config {
    /// Reads a configuration from a TOML file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has a key or a value that is not known; the message says where.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let named = |problem: &str| ConfigError::at(path.display().to_string(), problem);
        let text = fs::read_to_string(path).map_err(|error| named("cannot be read").because(error))?;
        toml::from_str(&text).map_err(|error| named("is not a configuration").because(error))
    }

    /// Refuses what cannot work, and what would expose the unauthenticated service to the network by accident.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.check_address("http.listen", self.http.listen)?;
        if self.mqtt.url.is_none() {
            self.check_address("mqtt.listen", self.mqtt.listen)?;
        }
        bounds::check(self)
    }

    fn check_address(&self, key: &'static str, addr: SocketAddr) -> Result<(), ConfigError> {
        if addr.ip().is_loopback() || self.allow_unauthenticated_network {
            return Ok(());
        }
        Err(ConfigError::NetworkNotAllowed { key, addr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Chain;

    #[test]
    fn an_empty_file_is_the_default_configuration() {
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
        Config::default().check().unwrap();
    }

    #[test]
    fn a_file_sets_what_it_names_and_nothing_else() {
        let text = r#"
            orgs = ["o1"]
            [http]
            listen = "127.0.0.1:0"
            [mqtt]
            url = "mqtt://broker:1883"
            protocol = "5"
            [[channels]]
            orgId = "o1"
            channelId = "DATASVC.CONTROL.ops"
            [[devices]]
            orgId = "o1"
            productKey = "p"
            deviceKey = "d"
            assetId = "a"
        "#;
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.http.listen.port(), 0);
        assert_eq!(config.mqtt.protocol, Some(super::super::MqttProtocol::V5));
        assert_eq!(config.channels[0].channel_id, "DATASVC.CONTROL.ops");
        assert_eq!(config.devices[0].asset_id, "a");
        assert_eq!(config.engine, Config::default().engine);
    }

    #[test]
    fn a_misspelt_key_is_refused_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("setpoint.toml");
        fs::write(&path, "[http]\nlisten_on = \"127.0.0.1:1\"\n").unwrap();
        let message = Chain(&Config::from_file(&path).unwrap_err()).to_string();
        assert!(
            message.contains("setpoint.toml") && message.contains("line 2") && message.contains("listen_on"),
            "{message}"
        );
    }

    #[test]
    fn the_network_is_reached_only_by_saying_so() {
        for key in ["http.listen", "mqtt.listen"] {
            let mut config = Config::default();
            let addr = "0.0.0.0:0".parse().unwrap();
            if key == "http.listen" {
                config.http.listen = addr;
            } else {
                config.mqtt.listen = addr;
            }
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(key) && message.contains("allow_unauthenticated_network"), "{message}");
            config.allow_unauthenticated_network = true;
            config.check().unwrap();
        }
    }
}

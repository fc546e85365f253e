//! `setpoint serve`: runs the service.

use std::{net::SocketAddr, path::PathBuf};

use setpoint_client::error_chain;
use setpoint_gateway::{Config, ConfigError, Gateway, GatewayError, StartError};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::{
    failure::{Failure, exit},
    interrupt::Interrupt,
    logs,
    output::Output,
};

/// Run the service: HTTP for applications, MQTT for devices.
///
/// Settings come from the file given with --config; an option on the command line overrides the file. It runs until
/// Ctrl-C or SIGTERM. Logs go to standard error; SETPOINT_LOG chooses what is logged, like info,setpoint_gateway=debug.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Settings, TOML.
    #[arg(long, env = "SETPOINT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen for HTTP; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where the embedded broker listens for devices; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", conflicts_with = "broker")]
    mqtt_listen: Option<SocketAddr>,
    /// An MQTT broker of your own instead of the embedded one: mqtt://[user:password@]host[:port].
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// The devices there are, with their orgs: a list, .csv or .json.
    #[arg(long, value_name = "FILE")]
    devices: Option<PathBuf>,
    /// An org that exists besides those of the device list; may be given several times.
    #[arg(long = "org", value_name = "ID")]
    orgs: Vec<String>,
    /// Let other hosts reach this although nobody is authenticated yet. Without it, only loopback addresses are taken.
    #[arg(long)]
    allow_unauthenticated_network: bool,
    /// How log lines are written.
    #[arg(long, value_enum, default_value = "text")]
    log: logs::Format,
}

impl Args {
    fn config(&self) -> Result<Config, StartError> {
        let mut config = self.config.as_ref().map_or_else(|| Ok(Config::default()), Config::from_file)?;
        if let Some(listen) = self.listen {
            config.http.listen = listen;
        }
        if let Some(listen) = self.mqtt_listen {
            config.mqtt.listen = listen;
            config.mqtt.url = None;
        }
        if let Some(broker) = &self.broker {
            config.mqtt.url = Some(broker.clone());
        }
        if let Some(devices) = &self.devices {
            config.devices_file = Some(devices.clone());
        }
        config.orgs.extend(self.orgs.iter().cloned());
        config.allow_unauthenticated_network |= self.allow_unauthenticated_network;
        Ok(config)
    }
}

pub(crate) async fn run(args: Args) -> Result<u8, Failure> {
    let mut interrupt = Interrupt::listen()?;
    // At `info`, the embedded broker logs every connection.
    let levels = Targets::new().with_default(LevelFilter::INFO).with_target("mqtt5", LevelFilter::WARN);
    logs::start(args.log, &levels);
    let gateway = async { Gateway::start(args.config()?).await }.await.map_err(|error| failure(&error))?;
    let out = Output::new();
    out.line(format_args!("HTTP http://{}", gateway.http_addr()))?;
    out.line(format_args!("MQTT {}", gateway.broker_url()))?;
    let stopped = tokio::select! {
        () = interrupt.received() => gateway.shutdown().await,
        result = gateway.wait() => {
            let shutdown = gateway.shutdown().await;
            result.and(shutdown)
        }
    };
    match stopped {
        Ok(()) => Ok(exit::OK),
        Err(error) => Err(stopped_by_itself(&error)),
    }
}

fn stopped_by_itself(error: &GatewayError) -> Failure {
    let code = match error {
        GatewayError::Panicked { .. } => exit::PANICKED,
        _ => exit::INTERNAL,
    };
    Failure::new(code, format!("the service stopped by itself: {}", error_chain(error)))
}

fn failure(error: &StartError) -> Failure {
    let code = match error {
        StartError::Catalog(_) => exit::INPUT,
        StartError::Listen(_) => exit::UNAVAILABLE,
        StartError::Store(_) | StartError::Random(_) | StartError::Thread(_) => exit::INTERNAL,
        _ => exit::USAGE,
    };
    let option = match error {
        StartError::Config(ConfigError::NetworkNotAllowed { .. }) => " (--allow-unauthenticated-network)",
        _ => "",
    };
    Failure::new(code, format!("{}{option}", error_chain(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_panicked_has_an_exit_code_of_its_own() {
        let panicked = GatewayError::Panicked { part: "run loop", message: "index out of bounds".to_owned() };
        assert_eq!(stopped_by_itself(&panicked).code, 101);
        assert_eq!(stopped_by_itself(&GatewayError::Ended("run loop")).code, 70);
    }

    #[test]
    fn the_command_line_overrides_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("setpoint.toml");
        std::fs::write(&file, "orgs = [\"o1\"]\n[http]\nlisten = \"127.0.0.1:1\"\n[mqtt]\nurl = \"mqtt://b:1\"\n")
            .unwrap();
        let args = Args {
            config: Some(file),
            listen: Some("127.0.0.1:2".parse().unwrap()),
            mqtt_listen: Some("127.0.0.1:3".parse().unwrap()),
            broker: None,
            devices: Some("d.csv".into()),
            orgs: vec!["o2".to_owned()],
            allow_unauthenticated_network: false,
            log: logs::Format::Text,
        };
        let config = args.config().unwrap();
        assert_eq!(config.http.listen.port(), 2);
        assert_eq!((config.mqtt.url, config.mqtt.listen.port()), (None, 3));
        assert_eq!(config.orgs, ["o1", "o2"]);
        assert_eq!(config.devices_file, Some("d.csv".into()));
    }
}

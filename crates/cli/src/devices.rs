//! `setpoint devices simulate`: simulated devices.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Subcommand;
use serde::Serialize;
use setpoint_devices::{
    Behaviour, Broker, Command as Received, Credentials, DeviceId, FaultMix, Fleet, FleetOptions, Plan,
};
use tokio::sync::mpsc;

use crate::{
    failure::{Failure, exit},
    input::read_devices,
    interrupt::Interrupt,
    output::{Output, escape},
};

/// Simulated devices.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Simulate(Args),
}

/// Connect simulated devices to a broker and let them execute what they are sent.
///
/// They answer success, with the input as output, unless a fault is asked for: its share is in percent of the commands,
/// and the same command gets the same fault under the same seed. Every executed command is printed. They run until
/// Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The broker that the service uses: mqtt://host[:port].
    #[arg(long, env = "SETPOINT_BROKER", default_value = "mqtt://127.0.0.1:1883", value_name = "URL")]
    broker: String,
    /// The devices: a list as the service reads it, .csv or .json.
    #[arg(long, value_name = "FILE")]
    devices: PathBuf,
    /// User name for the broker.
    #[arg(long, requires = "password", value_name = "NAME")]
    username: Option<String>,
    /// Password for the broker.
    #[arg(long, env = "SETPOINT_BROKER_PASSWORD", hide_env_values = true, requires = "username", value_name = "WORD")]
    password: Option<String>,
    /// Chooses which commands get which fault.
    #[arg(long, default_value_t = 42, value_name = "N")]
    seed: u64,
    /// Percent answered in time, but slowly.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    slow: f64,
    /// Percent that fail with code 2000.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    fail: f64,
    /// Percent answered after their timeout.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    late: f64,
    /// Percent answered twice.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    twice: f64,
    /// Percent answered with success and then with failure.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    conflicting: f64,
    /// Percent never answered.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    never: f64,
    /// Percent answered with garbage.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    garbage: f64,
    /// Percent answered in a neighbour's name.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    for_neighbour: f64,
    /// Percent answered with a message id that was never issued.
    #[arg(long, default_value_t = 0.0, value_name = "PERCENT")]
    wrong_id: f64,
    /// Print JSON at a terminal as well.
    #[arg(long)]
    json: bool,
}

/// A command that a device executed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    device: String,
    family: String,
    target: String,
    message_id: String,
    params: String,
    behaviour: Behaviour,
}

pub(crate) async fn run(command: Command) -> Result<u8, Failure> {
    let Command::Simulate(args) = command;
    let mut interrupt = Interrupt::listen()?;
    let broker = Broker::parse(&args.broker).map_err(|error| Failure::of(exit::USAGE, &error))?;
    let mix = mix(&args).build().map_err(|error| Failure::of(exit::USAGE, &error))?;
    let devices: Vec<_> = read_devices(&args.devices)?
        .devices()
        .map(|(_, device)| DeviceId::new(&*device.product_key, &*device.device_key))
        .collect();
    let count = devices.len();
    // Unbounded: printing must neither delay the devices nor drop an execution.
    let (executed_in, mut executed) = mpsc::unbounded_channel();
    let plan = move |command: &Received| {
        let behaviour = mix.behaviour(command);
        // Fails only while the fleet shuts down, when nothing is printed any more.
        let _ = executed_in.send(Executed {
            device: command.device.to_string(),
            family: command.family.to_string(),
            target: command.target.clone(),
            message_id: command.message_id.clone(),
            params: command.params.clone(),
            behaviour: behaviour.clone(),
        });
        behaviour
    };
    let mut options = FleetOptions::default();
    // Nothing reads the ledger, and this may run for long.
    options.ledger_limit = Some(NonZeroUsize::MIN);
    if let (Some(username), Some(password)) = (args.username, args.password) {
        let login = Credentials { username, password };
        options.credentials = Some(std::sync::Arc::new(move |_: &DeviceId| login.clone()));
    }
    let fleet = Fleet::connect_with(broker, devices, plan, options)
        .await
        .map_err(|error| Failure::of(exit::UNAVAILABLE, &error))?;
    let out = Output::new();
    out.note(format_args!("{count} devices are connected to {}; Ctrl-C ends", fleet.broker()));
    let json = args.json || !out.is_terminal();
    loop {
        tokio::select! {
            () = interrupt.received() => break,
            Some(executed) = executed.recv() => print(&out, json, &executed)?,
        }
    }
    fleet.shutdown().await;
    Ok(exit::OK)
}

fn mix(args: &Args) -> FaultMix {
    let mut mix = FaultMix::new(args.seed);
    mix.slow = args.slow;
    mix.fail = args.fail;
    mix.late = args.late;
    mix.twice = args.twice;
    mix.conflicting = args.conflicting;
    mix.never = args.never;
    mix.garbage = args.garbage;
    mix.for_neighbour = args.for_neighbour;
    mix.wrong_id = args.wrong_id;
    mix
}

fn print(out: &Output, json: bool, executed: &Executed) -> Result<(), Failure> {
    if json {
        return out.json(executed);
    }
    let Executed { device, family, target, params, behaviour, .. } = executed;
    let answer = match behaviour {
        Behaviour::Succeed { .. } => String::new(),
        other => format!("  → {other:?}"),
    };
    out.line(format_args!("{}  {family} {}  {}{answer}", escape(device), escape(target), escape(params)))
}

//! The `setpoint` command.

#![forbid(unsafe_code)]

mod bench;
mod channel;
mod check;
mod demo;
mod devices;
mod event_line;
mod failure;
mod family_arg;
mod input;
mod interrupt;
mod known_directory;
mod latency;
mod lock;
mod logs;
mod output;
mod send;
mod serve;
mod service_options;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use failure::{Failure, exit};

/// Validation and reply correlation for batched device commands.
#[derive(Debug, Parser)]
#[command(name = "setpoint", version, propagate_version = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 as wished · 1 some items not, or the books do not balance · 2 the whole request was refused · \
64 wrong usage · 66 input cannot be read · 69 service or broker cannot be reached or used · 70 stopped by itself · \
74 output cannot be written · 101 a part of the service panicked · 130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Serve(serve::Args),
    #[command(subcommand)]
    Channel(channel::Command),
    /// Send a batch of invokes, wait, and show every outcome as it comes.
    #[command(after_help = send::HELP)]
    Invoke(send::Args),
    /// Send a batch of writes, wait, and show every outcome as it comes.
    #[command(after_help = send::HELP)]
    Write(send::Args),
    #[command(subcommand)]
    Devices(devices::Command),
    Demo(demo::Args),
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // If standard error cannot be written, nothing can be reported.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    match run(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code)
        }
    }
}

fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Serve(args) => block_on(serve::run(args)),
        Command::Channel(command) => block_on(channel::run(command)),
        Command::Invoke(args) => block_on(send::run(setpoint::Family::Invoke, args)),
        Command::Write(args) => block_on(send::run(setpoint::Family::Write, args)),
        Command::Devices(command) => block_on(devices::run(command)),
        Command::Demo(args) => block_on(demo::run(args)),
        Command::Bench(args) => block_on(bench::run(args)),
    }
}

fn block_on(future: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::does_not_start("the runtime", &error))?;
    runtime.block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}

//! `setpoint channel`: the channel calls.

use clap::Subcommand;
use serde::Serialize;
use setpoint_client::{Channel, Channels, Page};

use crate::{
    failure::{Failure, exit},
    family_arg::FamilyArg,
    output::{Output, escape, table},
    service_options::ServiceOptions,
};

/// Create, list, show, change and delete channels: where outcomes arrive.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a channel.
    Create {
        /// Its id: DATASVC.CONTROL.… for invokes, DATASVC.SET.… for writes.
        id: String,
        /// What it is for.
        #[arg(long, default_value = "", value_name = "TEXT")]
        desc: String,
        #[command(flatten)]
        common: Common,
    },
    /// List channels.
    List {
        /// Only those of one family.
        #[arg(long, value_enum)]
        family: Option<FamilyArg>,
        /// Channels on a page; 0 puts all of them on one.
        #[arg(long, default_value_t = 0, value_name = "N")]
        page_size: u32,
        /// Which page, from 1.
        #[arg(long, default_value_t = 1, value_name = "N")]
        page: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Show a channel.
    Get {
        /// Its id.
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Change what a channel is for.
    Update {
        /// Its id.
        id: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT")]
        desc: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a channel.
    Delete {
        /// Its id.
        id: String,
        /// Also while commands are in flight on it; their outcomes are then never published.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    service: ServiceOptions,
    /// Print JSON at a terminal as well.
    #[arg(long)]
    json: bool,
}

/// A channel, as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelLine<'a> {
    id: &'a str,
    desc: &'a str,
    family: setpoint::Family,
}

pub(crate) async fn run(command: Command) -> Result<u8, Failure> {
    let (Command::Create { common, .. }
    | Command::List { common, .. }
    | Command::Get { common, .. }
    | Command::Update { common, .. }
    | Command::Delete { common, .. }) = &command;
    let channels = Channels::new(&common.service.url, &common.service.org)?;
    let out = Output::new();
    let json = common.json || !out.is_terminal();
    match command {
        Command::Create { id, desc, .. } => print(&out, json, &[channels.create(&id, &desc).await?])?,
        Command::List { family, page_size, page, .. } => {
            let families = family.map_or_else(|| setpoint::Family::ALL.to_vec(), |family| vec![family.into()]);
            let mut found = Vec::new();
            for family in families {
                found.extend(channels.list(family, Page::new(page_size, page)).await?.channels);
            }
            print(&out, json, &found)?;
        }
        Command::Get { id, .. } => {
            let Some(channel) = channels.get(&id).await? else {
                return Err(Failure::new(exit::SOME_NOT, format!("no such channel in this org: {}", escape(&id))));
            };
            print(&out, json, &[channel])?;
        }
        Command::Update { id, desc, .. } => channels.update(&id, &desc).await?,
        Command::Delete { id, force, .. } => channels.delete(&id, force).await?,
    }
    Ok(exit::OK)
}

fn print(out: &Output, json: bool, channels: &[Channel]) -> Result<(), Failure> {
    if json {
        for Channel { id, desc, family, .. } in channels {
            out.json(&ChannelLine { id, desc, family: *family })?;
        }
        return Ok(());
    }
    let mut rows = table(&["channel", "family", "description"]);
    for channel in channels {
        rows.add_row([escape(&channel.id), channel.family.name().to_owned(), escape(&channel.desc)]);
    }
    out.table(rows)
}

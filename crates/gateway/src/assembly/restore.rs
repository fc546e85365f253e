//! What a gateway starts from: its configuration and what its store holds.

use std::sync::Arc;

use setpoint::{Responder, responder::Restore};
use setpoint_store::{ChannelRecord, Entry, Store, StoreError, StoreErrorKind};
use tokio::task::spawn_blocking;

use super::StartError;
use crate::{
    catalog::{CatalogError, ChannelCommand, ChannelError, Draft, read_file},
    config::Config,
    run::channel_record,
};

/// Everything that a start needs.
#[derive(Debug)]
pub(crate) struct Restored<S> {
    pub(crate) store: S,
    pub(crate) draft: Draft,
    pub(crate) responder: Responder,
    /// Names this run in the ids of events.
    pub(crate) run_id: Arc<str>,
    /// What the connections of this run to the broker are called; nobody else can know it, and take one of them over.
    pub(crate) client_id: String,
}

/// Reads the device list and the store, on a thread that may block.
pub(crate) async fn restore<S: Store>(config: Arc<Config>, store: S) -> Result<Restored<S>, StartError> {
    spawn_blocking(move || blocking(&config, store))
        .await
        .map_err(|panic| StartError::Store(StoreError::new(StoreErrorKind::Failed, "reading it").caused_by(panic)))?
}

fn blocking<S: Store>(config: &Config, mut store: S) -> Result<Restored<S>, StartError> {
    let mut random = [0; 56];
    getrandom::fill(&mut random)?;
    let mut seed = [0; 32];
    let (seed_part, ids) = random.split_at(seed.len());
    seed.copy_from_slice(seed_part);
    let (run_id, client_id) = ids.split_at(8);

    let mut draft = Draft::new(config.events.channels_per_org.get());
    orgs_and_devices(config, &mut draft)?;
    let mut restore = Restore::new(config.engine.responder.clone(), seed, setpoint_clock::now());
    store.replay(&mut |entry| match entry {
        Entry::Engine(record) => {
            restore.record(record);
            Ok(())
        }
        Entry::Channel(record) => restore_channel(&mut draft, &record).map_err(|error| {
            StoreError::rejected(format!("the record of channel {:?} does not fit", record.channel_id()), error)
        }),
        other => Err(StoreError::rejected("an entry of the log", format!("{other:?} is not known here"))),
    })?;
    let created = create_channels(config, &mut draft)?;
    if !created.is_empty() {
        store.append(&[created.into()])?;
    }
    Ok(Restored { store, draft, responder: restore.finish(), run_id: hex(run_id).into(), client_id: hex(client_id) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds the orgs and devices of a configuration.
pub(crate) fn orgs_and_devices(config: &Config, draft: &mut Draft) -> Result<(), CatalogError> {
    for org_id in &config.orgs {
        draft.add_org(org_id).map_err(|problem| CatalogError::new("configuration, orgs", problem))?;
    }
    if let Some(path) = &config.devices_file {
        read_file(path, draft)?;
    }
    for (index, entry) in config.devices.iter().enumerate() {
        draft.add_device(entry).map_err(|error| error.at(&format!("configuration, device {}", index + 1)))?;
    }
    Ok(())
}

fn restore_channel(draft: &mut Draft, record: &ChannelRecord) -> Result<(), ChannelError> {
    match record {
        ChannelRecord::Saved { org_id, channel_id, desc } => draft.restore_channel(org_id, channel_id, desc.as_deref()),
        ChannelRecord::Deleted { org_id, channel_id } => draft.restore_deletion(org_id, channel_id),
        other => return Err(ChannelError::Illegal(format!("{other:?} is not known here"))),
    }
    .map(drop)
    .or_else(|error| match error {
        // The log may have forgotten that the channel was created.
        ChannelError::Missing => Ok(()),
        error => Err(error),
    })
}

/// Creates the channels of the configuration that are not there yet; what is to be stored of that.
fn create_channels(config: &Config, draft: &mut Draft) -> Result<Vec<Entry>, CatalogError> {
    let mut created = Vec::new();
    for (index, entry) in config.channels.iter().enumerate() {
        let place = format!("configuration, channel {}", index + 1);
        let command = ChannelCommand::create(&entry.org_id, &entry.channel_id, entry.desc.as_deref())
            .map_err(|error| error.within(&place))?;
        if draft.channel(&entry.org_id, command.family(), &entry.channel_id).is_some() {
            continue;
        }
        let change = draft.change_channel(&command).map_err(|error| match error {
            ChannelError::UnknownOrg(org) => {
                CatalogError::new(&*place, format!("the org {org:?} does not exist: name it in orgs"))
            }
            error => command.failed(error).within(&place),
        })?;
        created.extend(channel_record(&change).map(Entry::Channel));
    }
    Ok(created)
}

//! What a gateway starts from: its configuration and what its store holds.

use std::sync::Arc;

use setpoint::{Responder, responder::Restore};
use tokio::task::spawn_blocking;

use crate::{
    Config, RegistryError, StartError, Store, StoreEntry, clock,
    events::Logs,
    registry::{ChannelError, Channels, Registry, family_of},
    store::{ChannelRecord, StoreError},
};

/// Everything that a start needs.
#[derive(Debug)]
pub(crate) struct Restored<S> {
    pub(crate) store: S,
    pub(crate) registry: Registry,
    pub(crate) responder: Responder,
    /// What the connections of this run to the broker are called; nobody else can know it, and take one of them over.
    pub(crate) client_id: String,
}

/// Reads the device list and the store, on a thread that may block.
pub(crate) async fn restore<S: Store>(config: Arc<Config>, store: S) -> Result<Restored<S>, StartError> {
    spawn_blocking(move || blocking(&config, store))
        .await
        .map_err(|_| StartError::Store(StoreError::new("reading it panicked")))?
}

fn blocking<S: Store>(config: &Config, mut store: S) -> Result<Restored<S>, StartError> {
    let mut random = [0; 56];
    getrandom::fill(&mut random).map_err(|error| StartError::System(format!("no random numbers: {error}")))?;
    let mut seed = [0; 32];
    let (seed_part, ids) = random.split_at(seed.len());
    seed.copy_from_slice(seed_part);
    let (run_id, client_id) = ids.split_at(8);
    let run_id: Arc<str> = hex(run_id).into();

    let channels = Channels::new(config.events.channels_per_org, Logs::new(Arc::clone(&run_id), &config.events));
    let mut registry = Registry::from_config(config, channels)?;
    let mut restore = Restore::new(config.engine.responder(), seed, clock::now());
    for entry in store.load()? {
        match entry {
            StoreEntry::Engine(record) => restore.record(record),
            StoreEntry::Audit(_) => {}
            StoreEntry::Channel(record) => registry.channels.restore(&record).map_err(|error| {
                StoreError::new(format!("the record of channel {:?} does not fit: {error}", record.channel_id()))
            })?,
        }
    }
    let created = create_channels(config, &mut registry)?;
    if !created.is_empty() {
        store.append(&[created])?;
    }
    Ok(Restored { store, registry, responder: restore.finish(), client_id: hex(client_id) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Creates the channels of the configuration that are not there yet.
fn create_channels(config: &Config, registry: &mut Registry) -> Result<Vec<StoreEntry>, RegistryError> {
    let mut created = Vec::new();
    for (index, entry) in config.channels.iter().enumerate() {
        let failed = |problem: String| {
            RegistryError::new(format!("configuration, channel {} ({:?})", index + 1, entry.channel_id), problem)
        };
        if !registry.devices.has_org(&entry.org_id) {
            return Err(failed(format!("the org {:?} does not exist: name it in orgs", entry.org_id)));
        }
        let family = family_of(&entry.channel_id)
            .ok_or_else(|| failed("the id must start with DATASVC.CONTROL. or DATASVC.SET.".to_owned()))?;
        if registry.channels.get(&entry.org_id, family, &entry.channel_id).is_some() {
            continue;
        }
        registry
            .channels
            .create(&entry.org_id, family, &entry.channel_id, entry.desc.as_deref())
            .map_err(|error: ChannelError| failed(format!("{}: {error}", error.code(family).msg())))?;
        created.push(StoreEntry::Channel(ChannelRecord::Saved {
            org_id: entry.org_id.as_str().into(),
            channel_id: entry.channel_id.as_str().into(),
            desc: entry.desc.as_deref().map(Box::from),
        }));
    }
    Ok(created)
}

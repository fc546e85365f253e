//! A fleet of simulated devices.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::broker::Broker;
use crate::control::Control;
use crate::device::Device;
use crate::device_id::{DeviceId, part_problem};
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::options::FleetOptions;
use crate::plan::Plan;
use crate::worker::Worker;

/// Simulated devices, each with a connection of its own to one broker.
///
/// Dropping a fleet cuts its connections; [`Fleet::shutdown`] disconnects properly.
///
/// ```no_run
/// use setpoint_devices::{Behaviour, Broker, Command, DeviceId, Fleet};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let device = DeviceId::new("turbine", "t-7");
/// let broker = Broker::parse("mqtt://127.0.0.1:1883")?;
/// let fleet = Fleet::connect(broker, [device.clone()], |_: &Command| Behaviour::succeed()).await?;
/// fleet.set_offline(&device).await?;
/// // ... commands sent now are lost ...
/// fleet.set_online(&device).await?;
/// fleet.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Fleet {
    broker: Broker,
    devices: Vec<DeviceId>,
    handles: HashMap<DeviceId, Handle>,
    ledger: Ledger,
}

struct Handle {
    control: mpsc::Sender<Control>,
    online: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Fleet {
    /// Connects `devices` to `broker` with the default options, and returns when all of them are subscribed.
    ///
    /// The neighbour of a device, for [`Behaviour::ForNeighbour`](crate::Behaviour::ForNeighbour), is the next one in
    /// `devices`; that of the last is the first.
    ///
    /// # Errors
    ///
    /// A device cannot be subscribed. Then all are disconnected.
    pub async fn connect(
        broker: impl Into<Broker>,
        devices: impl IntoIterator<Item = DeviceId>,
        plan: impl Plan,
    ) -> Result<Self> {
        Self::connect_with(broker, devices, plan, FleetOptions::default()).await
    }

    /// As [`Fleet::connect`], with options.
    ///
    /// # Errors
    ///
    /// As [`Fleet::connect`].
    pub async fn connect_with(
        broker: impl Into<Broker>,
        devices: impl IntoIterator<Item = DeviceId>,
        plan: impl Plan,
        options: FleetOptions,
    ) -> Result<Self> {
        let devices: Vec<DeviceId> = devices.into_iter().collect();
        let fleet = Self::start(broker.into(), devices, Arc::new(plan), Arc::new(options.clone()))?;
        fleet.all_online(options.connect_parallel.get()).await?;
        Ok(fleet)
    }

    /// The devices, in the order in which they were given.
    #[must_use]
    pub fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    /// The broker to which the devices connect.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The record of what happened at the devices. A clone of it outlives the fleet.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether a device is connected and subscribed now. False for a device of another fleet.
    #[must_use]
    pub fn is_online(&self, device: &DeviceId) -> bool {
        self.handles.get(device).is_some_and(|handle| *handle.online.borrow())
    }

    /// Cuts a device's connection, without an MQTT DISCONNECT, and keeps it offline until [`Fleet::set_online`] or
    /// [`Fleet::reboot`]. Returns when the connection is closed. Answers that become due meanwhile are sent when it is
    /// online again.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDevice`], [`Error::Stopped`].
    pub async fn set_offline(&self, device: &DeviceId) -> Result<()> {
        self.cut(device, None).await
    }

    /// As [`Fleet::set_offline`], but the device reconnects by itself `after` the cut. Returns when the connection is
    /// closed. [`Fleet::set_online`] reconnects it earlier, and waits until it is subscribed.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDevice`], [`Error::Stopped`].
    pub async fn set_offline_for(&self, device: &DeviceId, after: Duration) -> Result<()> {
        self.cut(device, Some(after)).await
    }

    /// Connects a device again, and returns when it is subscribed. It still remembers its message ids.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDevice`], [`Error::Stopped`], or why it cannot be subscribed; it goes on trying.
    pub async fn set_online(&self, device: &DeviceId) -> Result<()> {
        self.control(device, |done| Control::Online { done }).await?
    }

    /// Cuts a device's connection, makes it forget all message ids and unsent answers, and connects it again. Returns when
    /// it is subscribed.
    ///
    /// # Errors
    ///
    /// As [`Fleet::set_online`].
    pub async fn reboot(&self, device: &DeviceId) -> Result<()> {
        self.control(device, |done| Control::Reboot { done }).await?
    }

    /// Waits up to 2 s until the answers under way are acknowledged, disconnects, and ends. Answers that are not due yet
    /// are lost.
    pub async fn shutdown(mut self) {
        let mut tasks = Vec::with_capacity(self.handles.len());
        for (_, handle) in self.handles.drain() {
            let _ended = handle.control.send(Control::Shutdown).await;
            tasks.push(handle.task);
        }
        for task in tasks {
            let _ended = task.await;
        }
    }

    /// Starts the devices' tasks, all of them offline.
    fn start(broker: Broker, devices: Vec<DeviceId>, plan: Arc<dyn Plan>, options: Arc<FleetOptions>) -> Result<Self> {
        check(&devices)?;
        check_services(options.services.as_deref().unwrap_or_default())?;
        let ledger = Ledger::new(options.ledger_limit);
        let mut handles = HashMap::with_capacity(devices.len());
        for (index, id) in devices.iter().enumerate() {
            let neighbour = neighbour(&devices, index);
            let device = Device::new(id.clone(), neighbour, Arc::clone(&plan), Arc::clone(&options), ledger.clone());
            let (control, controls) = mpsc::channel(8);
            let (going_online, online) = watch::channel(false);
            let worker = Worker::new(device, broker.clone(), Arc::clone(&options), controls, going_online);
            let task = tokio::spawn(worker.run());
            handles.insert(id.clone(), Handle { control, online, task });
        }
        Ok(Self { broker, devices, handles, ledger })
    }

    /// Connects every device, `parallel` at a time, and stops at the first that fails.
    async fn all_online(&self, parallel: usize) -> Result<()> {
        let gate = Arc::new(Semaphore::new(parallel));
        let mut coming = JoinSet::new();
        for device in &self.devices {
            let Some(handle) = self.handles.get(device) else {
                continue;
            };
            let (device, control, gate) = (device.clone(), handle.control.clone(), Arc::clone(&gate));
            coming.spawn(async move {
                let _turn = gate.acquire().await;
                ask(&device, &control, |done| Control::Online { done }).await?
            });
        }
        while let Some(result) = coming.join_next().await {
            // Nothing in this task panics, except through a bug in this crate.
            result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        }
        Ok(())
    }

    async fn cut(&self, device: &DeviceId, back_after: Option<Duration>) -> Result<()> {
        self.control(device, |done| Control::Offline { back_after, done }).await
    }

    async fn control<T>(&self, device: &DeviceId, control: impl FnOnce(oneshot::Sender<T>) -> Control) -> Result<T> {
        let Some(handle) = self.handles.get(device) else {
            return Err(Error::UnknownDevice { device: device.clone() });
        };
        ask(device, &handle.control, control).await
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("broker", &self.broker)
            .field("devices", &self.devices.len())
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

/// Sends a control message to a device's task and waits for the result.
async fn ask<T>(
    device: &DeviceId,
    task: &mpsc::Sender<Control>,
    control: impl FnOnce(oneshot::Sender<T>) -> Control,
) -> Result<T> {
    let stopped = || Error::Stopped { device: device.clone() };
    let (done, result) = oneshot::channel();
    task.send(control(done)).await.map_err(|_| stopped())?;
    result.await.map_err(|_| stopped())
}

fn check(devices: &[DeviceId]) -> Result<()> {
    if devices.is_empty() {
        return Err(Error::NoDevices);
    }
    let mut seen = HashMap::with_capacity(devices.len());
    for device in devices {
        if let Some(reason) = device.problem() {
            return Err(Error::BadDevice { device: device.clone(), reason });
        }
        match seen.entry(device) {
            Entry::Occupied(_) => {
                return Err(Error::DuplicateDevice { device: device.clone() });
            }
            Entry::Vacant(vacant) => vacant.insert(()),
        };
    }
    Ok(())
}

fn check_services(services: &[String]) -> Result<()> {
    for service in services {
        if let Some(reason) = part_problem(service) {
            return Err(Error::BadService { service: service.clone(), reason });
        }
    }
    Ok(())
}

/// The device in whose name the one at `index` answers under `Behaviour::ForNeighbour`.
fn neighbour(devices: &[DeviceId], index: usize) -> DeviceId {
    match devices {
        // The only device answers for one that does not exist.
        [only] => DeviceId::new(only.product_key.clone(), format!("{}-neighbour", only.device_key)),
        _ => devices[(index + 1) % devices.len()].clone(),
    }
}

//! Many devices under one hand.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::broker::Broker;
use crate::device::Device;
use crate::device_id::{DeviceId, part_problem};
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::options::FleetOptions;
use crate::order::Order;
use crate::plan::Plan;
use crate::worker::Worker;

/// Simulated devices, connected to a broker, each with a connection of its own.
///
/// Dropping a fleet cuts its connections; [`Fleet::shutdown`] closes them properly.
pub struct Fleet {
    broker: Broker,
    devices: Vec<DeviceId>,
    handles: HashMap<DeviceId, Handle>,
    ledger: Ledger,
}

struct Handle {
    orders: mpsc::Sender<Order>,
    online: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Fleet {
    /// Connects `devices` to `broker` with the default options, and returns when every one of them is subscribed.
    ///
    /// The neighbour of a device, for [`Behaviour::ForNeighbour`](crate::Behaviour::ForNeighbour), is the one
    /// after it in `devices`, and the first for the last.
    ///
    /// # Errors
    ///
    /// Whatever keeps one device from being subscribed; then none stays connected.
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
        fleet.all_online(options.connect_parallel.max(1)).await?;
        Ok(fleet)
    }

    /// The devices, in the order they were given.
    #[must_use]
    pub fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    /// The broker the devices connect to.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The record of what happened at the devices. It outlives the fleet if it is cloned.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether a device is connected and subscribed at this moment. False for a device of another fleet.
    #[must_use]
    pub fn is_online(&self, device: &DeviceId) -> bool {
        self.handles.get(device).is_some_and(|handle| *handle.online.borrow())
    }

    /// Cuts a device's connection, without a good-bye, and keeps it away until [`Fleet::set_online`] or
    /// [`Fleet::reboot`]. Returns when the connection is closed. Answers that come due meanwhile are sent when it
    /// is back.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDevice`], [`Error::Stopped`].
    pub async fn set_offline(&self, device: &DeviceId) -> Result<()> {
        self.cut(device, None).await
    }

    /// As [`Fleet::set_offline`], but the device comes back by itself `after` the cut. Returns when the connection
    /// is closed; [`Fleet::set_online`] then brings it back earlier, and waits until it is.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDevice`], [`Error::Stopped`].
    pub async fn set_offline_for(&self, device: &DeviceId, after: Duration) -> Result<()> {
        self.cut(device, Some(after)).await
    }

    /// Brings a device back, and returns when it is subscribed. What it remembers it still knows.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownDevice`], [`Error::Stopped`], and whatever keeps it from being subscribed; it goes on trying.
    pub async fn set_online(&self, device: &DeviceId) -> Result<()> {
        self.order(device, |done| Order::Online { done }).await?
    }

    /// Cuts a device's connection, makes it lose the message ids it remembers and every answer it has not given
    /// yet, and brings it back. Returns when it is subscribed.
    ///
    /// # Errors
    ///
    /// As [`Fleet::set_online`].
    pub async fn reboot(&self, device: &DeviceId) -> Result<()> {
        self.order(device, |done| Order::Reboot { done }).await?
    }

    /// Waits a moment for answers on their way to be acknowledged, takes leave of the broker, and ends. Answers held
    /// back for later are lost.
    pub async fn shutdown(mut self) {
        let mut tasks = Vec::with_capacity(self.handles.len());
        for (_, handle) in self.handles.drain() {
            // A device that cannot take the order has ended already.
            let _ended = handle.orders.send(Order::Shutdown).await;
            tasks.push(handle.task);
        }
        for task in tasks {
            let _ended = task.await;
        }
    }

    /// Starts the devices' tasks, none of them connected.
    fn start(broker: Broker, devices: Vec<DeviceId>, plan: Arc<dyn Plan>, options: Arc<FleetOptions>) -> Result<Self> {
        check(&devices)?;
        check_services(options.services.as_deref().unwrap_or_default())?;
        let ledger = Ledger::new(options.ledger_limit);
        let mut handles = HashMap::with_capacity(devices.len());
        for (index, id) in devices.iter().enumerate() {
            let neighbour = neighbour(&devices, index);
            let device = Device::new(id.clone(), neighbour, Arc::clone(&plan), Arc::clone(&options), ledger.clone());
            let (orders, received) = mpsc::channel(8);
            let (going_online, online) = watch::channel(false);
            let worker = Worker::new(device, broker.clone(), Arc::clone(&options), received, going_online);
            let task = tokio::spawn(worker.run());
            handles.insert(id.clone(), Handle { orders, online, task });
        }
        Ok(Self { broker, devices, handles, ledger })
    }

    /// Brings every device up, `parallel` at a time, and stops at the first that cannot.
    async fn all_online(&self, parallel: usize) -> Result<()> {
        let gate = Arc::new(Semaphore::new(parallel));
        let mut coming = JoinSet::new();
        for device in &self.devices {
            let Some(handle) = self.handles.get(device) else {
                continue;
            };
            let (device, orders, gate) = (device.clone(), handle.orders.clone(), Arc::clone(&gate));
            coming.spawn(async move {
                let _turn = gate.acquire().await;
                ask(&device, &orders, |done| Order::Online { done }).await?
            });
        }
        while let Some(result) = coming.join_next().await {
            // A panic in there would be this crate's own.
            result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        }
        Ok(())
    }

    async fn cut(&self, device: &DeviceId, back_after: Option<Duration>) -> Result<()> {
        self.order(device, |done| Order::Offline { back_after, done }).await
    }

    async fn order<T>(&self, device: &DeviceId, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T> {
        let Some(handle) = self.handles.get(device) else {
            return Err(Error::UnknownDevice { device: device.clone() });
        };
        ask(device, &handle.orders, order).await
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

/// Gives an order and waits for its result.
async fn ask<T>(
    device: &DeviceId,
    orders: &mpsc::Sender<Order>,
    order: impl FnOnce(oneshot::Sender<T>) -> Order,
) -> Result<T> {
    let stopped = || Error::Stopped { device: device.clone() };
    let (done, result) = oneshot::channel();
    orders.send(order(done)).await.map_err(|_| stopped())?;
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

/// The device in whose name the one at `index` answers when it is told to.
fn neighbour(devices: &[DeviceId], index: usize) -> DeviceId {
    match devices {
        // A device without neighbours answers for one that does not exist.
        [only] => DeviceId::new(only.product_key.clone(), format!("{}-neighbour", only.device_key)),
        _ => devices[(index + 1) % devices.len()].clone(),
    }
}

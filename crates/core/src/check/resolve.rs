//! Asks a directory for the channel, device and target that a command names.

use std::sync::Arc;

use super::replies::Names;
use crate::{
    Code, Device, DeviceRef, Directory, Family, Fault,
    json::Value,
    request::{Command, Fields, RefusedItem, is_topic_safe},
};

/// Finds what commands name.
pub(crate) trait Resolve<'a> {
    /// What is known of a command for which everything exists.
    type Found;

    /// On the fast path. `None` if anything does not exist: [`resolve`](Self::resolve) says what.
    fn resolve_fields(&mut self, fields: &Fields<'a, '_>) -> Option<Self::Found>;

    fn resolve(&mut self, command: &Command<'a>) -> Result<Self::Found, Unresolved>;

    fn names(found: &Self::Found) -> Option<Names<'_>>;
}

/// Why a command is not accepted, and the device that it names if at least that was found.
#[derive(Debug)]
pub(crate) struct Unresolved {
    pub(crate) device: Option<Arc<Device>>,
    /// At least one.
    pub(crate) faults: Vec<Fault>,
}

/// Takes for granted that everything exists.
#[derive(Debug)]
pub(crate) struct Anything;

impl<'a> Resolve<'a> for Anything {
    type Found = ();

    #[inline(always)]
    fn resolve_fields(&mut self, _: &Fields<'a, '_>) -> Option<()> {
        Some(())
    }

    fn resolve(&mut self, _: &Command<'a>) -> Result<(), Unresolved> {
        Ok(())
    }

    #[inline(always)]
    fn names((): &()) -> Option<Names<'_>> {
        None
    }
}

/// Asks a directory. A channel that was found is not asked for again by the next item: most items of a batch have the same.
#[derive(Debug)]
pub(crate) struct InDirectory<'a, 'd, D: ?Sized> {
    directory: &'d D,
    family: Family,
    org_id: &'d str,
    /// The channel that was found last; empty at first.
    channel_id: &'a str,
}

/// What a directory knows of a command.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) device: Arc<Device>,
    pub(crate) service_name: Option<Arc<str>>,
}

impl<'d, D: Directory + ?Sized> InDirectory<'_, 'd, D> {
    pub(crate) fn new(directory: &'d D, family: Family, org_id: &'d str) -> Self {
        Self { directory, family, org_id, channel_id: "" }
    }

    fn found(&self, device: Arc<Device>, target: &str) -> Found {
        let service_name = match self.family {
            Family::Invoke => self.directory.service_name(self.org_id, &device, target),
            Family::Write => None,
        };
        Found { device, service_name }
    }
}

impl<'a, D: Directory + ?Sized> Resolve<'a> for InDirectory<'a, '_, D> {
    type Found = Found;

    fn resolve_fields(&mut self, fields: &Fields<'a, '_>) -> Option<Found> {
        let text = fields.text;
        let channel_id = fields.channel_id().printable(text)?;
        if channel_id != self.channel_id {
            if !self.directory.has_channel(self.org_id, self.family, channel_id) {
                return None;
            }
            self.channel_id = channel_id;
        }
        let device = match fields.asset_id().printable(text) {
            Some(asset_id) => DeviceRef::Asset(asset_id),
            None => DeviceRef::Keys {
                product_key: fields.product_key().printable(text)?,
                device_key: fields.device_key().printable(text)?,
            },
        };
        let device = self.directory.device(self.org_id, device)?;
        // The fast path has checked the keys that were sent.
        let is_usable = |key: &str, sent: &[u8]| key.as_bytes() == sent || is_usable(key);
        if !is_usable(&device.product_key, fields.product_key().bytes(text))
            || !is_usable(&device.device_key, fields.device_key().bytes(text))
        {
            return None;
        }
        let target = fields.target().printable(text)?;
        let input = match fields.input().value(text) {
            Value::Object(object) => Some(object.payload()),
            _ => None,
        };
        self.directory.target(self.org_id, &device, self.family, target, input).ok()?;
        Some(self.found(device, target))
    }

    fn resolve(&mut self, command: &Command<'a>) -> Result<Found, Unresolved> {
        let device = look_up(command, self.family, self.org_id, self.directory)?;
        Ok(self.found(device, &command.target.decode()))
    }

    fn names(found: &Found) -> Option<Names<'_>> {
        Some(Names { device: &found.device, service_name: found.service_name.as_deref() })
    }
}

impl<'a> Command<'a> {
    /// Asks the directory for what the command names: the channel, the device, and the target on the device.
    ///
    /// # Errors
    /// The refused item with every fault, in that order: 1000103 or 1000303 for the channel, 1000201 for the device,
    /// and what [`Directory::target`] says. What belongs to another org looks like what does not exist. The item
    /// echoes the device's names complete if at least the device was found (protocol §4).
    ///
    /// ```
    /// use setpoint::{AnyDirectory, Family, Limits, TableDirectory, request::{Entry, read_batch}};
    ///
    /// let body = br#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","assetId":"turbine-7",
    ///     "serviceId":"start"}]}"#;
    /// let entries = read_batch(body, Family::Invoke, "o1", &Limits::DEFAULT)?;
    /// let Entry::Accepted(command) = &entries[0] else { panic!() };
    /// let (_, device) = command.clone().resolve(Family::Invoke, "o1", &AnyDirectory).expect("it exists");
    /// assert_eq!(&*device.asset_id, "turbine-7");
    /// let item = command.clone().resolve(Family::Invoke, "o1", &TableDirectory::default()).expect_err("it does not");
    /// let codes: Vec<_> = item.faults.iter().map(|fault| fault.code.0).collect();
    /// assert_eq!(codes, [1_000_103, 1_000_201]);
    /// # Ok::<(), setpoint::RequestError>(())
    /// ```
    pub fn resolve(
        self,
        family: Family,
        org_id: &str,
        directory: &(impl Directory + ?Sized),
    ) -> Result<(Self, Arc<Device>), Box<RefusedItem<'a>>> {
        match look_up(&self, family, org_id, directory) {
            Ok(device) => Ok((self, device)),
            Err(Unresolved { device, faults }) => Err(Box::new(RefusedItem { device, ..self.refuse(faults) })),
        }
    }
}

/// The device that a command names, if everything else exists as well.
fn look_up(
    command: &Command<'_>,
    family: Family,
    org_id: &str,
    directory: &(impl Directory + ?Sized),
) -> Result<Arc<Device>, Unresolved> {
    let table = family.table();
    let mut faults = Vec::new();
    if !directory.has_channel(org_id, family, &command.channel_id.decode()) {
        let reason = "no such channel of this family in this org";
        faults.push(Fault::new(table.channel_missing, table.channel_field, reason));
    }
    let Some(device) = find_device(command, org_id, directory) else {
        let field = if command.asset_id.is_some() { "assetId" } else { "deviceKey" };
        faults.push(Fault::new(Code::DEVICE_MISSING, field, "no such device in this org"));
        return Err(Unresolved { device: None, faults });
    };
    faults.extend(directory.target(org_id, &device, family, &command.target.decode(), command.input).err());
    if faults.is_empty() { Ok(device) } else { Err(Unresolved { device: Some(device), faults }) }
}

/// The device that a command names. If all three names were sent, the asset id counts (source page).
///
/// `None` also if the directory's own product key or device key cannot be part of a topic (protocol §8, ours): no
/// command could ever reach such a device.
fn find_device(command: &Command<'_>, org_id: &str, directory: &(impl Directory + ?Sized)) -> Option<Arc<Device>> {
    let device = if let Some(asset_id) = command.asset_id {
        directory.device(org_id, DeviceRef::Asset(&asset_id.decode()))?
    } else {
        let (product_key, device_key) = (command.product_key?.decode(), command.device_key?.decode());
        directory.device(org_id, DeviceRef::Keys { product_key: &product_key, device_key: &device_key })?
    };
    (is_usable(&device.product_key) && is_usable(&device.device_key)).then_some(device)
}

/// Whether a directory's key can be part of a topic, or is not known (empty).
fn is_usable(key: &str) -> bool {
    key.is_empty() || is_topic_safe(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Now, check::check};

    const BODY: &[u8] =
        br#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.c","assetId":"a","serviceId":"s"}]}"#;
    const NOW: Now = Now::new(0, 1_700_000_000_000);

    /// A directory that checks a batch whenever it is asked for a channel.
    struct Nested;

    impl Directory for Nested {
        fn has_org(&self, _: &str) -> bool {
            true
        }

        fn has_channel(&self, org_id: &str, family: Family, _: &str) -> bool {
            check(BODY, family, org_id, &crate::AnyDirectory, &Limits::DEFAULT, NOW).error.is_none()
        }

        fn device(&self, _: &str, _: DeviceRef<'_>) -> Option<Arc<Device>> {
            Some(Arc::new(Device::new("p", "d", "a")))
        }
    }

    #[test]
    fn a_directory_may_check_a_batch_itself_while_it_is_asked() {
        let report = check(BODY, Family::Invoke, "o1", &Nested, &Limits::DEFAULT, NOW);
        assert_eq!(report.items[0].code, Code::SUCCESS);
    }
}

//! From a body to the answer that a service would give on first receipt, without one: the check of a whole batch,
//! and its parts, which the responder uses as well.

mod accepted;
mod checker;

pub use checker::Checker;

use std::{borrow::Cow, cell::RefCell, sync::Arc};

use serde::{Serialize, Serializer};

use crate::{
    Code, Device, DeviceRef, Directory, Family, Fault, Limits, Now, RequestError,
    fault::describe,
    json::{Text, repeated},
    limits::MAX_REQUEST_ID_BYTES,
    reply::{self, Reply},
    request::{
        Command, Entry, Fields, ItemReader, Refusal, Take, expected_items, is_topic_safe, read_batch, read_each_by,
    },
};

/// Checks a batch body and says what a service with this directory would answer on first receipt.
///
/// Nothing is kept: a request id that was used in an earlier batch is not known here.
///
/// ```
/// use setpoint::{AnyDirectory, Code, Family, Limits, Now, check::check};
/// let body = br#"{"data":[
///     {"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","assetId":"turbine-7","serviceId":"start"},
///     {"requestId":"r2","controlChannelId":"DATASVC.CONTROL.ops","assetId":"turbine-7","serviceId":"start","timeout":0}
/// ]}"#;
/// let report = check(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, Now::new(0, 1_700_000_000_000));
/// assert_eq!(report.items[0].code, Code::SUCCESS);
/// assert_eq!(report.items[1].faults[0].field, "timeout");
/// ```
pub fn check<'a>(
    body: &'a [u8],
    family: Family,
    org_id: &str,
    directory: &(impl Directory + ?Sized),
    limits: &Limits,
    now: Now,
) -> Report<'a> {
    if !directory.has_org(org_id) {
        return Report::error(RequestError::unknown_org());
    }
    // A directory is asked with what the command names.
    let accept_plain: Option<fn(&mut Vec<u8>, &Fields<'a, '_>)> = None;
    let items = &mut ItemReader::new(family);
    check_items(items, body, org_id, limits, Vec::new(), accept_plain, |out, entry| match entry {
        Entry::Refused(refusal) => Err(refuse(out, refusal, family, org_id, now)),
        Entry::Accepted(command) => match command.clone().resolve(family, org_id, directory) {
            Ok((command, device)) => {
                let service_name = directory.service_name(org_id, &device, &command.target.decode());
                let names = Some((&*device, service_name.as_deref()));
                accept(out, &command, names, family, org_id, now);
                Ok(())
            }
            Err(mut refusal) => Err(refuse(out, &mut refusal, family, org_id, now)),
        },
    })
}

/// [`check`]s the form of a batch body alone, as if every well-formed channel and device existed.
///
/// The thread remembers how the items before were written: those that are written alike are read faster. A [`Checker`]
/// does so as well, and has a use for the room of a response that is not needed any more.
pub fn check_form<'a>(body: &'a [u8], family: Family, org_id: &str, limits: &Limits, now: Now) -> Report<'a> {
    thread_local! {
        static CHECKERS: RefCell<[Checker; 2]> = RefCell::new([Family::Invoke, Family::Write].map(Checker::new));
    }
    CHECKERS.with_borrow_mut(|checkers| {
        let [invoke, write] = checkers;
        let checker = if family == Family::Invoke { invoke } else { write };
        checker.check_form(body, org_id, limits, now, Vec::new())
    })
}

/// What [`check`] found, and the response that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report<'a> {
    /// Why the whole request is refused; there are no items then.
    pub error: Option<RequestError>,
    /// One for each item, in request order.
    pub items: Vec<ItemReport<'a>>,
    /// The response body, JSON in UTF-8; it serializes as a string.
    #[serde(serialize_with = "as_text")]
    pub response: Vec<u8>,
}

impl Report<'_> {
    fn error(error: RequestError) -> Self {
        let response = error.response();
        Self { error: Some(error), items: Vec::new(), response }
    }
}

/// What [`check`] found out about one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ItemReport<'a> {
    /// Which item, from 0.
    pub index: usize,
    /// Its request id, decoded; `None` if it could not be read. One that is too long is cut at the limit.
    pub request_id: Option<Cow<'a, str>>,
    /// The code of its reply: 0 if it would be accepted.
    pub code: Code,
    /// The code's message.
    pub msg: &'static str,
    /// Everything that is wrong with it; empty if it would be accepted.
    pub faults: Vec<Fault>,
}

impl<'a> Command<'a> {
    /// Asks the directory for what the command names: the channel, the device, and the target on the device.
    ///
    /// # Errors
    /// The command's refusal with every fault, in that order: 1000103 or 1000303 for the channel, 1000201 for the device,
    /// and what [`Directory::target`] says. What belongs to another org looks like what does not exist. The refusal
    /// echoes the device's names complete if at least the device was found (protocol §4).
    pub fn resolve(
        self,
        family: Family,
        org_id: &str,
        directory: &(impl Directory + ?Sized),
    ) -> Result<(Self, Arc<Device>), Box<Refusal<'a>>> {
        match look_up(&self, family, org_id, directory) {
            (Some(device), faults) if faults.is_empty() => Ok((self, device)),
            (device, faults) => Err(Box::new(Refusal { device, ..self.refuse(faults) })),
        }
    }
}

/// The reply that accepts a command: `0, "SUCCESS", null`, all names of the device, and the effective timeout.
///
/// `names` are the device and the display name of its service, as far as anybody was asked for them. A name that is not
/// known (an empty one) is repeated as it was sent, or null. `org_id` is that of the query, `gmt_service_request` what
/// was sent or the time of receipt.
#[inline]
pub(crate) fn accepted_reply<'a>(
    command: &Command<'a>,
    names: Option<(&'a Device, Option<&'a str>)>,
    family: Family,
    org_id: &'a str,
    gmt_service_request: i64,
    epoch_ms: i64,
) -> Reply<'a> {
    let device = names.map(|(device, _)| device);
    let service_name = names.and_then(|(_, service_name)| service_name);
    let resolved = |name: fn(&Device) -> &str| device.and_then(|device| known(name(device)));
    Reply {
        request_id: Some(command.request_id),
        org_id: effective_org(family, org_id),
        channel_id: Some(command.channel_id),
        product_key: resolved(|device| &device.product_key).or(command.product_key),
        device_key: resolved(|device| &device.device_key).or(command.device_key),
        asset_id: resolved(|device| &device.asset_id).or(command.asset_id),
        service_name: service_name.filter(|_| family == Family::Invoke).map(Text::plain),
        target: Some(command.target),
        callback_url: command.callback_url,
        input: command.input,
        msg: Some(Code::SUCCESS.text()),
        timeout: Some(i64::from(command.timeout_ms)),
        gmt_service_request: Some(gmt_service_request),
        gmt_service_reply: Some(epoch_ms),
        ..Reply::empty(family)
    }
}

/// The reply that refuses an item: the first fault's code and message, and what could be read of the item.
///
/// `org_id` is that of the query, `submsg` the [description](describe) of the faults.
pub(crate) fn refused_reply<'a>(
    refusal: &'a Refusal<'_>,
    family: Family,
    org_id: &'a str,
    submsg: &'a str,
    now: Now,
) -> Reply<'a> {
    let (echo, code) = (&refusal.echo, refusal.code());
    let mut reply = Reply::empty(family);
    reply.code = code;
    reply.msg = Some(code.text());
    reply.submsg = Some(Text::plain(submsg));
    reply.gmt_service_reply = Some(now.epoch_ms);
    if !echo.is_object {
        return reply;
    }
    let resolved = |name: fn(&Device) -> &str| refusal.device.as_deref().and_then(|device| known(name(device)));
    reply.request_id = echo.request_id;
    reply.org_id = effective_org(family, org_id);
    reply.channel_id = echo.channel_id;
    reply.product_key = resolved(|device| &device.product_key).or(echo.product_key);
    reply.device_key = resolved(|device| &device.device_key).or(echo.device_key);
    reply.asset_id = resolved(|device| &device.asset_id).or(echo.asset_id);
    reply.target = echo.target;
    reply.callback_url = echo.callback_url;
    reply.input = echo.input;
    reply.timeout = echo.timeout;
    // The clock stands in for what was not sent, not for what was sent and is no time.
    let is_wrong = refusal.faults.iter().any(|fault| fault.field.starts_with("gmt"));
    reply.gmt_service_request = echo.gmt_service_request.or((!is_wrong).then_some(now.epoch_ms));
    reply
}

/// Reads a body and reports on each item, whose reply `write_reply` writes and whose faults it returns. The reply of an
/// item that is accepted at a glance is written by `accept_plain`, and all of them into `room`.
#[inline]
fn check_items<'a>(
    reader: &mut ItemReader,
    body: &'a [u8],
    org_id: &str,
    limits: &Limits,
    mut room: Vec<u8>,
    accept_plain: Option<impl Fn(&mut Vec<u8>, &Fields<'a, '_>)>,
    write_reply: impl Fn(&mut Vec<u8>, &mut Entry<'a>) -> Result<(), Vec<Fault>>,
) -> Report<'a> {
    room.clear();
    room.reserve(2 * body.len());
    let report = Report { error: None, items: Vec::with_capacity(expected_items(body, limits)), response: room };
    let mut reporting = Reporting { report, accept_plain, write_reply };
    reply::open_response(&mut reporting.report.response);
    let opened = reporting.report.response.len();
    if let Err(error) = read_each_by(reader, body, org_id, limits, &mut reporting) {
        return Report::error(error);
    }
    // Hardly ever: ids are told apart here by what the report shows of them.
    let items = &reporting.report.items;
    let id = |at: usize| items.get(at)?.request_id.as_deref().filter(|id| !id.is_empty()).map(Text::plain);
    if !repeated(items.len(), id).is_empty() {
        reporting.report.items.clear();
        reporting.report.response.truncate(opened);
        let entries = match read_batch(body, reader.family(), org_id, limits) {
            Ok(entries) => entries,
            Err(error) => return Report::error(error),
        };
        entries.into_iter().for_each(|entry| reporting.entry(entry));
    }
    let mut report = reporting.report;
    reply::close(&mut report.response);
    report
}

/// A report that is being made.
struct Reporting<'a, P, W> {
    report: Report<'a>,
    accept_plain: Option<P>,
    write_reply: W,
}

impl<'a, P, W> Take<'a> for Reporting<'a, P, W>
where
    P: Fn(&mut Vec<u8>, &Fields<'a, '_>),
    W: Fn(&mut Vec<u8>, &mut Entry<'a>) -> Result<(), Vec<Fault>>,
{
    #[inline(always)]
    fn plain(&mut self, fields: &Fields<'a, '_>, is_plain: impl FnOnce() -> bool) -> bool {
        let Some(accept_plain) = self.accept_plain.as_ref().filter(|_| is_plain()) else { return false };
        self.report.separate();
        accept_plain(&mut self.report.response, fields);
        let request_id = fields.request_id().printable(fields.text).map(Cow::Borrowed);
        self.report.add(request_id, Code::SUCCESS, Vec::new());
        true
    }

    #[inline]
    fn entry(&mut self, mut entry: Entry<'a>) {
        self.report.separate();
        let request_id = entry.request_id().map(reported);
        match (self.write_reply)(&mut self.report.response, &mut entry) {
            Ok(()) => self.report.add(request_id, Code::SUCCESS, Vec::new()),
            Err(faults) => {
                let code = faults.first().map_or(Code::PARA_ERROR, |fault| fault.code);
                self.report.add(request_id, code, faults);
            }
        }
    }
}

impl<'a> Report<'a> {
    /// Writes what stands between two replies.
    #[inline(always)]
    fn separate(&mut self) {
        if !self.items.is_empty() {
            self.response.push(b',');
        }
    }

    #[inline(always)]
    fn add(&mut self, request_id: Option<Cow<'a, str>>, code: Code, faults: Vec<Fault>) {
        self.items.push(ItemReport { index: self.items.len(), request_id, code, msg: code.msg(), faults });
    }
}

/// Writes the reply that accepts an item.
#[inline]
fn accept(
    out: &mut Vec<u8>,
    command: &Command<'_>,
    names: Option<(&Device, Option<&str>)>,
    family: Family,
    org_id: &str,
    now: Now,
) {
    let gmt = command.gmt_service_request.unwrap_or(now.epoch_ms);
    reply::write_reply(out, &accepted_reply(command, names, family, org_id, gmt, now.epoch_ms));
}

/// Writes the reply that refuses an item, and takes its faults.
#[cold]
fn refuse(out: &mut Vec<u8>, refusal: &mut Refusal<'_>, family: Family, org_id: &str, now: Now) -> Vec<Fault> {
    let submsg = describe(&refusal.faults);
    reply::write_reply(out, &refused_reply(refusal, family, org_id, &submsg, now));
    std::mem::take(&mut refusal.faults)
}

/// The device that a command names, if there is one, and all that keeps the command from being resolved.
fn look_up(
    command: &Command<'_>,
    family: Family,
    org_id: &str,
    directory: &(impl Directory + ?Sized),
) -> (Option<Arc<Device>>, Vec<Fault>) {
    let table = family.table();
    let mut faults = Vec::new();
    if !directory.has_channel(org_id, family, &command.channel_id.decode()) {
        let reason = "no such channel of this family in this org";
        faults.push(Fault::new(table.channel_missing, table.channel_field, reason));
    }
    let device = find_device(command, org_id, directory);
    match &device {
        Some(device) => {
            let target = command.target.decode();
            faults.extend(directory.target(org_id, device, family, &target, command.input).err());
        }
        None => {
            let field = if command.asset_id.is_some() { "assetId" } else { "deviceKey" };
            faults.push(Fault::new(Code::DEVICE_MISSING, field, "no such device in this org"));
        }
    }
    (device, faults)
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
    // An empty key is one that the directory does not know.
    let is_usable = |key: &str| key.is_empty() || is_topic_safe(key);
    (is_usable(&device.product_key) && is_usable(&device.device_key)).then_some(device)
}

/// The org that counts for every item of the batch; only replies of the write family carry it.
fn effective_org(family: Family, org_id: &str) -> Option<Text<'_>> {
    (family == Family::Write).then(|| Text::plain(org_id))
}

/// A device's name, unless the directory does not know it.
fn known(name: &str) -> Option<Text<'_>> {
    (!name.is_empty()).then(|| Text::plain(name))
}

/// A request id as a report shows it.
#[inline]
fn reported(id: Text<'_>) -> Cow<'_, str> {
    match id.as_decoded() {
        Some(content) if content.len() <= MAX_REQUEST_ID_BYTES => Cow::Borrowed(content),
        _ => Cow::Owned(cut(id)),
    }
}

/// The beginning of a request id.
#[cold]
fn cut(id: Text<'_>) -> String {
    let mut shown = String::new();
    for char in id.chars() {
        if shown.len() + char.len_utf8() > MAX_REQUEST_ID_BYTES {
            break;
        }
        shown.push(char);
    }
    shown
}

fn as_text<S: Serializer>(response: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(response))
}

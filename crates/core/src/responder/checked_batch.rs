//! A batch, read and checked before the responder takes it.

use std::{fmt, ops::Range, sync::Arc};

use crate::{
    Device, Directory, Family, Limits, Now, RequestError,
    check::{Findings, Found, InDirectory, Request, answer_items, with_reader},
    json::Text,
    request::{Command, Fields, RefusedItem, expected_items},
};

use super::fingerprint::fingerprint;

/// A batch that was read, checked and resolved, with its response as it will be if the responder accepts every item that
/// it can: what [`Responder::handle_batch`](super::Responder::handle_batch) takes.
///
/// It owns everything, so that it can be made on any thread. Reading is most of the work on a batch, and the one responder is
/// spared it.
///
/// ```
/// use setpoint::{AnyDirectory, Family, Limits, Now, responder::CheckedBatch};
///
/// let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","assetId":"turbine-7",
///     "serviceId":"start"}]}"#;
/// let received = Now::new(1_000, 1_700_000_000_000);
/// let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, received);
/// assert_eq!((batch.items(), batch.error()), (1, None));
/// ```
pub struct CheckedBatch {
    pub(super) org_id: Box<str>,
    pub(super) family: Family,
    pub(super) received: Now,
    pub(super) limits: Limits,
    /// For items whose replies have to be written anew: a reply repeats an item as it was written.
    pub(super) body: Box<dyn AsRef<[u8]> + Send + Sync>,
    pub(super) content: Result<Content, RequestError>,
}

/// The items of a batch that is not refused as a whole.
#[derive(Debug)]
pub(super) struct Content {
    /// Complete: the answer, unless the responder decides otherwise about an item.
    pub(super) response: Vec<u8>,
    /// In request order.
    pub(super) items: Vec<CheckedItem>,
}

#[derive(Debug)]
pub(super) struct CheckedItem {
    /// The place of its reply in the response.
    pub(super) reply: Range<usize>,
    pub(super) check: Check,
}

/// What reading an item has shown.
#[derive(Debug)]
pub(super) enum Check {
    /// Refused for its form.
    Malformed,
    /// Refused by the directory, unless it repeats an item that was accepted.
    NotFound { request_id: Box<str>, fingerprint: u128 },
    /// Accepted, unless its request id was used or a bound is reached.
    Acceptable(NewCommand),
}

/// What a [`StoredCommand`](super::StoredCommand) is made of, as far as it is known before acceptance.
#[derive(Debug)]
pub(super) struct NewCommand {
    pub(super) request_id: Arc<str>,
    pub(super) channel_id: Arc<str>,
    pub(super) device: Arc<Device>,
    pub(super) service_name: Option<Arc<str>>,
    pub(super) target: Box<str>,
    pub(super) callback_url: Option<Box<str>>,
    pub(super) input: Option<Box<str>>,
    pub(super) timeout_ms: u32,
    /// As it was sent, or the time of receipt, epoch milliseconds.
    pub(super) gmt_service_request: i64,
    pub(super) fingerprint: u128,
}

impl CheckedBatch {
    /// Reads a body, checks the form of every item, and asks the directory for what they name.
    ///
    /// `org_id` is that of the query. `received` is when the body was there, complete: timeouts run from then. A body
    /// that cannot be used makes a batch as well: the responder refuses it, in the words of
    /// [`error`](Self::error), unless it accepts no batches at all.
    pub fn read(
        body: impl AsRef<[u8]> + Send + Sync + 'static,
        family: Family,
        org_id: &str,
        directory: &(impl Directory + ?Sized),
        limits: &Limits,
        received: Now,
    ) -> Self {
        let content = Content::read(Request { family, org_id, body: body.as_ref(), limits, received }, directory);
        Self { org_id: org_id.into(), family, received, limits: limits.clone(), body: Box::new(body), content }
    }

    /// The same batch, read once more: for a directory that has changed since.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, TableDirectory, responder::CheckedBatch};
    /// # let body = r#"{"data":[]}"#;
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// let batch = batch.read_again(&TableDirectory::default());
    /// assert_eq!(batch.error().map(|error| &*error.submsg), Some("orgId does not exist"));
    /// ```
    #[must_use]
    pub fn read_again(self, directory: &(impl Directory + ?Sized)) -> Self {
        let content = Content::read(self.request(), directory);
        Self { content, ..self }
    }

    /// What came in.
    pub(super) fn request(&self) -> Request<'_, '_> {
        let Self { family, received, .. } = *self;
        Request { family, org_id: &self.org_id, body: (*self.body).as_ref(), limits: &self.limits, received }
    }

    /// The org of the query.
    pub fn org_id(&self) -> &str {
        &self.org_id
    }

    /// Which call it was.
    pub fn family(&self) -> Family {
        self.family
    }

    /// How many items it has; none if it is refused as a whole.
    pub fn items(&self) -> usize {
        self.content.as_ref().map_or(0, |content| content.items.len())
    }

    /// Length of the body, in bytes.
    pub fn body_bytes(&self) -> usize {
        (*self.body).as_ref().len()
    }

    /// Why the batch is refused as a whole.
    pub fn error(&self) -> Option<&RequestError> {
        self.content.as_ref().err()
    }
}

impl fmt::Debug for CheckedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedBatch")
            .field("org_id", &self.org_id)
            .field("family", &self.family)
            .field("received", &self.received)
            .field("body_bytes", &self.body_bytes())
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

impl Content {
    fn read(request: Request<'_, '_>, directory: &(impl Directory + ?Sized)) -> Result<Self, RequestError> {
        let Request { family, org_id, received, .. } = request;
        if !directory.has_org(org_id) {
            return Err(RequestError::unknown_org());
        }
        let resolve = InDirectory::new(directory, family, org_id);
        let items = Items::with_room(expected_items(request.body, request.limits), received);
        let (response, items) =
            with_reader(family, |reader| answer_items(reader, request, Vec::new(), resolve, items))?;
        Ok(Self { response, items: items.list })
    }
}

/// The items while they are being read.
struct Items<'a> {
    received: Now,
    list: Vec<CheckedItem>,
    request_ids: Vec<Option<Text<'a>>>,
    /// The channel of the item before: most items of a batch have the same, and share it.
    channel: Option<(Text<'a>, Arc<str>)>,
}

impl<'a> Items<'a> {
    fn with_room(expected: usize, received: Now) -> Self {
        Self { received, list: Vec::with_capacity(expected), request_ids: Vec::with_capacity(expected), channel: None }
    }

    fn push(&mut self, request_id: Option<Text<'a>>, reply: Range<usize>, check: Check) {
        self.list.push(CheckedItem { reply, check });
        self.request_ids.push(request_id);
    }

    fn channel(&mut self, channel_id: Text<'a>) -> Arc<str> {
        match &self.channel {
            Some((same, shared)) if *same == channel_id => Arc::clone(shared),
            _ => {
                let shared: Arc<str> = channel_id.decode().into();
                self.channel = Some((channel_id, Arc::clone(&shared)));
                shared
            }
        }
    }
}

impl<'a> Findings<'a, Found> for Items<'a> {
    fn accepted_fields(&mut self, fields: &Fields<'a, '_>, found: Found, reply: Range<usize>) {
        self.accepted(&fields.to_command(), found, reply);
    }

    fn accepted(&mut self, command: &Command<'a>, found: Found, reply: Range<usize>) {
        let new = NewCommand {
            request_id: command.request_id.decode().into(),
            channel_id: self.channel(command.channel_id),
            device: found.device,
            service_name: found.service_name,
            target: command.target.decode().into(),
            callback_url: command.callback_url.map(|url| url.decode().into()),
            input: command.input.map(|input| input.as_str().into()),
            timeout_ms: command.timeout_ms,
            gmt_service_request: command.gmt_service_request.unwrap_or(self.received.epoch_ms),
            fingerprint: fingerprint(command),
        };
        self.push(Some(command.request_id), reply, Check::Acceptable(new));
    }

    fn refused(&mut self, item: RefusedItem<'a>, command: Option<&Command<'a>>, reply: Range<usize>) {
        let check = command.map_or(Check::Malformed, |command| Check::NotFound {
            request_id: command.request_id.decode().into(),
            fingerprint: fingerprint(command),
        });
        self.push(item.echo.request_id, reply, check);
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn request_id(&self, index: usize) -> Option<Text<'_>> {
        *self.request_ids.get(index)?
    }

    fn clear(&mut self) {
        self.list.clear();
        self.request_ids.clear();
    }
}

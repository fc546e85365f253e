//! Checks batches as a service would on first receipt, without a service.
//!
//! [`responder::CheckedBatch`](crate::responder::CheckedBatch), which a service uses, runs the same code.

mod answering;
mod checker;
mod fast_reply;
mod replies;
mod resolve;
mod response;

pub(crate) use answering::{Findings, Request, answer_items};
pub use checker::Checker;
pub(crate) use replies::{Acceptance, Names, write_accepted, write_refused};
pub(crate) use resolve::{Found, InDirectory};
pub(crate) use response::ResponseWriter;

use std::{borrow::Cow, cell::RefCell, ops::Range};

use serde::{Serialize, Serializer};

use resolve::{Anything, Resolve};

use crate::{
    Code, Directory, Family, Fault, Limits, Now, RequestError,
    json::Text,
    limits::MAX_REQUEST_ID_BYTES,
    request::{Command, Fields, ItemReader, RefusedItem, expected_items},
};

/// Checks a batch body and says what a service with this directory would answer on first receipt.
///
/// Nothing is kept: request ids of earlier batches are not known here.
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
    let resolve = InDirectory::new(directory, family, org_id);
    let request = Request { family, org_id, body, limits, received: now };
    with_reader(family, |reader| report(reader, request, Vec::new(), resolve))
}

/// [`check`]s the form of a batch body alone, as if every well-formed channel and device existed.
///
/// Each thread remembers how earlier items were written, and reads similar ones faster. A [`Checker`] does so too, and can
/// reuse the buffer of an earlier response.
pub fn check_form<'a>(body: &'a [u8], family: Family, org_id: &str, limits: &Limits, now: Now) -> Report<'a> {
    let request = Request { family, org_id, body, limits, received: now };
    with_reader(family, |reader| report(reader, request, Vec::new(), Anything))
}

/// Calls `read` with the thread's reader, which remembers how earlier items were written.
pub(crate) fn with_reader<T>(family: Family, read: impl FnOnce(&mut ItemReader) -> T) -> T {
    thread_local! {
        static READERS: [RefCell<ItemReader>; 2] =
            [Family::Invoke, Family::Write].map(|family| RefCell::new(ItemReader::new(family)));
    }
    READERS.with(|[invoke, write]| {
        let reader = if family == Family::Invoke { invoke } else { write };
        match reader.try_borrow_mut() {
            Ok(mut reader) => read(&mut reader),
            // The reader is in use: a directory checks another batch while it is asked.
            Err(_) => read(&mut ItemReader::new(family)),
        }
    })
}

/// What [`check`] found, and the response that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report<'a> {
    /// Why the request is refused as a whole; there are no items then.
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
    /// Its request id, decoded; `None` if it could not be read. An id that is too long is cut at the limit.
    pub request_id: Option<Cow<'a, str>>,
    /// The code of its reply: 0 if it would be accepted.
    pub code: Code,
    /// The code's message.
    pub msg: &'static str,
    /// Everything that is wrong with it; empty if it would be accepted.
    pub faults: Vec<Fault>,
}

/// Reads a body and reports on each item.
#[inline]
fn report<'a, R: Resolve<'a>>(
    reader: &mut ItemReader,
    request: Request<'a, '_>,
    room: Vec<u8>,
    resolve: R,
) -> Report<'a> {
    let items = Vec::with_capacity(expected_items(request.body, request.limits));
    match answer_items(reader, request, room, resolve, items) {
        Ok((response, items)) => Report { error: None, items, response },
        Err(error) => Report::error(error),
    }
}

impl<'a, Found> Findings<'a, Found> for Vec<ItemReport<'a>> {
    #[inline(always)]
    fn accepted_fields(&mut self, fields: &Fields<'a, '_>, _: Found, _: Range<usize>) {
        let request_id = fields.request_id().printable(fields.text).map(Cow::Borrowed);
        self.push(ItemReport::new(self.len(), request_id, Code::SUCCESS, Vec::new()));
    }

    fn accepted(&mut self, command: &Command<'a>, _: Found, _: Range<usize>) {
        let request_id = Some(reported(command.request_id));
        self.push(ItemReport::new(self.len(), request_id, Code::SUCCESS, Vec::new()));
    }

    fn refused(&mut self, item: RefusedItem<'a>, _: Option<&Command<'a>>, _: Range<usize>) {
        let (request_id, code) = (item.echo.request_id.map(reported), item.code());
        self.push(ItemReport::new(self.len(), request_id, code, item.faults));
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn request_id(&self, index: usize) -> Option<Text<'_>> {
        self.get(index)?.request_id.as_deref().map(Text::plain)
    }

    fn clear(&mut self) {
        self.clear();
    }
}

impl<'a> ItemReport<'a> {
    #[inline(always)]
    fn new(index: usize, request_id: Option<Cow<'a, str>>, code: Code, faults: Vec<Fault>) -> Self {
        Self { index, request_id, code, msg: code.msg(), faults }
    }
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

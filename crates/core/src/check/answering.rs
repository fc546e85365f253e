//! From a body to its response: each item is read, resolved and answered in turn.
//!
//! [`check`](super::check), [`check_form`](super::check_form) and [`CheckedBatch`](crate::responder::CheckedBatch) all go
//! this way. They differ in whom they ask ([`Resolve`]) and in what they keep ([`Findings`]).

use std::ops::Range;

use super::{
    fast_reply,
    replies::{Acceptance, write_accepted, write_refused},
    resolve::{Resolve, Unresolved},
    response::ResponseWriter,
};
use crate::{
    Family, Limits, Now, RequestError,
    json::{Text, repeated},
    request::{Command, Entry, Fields, ItemReader, RefusedItem, TakeItems, read_batch, read_each_by},
};

/// A batch call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a, 'r> {
    pub(crate) family: Family,
    /// The org of the query.
    pub(crate) org_id: &'r str,
    pub(crate) body: &'a [u8],
    pub(crate) limits: &'r Limits,
    pub(crate) received: Now,
}

/// Keeps what is found out about the items, in request order. `reply` is the position of the item's reply in the response.
pub(crate) trait Findings<'a, Found> {
    /// An item that the fast path accepts.
    fn accepted_fields(&mut self, fields: &Fields<'a, '_>, found: Found, reply: Range<usize>);

    /// An item that is accepted.
    fn accepted(&mut self, command: &Command<'a>, found: Found, reply: Range<usize>);

    /// An item that is refused; with its command if only the directory refuses it.
    fn refused(&mut self, item: RefusedItem<'a>, command: Option<&Command<'a>>, reply: Range<usize>);

    fn len(&self) -> usize;

    /// The request id of an item, if it has one.
    fn request_id(&self, index: usize) -> Option<Text<'_>>;

    /// Drops all findings: the items are read once more.
    fn clear(&mut self);
}

/// Reads a body and answers each of its items. `room` is a buffer for the response; `reader` must be one of the family.
///
/// # Errors
/// The request is refused as a whole.
#[inline]
pub(crate) fn answer_items<'a, R: Resolve<'a>, F: Findings<'a, R::Found>>(
    reader: &mut ItemReader,
    request: Request<'a, '_>,
    room: Vec<u8>,
    resolve: R,
    findings: F,
) -> Result<(Vec<u8>, F), RequestError> {
    let mut digits = itoa::Buffer::new();
    let Request { family, org_id, body, limits, received } = request;
    let response = ResponseWriter::new(room, 2 * body.len());
    let epoch_ms = digits.format(received.epoch_ms);
    let mut answering = Answering { family, org_id, received, epoch_ms, response, resolve, findings };
    read_each_by(reader, body, org_id, limits, &mut answering)?;
    // Rare. The second reading names the positions of the repeated ids, also where the findings show ids cut.
    let found = &answering.findings;
    let id = |index: usize| found.request_id(index).filter(|id| !id.is_empty());
    if !repeated(found.len(), id).is_empty() {
        answering.findings.clear();
        answering.response.restart();
        read_batch(body, family, org_id, limits)?.into_iter().for_each(|entry| answering.entry(entry));
    }
    Ok((answering.response.close(), answering.findings))
}

struct Answering<'c, R, F> {
    family: Family,
    org_id: &'c str,
    received: Now,
    /// The digits of its wall clock.
    epoch_ms: &'c str,
    response: ResponseWriter,
    resolve: R,
    findings: F,
}

impl<'a, R: Resolve<'a>, F: Findings<'a, R::Found>> TakeItems<'a> for Answering<'_, R, F> {
    #[inline(always)]
    fn fast(&mut self, fields: &Fields<'a, '_>, is_acceptable: impl FnOnce() -> bool) -> bool {
        if !is_acceptable() {
            return false;
        }
        let Some(found) = self.resolve.resolve_fields(fields) else { return false };
        let out = self.response.next();
        let start = out.len();
        let names = R::names(&found);
        // Two copies of the function, of which the one without names is the shorter.
        if names.is_some() {
            fast_reply::write::<true>(out, fields, names, self.family, self.org_id, self.epoch_ms);
        } else {
            fast_reply::write::<false>(out, fields, None, self.family, self.org_id, self.epoch_ms);
        }
        let end = out.len();
        self.findings.accepted_fields(fields, found, start..end);
        true
    }

    #[inline]
    fn entry(&mut self, entry: Entry<'a>) {
        match entry {
            Entry::Refused(item) => self.refuse(item, None),
            Entry::Accepted(command) => match self.resolve.resolve(&command) {
                Ok(found) => self.accept(&command, found),
                Err(Unresolved { device, faults }) => {
                    let item = RefusedItem { device, ..command.clone().refuse(faults) };
                    self.refuse(item, Some(&command));
                }
            },
        }
    }
}

impl<'a, R: Resolve<'a>, F: Findings<'a, R::Found>> Answering<'_, R, F> {
    fn accept(&mut self, command: &Command<'a>, found: R::Found) {
        let epoch_ms = self.received.epoch_ms;
        let gmt_service_request = command.gmt_service_request.unwrap_or(epoch_ms);
        let acceptance = Acceptance { names: R::names(&found), gmt_service_request, epoch_ms };
        let out = self.response.next();
        let start = out.len();
        write_accepted(out, command, acceptance, self.family, self.org_id);
        let end = out.len();
        self.findings.accepted(command, found, start..end);
    }

    #[cold]
    fn refuse(&mut self, item: RefusedItem<'a>, command: Option<&Command<'a>>) {
        let out = self.response.next();
        let start = out.len();
        write_refused(out, &item, self.family, self.org_id, self.received);
        let end = out.len();
        self.findings.refused(item, command, start..end);
    }
}

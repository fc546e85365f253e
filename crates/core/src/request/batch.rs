//! The envelope of a batch: `{"data":[item, …]}`.

use super::{
    Entry, RefusedItem,
    fast_path::{self, Previous},
    fields::{Fields, ItemReader},
    item::{self, REQUEST_ID},
    name::form,
};
use crate::{
    Family, Fault, Limits, RequestError,
    json::{Failed, Reader, SyntaxError, repeated, utf8},
};

/// How many positions of one request id a reason lists: with all of them, n equal ids would make n² positions.
const LISTED: usize = 4;
/// Bytes of body for each entry that memory is reserved for; the published samples have 315 an item.
const ITEM_BYTES: usize = 256;

/// Reads a batch body: one [`Entry`] per item, in request order, borrowing from the body.
///
/// Checks form alone: everything that can be known without asking which orgs, channels and devices exist.
///
/// # Errors
/// Only what makes the whole request unusable (protocol §3), with the byte offset: 413 for a body or a list beyond
/// `limits`, else 400.
pub fn read_batch<'a>(
    body: &'a [u8],
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> Result<Vec<Entry<'a>>, RequestError> {
    let mut entries = Vec::with_capacity(expected_items(body, limits));
    read_each(body, family, org_id, limits, &mut entries)?;
    refuse_repeated(&mut entries);
    Ok(entries)
}

/// Takes the items of a batch, one after the other.
pub(crate) trait TakeItems<'a> {
    /// The fast path: takes an item if `is_acceptable` says that it is certainly accepted. `false` to get it as an entry.
    fn fast(&mut self, fields: &Fields<'a, '_>, is_acceptable: impl FnOnce() -> bool) -> bool;

    fn entry(&mut self, entry: Entry<'a>);
}

impl<'a> TakeItems<'a> for Vec<Entry<'a>> {
    fn fast(&mut self, _: &Fields<'a, '_>, _: impl FnOnce() -> bool) -> bool {
        false
    }

    fn entry(&mut self, entry: Entry<'a>) {
        self.push(entry);
    }
}

/// [`read_batch`], one item after the other. Repeated request ids are not looked for: they are known only at the end.
#[inline]
pub(crate) fn read_each<'a>(
    body: &'a [u8],
    family: Family,
    org_id: &str,
    limits: &Limits,
    each: &mut impl TakeItems<'a>,
) -> Result<(), RequestError> {
    read_each_by(&mut ItemReader::new(family), body, org_id, limits, each)
}

/// [`read_each`] with a reader that may have read other bodies before.
#[inline]
pub(crate) fn read_each_by<'a>(
    items: &mut ItemReader,
    body: &'a [u8],
    org_id: &str,
    limits: &Limits,
    each: &mut impl TakeItems<'a>,
) -> Result<(), RequestError> {
    if body.len() > limits.body_bytes.get() {
        let (len, most) = (body.len(), limits.body_bytes.get());
        return Err(RequestError::too_large(format!("the body is {len} bytes long; at most {most} are taken")));
    }
    let mut reader = Reader::new(utf8(body)?, limits.depth.get());
    read_body(&mut reader, items, org_id, limits, each).map_err(|failed| {
        // What it knows of the item in which it stopped is incomplete.
        *items = ItemReader::new(items.family());
        failed.why(&mut reader)
    })
}

/// An estimate of how many items a body has.
pub(crate) fn expected_items(body: &[u8], limits: &Limits) -> usize {
    (body.len() / ITEM_BYTES).min(limits.items.get())
}

type Read<T> = Result<T, Failed<RequestError>>;

fn read_body<'a>(
    reader: &mut Reader<'a>,
    items: &mut ItemReader,
    org_id: &str,
    limits: &Limits,
    each: &mut impl TakeItems<'a>,
) -> Read<()> {
    if reader.peek() != Some(b'{') {
        return Err(wrong(reader, "the body must be an object with a list named data"));
    }
    let mut has_data = false;
    let mut object = reader.open_object()?;
    while let Some(key) = reader.next_key(&mut object)? {
        if key.text != *"data" {
            reader.unique(&object, key)?;
            reader.value()?;
        } else if has_data {
            return Err(reader.duplicate(&key).into());
        } else {
            read_items(reader, items, org_id, limits, each)?;
            has_data = true;
        }
    }
    let end = reader.offset();
    reader.end()?;
    if has_data { Ok(()) } else { Err(Failed::Refused(RequestError::body(end, "the body has no data"))) }
}

fn read_items<'a>(
    reader: &mut Reader<'a>,
    items: &mut ItemReader,
    org_id: &str,
    limits: &Limits,
    each: &mut impl TakeItems<'a>,
) -> Read<()> {
    if reader.peek() != Some(b'[') {
        return Err(wrong(reader, "data must be an array of items"));
    }
    let start = reader.offset();
    let mut count = 0;
    let family = items.family();
    let mut previous = Previous::default();
    reader.open_array()?;
    while reader.next_element(count == 0)? {
        if count >= limits.items.get() {
            let error = RequestError::too_large(format!("data holds more than {} items", limits.items.get()));
            return Err(Failed::Refused(error));
        }
        count += 1;
        if reader.peek() != Some(b'{') {
            each.entry(item::not_an_object(reader.value()?.value(reader.text())));
            continue;
        }
        items.read(reader)?;
        let fields = items.fields(reader.text());
        if !each.fast(&fields, || fast_path::is_acceptable(&fields, &mut previous, family, org_id, limits)) {
            each.entry(item::judge(&fields, &mut previous.channel_id, family, org_id, limits));
        }
    }
    if count == 0 {
        return Err(Failed::Refused(RequestError::body(start, "data holds no items")));
    }
    Ok(())
}

/// The error that the next value is of the wrong kind, or, before that, that it is not well formed.
fn wrong(reader: &mut Reader<'_>, reason: &str) -> Failed<RequestError> {
    let offset = reader.offset();
    match reader.value() {
        Ok(found) => {
            let found = found.value(reader.text()).kind();
            Failed::Refused(RequestError::body(offset, format_args!("{reason}, not {found}")))
        }
        Err(stopped) => stopped.into(),
    }
}

/// Refuses every item whose request id is also another item's (protocol §3, ours).
fn refuse_repeated(entries: &mut [Entry<'_>]) {
    // An empty id has been refused for being empty.
    let id = |at: usize| entries.get(at)?.request_id().filter(|id| !id.is_empty());
    for group in repeated(entries.len(), id) {
        let listed: Vec<String> = group.iter().take(LISTED).map(usize::to_string).collect();
        let items = match (listed.split_last(), group.len().saturating_sub(LISTED)) {
            (Some((last, others)), 0) => format!("{} and {last}", others.join(", ")),
            (_, more) => format!("{} and {more} more", listed.join(", ")),
        };
        let fault = form(REQUEST_ID, format!("is used by items {items} of this batch"));
        for at in group {
            if let Some(entry) = entries.get_mut(at) {
                refuse(entry, fault.clone());
            }
        }
    }
}

/// Adds a fault of the request id at its place: behind the other faults of the request id, before all others.
fn refuse(entry: &mut Entry<'_>, fault: Fault) {
    match entry {
        Entry::Accepted(command) => *entry = Entry::Refused(command.clone().refuse(vec![fault])),
        Entry::Refused(RefusedItem { faults, .. }) => {
            let at = faults.iter().take_while(|fault| fault.field == REQUEST_ID).count();
            faults.insert(at, fault);
        }
    }
}

impl From<SyntaxError> for RequestError {
    fn from(error: SyntaxError) -> Self {
        Self::body(error.offset, error.reason)
    }
}

//! The envelope of a batch: `{"data":[item, …]}`.

use super::{
    Entry, Refusal,
    fields::Fields,
    item::{self, REQUEST_ID},
    name::form,
};
use crate::{
    Family, Fault, Limits, RequestError,
    json::{Reader, SyntaxError, repeated},
};

/// As many positions of one request id as a reason lists: with all of them, n equal ids would make n² positions.
const LISTED: usize = 4;
/// Room is made for one entry for so many bytes of body; the samples have 315 an item.
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
    if body.len() > limits.body_bytes {
        let (len, most) = (body.len(), limits.body_bytes);
        return Err(RequestError::too_large(format!("the body is {len} bytes long; at most {most} are taken")));
    }
    let mut reader = Reader::new(body, limits.depth)?;
    if reader.peek() != Some(b'{') {
        return Err(wrong(&mut reader, "the body must be an object with a list named data")?);
    }
    let mut entries = None;
    let mut object = reader.open_object()?;
    while let Some(key) = reader.next_key(&mut object)? {
        // `data` is known to the object's own list of keys as well, which finds a second one.
        reader.unique(&object, key)?;
        if key.text == *"data" {
            entries = Some(read_items(&mut reader, family, org_id, limits)?);
        } else {
            reader.value()?;
        }
    }
    let end = reader.offset();
    reader.end()?;
    let mut entries = entries.ok_or_else(|| RequestError::body(end, "the body has no data"))?;
    refuse_repeated(&mut entries);
    Ok(entries)
}

fn read_items<'a>(
    reader: &mut Reader<'a>,
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> Result<Vec<Entry<'a>>, RequestError> {
    if reader.peek() != Some(b'[') {
        return Err(wrong(reader, "data must be an array of items")?);
    }
    let start = reader.offset();
    let mut entries = Vec::with_capacity((reader.remaining() / ITEM_BYTES).min(limits.items));
    reader.open_array()?;
    while reader.next_element(entries.is_empty())? {
        if entries.len() >= limits.items {
            return Err(RequestError::too_large(format!("data holds more than {} items", limits.items)));
        }
        entries.push(match reader.peek() {
            Some(b'{') => item::judge(&Fields::read(reader, family)?, family, org_id, limits),
            _ => item::not_an_object(reader.value()?),
        });
    }
    if entries.is_empty() {
        return Err(RequestError::body(start, "data holds no items"));
    }
    Ok(entries)
}

/// The error that the value which is next is of the wrong kind; if it is not even well formed, that comes first.
fn wrong(reader: &mut Reader<'_>, reason: &str) -> Result<RequestError, SyntaxError> {
    let offset = reader.offset();
    let found = reader.value()?;
    Ok(RequestError::body(offset, format_args!("{reason}, not {}", found.kind())))
}

/// Refuses every item whose request id another item of the batch has, too (protocol §3 and guarantees, ours).
fn refuse_repeated(entries: &mut [Entry<'_>]) {
    // An empty id is refused as that already.
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

/// Adds a fault of the request id where the order of the table wants it.
fn refuse(entry: &mut Entry<'_>, fault: Fault) {
    match entry {
        Entry::Accepted(command) => *entry = Entry::Refused(command.clone().refuse(vec![fault])),
        Entry::Refused(Refusal { faults, .. }) => {
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

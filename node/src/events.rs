//! Events as they cross the boundary: rows of numbers, and one text, for all that are drained at once.
//!
//! There is a row for each event. Numbers have 32 bits, in the machine's order; what has 64 takes two, the lower half first. The
//! text is UTF-8, in a string with a character for each byte: nothing is decoded here, and JavaScript cuts a string faster
//! than bytes. It makes a value of any of it when somebody asks for it, so an event that is merely counted costs no more
//! than its row.
//!
//! | place in the row | what |
//! |---|---|
//! | 0 | the kind (4 bits), [flags](flag), how many numbers the row has (6 bits) |
//! | 1, 2 | batch |
//! | 3 | index |
//! | 4, 5 | from where to where in the text the request id stands |
//! | 6, 7 | code |
//! | 8, 9 · 10, 11 | when the service replied, when the device did |
//! | 12 to 25 | from where to where the other [`TEXTS`] stand |
//!
//! A row ends with what its kind has. That of a batch has its summary from 3 on.

use std::borrow::Cow;

use napi::{
    JsString,
    bindgen_prelude::{BufferSlice, Env},
};
use setpoint::{
    Code, Family,
    requester::{Event, ItemRef, Outcome, Refused, RequestBatchId, Summary},
};

/// How many numbers an event has at most.
const ROW: usize = 26;
/// How many it has if it only names an item.
const ITEM_ROW: usize = 6;
/// How many that of a batch has.
const BATCH_ROW: usize = 10;
/// Where the request id stands.
const REQUEST_ID: usize = 4;
/// Where the other texts start.
const OTHERS: usize = 12;
/// Request id, message, further message, product key, device key, asset id, target, output.
const TEXTS: usize = 8;

mod flag {
    /// The outcome is one of the write family.
    pub(super) const WRITE: u32 = 1 << 4;
    /// There is an outcome.
    pub(super) const OUTCOME: u32 = 1 << 5;
    /// The whole request was refused; or it is known that nothing was sent; or a duplicate says something else.
    pub(super) const SAID: u32 = 1 << 6;
    /// The first of the texts is null; those of the others follow.
    pub(super) const NULL_TEXT: u32 = 1 << 8;
    /// The time of the service is null; that of the device follows.
    pub(super) const NULL_TIME: u32 = 1 << 16;
    /// How many numbers the row has.
    pub(super) const LENGTH: u32 = 1 << 26;
}

/// Rooms larger than this are not kept, in bytes.
const KEPT: usize = 1 << 20;

/// All events of one drain.
#[derive(Debug, Default)]
pub(crate) struct Block {
    rows: Vec<u8>,
    text: Vec<u8>,
    /// Where the texts of the event before stand. Most of them come again, and need not be written again.
    before: [(usize, usize); TEXTS],
}

/// A block in JavaScript.
pub(crate) type Crossed<'env> = (BufferSlice<'env>, JsString<'env>, bool);

type Row = [u32; ROW];

impl Block {
    /// Takes these events instead of what it held.
    pub(crate) fn fill(&mut self, events: impl Iterator<Item = Event>) {
        self.text.clear();
        self.rows.clear();
        self.before = Default::default();
        for event in events {
            self.event(&event);
        }
    }

    /// As it crosses the boundary: the rows, the text, and whether all of that is ASCII; nothing if there is no event.
    pub(crate) fn cross<'env>(&self, env: &'env Env) -> napi::Result<Option<Crossed<'env>>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        // Memory that JavaScript gets from its own allocator is used again; ours would be new to the process each time.
        let rows = BufferSlice::copy_from(env, &self.rows)?;
        Ok(Some((rows, env.create_string_latin1(&self.text)?, self.text.is_ascii())))
    }

    /// Its room, if it is worth keeping.
    pub(crate) fn kept(self) -> Self {
        if self.text.capacity() + self.rows.capacity() <= KEPT { self } else { Self::default() }
    }

    fn event(&mut self, event: &Event) {
        let mut row = [0; ROW];
        let length = match event {
            Event::Accepted { item } => self.item(&mut row, 0, item),
            Event::Refused { item, refusal } => {
                self.item(&mut row, 1, item);
                self.refusal(&mut row, refusal)
            }
            Event::Finished { item, outcome } => self.told(&mut row, 2, item, outcome),
            Event::TimedOut { item, known_unsent, outcome } => {
                row[0] |= if *known_unsent { flag::SAID } else { 0 };
                match outcome {
                    Some(outcome) => self.told(&mut row, 3, item, outcome),
                    None => {
                        self.item(&mut row, 3, item);
                        [row[6], row[7]] = halves(Code::TIMEOUT.0);
                        self.text(&mut row, 1, Some(Code::TIMEOUT.msg()))
                    }
                }
            }
            Event::Cancelled { item } => self.item(&mut row, 4, item),
            Event::Late { item, outcome } => self.told(&mut row, 5, item, outcome),
            Event::Duplicate { item, outcome, conflict } => {
                row[0] |= if *conflict { flag::SAID } else { 0 };
                self.told(&mut row, 6, item, outcome)
            }
            Event::Unknown { outcome } => {
                row[0] |= 7;
                self.outcome(&mut row, outcome)
            }
            Event::Unreadable { reason } => {
                row[0] |= 8;
                self.text(&mut row, 1, Some(reason))
            }
            Event::BatchDone { batch, summary } => {
                row[0] |= 9;
                of_batch(&mut row, *batch);
                of_summary(&mut row, *summary)
            }
            // What a later engine tells needs a kind here first.
            _ => return,
        };
        row[0] |= length as u32 * flag::LENGTH;
        let bytes = row.map(u32::to_ne_bytes);
        self.rows.extend_from_slice(bytes.get(..length).unwrap_or_default().as_flattened());
    }

    fn item(&mut self, row: &mut Row, kind: u32, item: &ItemRef) -> usize {
        of_item(row, kind, item);
        self.text(row, 0, item.request_id());
        ITEM_ROW
    }

    fn refusal(&mut self, row: &mut Row, refusal: &Refused) -> usize {
        row[0] |= if refusal.whole_request { flag::SAID } else { 0 };
        [row[6], row[7]] = halves(refusal.code.0);
        self.text(row, 1, Some(&refusal.msg));
        self.text(row, 2, refusal.submsg.as_deref())
    }

    /// What an outcome says of an item. Both have the same request id.
    fn told(&mut self, row: &mut Row, kind: u32, item: &ItemRef, outcome: &Outcome) -> usize {
        of_item(row, kind, item);
        self.outcome(row, outcome)
    }

    fn outcome(&mut self, row: &mut Row, outcome: &Outcome) -> usize {
        row[0] |= flag::OUTCOME;
        row[0] |= if outcome.family() == Family::Write { flag::WRITE } else { 0 };
        [row[6], row[7]] = halves(outcome.code().0);
        for (at, time) in [outcome.gmt_service_reply(), outcome.gmt_device_reply()].into_iter().enumerate() {
            match time {
                Some(time) => [row[8 + 2 * at], row[9 + 2 * at]] = halves(time),
                None => row[0] |= flag::NULL_TIME << at,
            }
        }
        self.text(row, 0, Some(&outcome.request_id()));
        let texts: [Option<Cow<'_, str>>; 6] = [
            outcome.msg(),
            outcome.submsg(),
            outcome.product_key(),
            outcome.device_key(),
            outcome.asset_id(),
            outcome.target(),
        ];
        for (at, text) in texts.iter().enumerate() {
            self.text(row, 1 + at, text.as_deref());
        }
        self.text(row, TEXTS - 1, Some(outcome.output_data()))
    }

    fn text(&mut self, row: &mut Row, at: usize, text: Option<&str>) -> usize {
        let Some(text) = text else {
            row[0] |= flag::NULL_TEXT << at;
            return ROW;
        };
        let (mut start, mut end) = self.before[at];
        if self.text.get(start..end) != Some(text.as_bytes()) {
            (start, end) = (self.text.len(), self.text.len() + text.len());
            self.text.extend_from_slice(text.as_bytes());
            self.before[at] = (start, end);
        }
        put(row, at, start, end);
        ROW
    }
}

fn put(row: &mut Row, at: usize, start: usize, end: usize) {
    let place = if at == 0 { REQUEST_ID } else { OTHERS + 2 * (at - 1) };
    if let Some(room) = row.get_mut(place..place + 2) {
        room.copy_from_slice(&[start as u32, end as u32]);
    }
}

fn of_item(row: &mut Row, kind: u32, item: &ItemRef) {
    row[0] |= kind;
    of_batch(row, item.batch);
    row[3] = item.index as u32;
}

fn of_batch(row: &mut Row, batch: RequestBatchId) {
    [row[1], row[2]] = halves(batch.0.cast_signed());
}

fn of_summary(row: &mut Row, summary: Summary) -> usize {
    let Summary { submitted, accepted, refused, succeeded, failed, timed_out, cancelled, .. } = summary;
    for (at, count) in [submitted, accepted, refused, succeeded, failed, timed_out, cancelled].into_iter().enumerate() {
        row[3 + at] = count as u32;
    }
    BATCH_ROW
}

fn halves(number: i64) -> [u32; 2] {
    let number = number.cast_unsigned();
    [number as u32, (number >> 32) as u32]
}

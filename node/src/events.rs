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

use napi::{
    JsString,
    bindgen_prelude::{BufferSlice, Env},
};
use setpoint::{
    Code, Family,
    json::Text,
    reply::{ReplyPart, ReplySpans},
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

type ReadText = for<'a> fn(&ReplySpans, &'a str) -> Option<Text<'a>>;
type ReadTime = fn(&ReplySpans, &str) -> Option<i64>;

/// The texts of an outcome but the last, its output, in order.
const READ: [(ReplyPart, ReadText); TEXTS - 1] = [
    (ReplyPart::RequestId, ReplySpans::request_id),
    (ReplyPart::Msg, ReplySpans::msg),
    (ReplyPart::Submsg, ReplySpans::submsg),
    (ReplyPart::ProductKey, ReplySpans::product_key),
    (ReplyPart::DeviceKey, ReplySpans::device_key),
    (ReplyPart::AssetId, ReplySpans::asset_id),
    (ReplyPart::Target, ReplySpans::target),
];
/// Its times.
const TIMES: [(ReplyPart, ReadTime); 2] = [
    (ReplyPart::GmtServiceReply, ReplySpans::gmt_service_reply),
    (ReplyPart::GmtDeviceReply, ReplySpans::gmt_device_reply),
];

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
    /// All of those.
    pub(super) const NULLS: u32 = 0x3_FF00;
    /// How many numbers the row has.
    pub(super) const LENGTH: u32 = 1 << 26;
}

/// Rooms larger than this are not kept, in bytes.
const KEPT: usize = 1 << 20;

/// All events of one drain.
#[derive(Debug, Default)]
pub(crate) struct Block {
    rows: Vec<Number>,
    texts: Texts,
}

#[derive(Debug, Default)]
struct Texts(Vec<u8>);

/// A block in JavaScript.
pub(crate) type Crossed<'env> = (BufferSlice<'env>, JsString<'env>, bool);

/// 32 bits in the machine's order.
type Number = [u8; 4];
type Row = [Number; ROW];

impl Block {
    /// Takes these events instead of what it held.
    pub(crate) fn fill(&mut self, events: impl Iterator<Item = Event>) {
        self.rows.clear();
        self.texts.0.clear();
        let mut before = None;
        for event in events {
            self.event(&event, before.as_ref());
            before = Some(event);
        }
    }

    /// As it crosses the boundary: the rows, the text, and whether all of that is ASCII; nothing if there is no event.
    pub(crate) fn cross<'env>(&self, env: &'env Env) -> napi::Result<Option<Crossed<'env>>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        // Memory that JavaScript gets from its own allocator is used again; ours would be new to the process each time.
        let rows = BufferSlice::copy_from(env, self.rows.as_flattened())?;
        let Texts(text) = &self.texts;
        Ok(Some((rows, env.create_string_latin1(text)?, text.is_ascii())))
    }

    /// Its room, if it is worth keeping.
    pub(crate) fn kept(self) -> Self {
        if self.texts.0.capacity() + self.rows.capacity() * size_of::<Number>() <= KEPT {
            self
        } else {
            Self::default()
        }
    }

    /// Adds the row of an event. Of outcomes of one message most say the same but for who it is about, so that a row begins as
    /// the one before if that can be.
    fn event(&mut self, event: &Event, before: Option<&Event>) {
        let start = self.rows.len();
        let is_next =
            outcome_of(event).zip(before.and_then(outcome_of)).is_some_and(|(one, other)| one.is_next_to(other));
        if is_next && start >= ROW {
            self.rows.extend_from_within(start - ROW..);
        } else {
            self.rows.resize(start + ROW, NOTHING);
        }
        let Some(row) = self.rows.last_chunk_mut::<ROW>() else { return };
        let (head, length) = self.texts.event(row, event);
        row[0] = (head | (length as u32 * flag::LENGTH)).to_ne_bytes();
        self.rows.truncate(start + length);
    }
}

const NOTHING: Number = [0; 4];

/// What a row of all numbers is about.
fn outcome_of(event: &Event) -> Option<&Outcome> {
    match event {
        Event::Finished { outcome, .. }
        | Event::TimedOut { outcome: Some(outcome), .. }
        | Event::Late { outcome, .. }
        | Event::Duplicate { outcome, .. }
        | Event::Unknown { outcome } => Some(outcome),
        _ => None,
    }
}

impl Texts {
    /// Fills the row but for its head: that without its length, and its length.
    fn event(&mut self, row: &mut Row, event: &Event) -> (u32, usize) {
        match event {
            Event::Accepted { item } => (self.item(row, item), ITEM_ROW),
            Event::Refused { item, refusal } => (1 | self.item(row, item) | self.refusal(row, refusal), ROW),
            Event::Finished { item, outcome } => (2 | self.told(row, item, outcome), ROW),
            Event::TimedOut { item, known_unsent, outcome } => {
                let said = if let Some(outcome) = outcome {
                    self.told(row, item, outcome)
                } else {
                    [row[6], row[7]] = halves(Code::TIMEOUT.0);
                    self.item(row, item) | self.text(row, 1, Some(Code::TIMEOUT.msg()))
                };
                (3 | said | flag_if(*known_unsent, flag::SAID), ROW)
            }
            Event::Cancelled { item } => (4 | self.item(row, item), ITEM_ROW),
            Event::Late { item, outcome } => (5 | self.told(row, item, outcome), ROW),
            Event::Duplicate { item, outcome, conflict } => {
                (6 | self.told(row, item, outcome) | flag_if(*conflict, flag::SAID), ROW)
            }
            Event::Unknown { outcome } => (7 | self.outcome(row, outcome), ROW),
            Event::Unreadable { reason } => (8 | self.text(row, 1, Some(reason)), ROW),
            Event::BatchDone { batch, summary } => {
                of_batch(row, *batch);
                of_summary(row, *summary);
                (9, BATCH_ROW)
            }
            // What a later engine tells needs a kind here first.
            _ => (0, 0),
        }
    }

    fn item(&mut self, row: &mut Row, item: &ItemRef) -> u32 {
        of_item(row, item);
        self.text(row, 0, item.request_id())
    }

    fn refusal(&mut self, row: &mut Row, refusal: &Refused) -> u32 {
        [row[6], row[7]] = halves(refusal.code.0);
        flag_if(refusal.whole_request, flag::SAID)
            | self.text(row, 1, Some(&refusal.msg))
            | self.text(row, 2, refusal.submsg.as_deref())
    }

    /// What an outcome says of an item. Both have the same request id.
    fn told(&mut self, row: &mut Row, item: &ItemRef, outcome: &Outcome) -> u32 {
        of_item(row, item);
        self.outcome(row, outcome)
    }

    /// Fills in what may be another than in the outcome before, with whose numbers the row begins if it has any.
    fn outcome(&mut self, row: &mut Row, outcome: &Outcome) -> u32 {
        let (parts, message) = outcome.parts();
        let before = u32::from_ne_bytes(row[0]);
        let is_new = |part| before == 0 || !parts.is_as_before(part);
        let mut head = before & flag::NULLS | flag::OUTCOME | flag_if(parts.family == Family::Write, flag::WRITE);
        [row[6], row[7]] = halves(parts.code.0);
        for (at, (part, time)) in TIMES.into_iter().enumerate() {
            if is_new(part) {
                let time = time(parts, message);
                [row[8 + 2 * at], row[9 + 2 * at]] = halves(time.unwrap_or_default());
                head = head & !(flag::NULL_TIME << at) | flag_if(time.is_none(), flag::NULL_TIME << at);
            }
        }
        for (at, (part, text)) in READ.into_iter().enumerate() {
            if is_new(part) {
                // A reply without a request id has an empty one.
                let text = text(parts, message).or((at == 0).then(|| Text::plain("")));
                head = head & !(flag::NULL_TEXT << at) | self.read(row, at, text);
            }
        }
        if is_new(ReplyPart::Output) {
            self.text(row, TEXTS - 1, Some(parts.output(message).as_str()));
        }
        head
    }

    #[inline]
    fn read(&mut self, row: &mut Row, at: usize, text: Option<Text<'_>>) -> u32 {
        match text.map(|text| text.as_decoded().ok_or(text)) {
            None => self.text(row, at, None),
            Some(Ok(text)) => self.text(row, at, Some(text)),
            Some(Err(escaped)) => self.text(row, at, Some(&escaped.decode())),
        }
    }

    /// Returns the flag of a text that is null.
    #[inline]
    fn text(&mut self, row: &mut Row, at: usize, text: Option<&str>) -> u32 {
        let Some(text) = text else { return flag::NULL_TEXT << at };
        let start = self.0.len();
        match <&[u8; 36]>::try_from(text.as_bytes()) {
            // Most request ids have so many characters, and are copied without a call.
            Ok(id) => self.0.extend_from_slice(id),
            Err(_) => self.0.extend_from_slice(text.as_bytes()),
        }
        let place = if at == 0 { REQUEST_ID } else { OTHERS + 2 * (at - 1) };
        if let Some(room) = row.get_mut(place..place + 2) {
            room.copy_from_slice(&[start, self.0.len()].map(|place| (place as u32).to_ne_bytes()));
        }
        0
    }
}

fn flag_if(is_set: bool, flag: u32) -> u32 {
    if is_set { flag } else { 0 }
}

fn of_item(row: &mut Row, item: &ItemRef) {
    of_batch(row, item.batch);
    row[3] = (item.index as u32).to_ne_bytes();
}

fn of_batch(row: &mut Row, batch: RequestBatchId) {
    [row[1], row[2]] = halves(batch.0.cast_signed());
}

fn of_summary(row: &mut Row, summary: Summary) {
    let Summary { submitted, accepted, refused, succeeded, failed, timed_out, cancelled, .. } = summary;
    for (at, count) in [submitted, accepted, refused, succeeded, failed, timed_out, cancelled].into_iter().enumerate() {
        row[3 + at] = (count as u32).to_ne_bytes();
    }
}

fn halves(number: i64) -> [Number; 2] {
    let number = number.cast_unsigned();
    [number as u32, (number >> 32) as u32].map(u32::to_ne_bytes)
}

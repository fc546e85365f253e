//! Events as they cross the boundary: rows of numbers, and one text, for all that cross at once.
//!
//! There is a row for each event. Numbers have 32 bits, in the machine's order; what has 64 takes two, the lower half first. The
//! text is UTF-8, of which JavaScript makes a string with a character for each byte when somebody asks for any of it: it
//! cuts a string faster than bytes. An event that is merely counted costs no more than its row.
//!
//! A block is written as four numbers, the rows, and the text. The numbers are how many events there are, how many numbers
//! their rows have, how many bytes the text has, and two flags: 1 if all of it is ASCII, 2 if there may be another block.
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

use std::collections::VecDeque;

use setpoint::{
    Code, Family, Requester,
    json::Text,
    reply::{MessageError, ReplyPart, ReplyParts, ReplySpans},
    requester::{Event, ItemRef, OutcomeRef, Refused, RequestBatchId, Summary},
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

/// So many bytes are copied without a call: a UUID has 36.
const SHORT: usize = 40;

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
/// A block of so many bytes is full.
const FULL: usize = 1 << 18;
/// So many events are taken out of a requester at once.
const DRAINED: usize = 4_096;

/// What was told and has not crossed yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    waiting: VecDeque<Block>,
    /// Room for the next one.
    spare: Block,
}

/// Events that cross together.
#[derive(Debug, Default)]
struct Block {
    /// How many there are.
    events: u32,
    rows: Vec<Number>,
    texts: Texts,
}

#[derive(Debug, Default)]
struct Texts(Vec<u8>);

/// 32 bits in the machine's order.
type Number = [u8; 4];
type Row = [Number; ROW];

impl Blocks {
    /// Has a requester read a message and tell what it says. Returns how many replies that were.
    pub(crate) fn take_message(&mut self, requester: &mut Requester, body: &[u8]) -> Result<usize, MessageError> {
        // What happened before comes first.
        while self.drain(requester) > 0 {}
        let block = self.open();
        let mut before = None;
        requester.handle_message_each(body, |event| {
            let index = outcome_of(&event).map(|outcome| outcome.index());
            let is_next = index.zip(before).is_some_and(|(index, before)| index == before + 1);
            block.add(&event, is_next);
            before = index;
        })
    }

    /// Lets what was told first cross: `write` takes it, in parts, or says `false`. Returns what `write` did; nothing if nothing
    /// was told.
    pub(crate) fn cross(&mut self, requester: &mut Requester, write: impl FnOnce(&[&[u8]]) -> bool) -> Option<bool> {
        let has_more = self.drain(requester) == DRAINED || self.waiting.len() > 1;
        let block = self.waiting.front().filter(|block| !block.is_empty())?;
        let Texts(text) = &block.texts;
        let flags = u32::from(text.is_ascii()) | u32::from(has_more) << 1;
        let head = [block.events, block.rows.len() as u32, text.len() as u32, flags];
        let head = head.map(u32::to_ne_bytes);
        let has_crossed = write(&[head.as_flattened(), block.rows.as_flattened(), text]);
        if has_crossed && let Some(mut block) = self.waiting.pop_front() {
            block.events = 0;
            block.rows.clear();
            block.texts.0.clear();
            if block.room() <= KEPT {
                self.spare = block;
            }
        }
        Some(has_crossed)
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.spare.room() + self.waiting.iter().map(Block::room).sum::<usize>()
    }

    /// Takes events out of a requester: none of a message, which tells its own. Returns how many.
    fn drain(&mut self, requester: &mut Requester) -> usize {
        let block = self.open();
        let events = std::iter::from_fn(|| requester.poll_event()).take(DRAINED);
        events.map(|event| block.add(&event.borrowed(), false)).count()
    }

    /// The last block that is not full.
    fn open(&mut self) -> &mut Block {
        if self.waiting.back().is_none_or(|block| block.rows.as_flattened().len() + block.texts.0.len() >= FULL) {
            self.waiting.push_back(std::mem::take(&mut self.spare));
        }
        let last = self.waiting.len() - 1;
        &mut self.waiting[last]
    }
}

impl Block {
    /// Adds the row of an event. Of outcomes of one message most say the same but for who it is about, so that a row begins as
    /// the one before if it `is_next` to that in the message.
    #[inline]
    fn add(&mut self, event: &Event<OutcomeRef<'_>>, is_next: bool) {
        let start = self.rows.len();
        let before = self.rows.last_chunk::<ROW>().filter(|_| is_next).copied();
        self.rows.extend_from_slice(&before.unwrap_or([NOTHING; ROW]));
        let Some(row) = self.rows.last_chunk_mut::<ROW>() else { return };
        let (head, length) = self.texts.event(row, event);
        row[0] = (head | (length as u32 * flag::LENGTH)).to_ne_bytes();
        self.rows.truncate(start + length);
        self.events += u32::from(length > 0);
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn room(&self) -> usize {
        self.texts.0.capacity() + self.rows.capacity() * size_of::<Number>()
    }
}

const NOTHING: Number = [0; 4];

/// What a row of all numbers is about.
fn outcome_of<'a, 'e>(event: &'e Event<OutcomeRef<'a>>) -> Option<&'e OutcomeRef<'a>> {
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
    #[inline]
    fn event(&mut self, row: &mut Row, event: &Event<OutcomeRef<'_>>) -> (u32, usize) {
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
    fn told(&mut self, row: &mut Row, item: &ItemRef, outcome: &OutcomeRef<'_>) -> u32 {
        of_item(row, item);
        self.outcome(row, outcome)
    }

    /// Fills in what may be another than in the outcome before, with whose numbers the row begins if it has any.
    fn outcome(&mut self, row: &mut Row, outcome: &OutcomeRef<'_>) -> u32 {
        let (parts, message) = outcome.parts();
        let before = u32::from_ne_bytes(row[0]);
        let changed = if before == 0 { ReplyParts::ALL } else { parts.changed() };
        let mut nulls = before & flag::NULLS;
        [row[6], row[7]] = halves(parts.code.0);
        for part in changed {
            let (flag, is_null) = match part {
                ReplyPart::RequestId => self.part(row, 0, parts, part, message),
                ReplyPart::Msg => self.part(row, 1, parts, part, message),
                ReplyPart::Submsg => self.part(row, 2, parts, part, message),
                ReplyPart::ProductKey => self.part(row, 3, parts, part, message),
                ReplyPart::DeviceKey => self.part(row, 4, parts, part, message),
                ReplyPart::AssetId => self.part(row, 5, parts, part, message),
                ReplyPart::Target => self.part(row, 6, parts, part, message),
                ReplyPart::Output => {
                    self.text(row, TEXTS - 1, Some(parts.output(message).as_str()));
                    continue;
                }
                ReplyPart::GmtServiceReply => time(row, 0, parts.gmt_service_reply(message)),
                ReplyPart::GmtDeviceReply => time(row, 1, parts.gmt_device_reply(message)),
                _ => continue,
            };
            nulls = nulls & !flag | flag_if(is_null, flag);
        }
        // A reply without a request id has an empty one.
        nulls & !flag::NULL_TEXT | flag::OUTCOME | flag_if(parts.family == Family::Write, flag::WRITE)
    }

    /// A text of an outcome: its flag, and whether it is null.
    #[inline(always)]
    fn part(&mut self, row: &mut Row, at: usize, parts: &ReplySpans, part: ReplyPart, message: &str) -> (u32, bool) {
        let start = self.0.len();
        let range = parts.range(part);
        let is_null = range.is_none();
        if let Some(range) = range {
            let length = range.len();
            let block = message.as_bytes().get(range.start..).and_then(|rest| rest.first_chunk::<SHORT>());
            match block.filter(|_| length <= SHORT && !parts.is_escaped(part)) {
                Some(block) => {
                    self.0.extend_from_slice(block);
                    self.0.truncate(start + length);
                }
                None => self.decoded(parts.text(part, message)),
            }
        }
        self.place(row, at, start);
        (flag::NULL_TEXT << at, is_null)
    }

    #[inline(never)]
    fn decoded(&mut self, text: Option<Text<'_>>) {
        self.0.extend_from_slice(text.map(Text::decode).unwrap_or_default().as_bytes());
    }

    /// Returns the flag of a text that is null.
    fn text(&mut self, row: &mut Row, at: usize, text: Option<&str>) -> u32 {
        let start = self.0.len();
        self.0.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.place(row, at, start);
        flag_if(text.is_none(), flag::NULL_TEXT << at)
    }

    /// Notes where a text stands, which ends here.
    #[inline(always)]
    fn place(&self, row: &mut Row, at: usize, start: usize) {
        let place = if at == 0 { REQUEST_ID } else { OTHERS + 2 * (at - 1) };
        if let Some(room) = row.get_mut(place..place + 2) {
            room.copy_from_slice(&[start, self.0.len()].map(|place| (place as u32).to_ne_bytes()));
        }
    }
}

/// A time of an outcome: its flag, and whether it is null.
fn time(row: &mut Row, at: usize, time: Option<i64>) -> (u32, bool) {
    [row[8 + 2 * at], row[9 + 2 * at]] = halves(time.unwrap_or_default());
    (flag::NULL_TIME << at, time.is_none())
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

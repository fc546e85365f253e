//! Writes events into blocks of rows ([`row_layout`](crate::row_layout)), which cross to JavaScript as a whole.
//!
//! JavaScript makes of a block's text a string with one character for each byte, when somebody asks for any of it: cutting strings
//! costs less there than decoding ranges of bytes. An event that is only counted costs no more than its row.

use std::collections::VecDeque;

use setpoint::{
    Code, Family, Requester,
    json::Text,
    reply::{MessageError, ReplyPart, ReplyParts, ReplySpans},
    requester::{Event, ItemRef, OutcomeRef, Refused, RequestBatchId, Summary},
};

use crate::row_layout::*;

/// Texts up to this length are copied in one block of fixed size, without a call to `memcpy`; a UUID has 36 bytes.
const SHORT: usize = 40;
/// The bits of a row's place 0 that say which texts and times are null.
const NULLS: u32 = 0x3_FF00;

/// Capacity up to which an empty block is kept for reuse, in bytes.
const KEPT: usize = 1 << 20;
/// A block takes no more events once it has this many bytes.
const FULL: usize = 1 << 18;
/// Most events taken out of a requester at once.
const DRAINED: usize = 4_096;

/// Events that have not crossed yet, in order.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    waiting: VecDeque<Block>,
    /// An empty block, kept for its capacity.
    spare: Block,
}

/// Events that cross together.
#[derive(Debug, Default)]
struct Block {
    /// Number of rows.
    events: u32,
    rows: Vec<Number>,
    texts: Texts,
}

#[derive(Debug, Default)]
struct Texts(Vec<u8>);

/// 32 bits in the machine's order.
type Number = [u8; 4];
type Row = [Number; ROW_LENGTH];

impl Blocks {
    /// Gives a channel message to a requester and writes its events. Returns the number of replies in it.
    pub(crate) fn take_message(&mut self, requester: &mut Requester, body: &[u8]) -> Result<usize, MessageError> {
        // Events of earlier inputs come first.
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

    /// Gives the first block to `write`, in parts; the block is gone once `write` returns true. Returns what `write` returned; none
    /// if there is no block.
    pub(crate) fn cross(&mut self, requester: &mut Requester, write: impl FnOnce(&[&[u8]]) -> bool) -> Option<bool> {
        let has_more = self.drain(requester) == DRAINED || self.waiting.len() > 1;
        let block = self.waiting.front().filter(|block| !block.is_empty())?;
        let Texts(text) = &block.texts;
        let mut head = [NOTHING; HEAD_LENGTH];
        head[HEAD_EVENTS] = block.events.to_ne_bytes();
        head[HEAD_NUMBERS] = (block.rows.len() as u32).to_ne_bytes();
        head[HEAD_TEXT_BYTES] = (text.len() as u32).to_ne_bytes();
        head[HEAD_FLAGS] = (flag_if(text.is_ascii(), BLOCK_IS_ASCII) | flag_if(has_more, BLOCK_HAS_MORE)).to_ne_bytes();
        let has_crossed = write(&[head.as_flattened(), block.rows.as_flattened(), text]);
        if has_crossed && let Some(mut block) = self.waiting.pop_front() {
            block.events = 0;
            block.rows.clear();
            block.texts.0.clear();
            if block.capacity() <= KEPT {
                self.spare = block;
            }
        }
        Some(has_crossed)
    }

    /// Memory held, in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.spare.capacity() + self.waiting.iter().map(Block::capacity).sum::<usize>()
    }

    /// Takes events out of a requester's queue; those of messages never get there (`take_message`). Returns how many.
    fn drain(&mut self, requester: &mut Requester) -> usize {
        let block = self.open();
        let events = std::iter::from_fn(|| requester.poll_event()).take(DRAINED);
        events.map(|event| block.add(&event.borrowed(), false)).count()
    }

    /// The last block, a new one if that is full.
    fn open(&mut self) -> &mut Block {
        if self.waiting.back().is_none_or(|block| block.rows.as_flattened().len() + block.texts.0.len() >= FULL) {
            self.waiting.push_back(std::mem::take(&mut self.spare));
        }
        let last = self.waiting.len() - 1;
        &mut self.waiting[last]
    }
}

impl Block {
    /// Adds the row of an event. Outcomes of one message mostly differ only in their item, so a row whose reply `is_next` to the
    /// one before in the message starts as a copy of that one's row.
    #[inline]
    fn add(&mut self, event: &Event<OutcomeRef<'_>>, is_next: bool) {
        let start = self.rows.len();
        let before = self.rows.last_chunk::<ROW_LENGTH>().filter(|_| is_next).copied();
        self.rows.extend_from_slice(&before.unwrap_or([NOTHING; ROW_LENGTH]));
        let Some(row) = self.rows.last_chunk_mut::<ROW_LENGTH>() else { return };
        let (head, length) = self.texts.event(row, event);
        row[0] = (head | (length as u32) << ROW_LENGTH_SHIFT).to_ne_bytes();
        self.rows.truncate(start + length);
        self.events += u32::from(length > 0);
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn capacity(&self) -> usize {
        self.texts.0.capacity() + self.rows.capacity() * size_of::<Number>()
    }
}

const NOTHING: Number = [0; 4];

/// The outcome that the event carries.
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
    /// Fills all places of the row but place 0. Returns place 0 without the length, and the length.
    #[inline]
    fn event(&mut self, row: &mut Row, event: &Event<OutcomeRef<'_>>) -> (u32, usize) {
        match event {
            Event::Accepted { item } => (KIND_ACCEPTED | self.item(row, item), ITEM_ROW_LENGTH),
            Event::Refused { item, refusal } => {
                (KIND_REFUSED | self.item(row, item) | self.refusal(row, refusal), ROW_LENGTH)
            }
            Event::Finished { item, outcome } => {
                (KIND_FINISHED | self.item_and_outcome(row, item, outcome), ROW_LENGTH)
            }
            Event::TimedOut { item, known_unsent, outcome } => {
                let said = if let Some(outcome) = outcome {
                    self.item_and_outcome(row, item, outcome)
                } else {
                    [row[CODE], row[CODE + 1]] = halves(Code::TIMEOUT.0);
                    self.item(row, item) | self.text(row, TEXT_MSG, Some(Code::TIMEOUT.msg()))
                };
                (KIND_TIMED_OUT | said | flag_if(*known_unsent, FLAG_KNOWN_UNSENT), ROW_LENGTH)
            }
            Event::Cancelled { item } => (KIND_CANCELLED | self.item(row, item), ITEM_ROW_LENGTH),
            Event::Late { item, outcome } => (KIND_LATE | self.item_and_outcome(row, item, outcome), ROW_LENGTH),
            Event::Duplicate { item, outcome, conflict } => (
                KIND_DUPLICATE | self.item_and_outcome(row, item, outcome) | flag_if(*conflict, FLAG_CONFLICT),
                ROW_LENGTH,
            ),
            Event::Unknown { outcome } => (KIND_UNKNOWN | self.outcome(row, outcome), ROW_LENGTH),
            Event::Unreadable { reason } => (KIND_UNREADABLE | self.text(row, TEXT_MSG, Some(reason)), ROW_LENGTH),
            Event::BatchDone { batch, summary } => {
                of_batch(row, *batch);
                of_summary(row, *summary);
                (KIND_BATCH_DONE, BATCH_ROW_LENGTH)
            }
            // An event that the engine gains later needs a kind in the layout first.
            _ => (0, 0),
        }
    }

    fn item(&mut self, row: &mut Row, item: &ItemRef) -> u32 {
        of_item(row, item);
        self.text(row, TEXT_REQUEST_ID, item.request_id())
    }

    fn refusal(&mut self, row: &mut Row, refusal: &Refused) -> u32 {
        [row[CODE], row[CODE + 1]] = halves(refusal.code.0);
        flag_if(refusal.whole_request, FLAG_WHOLE_REQUEST)
            | self.text(row, TEXT_MSG, Some(&refusal.msg))
            | self.text(row, TEXT_SUBMSG, refusal.submsg.as_deref())
    }

    /// An item and its outcome, which have the same request id.
    fn item_and_outcome(&mut self, row: &mut Row, item: &ItemRef, outcome: &OutcomeRef<'_>) -> u32 {
        of_item(row, item);
        self.outcome(row, outcome)
    }

    /// Fills in the outcome. A row that starts as a copy of the one before (place 0 is not 0) gets only what changed.
    fn outcome(&mut self, row: &mut Row, outcome: &OutcomeRef<'_>) -> u32 {
        let (parts, message) = outcome.parts();
        let before = u32::from_ne_bytes(row[0]);
        let changed = if before == 0 { ReplyParts::ALL } else { parts.changed() };
        let mut nulls = before & NULLS;
        [row[CODE], row[CODE + 1]] = halves(parts.code.0);
        for part in changed {
            let (flag, is_null) = match part {
                ReplyPart::RequestId => self.part(row, TEXT_REQUEST_ID, parts, part, message),
                ReplyPart::Msg => self.part(row, TEXT_MSG, parts, part, message),
                ReplyPart::Submsg => self.part(row, TEXT_SUBMSG, parts, part, message),
                ReplyPart::ProductKey => self.part(row, TEXT_PRODUCT_KEY, parts, part, message),
                ReplyPart::DeviceKey => self.part(row, TEXT_DEVICE_KEY, parts, part, message),
                ReplyPart::AssetId => self.part(row, TEXT_ASSET_ID, parts, part, message),
                ReplyPart::Target => self.part(row, TEXT_TARGET, parts, part, message),
                ReplyPart::Output => {
                    self.text(row, TEXT_OUTPUT, Some(parts.output(message).as_str()));
                    continue;
                }
                ReplyPart::GmtServiceReply => time(row, TIME_SERVICE_REPLY, parts.gmt_service_reply(message)),
                ReplyPart::GmtDeviceReply => time(row, TIME_DEVICE_REPLY, parts.gmt_device_reply(message)),
                _ => continue,
            };
            nulls = nulls & !flag | flag_if(is_null, flag);
        }
        // A reply without a request id has an empty one.
        nulls & !null_text(TEXT_REQUEST_ID) | FLAG_OUTCOME | flag_if(parts.family == Family::Write, FLAG_WRITE)
    }

    /// Writes a text of an outcome. Returns the flag that says that it is null, and whether it is.
    #[inline(always)]
    fn part(&mut self, row: &mut Row, which: usize, parts: &ReplySpans, part: ReplyPart, message: &str) -> (u32, bool) {
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
        self.place(row, which, start);
        (null_text(which), is_null)
    }

    #[inline(never)]
    fn decoded(&mut self, text: Option<Text<'_>>) {
        self.0.extend_from_slice(text.map(Text::decode).unwrap_or_default().as_bytes());
    }

    /// Writes a text. Returns its flag if it is null.
    fn text(&mut self, row: &mut Row, which: usize, text: Option<&str>) -> u32 {
        let start = self.0.len();
        self.0.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.place(row, which, start);
        flag_if(text.is_none(), null_text(which))
    }

    /// Writes the range of a text that started at `start` and ends here.
    #[inline(always)]
    fn place(&self, row: &mut Row, which: usize, start: usize) {
        let place = TEXTS + 2 * which;
        if let Some(room) = row.get_mut(place..place + 2) {
            room.copy_from_slice(&[start, self.0.len()].map(|place| (place as u32).to_ne_bytes()));
        }
    }
}

/// Writes a time of an outcome. Returns the flag that says that it is null, and whether it is.
fn time(row: &mut Row, which: usize, time: Option<i64>) -> (u32, bool) {
    let place = TIMES + 2 * which;
    [row[place], row[place + 1]] = halves(time.unwrap_or_default());
    (1 << (NULL_TIME_SHIFT as usize + which), time.is_none())
}

const fn null_text(which: usize) -> u32 {
    1 << (NULL_TEXT_SHIFT as usize + which)
}

fn flag_if(is_set: bool, flag: u32) -> u32 {
    if is_set { flag } else { 0 }
}

fn of_item(row: &mut Row, item: &ItemRef) {
    of_batch(row, item.batch);
    row[INDEX] = (item.index as u32).to_ne_bytes();
}

fn of_batch(row: &mut Row, batch: RequestBatchId) {
    [row[BATCH], row[BATCH + 1]] = halves(batch.0.cast_signed());
}

fn of_summary(row: &mut Row, summary: Summary) {
    let Summary { submitted, accepted, refused, succeeded, failed, timed_out, cancelled, .. } = summary;
    for (at, count) in [submitted, accepted, refused, succeeded, failed, timed_out, cancelled].into_iter().enumerate() {
        row[SUMMARY + at] = (count as u32).to_ne_bytes();
    }
}

fn halves(number: i64) -> [Number; 2] {
    let number = number.cast_unsigned();
    [number as u32, (number >> 32) as u32].map(u32::to_ne_bytes)
}

//! Events as they cross the boundary: one block of bytes for all that are drained at once.
//!
//! Two numbers come first: how many events there are, and whether all of their text is ASCII. Then comes one row of
//! [`ROW`] numbers for each event, then all text, in UTF-8. Numbers have 32 bits, in the machine's order; what has 64
//! takes two, the lower half first. JavaScript makes a value of any of it when somebody asks for it, so an event that is
//! merely counted costs no more than its row.
//!
//! | place in the row | what |
//! |---|---|
//! | 0 | the kind (8 bits), [flags](flag) (8 bits), which texts are null (8 bits), which times are (2 bits) |
//! | 1, 2 | batch |
//! | 3 | index |
//! | 4, 5 | code |
//! | 6, 7 · 8, 9 | when the service replied, when the device did |
//! | 10 | where the texts start, in units of UTF-16 |
//! | 11 to 18 | where each of the [`TEXTS`] ends; of a batch, its summary from 11 on |

use std::borrow::Cow;

use setpoint::{
    Code, Family,
    requester::{Event, ItemRef, Outcome, Refused, RequestBatchId, Summary},
};

/// How many numbers an event has.
const ROW: usize = 19;
/// Request id, message, further message, product key, device key, asset id, target, output.
const TEXTS: usize = 8;
/// The kind of the event that speaks of a whole batch.
const BATCH_DONE: u32 = 9;
/// Bytes before the first row.
const HEAD: usize = 8;

mod flag {
    /// The outcome is one of the write family.
    pub(super) const WRITE: u32 = 1 << 8;
    /// There is an outcome.
    pub(super) const OUTCOME: u32 = 1 << 9;
    /// The whole request was refused; or it is known that nothing was sent; or a duplicate says something else.
    pub(super) const SAID: u32 = 1 << 10;
    /// The first of the texts is null; those of the others follow.
    pub(super) const NULL_TEXT: u32 = 1 << 16;
    /// The time of the service is null; that of the device follows.
    pub(super) const NULL_TIME: u32 = 1 << 24;
}

/// Rooms larger than this are not kept, in bytes.
const KEPT: usize = 1 << 20;

/// All events of one drain.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    text: String,
    count: u32,
}

type Row = [u32; ROW];

impl Block {
    /// Takes these events instead of what it held.
    pub(crate) fn fill(&mut self, events: impl Iterator<Item = Event>) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&[0; HEAD]);
        self.text.clear();
        self.count = 0;
        for event in events {
            self.event(&event);
        }
        let is_ascii = self.text.is_ascii();
        if !is_ascii {
            self.count_in_units();
        }
        let head = [self.count.to_ne_bytes(), u32::from(is_ascii).to_ne_bytes()];
        if let Some(start) = self.bytes.get_mut(..HEAD) {
            start.copy_from_slice(head.as_flattened());
        }
        self.bytes.extend_from_slice(self.text.as_bytes());
    }

    /// As it crosses the boundary; nothing if there is no event.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        (self.count > 0).then_some(&self.bytes)
    }

    /// Its room, if it is worth keeping.
    pub(crate) fn kept(self) -> Self {
        if self.bytes.capacity() + self.text.capacity() <= KEPT { self } else { Self::default() }
    }

    fn event(&mut self, event: &Event) {
        let mut row = [0; ROW];
        row[10] = self.text.len() as u32;
        match event {
            Event::Accepted { item } => self.item(&mut row, 0, item),
            Event::Refused { item, refusal } => {
                self.item(&mut row, 1, item);
                self.refusal(&mut row, refusal);
            }
            Event::Finished { item, outcome } => {
                self.item(&mut row, 2, item);
                self.outcome(&mut row, outcome);
            }
            Event::TimedOut { item, known_unsent, outcome } => {
                self.item(&mut row, 3, item);
                row[0] |= if *known_unsent { flag::SAID } else { 0 };
                match outcome {
                    Some(outcome) => self.outcome(&mut row, outcome),
                    None => {
                        [row[4], row[5]] = halves(Code::TIMEOUT.0);
                        self.text(&mut row, 1, Some(Code::TIMEOUT.msg()));
                    }
                }
            }
            Event::Cancelled { item } => self.item(&mut row, 4, item),
            Event::Late { item, outcome } => {
                self.item(&mut row, 5, item);
                self.outcome(&mut row, outcome);
            }
            Event::Duplicate { item, outcome, conflict } => {
                self.item(&mut row, 6, item);
                row[0] |= if *conflict { flag::SAID } else { 0 };
                self.outcome(&mut row, outcome);
            }
            Event::Unknown { outcome } => {
                row[0] = 7;
                self.text(&mut row, 0, Some(&outcome.request_id()));
                self.outcome(&mut row, outcome);
            }
            Event::Unreadable { reason } => {
                row[0] = 8;
                self.text(&mut row, 0, None);
                self.text(&mut row, 1, Some(reason));
            }
            Event::BatchDone { batch, summary } => {
                row[0] = BATCH_DONE;
                of_batch(&mut row, *batch);
                of_summary(&mut row, *summary);
            }
            // What a later engine tells needs a kind here first.
            _ => return,
        }
        self.count += 1;
        self.bytes.extend_from_slice(row.map(u32::to_ne_bytes).as_flattened());
    }

    fn item(&mut self, row: &mut Row, kind: u32, item: &ItemRef) {
        row[0] = kind;
        of_batch(row, item.batch);
        row[3] = item.index as u32;
        self.text(row, 0, item.request_id());
    }

    fn refusal(&mut self, row: &mut Row, refusal: &Refused) {
        row[0] |= if refusal.whole_request { flag::SAID } else { 0 };
        [row[4], row[5]] = halves(refusal.code.0);
        self.text(row, 1, Some(&refusal.msg));
        self.text(row, 2, refusal.submsg.as_deref());
    }

    fn outcome(&mut self, row: &mut Row, outcome: &Outcome) {
        row[0] |= flag::OUTCOME;
        row[0] |= if outcome.family() == Family::Write { flag::WRITE } else { 0 };
        [row[4], row[5]] = halves(outcome.code().0);
        for (at, time) in [outcome.gmt_service_reply(), outcome.gmt_device_reply()].into_iter().enumerate() {
            match time {
                Some(time) => [row[6 + 2 * at], row[7 + 2 * at]] = halves(time),
                None => row[0] |= flag::NULL_TIME << at,
            }
        }
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
        self.text(row, TEXTS - 1, Some(outcome.output_data()));
    }

    /// Texts are added in their order.
    fn text(&mut self, row: &mut Row, at: usize, text: Option<&str>) {
        match text {
            Some(text) => self.text.push_str(text),
            None => row[0] |= flag::NULL_TEXT << at,
        }
        row[11 + at] = self.text.len() as u32;
    }

    /// Makes units of UTF-16 of the places of texts, which were counted in bytes.
    fn count_in_units(&mut self) {
        let (mut bytes, mut units) = (0, 0);
        let mut counted = |place: &mut [u8; 4]| {
            let end = u32::from_ne_bytes(*place) as usize;
            // A kind without a text does not say where it ends.
            units += self.text.get(bytes..end).map_or(0, |text| text.encode_utf16().count());
            bytes = bytes.max(end);
            *place = (units as u32).to_ne_bytes();
        };
        let (numbers, _) = self.bytes.as_chunks_mut::<4>();
        for row in numbers.get_mut(HEAD / 4..).unwrap_or_default().chunks_exact_mut(ROW) {
            // What else the row of a batch holds are counts.
            if row.first().is_some_and(|head| u32::from_ne_bytes(*head) != BATCH_DONE) {
                row.iter_mut().skip(10).for_each(&mut counted);
            }
        }
    }
}

fn of_batch(row: &mut Row, batch: RequestBatchId) {
    [row[1], row[2]] = halves(batch.0.cast_signed());
}

fn of_summary(row: &mut Row, summary: Summary) {
    let Summary { submitted, accepted, refused, succeeded, failed, timed_out, cancelled, .. } = summary;
    for (at, count) in [submitted, accepted, refused, succeeded, failed, timed_out, cancelled].into_iter().enumerate() {
        row[11 + at] = count as u32;
    }
}

fn halves(number: i64) -> [u32; 2] {
    let number = number.cast_unsigned();
    [number as u32, (number >> 32) as u32]
}

//! The layout of blocks and rows, in which events cross to JavaScript: the one source for both sides.
//!
//! `scripts/node-types` writes `node/ts/row-layout.ts` from [`LAYOUT`], and CI fails if the committed file is another one.
//!
//! A block is a head of [`HEAD_LENGTH`] numbers, one row for each event, and one text. Numbers have 32 bits, in the machine's byte
//! order; a number of 64 bits takes two places, the lower half first. The text is UTF-8; each text of a row is a range of it.
//!
//! | place in the row | what |
//! |---|---|
//! | 0 | the kind of event ([`KIND_MASK`]), flags, the number of places in the row ([`ROW_LENGTH_SHIFT`]) |
//! | 1, 2 | batch |
//! | 3 | index of the item |
//! | 4 to 19 | start and end of each text, the request id first |
//! | 20, 21 | code |
//! | 22, 23 · 24, 25 | when the service replied, when the device did |
//!
//! A row ends where its kind has nothing more to say: one that only names an item after the request id. The row of a finished batch
//! has the counts of its summary from place 3 on.

/// Declares the constants, and `LAYOUT` with the name, the value and the documentation of each.
macro_rules! layout {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr;)+) => {
        $($(#[doc = $doc])+ pub(crate) const $name: $type = $value;)+

        /// Name, value and documentation of every constant, in order.
        #[allow(dead_code, reason = "read by node/scripts/row-layout.rs alone")]
        pub(crate) const LAYOUT: &[(&str, u32, &str)] = &[$((stringify!($name), $name as u32, concat!($($doc),+))),+];
    };
}

layout! {
    /// Number of places before the rows of a block.
    HEAD_LENGTH: usize = 4;
    /// In the head: how many events the block has.
    HEAD_EVENTS: usize = 0;
    /// In the head: how many numbers all rows have together.
    HEAD_NUMBERS: usize = 1;
    /// In the head: the length of the text, in bytes.
    HEAD_TEXT_BYTES: usize = 2;
    /// In the head: the flags of the block.
    HEAD_FLAGS: usize = 3;
    /// Flag of a block: all of its text is ASCII.
    BLOCK_IS_ASCII: u32 = 1;
    /// Flag of a block: there may be another block.
    BLOCK_HAS_MORE: u32 = 1 << 1;

    /// The bits of place 0 that hold the kind.
    KIND_MASK: u32 = 0xf;
    /// Kind: the service took the item.
    KIND_ACCEPTED: u32 = 0;
    /// Kind: the item was refused.
    KIND_REFUSED: u32 = 1;
    /// Kind: the outcome came.
    KIND_FINISHED: u32 = 2;
    /// Kind: no outcome came in time.
    KIND_TIMED_OUT: u32 = 3;
    /// Kind: the caller cancelled the item.
    KIND_CANCELLED: u32 = 4;
    /// Kind: an outcome of an item that had timed out or was cancelled.
    KIND_LATE: u32 = 5;
    /// Kind: an outcome came again.
    KIND_DUPLICATE: u32 = 6;
    /// Kind: an outcome under an unknown request id.
    KIND_UNKNOWN: u32 = 7;
    /// Kind: a reply that could not be read.
    KIND_UNREADABLE: u32 = 8;
    /// Kind: every item of the batch has ended.
    KIND_BATCH_DONE: u32 = 9;

    /// Flag: the outcome belongs to the write family.
    FLAG_WRITE: u32 = 1 << 4;
    /// Flag: the event has an outcome.
    FLAG_OUTCOME: u32 = 1 << 5;
    /// Flag of a refused item: the whole request was refused.
    FLAG_WHOLE_REQUEST: u32 = 1 << 6;
    /// Flag of an item that timed out: it is known that nothing was sent.
    FLAG_KNOWN_UNSENT: u32 = 1 << 6;
    /// Flag of a duplicate: it says something else than the outcome that ended the item.
    FLAG_CONFLICT: u32 = 1 << 6;
    /// The bit that says that the first text is null; those of the other texts follow.
    NULL_TEXT_SHIFT: u32 = 8;
    /// The bit that says that the first time is null; that of the second follows.
    NULL_TIME_SHIFT: u32 = 16;
    /// Place 0 shifted right by this is the number of places in the row.
    ROW_LENGTH_SHIFT: u32 = 26;

    /// Place of the batch's number; 64 bits.
    BATCH: usize = 1;
    /// Place of the item's index in its batch.
    INDEX: usize = 3;
    /// Place of the range of the first text; text `n` has its start at `TEXTS + 2n`, its end behind that.
    TEXTS: usize = 4;
    /// Place of the code; 64 bits.
    CODE: usize = 20;
    /// Place of the first time; 64 bits each, in epoch milliseconds.
    TIMES: usize = 22;
    /// Place of the first count of a summary: submitted, accepted, refused, succeeded, failed, timed out, cancelled.
    SUMMARY: usize = 3;

    /// Text: the request id.
    TEXT_REQUEST_ID: usize = 0;
    /// Text: the code's message; why a reply could not be read.
    TEXT_MSG: usize = 1;
    /// Text: the further message.
    TEXT_SUBMSG: usize = 2;
    /// Text: the product key.
    TEXT_PRODUCT_KEY: usize = 3;
    /// Text: the device key.
    TEXT_DEVICE_KEY: usize = 4;
    /// Text: the asset id.
    TEXT_ASSET_ID: usize = 5;
    /// Text: the service or measure point.
    TEXT_TARGET: usize = 6;
    /// Text: the output, JSON.
    TEXT_OUTPUT: usize = 7;

    /// Time: when the service replied.
    TIME_SERVICE_REPLY: usize = 0;
    /// Time: when the device replied.
    TIME_DEVICE_REPLY: usize = 1;

    /// Length of a row that only names an item.
    ITEM_ROW_LENGTH: usize = 6;
    /// Length of the row of a finished batch.
    BATCH_ROW_LENGTH: usize = 10;
    /// Length of every other row.
    ROW_LENGTH: usize = 26;
}

// Written by scripts/node-types from node/src/row_layout.rs, which describes blocks and rows. Do not edit.

/** Number of places before the rows of a block. */
export const HEAD_LENGTH = 4;

/** In the head: how many events the block has. */
export const HEAD_EVENTS = 0;

/** In the head: how many numbers all rows have together. */
export const HEAD_NUMBERS = 1;

/** In the head: the length of the text, in bytes. */
export const HEAD_TEXT_BYTES = 2;

/** In the head: the flags of the block. */
export const HEAD_FLAGS = 3;

/** Flag of a block: all of its text is ASCII. */
export const BLOCK_IS_ASCII = 1;

/** Flag of a block: there may be another block. */
export const BLOCK_HAS_MORE = 2;

/** The bits of place 0 that hold the kind. */
export const KIND_MASK = 15;

/** Kind: the service took the item. */
export const KIND_ACCEPTED = 0;

/** Kind: the item was refused. */
export const KIND_REFUSED = 1;

/** Kind: the outcome came. */
export const KIND_FINISHED = 2;

/** Kind: no outcome came in time. */
export const KIND_TIMED_OUT = 3;

/** Kind: the caller cancelled the item. */
export const KIND_CANCELLED = 4;

/** Kind: an outcome of an item that had timed out or was cancelled. */
export const KIND_LATE = 5;

/** Kind: an outcome came again. */
export const KIND_DUPLICATE = 6;

/** Kind: an outcome under an unknown request id. */
export const KIND_UNKNOWN = 7;

/** Kind: a reply that could not be read. */
export const KIND_UNREADABLE = 8;

/** Kind: every item of the batch has ended. */
export const KIND_BATCH_DONE = 9;

/** Flag: the outcome belongs to the write family. */
export const FLAG_WRITE = 16;

/** Flag: the event has an outcome. */
export const FLAG_OUTCOME = 32;

/** Flag of a refused item: the whole request was refused. */
export const FLAG_WHOLE_REQUEST = 64;

/** Flag of an item that timed out: it is known that nothing was sent. */
export const FLAG_KNOWN_UNSENT = 64;

/** Flag of a duplicate: it says something else than the outcome that ended the item. */
export const FLAG_CONFLICT = 64;

/** The bit that says that the first text is null; those of the other texts follow. */
export const NULL_TEXT_SHIFT = 8;

/** The bit that says that the first time is null; that of the second follows. */
export const NULL_TIME_SHIFT = 16;

/** Place 0 shifted right by this is the number of places in the row. */
export const ROW_LENGTH_SHIFT = 26;

/** Place of the batch's number; 64 bits. */
export const BATCH = 1;

/** Place of the item's index in its batch. */
export const INDEX = 3;

/** Place of the range of the first text; text `n` has its start at `TEXTS + 2n`, its end behind that. */
export const TEXTS = 4;

/** Place of the code; 64 bits. */
export const CODE = 20;

/** Place of the first time; 64 bits each, in epoch milliseconds. */
export const TIMES = 22;

/** Place of the first count of a summary: submitted, accepted, refused, succeeded, failed, timed out, cancelled. */
export const SUMMARY = 3;

/** Text: the request id. */
export const TEXT_REQUEST_ID = 0;

/** Text: the code's message; why a reply could not be read. */
export const TEXT_MSG = 1;

/** Text: the further message. */
export const TEXT_SUBMSG = 2;

/** Text: the product key. */
export const TEXT_PRODUCT_KEY = 3;

/** Text: the device key. */
export const TEXT_DEVICE_KEY = 4;

/** Text: the asset id. */
export const TEXT_ASSET_ID = 5;

/** Text: the service or measure point. */
export const TEXT_TARGET = 6;

/** Text: the output, JSON. */
export const TEXT_OUTPUT = 7;

/** Time: when the service replied. */
export const TIME_SERVICE_REPLY = 0;

/** Time: when the device replied. */
export const TIME_DEVICE_REPLY = 1;

/** Length of a row that only names an item. */
export const ITEM_ROW_LENGTH = 6;

/** Length of the row of a finished batch. */
export const BATCH_ROW_LENGTH = 10;

/** Length of every other row. */
export const ROW_LENGTH = 26;

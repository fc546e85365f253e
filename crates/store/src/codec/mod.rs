//! How writes become bytes: format 1.
//!
//! A write is one frame, or several where a store bounds the size of what it keeps in one piece. A frame stands at a
//! position of the log (a row number, a sequence number), which its checksum covers: one that wandered is found.
//!
//! ```
//! use setpoint::{MessageId, responder::Record};
//! use setpoint_store::{AtomicWrite, codec::{Decoder, encode}};
//!
//! let records = vec![Record::Published { message_id: MessageId::from_bits(7) }];
//! let write = AtomicWrite::of_engine(records, Vec::new());
//! let frames = encode(&write, 17, 60_000)?;
//! assert_eq!((frames.len(), frames[0].position), (1, 17));
//!
//! assert_eq!(Decoder::new().frame(17, &frames[0].bytes)?, Some(write));
//! let wandered = Decoder::new().frame(18, &frames[0].bytes).unwrap_err();
//! assert!(wandered.to_string().starts_with("position 18, byte 8: the checksum is"), "{wandered}");
//! # Ok::<(), setpoint_store::codec::CodecError>(())
//! ```
//!
//! # Frame
//!
//! All integers are little-endian.
//!
//! | byte | size | what |
//! |---|---|---|
//! | 0 | 1 | format, 1 |
//! | 1 | 1 | flags: bit 0 is set on the last frame of a write; the others are 0 |
//! | 2 | 2 | number of the frame in its write, from 0 |
//! | 4 | 4 | length of the body |
//! | 8 | 4 | CRC-32C (Castagnoli) of the position as 8 bytes, bytes 0 to 7, and the body |
//! | 12 | | body |
//!
//! The bodies of a write's frames, put together, are its entries one after the other: kind (1 byte), length of the content
//! (varint), content. The layout of a kind never changes; a new layout gets a new number. So a version that meets a kind
//! or a format that it does not know says which one, and no version reads less than what was written.
//!
//! # Content of the kinds
//!
//! | kind | name | content |
//! |---|---|---|
//! | 1 | accepted | id, family (1: invoke, 2: write), flags (1: device de-duplicates, 2: has service name, 4: callback URL, 8: input), org *, request id, channel *, product key *, device key, asset id, (service name *), target *, (callback URL *), (input), timeout ms (4 bytes), gmtServiceRequest, accepted at, remember until (8 each), fingerprint (16) |
//! | 2 | intent | id |
//! | 3 | final | id, flags (1: has output), code (8), submsg *, (output), device reply at, decided at (8 each) |
//! | 4 | published | id |
//! | 5 | undeliverable | id |
//! | 32 | channelSaved | flags (1: has description), org *, channel *, (description) |
//! | 33 | channelDeleted | org *, channel * |
//! | 64 | late (audit) | id, flags (1: has code), code (8, 0 without one), at (8) |
//!
//! An id is 16 bytes. What is in parentheses is there if its flag is set. A varint is LEB128 in its shortest form. A text is its length in bytes (varint) and its UTF-8.
//! A text with * is preceded by a varint: 0, a text of at most 256 bytes follows and enters the write's dictionary;
//! 1, a text follows and does not; n + 2, it is the text n of the dictionary. A batch repeats its org, channel and product a
//! hundred times.
//!
//! Reading never panics, and what it allocates is bounded by a constant times the input.

mod bytes;
mod error;
mod frame;
mod kinds;
#[cfg(test)]
mod tests;

pub use error::{CodecError, Problem};
pub(crate) use frame::seal;
pub use frame::{Decoder, FORMAT, Frame, HEADER_BYTES, encode};

//! Frames: format, order of the parts of a write, checksum.

use super::{
    CodecError, Problem,
    bytes::{Fault, Input, Output},
    kinds,
};
use crate::AtomicWrite;

/// The newest format, and the one that is written.
pub const FORMAT: u8 = 1;

/// Bytes of a frame before its body.
pub const HEADER_BYTES: usize = 12;

/// The last frame of its write.
const LAST: u8 = 1;
/// Where the checksum is.
const CHECKSUM: std::ops::Range<usize> = 8..12;

/// A write, or a part of one, as it is stored.
///
/// ```
/// use setpoint_store::{AtomicWrite, codec::{self, Frame}};
///
/// let frames: Vec<Frame> = codec::encode(&AtomicWrite::default(), 17, 60_000)?;
/// assert_eq!((frames[0].position, frames[0].bytes.len()), (17, codec::HEADER_BYTES));
/// # Ok::<(), codec::CodecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame {
    /// Where it stands in the log.
    pub position: u64,
    /// Header and body.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// A frame as it was found.
    pub fn new(position: u64, bytes: Vec<u8>) -> Self {
        Self { position, bytes }
    }
}

/// Writes a write as frames of at most `max_bytes` bytes, header included, at consecutive positions from `position`.
///
/// # Errors
/// [`Problem::UnknownRecord`] for a record that this version of the codec does not know, [`Problem::TooLarge`] for more
/// than 65,536 frames or one above 4 GiB.
pub fn encode(write: &AtomicWrite, position: u64, max_bytes: usize) -> Result<Vec<Frame>, CodecError> {
    let failed = |problem| CodecError { position, offset: 0, problem };
    let mut output = Output::new(HEADER_BYTES);
    kinds::write_all(write, &mut output).map_err(failed)?;
    let bytes = output.into_bytes();
    let length = bytes.len();
    let too_large = || failed(Problem::TooLarge { bytes: length });
    if length <= max_bytes.max(HEADER_BYTES) {
        return seal(position, 0, true, bytes).map(|frame| vec![frame]).ok_or_else(too_large);
    }
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let bodies = body.chunks(max_bytes.saturating_sub(HEADER_BYTES).max(1));
    let count = bodies.len();
    bodies
        .enumerate()
        .map(|(part, body)| {
            let mut bytes = vec![0; HEADER_BYTES];
            bytes.extend_from_slice(body);
            let number = u16::try_from(part).ok()?;
            seal(position.saturating_add(u64::from(number)), number, part + 1 == count, bytes)
        })
        .collect::<Option<_>>()
        .ok_or_else(too_large)
}

/// Fills in the header of `bytes`. `None` for a body above 4 GiB.
pub(crate) fn seal(position: u64, part: u16, is_last: bool, mut bytes: Vec<u8>) -> Option<Frame> {
    let length = u32::try_from(bytes.len().checked_sub(HEADER_BYTES)?).ok()?;
    let header = bytes.first_chunk_mut::<HEADER_BYTES>()?;
    let ([part_low, part_high], [a, b, c, d]) = (part.to_le_bytes(), length.to_le_bytes());
    *header = [FORMAT, if is_last { LAST } else { 0 }, part_low, part_high, a, b, c, d, 0, 0, 0, 0];
    let checksum = checksum(position, &bytes);
    bytes.get_mut(CHECKSUM)?.copy_from_slice(&checksum.to_le_bytes());
    Some(Frame { position, bytes })
}

/// Of the position and of everything in the frame but the checksum.
pub(super) fn checksum(position: u64, frame: &[u8]) -> u32 {
    let position = crc32c::crc32c(&position.to_le_bytes());
    let header = crc32c::crc32c_append(position, frame.get(..CHECKSUM.start).unwrap_or_default());
    crc32c::crc32c_append(header, frame.get(CHECKSUM.end..).unwrap_or_default())
}

/// Reads frames, one after the other, and gives each write when its last frame is there.
///
/// ```
/// use setpoint_store::{AtomicWrite, ChannelRecord, Entry, codec::{Decoder, encode}};
///
/// let desc = Some("what the turbines of the northern park are told".into());
/// let record = ChannelRecord::Saved { org_id: "o1".into(), channel_id: "DATASVC.CONTROL.ops".into(), desc };
/// let write = AtomicWrite::from(vec![Entry::Channel(record)]);
/// let frames = encode(&write, 17, 48)?;
/// assert_eq!(frames.len(), 3);
///
/// let mut decoder = Decoder::new();
/// assert_eq!(decoder.frame(17, &frames[0].bytes)?, None);
/// assert!(decoder.finish().is_err(), "the write is not whole");
/// assert_eq!(decoder.frame(18, &frames[1].bytes)?, None);
/// assert_eq!(decoder.frame(19, &frames[2].bytes)?, Some(write));
/// decoder.finish()?;
/// # Ok::<(), setpoint_store::codec::CodecError>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    /// The bodies of the frames of a write that is not whole yet.
    body: Vec<u8>,
    /// Position of each of those frames, and where its body begins.
    parts: Vec<(u64, usize)>,
}

impl Decoder {
    /// At the beginning of a write.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the frame at `position`. `Some` if it is the last of its write.
    ///
    /// # Errors
    /// The frame cannot be read, or is not the one that has to follow. The decoder is then at the beginning of a write.
    pub fn frame(&mut self, position: u64, frame: &[u8]) -> Result<Option<AtomicWrite>, CodecError> {
        let outcome = self.take(position, frame);
        if !matches!(outcome, Ok(None)) {
            self.body.clear();
            self.parts.clear();
        }
        outcome
    }

    /// At the end of the log.
    ///
    /// # Errors
    /// [`Problem::Unfinished`] in the middle of a write.
    pub fn finish(&self) -> Result<(), CodecError> {
        match self.parts.last() {
            Some((position, start)) => Err(CodecError {
                position: *position,
                offset: HEADER_BYTES + (self.body.len() - start),
                problem: Problem::Unfinished,
            }),
            None => Ok(()),
        }
    }

    fn take(&mut self, position: u64, frame: &[u8]) -> Result<Option<AtomicWrite>, CodecError> {
        let Header { is_last, part, body } =
            Header::read(position, frame).map_err(|(offset, problem)| CodecError { position, offset, problem })?;
        let expected = self.parts.len();
        if usize::from(part) != expected {
            let expected = u16::try_from(expected).unwrap_or(u16::MAX);
            return Err(CodecError { position, offset: 2, problem: Problem::Part { expected, found: part } });
        }
        if is_last && part == 0 {
            return self.entries(Input::new(body), position).map(Some);
        }
        self.parts.push((position, self.body.len()));
        self.body.extend_from_slice(body);
        if is_last { self.entries(Input::new(&self.body), position).map(Some) } else { Ok(None) }
    }

    fn entries(&self, input: Input<'_>, position: u64) -> Result<AtomicWrite, CodecError> {
        kinds::read_all(input).map_err(|(at, problem)| {
            // Where the byte is in its own frame.
            let (position, start) =
                self.parts.iter().rev().find(|(_, start)| *start <= at).copied().unwrap_or((position, 0));
            CodecError { position, offset: HEADER_BYTES + (at - start), problem }
        })
    }
}

struct Header<'a> {
    is_last: bool,
    part: u16,
    body: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(position: u64, frame: &'a [u8]) -> Result<Self, Fault> {
        // The format decides what the rest means: it is looked at first.
        if let Some(found) = frame.first().filter(|format| **format != FORMAT) {
            return Err((0, Problem::Format { found: *found }));
        }
        let Some((header, body)) = frame.split_first_chunk::<HEADER_BYTES>() else {
            return Err((frame.len(), Problem::Truncated { needed: HEADER_BYTES - frame.len(), left: 0 }));
        };
        let &[_, flags, part_low, part_high, a, b, c, d, e, f, g, h] = header;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if body.len() < length {
            return Err((HEADER_BYTES, Problem::Truncated { needed: length, left: body.len() }));
        }
        if body.len() > length {
            return Err((HEADER_BYTES + length, Problem::TooLong { bytes: body.len() - length }));
        }
        let (stored, computed) = (u32::from_le_bytes([e, f, g, h]), checksum(position, frame));
        if stored != computed {
            return Err((CHECKSUM.start, Problem::Checksum { stored, computed }));
        }
        if flags & !LAST != 0 {
            return Err((1, Problem::Flags { found: flags }));
        }
        Ok(Self { is_last: flags == LAST, part: u16::from_le_bytes([part_low, part_high]), body })
    }
}

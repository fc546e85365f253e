//! What is wrong with a frame, and where.

use std::{error::Error, fmt, str::Utf8Error};

use super::FORMAT;

/// A frame cannot be read, or a write cannot be written: what, at which position of the log, at which byte of the frame.
///
/// ```
/// use setpoint_store::codec::{Decoder, Problem};
///
/// let mut newer = vec![2; 12];
/// let error = Decoder::new().frame(17, &newer).unwrap_err();
/// assert_eq!((error.position(), error.offset()), (17, 0));
/// assert!(matches!(error.problem(), Problem::Format { found: 2 }));
/// assert!(error.to_string().contains("format 2 is newer than format 1"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError {
    pub(super) position: u64,
    pub(super) offset: usize,
    pub(super) problem: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The frame is of another format.
    Format {
        /// The format that it claims.
        found: u8,
    },
    /// It ends too soon.
    Truncated {
        /// How many bytes should follow.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// More bytes than its header announces.
    TooLong {
        /// How many more.
        bytes: usize,
    },
    /// The content is not what was written, or stands at another position.
    Checksum {
        /// In the header.
        stored: u32,
        /// Of what is there.
        computed: u32,
    },
    /// Flags that this version does not know.
    Flags {
        /// All of them.
        found: u8,
    },
    /// Not the next frame of its write.
    Part {
        /// The number that should follow.
        expected: u16,
        /// The number that is there.
        found: u16,
    },
    /// The log ends in the middle of a write.
    Unfinished,
    /// An entry of a kind that this version does not know.
    Kind {
        /// Its number.
        found: u8,
    },
    /// An entry has more content than this version knows of its kind.
    Surplus {
        /// The name of the kind.
        kind: &'static str,
        /// How many bytes more.
        bytes: usize,
    },
    /// An integer that is too large or not in its shortest form.
    Varint,
    /// A text that is not UTF-8.
    Text(Utf8Error),
    /// A text too long for the dictionary.
    DictionaryText {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A text that the dictionary does not have.
    Reference {
        /// Its number.
        found: u64,
        /// How many the dictionary has.
        known: usize,
    },
    /// A family that does not exist.
    Family {
        /// Its number.
        found: u8,
    },
    /// To be written: a record that this version of the codec does not know.
    UnknownRecord,
    /// To be written: more than 65,536 frames, or a frame above 4 GiB.
    TooLarge {
        /// Size of the write in bytes.
        bytes: usize,
    },
}

impl CodecError {
    /// The position of the frame in the log.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The byte of the frame at which reading stopped.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {}, byte {}: {}", self.position, self.offset, self.problem)
    }
}

impl Error for CodecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::Text(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format { found } if *found > FORMAT => {
                write!(f, "format {found} is newer than format {FORMAT}, the newest that this version reads")
            }
            Self::Format { found } => write!(f, "there is no format {found}: this version reads format {FORMAT}"),
            Self::Truncated { needed, left } => write!(f, "{needed} bytes should follow, {left} do"),
            Self::TooLong { bytes } => write!(f, "{bytes} bytes follow after the end of the frame"),
            Self::Checksum { stored, computed } => {
                write!(f, "the checksum is {stored:08x}, that of the content at this position {computed:08x}")
            }
            Self::Flags { found } => write!(f, "flags {found:#010b}, of which this version does not know all"),
            Self::Part { expected, found } => write!(f, "part {found} of a write, where part {expected} should follow"),
            Self::Unfinished => write!(f, "the log ends in the middle of a write"),
            Self::Kind { found } => {
                write!(f, "an entry of kind {found}, which this version (format {FORMAT}) does not know")
            }
            Self::Surplus { kind, bytes } => {
                write!(f, "an entry \"{kind}\" has {bytes} bytes more than this version (format {FORMAT}) knows")
            }
            Self::Varint => write!(f, "an integer that is too large or not in its shortest form"),
            Self::Text(_) => write!(f, "a text that is not UTF-8"),
            Self::DictionaryText { bytes } => write!(f, "a text of {bytes} bytes, too long for the dictionary"),
            Self::Reference { found, known } => {
                write!(f, "text {found} of the dictionary is meant, which has {known}")
            }
            Self::Family { found } => write!(f, "there is no family {found}"),
            Self::UnknownRecord => write!(f, "a record that this version (format {FORMAT}) does not know"),
            Self::TooLarge { bytes } => write!(f, "a write of {bytes} bytes is too large"),
        }
    }
}

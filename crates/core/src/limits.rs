//! All limits of the engine.

use std::num::NonZeroUsize;

/// Default of an item's `timeout`, in milliseconds (source page of multiInvoke and multiSet).
pub const DEFAULT_TIMEOUT_MS: u32 = 30_000;
/// Largest `timeout` an item may ask for, in milliseconds (source page of multiInvoke and multiSet).
pub const MAX_TIMEOUT_MS: u32 = 300_000;
/// Smallest `timeout` an item may ask for, in milliseconds (ours).
pub const MIN_TIMEOUT_MS: u32 = 1;
/// Longest request id, in bytes of UTF-8 after decoding (ours).
pub const MAX_REQUEST_ID_BYTES: usize = 128;
/// Longest channel id, in bytes (EnOS).
pub const MAX_CHANNEL_ID_BYTES: usize = 64;
/// Channel ids longer than this are refused by later EnOS versions: clients warn above it.
pub const WARN_CHANNEL_ID_BYTES: usize = 60;
/// Longest product key, device key, asset id, service id or measure point id, in bytes after decoding (ours).
pub const MAX_ID_BYTES: usize = 128;
/// Longest `callbackUrl`, in bytes after decoding (ours).
pub const MAX_CALLBACK_URL_BYTES: usize = 2_048;
/// Deepest nesting that [`Limits::depth`] can ask for.
pub const MAX_DEPTH: usize = 1_024;

/// Limits of what one message may cost to read. All of them are ours; the published pages name none.
///
/// When deserialized, limits that are left out have their defaults, and 0 is an error: it would refuse every message.
///
/// ```
/// use std::num::NonZeroUsize;
/// use setpoint::Limits;
///
/// let mut limits = Limits::DEFAULT;
/// limits.items = const { NonZeroUsize::new(100).unwrap() };
/// assert_eq!(serde_json::from_str::<Limits>(r#"{"items": 100}"#)?, limits);
/// assert!(serde_json::from_str::<Limits>(r#"{"items": 0}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Largest batch body, in bytes.
    pub body_bytes: NonZeroUsize,
    /// Largest response or channel message, in bytes. A response repeats every item and adds about 450 bytes to each.
    pub reply_bytes: NonZeroUsize,
    /// Most items in one batch, or replies in one message.
    pub items: NonZeroUsize,
    /// Deepest nesting of objects and arrays, the outermost object counted as 1. Larger than [`MAX_DEPTH`] counts as that.
    pub depth: NonZeroUsize,
    /// Largest `inputData` or `outputData`, in bytes as written.
    pub payload_bytes: NonZeroUsize,
    /// Largest answer of a device, in bytes.
    pub answer_bytes: NonZeroUsize,
}

impl Limits {
    /// The limits a service starts with: bodies of 8 MiB, responses and messages of 32 MiB, 10,000 items, depth 128,
    /// payloads of 64 KiB, answers of 256 KiB.
    pub const DEFAULT: Self = Self {
        body_bytes: at_least_1(8 << 20),
        reply_bytes: at_least_1(32 << 20),
        items: at_least_1(10_000),
        depth: at_least_1(128),
        payload_bytes: at_least_1(64 << 10),
        answer_bytes: at_least_1(256 << 10),
    };
}

/// `count`, or 1.
pub(crate) const fn at_least_1(count: usize) -> NonZeroUsize {
    match NonZeroUsize::new(count) {
        Some(count) => count,
        None => NonZeroUsize::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

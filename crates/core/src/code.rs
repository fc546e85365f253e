//! The published status codes, and what a caller may conclude from each.

use core::fmt;

use crate::json::Text;

/// A status code of the protocol.
///
/// Any integer is one; [`Code::info`] is `None` for those that are not in the published table.
///
/// ```
/// use setpoint::{Certainty, Code, Retry};
///
/// let info = Code::TIMEOUT.info().expect("a published code");
/// assert_eq!((info.msg, info.certainty, info.retry), ("timeout", Certainty::Unknown, Retry::Unsafe));
/// assert_eq!(Code(7).info(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct Code(pub i64);

/// The entry of one code in the published table.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// The exact published message.
    pub msg: &'static str,
    /// Where the code surfaces.
    pub planes: &'static [Plane],
    /// Whether the command's effect is known.
    pub certainty: Certainty,
    /// Whether sending the command again is safe.
    pub retry: Retry,
}

/// Where a code surfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "bindings translate every value")]
pub enum Plane {
    /// The whole request is refused.
    Request,
    /// One item, in the immediate response.
    Response,
    /// One item, later on the channel.
    Channel,
    /// The channel calls (create, get, list, update, delete).
    Channels,
}

/// What a code says about the command's effect on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "known or not; bindings translate every value")]
pub enum Certainty {
    /// The outcome is known: done on the channel with 0, not done otherwise.
    Known,
    /// The outcome is unknown: the device may have acted.
    Unknown,
}

/// Whether sending the same command again is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "callers decide on every value; bindings translate them")]
pub enum Retry {
    /// It succeeded: there is nothing to repeat.
    Needless,
    /// Nothing was sent; the same item will be refused again until it is corrected.
    AfterFix,
    /// Nothing was sent; the same item may be accepted later.
    Later,
    /// The command ended with a known failure; to repeat it is the application's decision.
    Decide,
    /// The device may have acted: repeating may act twice.
    Unsafe,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $msg:literal, [$($plane:ident)*], $certainty:ident, $retry:ident;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($code);)*
        }
        /// The published table, in ascending order.
        static TABLE: &[CodeInfo] = &[$(CodeInfo {
            code: Code($code),
            msg: $msg,
            planes: &[$(Plane::$plane),*],
            certainty: Certainty::$certainty,
            retry: Retry::$retry,
        }),*];
    };
}

codes! {
    /// Accepted in the response, done on the channel.
    SUCCESS = 0, "SUCCESS", [Response Channel], Known, Needless;
    /// The whole request is not usable.
    INVALID_ARGUMENT = 400, "Invalid Argument", [Request], Known, AfterFix;
    /// No such object.
    NOT_FOUND = 404, "Invalid object id", [Request Channels], Known, AfterFix;
    /// An item's field is missing, of the wrong type or out of range.
    PARA_ERROR = 1000, "para error", [Response], Known, AfterFix;
    /// A value does not fit the thing model, or no double can hold it.
    DATA_TYPE = 1004, "data type error", [Response], Known, AfterFix;
    /// An error without a code of its own.
    UNKNOWN = 9998, "unknown error", [Request Channels], Unknown, Unsafe;
    /// The service failed.
    INTERNAL = 9999, "internal error", [Request Channels], Unknown, Unsafe;
    /// The invoke channel exists already.
    CONTROL_CHANNEL_EXISTS = 1000101, "control group already exists", [Channels], Known, AfterFix;
    /// The invoke channel's id is not well formed.
    CONTROL_CHANNEL_ILLEGAL = 1000102, "control group id is illegal", [Channels], Known, AfterFix;
    /// The invoke channel does not exist in this org.
    CONTROL_CHANNEL_MISSING = 1000103, "control group does not exist", [Response Channels], Known, AfterFix;
    /// Updating the invoke channel failed.
    CONTROL_CHANNEL_UPDATE = 1000104, "update control group error", [Channels], Known, AfterFix;
    /// Deleting the invoke channel failed.
    CONTROL_CHANNEL_DELETE = 1000105, "delete control group error", [Channels], Known, Later;
    /// Saving the invoke channel failed.
    CONTROL_CHANNEL_SAVE = 1000106, "save control group error", [Channels], Known, Later;
    /// Listing the invoke channels failed.
    CONTROL_CHANNEL_QUERY = 1000107, "query control group error", [Channels], Known, AfterFix;
    /// The org has as many invoke channels as it may.
    CONTROL_CHANNEL_LIMIT = 1000108, "number of control group reaches the upper limit", [Channels], Known, Later;
    /// Unknown in this org, or another org's: the two look the same.
    DEVICE_MISSING = 1000201, "device does not exist", [Response], Known, AfterFix;
    /// No answer before the deadline.
    TIMEOUT = 1000203, "timeout", [Channel], Unknown, Unsafe;
    /// The device refused an invoke, gave an unusable answer, or the command was certainly never sent.
    INVOKE_FAILED = 1000204, "invoke service error", [Channel], Known, Decide;
    /// The device refused a write, gave an unusable answer, or the command was certainly never sent.
    WRITE_FAILED = 1000205, "write data error", [Channel], Known, Decide;
    /// Too many synchronous commands at once. Not used here; kept because the table is published.
    SYNC_LIMIT = 1000206, "number of sync control reaches the upper limit", [], Known, Later;
    /// Too many commands in flight for this org or device.
    ASYNC_LIMIT = 1000207, "number of async control reaches the upper limit", [Response], Known, Later;
    /// The device has no thing model.
    MODEL_MISSING = 1000211, "can not find model", [Response], Known, AfterFix;
    /// A write without a value.
    VALUE_NULL = 1000212, "control value is null", [Response], Known, AfterFix;
    /// The model has no such service or measure point.
    TARGET_MISSING = 1000213, "can not find device point", [Response], Known, AfterFix;
    /// The write channel exists already.
    SET_CHANNEL_EXISTS = 1000301, "set measurepoint group already exists", [Channels], Known, AfterFix;
    /// The write channel's id is not well formed.
    SET_CHANNEL_ILLEGAL = 1000302, "set measurepoint group id is illegal", [Channels], Known, AfterFix;
    /// The write channel does not exist in this org.
    SET_CHANNEL_MISSING = 1000303, "set measurepoint group does not exist", [Response Channels], Known, AfterFix;
    /// Updating the write channel failed.
    SET_CHANNEL_UPDATE = 1000304, "update set measurepoint group error", [Channels], Known, AfterFix;
    /// Deleting the write channel failed.
    SET_CHANNEL_DELETE = 1000305, "delete set measurepoint group error", [Channels], Known, Later;
    /// Saving the write channel failed.
    SET_CHANNEL_SAVE = 1000306, "save set measurepoint group error", [Channels], Known, Later;
    /// Listing the write channels failed.
    SET_CHANNEL_QUERY = 1000307, "query set measurepoint group error", [Channels], Known, AfterFix;
    /// The org has as many write channels as it may.
    SET_CHANNEL_LIMIT = 1000308, "number of set measurepoint group reaches the upper limit", [Channels], Known, Later;
}

impl Code {
    /// The whole published table, in ascending order of code.
    pub fn table() -> &'static [CodeInfo] {
        TABLE
    }

    /// The entry of this code in the published table, if it is in it.
    pub fn info(self) -> Option<&'static CodeInfo> {
        TABLE.binary_search_by_key(&self, |info| info.code).ok().and_then(|at| TABLE.get(at))
    }

    /// The exact published message; `unknown error` if the code is not in the published table.
    pub fn msg(self) -> &'static str {
        match self {
            // Most replies: spares the search.
            Self::SUCCESS => "SUCCESS",
            _ => self.info().map_or("unknown error", |info| info.msg),
        }
    }

    /// [`msg`](Self::msg) as a JSON string: no published message needs an escape.
    pub(crate) fn text(self) -> Text<'static> {
        Text::verbatim(self.msg(), true)
    }

    /// Whether this is 0.
    pub fn is_success(self) -> bool {
        self == Self::SUCCESS
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_so_that_lookup_finds_every_code() {
        assert!(TABLE.is_sorted_by(|a, b| a.code < b.code));
        for info in Code::table() {
            assert_eq!(info.code.info(), Some(info));
        }
        assert_eq!(Code(7).info(), None);
    }

    #[test]
    fn the_table_holds_every_published_code_once() {
        let general = [0, 400, 404, 1000, 1004, 9998, 9999];
        let invoke = [101, 102, 103, 104, 105, 106, 107, 108, 201, 203, 204, 205, 206, 207, 211, 212, 213];
        let write = [301, 302, 303, 304, 305, 306, 307, 308];
        let published = general.into_iter().chain(invoke.into_iter().chain(write).map(|code| 1_000_000 + code));
        assert!(Code::table().iter().map(|info| info.code.0).eq(published));
    }

    #[test]
    fn a_code_is_shown_as_its_number() {
        assert_eq!(format!("{} {:>5}", Code::TIMEOUT, Code(-7)), "1000203    -7");
    }
}

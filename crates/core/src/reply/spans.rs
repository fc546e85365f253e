//! A reply as the positions of its parts in the message: small, without a lifetime, and valid for any copy of the message.

use std::ops::Range;

use super::Reply;
use crate::{
    Code, Family,
    json::{Payload, Text, Token, integer},
};

/// The positions of the parts of a reply in its message.
///
/// Getters take the message or a copy of it. With any other text they return wrong parts or none, and never panic.
///
/// ```
/// use setpoint::{Limits, reply::read_spans};
///
/// let message = br#"{"data":[{"requestId":"r1","serviceId":"start","status":0}]}"#;
/// let mut replies = Vec::new();
/// let copy = read_spans(message, &Limits::DEFAULT, &mut replies)?.to_owned();
/// let reply = replies[0].as_ref().map_err(Clone::clone)?;
/// assert_eq!(reply.target(&copy).map(|target| target.decode()).as_deref(), Some("start"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplySpans {
    /// Which fields the reply has.
    pub family: Family,
    /// `status`.
    pub code: Code,
    /// Where the reply starts in the message.
    pub(super) start: u32,
    /// Its parts, at offsets from `start`: first texts, then payloads, then integers.
    pub(super) parts: [Span; PARTS],
    /// A bit for each text that is written with escapes.
    pub(super) escaped: u16,
    /// A bit for each part, and [`CODE`], that may differ from the reply before in the message.
    pub(super) changed: u32,
}

/// Start (lower half) and end (upper half) of a part, at offsets from the start of the reply. 0 if there is none: at offset 0 is
/// the reply's own brace. One word, so that it is written and copied as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span(u64);

impl Span {
    /// The position of a string, an integer or an object.
    #[inline(always)]
    pub(super) fn of(token: Token) -> Self {
        Self(if token.is_nothing() { 0 } else { token.packed_range() })
    }
}

/// The parts of a reply that have a position in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(clippy::exhaustive_enums, reason = "the protocol names them; row layouts have one column for each")]
pub enum ReplyPart {
    /// `requestId`.
    RequestId,
    /// `orgId`.
    OrgId,
    /// `controlChannelId` or `setMeasurepointChannelId`.
    ChannelId,
    /// `productKey`.
    ProductKey,
    /// `deviceKey`.
    DeviceKey,
    /// `assetId`.
    AssetId,
    /// `serviceName`.
    ServiceName,
    /// `serviceId` or `measurepointId`.
    Target,
    /// `callbackUrl`.
    CallbackUrl,
    /// `msg`.
    Msg,
    /// `submsg`.
    Submsg,
    /// `inputData`.
    Input,
    /// `outputData`.
    Output,
    /// `timeout`.
    Timeout,
    /// `gmtServiceRequest`.
    GmtServiceRequest,
    /// `gmtServiceReply`.
    GmtServiceReply,
    /// `gmtDeviceReply`.
    GmtDeviceReply,
}

/// A set of parts, as an iterator in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyParts(u32);

impl ReplyParts {
    /// All of them.
    pub const ALL: Self = Self((1 << PARTS) - 1);
}

impl Iterator for ReplyParts {
    type Item = ReplyPart;

    #[inline]
    fn next(&mut self) -> Option<ReplyPart> {
        let part = EACH.get(self.0.trailing_zeros() as usize).copied();
        self.0 &= self.0.wrapping_sub(1);
        part
    }
}

/// Every part at its index.
const EACH: [ReplyPart; PARTS] = [
    ReplyPart::RequestId,
    ReplyPart::OrgId,
    ReplyPart::ChannelId,
    ReplyPart::ProductKey,
    ReplyPart::DeviceKey,
    ReplyPart::AssetId,
    ReplyPart::ServiceName,
    ReplyPart::Target,
    ReplyPart::CallbackUrl,
    ReplyPart::Msg,
    ReplyPart::Submsg,
    ReplyPart::Input,
    ReplyPart::Output,
    ReplyPart::Timeout,
    ReplyPart::GmtServiceRequest,
    ReplyPart::GmtServiceReply,
    ReplyPart::GmtDeviceReply,
];

/// The bit of the code in [`ReplySpans::changed`].
pub(super) const CODE: u32 = 1 << PARTS;

/// How many parts there are: first texts, then payloads, then integers.
pub(super) const PARTS: usize = ReplyPart::GmtDeviceReply as usize + 1;
pub(super) const TEXTS: Range<usize> = 0..ReplyPart::Input as usize;
pub(super) const PAYLOADS: Range<usize> = ReplyPart::Input as usize..ReplyPart::Timeout as usize;
pub(super) const INTEGERS: Range<usize> = ReplyPart::Timeout as usize..PARTS;

/// A getter for each text.
macro_rules! texts {
    ($($name:ident, $at:ident, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            #[inline]
            pub fn $name<'a>(&self, message: &'a str) -> Option<Text<'a>> {
                self.text(ReplyPart::$at, message)
            }
        )+
    };
}

/// A getter for each integer.
macro_rules! integers {
    ($($name:ident, $at:ident, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            #[inline]
            pub fn $name(&self, message: &str) -> Option<i64> {
                integer(self.part(ReplyPart::$at, message)?)
            }
        )+
    };
}

impl ReplySpans {
    pub(crate) const NOTHING: Self = Self {
        family: Family::Invoke,
        code: Code::SUCCESS,
        start: 0,
        parts: [Span(0); PARTS],
        escaped: 0,
        changed: u32::MAX,
    };

    texts! {
        request_id, RequestId, "`requestId`.";
        org_id, OrgId, "`orgId`; only in the write family.";
        channel_id, ChannelId, "`controlChannelId` or `setMeasurepointChannelId`.";
        product_key, ProductKey, "`productKey`.";
        device_key, DeviceKey, "`deviceKey`.";
        asset_id, AssetId, "`assetId`.";
        service_name, ServiceName, "`serviceName`; only in the invoke family.";
        target, Target, "`serviceId` or `measurepointId`.";
        callback_url, CallbackUrl, "`callbackUrl`.";
        msg, Msg, "`msg`.";
        submsg, Submsg, "`submsg`.";
    }

    integers! {
        timeout, Timeout, "`timeout`, milliseconds.";
        gmt_service_request, GmtServiceRequest, "`gmtServiceRequest`, epoch milliseconds.";
        gmt_service_reply, GmtServiceReply, "`gmtServiceReply`, epoch milliseconds.";
        gmt_device_reply, GmtDeviceReply, "`gmtDeviceReply`, epoch milliseconds, -1 while there is none; only in the invoke family.";
    }

    /// `inputData`, as written.
    #[inline]
    pub fn input<'a>(&self, message: &'a str) -> Option<Payload<'a>> {
        self.part(ReplyPart::Input, message).map(Payload::checked)
    }

    /// `outputData`, `{}` when there is none; only in the invoke family.
    #[inline]
    pub fn output<'a>(&self, message: &'a str) -> Payload<'a> {
        self.part(ReplyPart::Output, message).map_or(Payload::EMPTY, Payload::checked)
    }

    /// The parts that may differ from those of the reply before in the message. If these are not all, that reply could be read, and has
    /// the same family.
    #[inline]
    pub fn changed(&self) -> ReplyParts {
        ReplyParts(self.changed & ReplyParts::ALL.0)
    }

    /// Whether the part is known to be the same, byte for byte, as that of the reply before in the message.
    #[inline]
    pub fn is_as_before(&self, part: ReplyPart) -> bool {
        self.changed >> part as u8 & 1 == 0
    }

    /// Whether `code` is known to be that of the reply before in the message.
    #[inline]
    pub fn has_code_of_before(&self) -> bool {
        self.changed & CODE == 0
    }

    /// The position of a part in the message as it is written; that of a text is between its quotes. `None` if it is null or
    /// absent.
    #[inline]
    pub fn range(&self, part: ReplyPart) -> Option<Range<usize>> {
        let Span(span) = *self.parts.get(part as usize)?;
        let (start, end) = (self.start as usize + span as u32 as usize, self.start as usize + (span >> 32) as usize);
        if span == 0 { None } else { Some(start..end) }
    }

    /// Whether the part is a text with escapes, which has to be decoded.
    #[inline]
    pub fn is_escaped(&self, part: ReplyPart) -> bool {
        TEXTS.contains(&(part as usize)) && self.escaped >> part as u8 & 1 == 1
    }

    /// The whole reply.
    pub fn reply<'a>(&self, message: &'a str) -> Reply<'a> {
        Reply {
            family: self.family,
            request_id: self.request_id(message),
            org_id: self.org_id(message),
            channel_id: self.channel_id(message),
            product_key: self.product_key(message),
            device_key: self.device_key(message),
            asset_id: self.asset_id(message),
            service_name: self.service_name(message),
            target: self.target(message),
            callback_url: self.callback_url(message),
            input: self.input(message),
            output: self.output(message),
            code: self.code,
            msg: self.msg(message),
            submsg: self.submsg(message),
            timeout: self.timeout(message),
            gmt_service_request: self.gmt_service_request(message),
            gmt_service_reply: self.gmt_service_reply(message),
            gmt_device_reply: self.gmt_device_reply(message),
        }
    }

    /// A text part; `None` if it is null or absent, or the part is not a text.
    #[inline(always)]
    pub fn text<'a>(&self, part: ReplyPart, message: &'a str) -> Option<Text<'a>> {
        if !TEXTS.contains(&(part as usize)) {
            return None;
        }
        Some(Text::checked(self.part(part, message)?, self.is_escaped(part)))
    }

    #[inline(always)]
    fn part<'a>(&self, part: ReplyPart, message: &'a str) -> Option<&'a str> {
        message.get(self.range(part)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, reply::read_spans};

    #[test]
    fn spans_are_valid_for_a_copy_of_the_message() {
        let message = r#"{"data":[{"requestId":"r","serviceId":"a\u0062","status":0,"submsg":null,"timeout":-7}, {}]}"#;
        let mut replies = Vec::new();
        let copy = read_spans(message.as_bytes(), &Limits::DEFAULT, &mut replies).unwrap().to_owned();
        let reply = replies[0].as_ref().unwrap();
        assert_eq!(reply.target(&copy).unwrap().decode(), "ab");
        assert_eq!(reply.request_id(&copy).unwrap().as_decoded(), Some("r"));
        assert_eq!((reply.submsg(&copy), reply.timeout(&copy)), (None, Some(-7)));
        assert_eq!((reply.input(&copy), reply.output(&copy).as_str()), (None, "{}"));
        assert_eq!(replies[1].as_ref().unwrap_err().index, 1);
        assert_eq!(reply.request_id("é"), None);
    }

    #[test]
    fn only_texts_are_returned_as_text() {
        let message = r#"{"data":[{"requestId":"r","serviceId":"s","status":0,"timeout":7,"inputData":{}}]}"#;
        let mut replies = Vec::new();
        read_spans(message.as_bytes(), &Limits::DEFAULT, &mut replies).unwrap();
        let reply = replies[0].as_ref().unwrap();
        assert_eq!(reply.text(ReplyPart::RequestId, message).unwrap().decode(), "r");
        let others = ReplyParts::ALL.filter(|part| *part as u8 >= ReplyPart::Input as u8);
        assert_eq!(others.map(|part| reply.text(part, message)).filter(Option::is_some).count(), 0);
    }

    #[test]
    fn a_payload_that_is_null_is_not_too_long() {
        let message =
            r#"{"data":[{"serviceId":"s","status":0,"inputData":null},{"serviceId":"s","status":0,"inputData":{}}]}"#;
        let mut limits = Limits::DEFAULT;
        limits.payload_bytes = std::num::NonZeroUsize::MIN;
        let mut replies = Vec::new();
        assert!(read_spans(message.as_bytes(), &limits, &mut replies).is_ok());
        assert!(
            replies[0].is_ok() && replies[1].as_ref().is_err_and(|bad| bad.reason.starts_with("inputData is 2 bytes"))
        );
    }

    #[test]
    fn nothing_is_left_of_a_message_that_cannot_be_read() {
        let reply = r#"{"requestId":"r","serviceId":"s","status":0}"#;
        let mut replies = Vec::new();
        for end in ["]", "]}}", r#",{"status":0,"status":0}]}"#, r#",""]},"#] {
            let message = format!(r#"{{"data":[{reply}]}}"#);
            assert!(read_spans(message.as_bytes(), &Limits::DEFAULT, &mut replies).is_ok());
            assert_eq!(replies.len(), 1);
            let message = format!(r#"{{"data":[{reply}{end}"#);
            assert!(read_spans(message.as_bytes(), &Limits::DEFAULT, &mut replies).is_err());
            assert!(replies.is_empty());
        }
        assert!(read_spans(b"{}", &Limits::DEFAULT, &mut replies).is_err());
    }
}

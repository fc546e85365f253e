//! A reply as the places of its parts in the message: small, and it may outlive the message that was read if a copy of
//! that is kept.

use super::Reply;
use crate::{
    Code, Family,
    json::{Payload, Text, Token, integer},
};

/// Where the parts of one reply stand in its message.
///
/// Whoever asks for a part gives the message, or a copy of it; with another text a part is some other text, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplySpans {
    /// Which fields the reply has.
    pub family: Family,
    /// `status`.
    pub code: Code,
    pub(super) texts: [Span; TEXTS],
    pub(super) input: Span,
    pub(super) output: Span,
    pub(super) integers: [Span; INTEGERS],
    /// A bit for each of the texts that is written with escapes.
    pub(super) escaped: u16,
}

/// From where to where in the message, the end in the upper half; nothing stands at 0 but the message's own bracket, so
/// this is what is not there. One word, so that it is written and copied as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span(u64);

impl Span {
    /// Where a string, an integer or an object stands.
    #[inline(always)]
    pub(super) fn of(token: Token) -> Self {
        Self(if token.is_nothing() { 0 } else { token.place() })
    }

    #[inline(always)]
    fn of_message(self, message: &str) -> Option<&str> {
        let (start, end) = (self.0 as u32 as usize, (self.0 >> 32) as usize);
        if start == 0 { None } else { message.get(start..end) }
    }
}

const TEXTS: usize = 11;
const INTEGERS: usize = 4;

const REQUEST_ID: usize = 0;
const ORG_ID: usize = 1;
const CHANNEL_ID: usize = 2;
const PRODUCT_KEY: usize = 3;
const DEVICE_KEY: usize = 4;
const ASSET_ID: usize = 5;
const SERVICE_NAME: usize = 6;
const TARGET: usize = 7;
const CALLBACK_URL: usize = 8;
const MSG: usize = 9;
const SUBMSG: usize = 10;

const TIMEOUT: usize = 0;
const GMT_SERVICE_REQUEST: usize = 1;
const GMT_SERVICE_REPLY: usize = 2;
const GMT_DEVICE_REPLY: usize = 3;

/// A method for each text.
macro_rules! texts {
    ($($name:ident, $at:ident, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            #[inline]
            pub fn $name<'a>(&self, message: &'a str) -> Option<Text<'a>> {
                self.text($at, message)
            }
        )+
    };
}

/// A method for each integer.
macro_rules! integers {
    ($($name:ident, $at:ident, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            #[inline]
            pub fn $name(&self, message: &str) -> Option<i64> {
                integer(self.integers[$at].of_message(message)?)
            }
        )+
    };
}

impl ReplySpans {
    pub(crate) const NOTHING: Self = Self {
        family: Family::Invoke,
        code: Code::SUCCESS,
        texts: [Span(0); TEXTS],
        input: Span(0),
        output: Span(0),
        integers: [Span(0); INTEGERS],
        escaped: 0,
    };

    texts! {
        request_id, REQUEST_ID, "`requestId`.";
        org_id, ORG_ID, "`orgId`; only in the write family.";
        channel_id, CHANNEL_ID, "`controlChannelId` or `setMeasurepointChannelId`.";
        product_key, PRODUCT_KEY, "`productKey`.";
        device_key, DEVICE_KEY, "`deviceKey`.";
        asset_id, ASSET_ID, "`assetId`.";
        service_name, SERVICE_NAME, "`serviceName`; only in the invoke family.";
        target, TARGET, "`serviceId` or `measurepointId`.";
        callback_url, CALLBACK_URL, "`callbackUrl`.";
        msg, MSG, "`msg`.";
        submsg, SUBMSG, "`submsg`.";
    }

    integers! {
        timeout, TIMEOUT, "`timeout`, milliseconds.";
        gmt_service_request, GMT_SERVICE_REQUEST, "`gmtServiceRequest`, epoch milliseconds.";
        gmt_service_reply, GMT_SERVICE_REPLY, "`gmtServiceReply`, epoch milliseconds.";
        gmt_device_reply, GMT_DEVICE_REPLY, "`gmtDeviceReply`, epoch milliseconds, -1 while there is none; only in the invoke family.";
    }

    /// `inputData`, as written.
    #[inline]
    pub fn input<'a>(&self, message: &'a str) -> Option<Payload<'a>> {
        self.input.of_message(message).map(Payload::checked)
    }

    /// `outputData`, `{}` when there is none; only in the invoke family.
    #[inline]
    pub fn output<'a>(&self, message: &'a str) -> Payload<'a> {
        self.output.of_message(message).map_or(Payload::EMPTY, Payload::checked)
    }

    /// All of it.
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

    #[inline(always)]
    fn text<'a>(&self, at: usize, message: &'a str) -> Option<Text<'a>> {
        let content = self.texts.get(at)?.of_message(message)?;
        Some(Text::checked(content, self.escaped >> at & 1 == 1))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Limits, reply::read_spans};

    #[test]
    fn a_copy_of_the_message_does_as_well() {
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

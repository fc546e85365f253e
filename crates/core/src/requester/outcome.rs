//! Outcomes: replies from the channel, owned or borrowed.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use crate::{
    Code, Family, Limits,
    json::Text,
    reply::{BadReply, MessageError, Reply, ReplyPart, ReplySpans, close, open_message, read_spans, write_reply},
    secret::KeyedHash,
};

/// A reply as it came on the channel.
///
/// All outcomes of a channel message share one copy of it, from which their texts are read when asked for. So an outcome costs
/// no allocation, and keeps its whole message in memory (about 700 bytes a reply; the gateway's messages have 100 at most).
/// Two outcomes are equal if their replies are.
///
/// ```
/// use setpoint::{Limits, requester::Outcome};
///
/// let message = br#"{"data":[{"requestId":"r1","serviceId":"start","status":0,"outputData":{"rpm":12}}]}"#;
/// let outcome = Outcome::read(message, &Limits::DEFAULT)?.remove(0)?;
/// assert!(outcome.is_success());
/// assert_eq!((&*outcome.request_id(), outcome.output_data()), ("r1", r#"{"rpm":12}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Outcome {
    message: Arc<Message>,
    /// Which of the message's replies.
    index: u32,
}

/// A channel message, shared by its outcomes.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) replies: Vec<Result<ReplySpans, BadReply>>,
}

/// A buffer for longer texts than this is not kept for the next message, in bytes.
const MAX_KEPT_TEXT: usize = 1 << 20;

impl Message {
    /// Reads a message, into the buffers of an earlier one if nobody holds an outcome of that any more.
    pub(super) fn read(body: &[u8], limits: &Limits, earlier: Arc<Self>) -> Result<Arc<Self>, MessageError> {
        let Self { mut text, mut replies } = Arc::into_inner(earlier).unwrap_or_default();
        let read = read_spans(body, limits, &mut replies)?;
        text.clear();
        text.push_str(read);
        Ok(Arc::new(Self { text, replies }))
    }

    /// Whether its buffers may be reused: those of a large message are freed with its last outcome.
    pub(super) fn is_kept(&self) -> bool {
        self.text.capacity() <= MAX_KEPT_TEXT
    }
}

/// A borrowed outcome: of a message that is being handled, or of an [`Outcome`].
///
/// ```
/// use setpoint::{Limits, requester::Outcome};
///
/// let message = br#"{"data":[{"requestId":"r1","serviceId":"start","status":0,"submsg":"SUCCESS"}]}"#;
/// let outcomes = Outcome::read(message, &Limits::DEFAULT)?;
/// let outcome = outcomes[0].as_ref().map_err(Clone::clone)?.borrowed();
/// let (spans, text) = outcome.parts();
/// assert_eq!(spans.request_id(text).map(|id| id.decode()).as_deref(), Some("r1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OutcomeRef<'a> {
    text: &'a str,
    spans: &'a ReplySpans,
    index: u32,
}

impl<'a> OutcomeRef<'a> {
    #[inline]
    pub(super) fn new(text: &'a str, spans: &'a ReplySpans, index: usize) -> Self {
        // Fits: a message is less than 4 GiB long.
        Self { text, spans, index: index as u32 }
    }

    /// The positions of the reply's parts, and the message in which they are.
    #[inline]
    pub fn parts(&self) -> (&'a ReplySpans, &'a str) {
        (self.spans, self.text)
    }

    /// The index of the reply in its message, from 0. What [`ReplySpans`] says of "the reply before" is about the one at the index
    /// before.
    #[inline]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The code; 0 is success.
    #[inline]
    pub fn code(&self) -> Code {
        self.spans.code
    }

    /// The detailed description, `submsg`.
    #[inline]
    pub fn submsg(&self) -> Option<Cow<'a, str>> {
        self.spans.submsg(self.text).map(Text::decode)
    }

    /// A keyed hash of what makes two outcomes of an item the same: code, description and output.
    pub(super) fn digest(&self, hash: KeyedHash) -> u64 {
        let submsg = self.submsg();
        let submsg = submsg.as_deref().map_or(0, |submsg| 1 | hash.quick(submsg.as_bytes()));
        let output = hash.quick(self.spans.output(self.text).as_str().as_bytes());
        let parts = [self.code().0.cast_unsigned(), submsg, output];
        hash.quick(parts.map(u64::to_le_bytes).as_flattened())
    }

    /// Whether its [`digest`](Self::digest) is known to be equal to that of the outcome before in the message.
    pub(super) fn has_digest_of_before(&self) -> bool {
        let is_as_before = |part| self.spans.is_as_before(part);
        self.spans.has_code_of_before() && is_as_before(ReplyPart::Submsg) && is_as_before(ReplyPart::Output)
    }
}

/// A getter for each text.
macro_rules! texts {
    ($($name:ident, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            pub fn $name(&self) -> Option<Cow<'_, str>> {
                self.spans().$name(&self.message.text).map(Text::decode)
            }
        )+
    };
}

impl Outcome {
    pub(super) fn new(message: &Arc<Message>, index: u32) -> Self {
        Self { message: Arc::clone(message), index }
    }

    /// Reads the outcomes of a channel message without a requester, so that they are attributed to no item.
    ///
    /// # Errors
    /// It is not a channel message.
    pub fn read(body: &[u8], limits: &Limits) -> Result<Vec<Result<Self, BadReply>>, MessageError> {
        let message = Message::read(body, limits, Arc::default())?;
        let outcome = |(index, reply): (usize, &Result<ReplySpans, BadReply>)| match reply {
            Ok(_) => Ok(Self::new(&message, index as u32)),
            Err(bad) => Err(bad.clone()),
        };
        Ok(message.replies.iter().enumerate().map(outcome).collect())
    }

    /// A channel message with this outcome alone. [`read`](Self::read) makes an equal outcome of it: a way to store one.
    ///
    /// ```
    /// use setpoint::{Limits, requester::Outcome};
    ///
    /// let message = br#"{"data":[{"requestId":"r1","measurepointId":"speed","status":1000203}]}"#;
    /// let outcome = Outcome::read(message, &Limits::DEFAULT)?.remove(0)?;
    /// let stored = outcome.to_message();
    /// assert_eq!(Outcome::read(&stored, &Limits::DEFAULT)?.remove(0)?, outcome);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_message(&self) -> Vec<u8> {
        let mut out = Vec::new();
        open_message(&mut out);
        write_reply(&mut out, &self.reply());
        close(&mut out);
        out
    }

    /// Invoke or write.
    pub fn family(&self) -> Family {
        self.spans().family
    }

    /// The code; 0 is success.
    pub fn code(&self) -> Code {
        self.spans().code
    }

    /// Whether the device did what it was asked to do.
    pub fn is_success(&self) -> bool {
        self.code().is_success()
    }

    /// The request id; empty if the reply has none.
    pub fn request_id(&self) -> Cow<'_, str> {
        self.spans().request_id(&self.message.text).map(Text::decode).unwrap_or_default()
    }

    texts! {
        msg, "The code's message.";
        submsg, "The detailed description.";
        product_key, "The device's product key, as far as the reply names it.";
        device_key, "The device's key, as far as the reply names it.";
        asset_id, "The device's asset id, as far as the reply names it.";
        target, "Service id or measure point id.";
    }

    /// `outputData`, as the device wrote it: JSON text of an object; `{}` if there is none.
    pub fn output_data(&self) -> &str {
        self.spans().output(&self.message.text).as_str()
    }

    /// The output, deserialised.
    ///
    /// ```
    /// # use setpoint::{Limits, requester::Outcome};
    /// # let message = br#"{"data":[{"requestId":"r1","serviceId":"start","status":0,"outputData":{"rpm":12}}]}"#;
    /// # let outcome = Outcome::read(message, &Limits::DEFAULT)?.remove(0)?;
    /// #[derive(serde::Deserialize)]
    /// struct Started {
    ///     rpm: f64,
    /// }
    /// assert_eq!(outcome.output::<Started>()?.rpm, 12.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The output does not fit `T`.
    pub fn output<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.output_data())
    }

    /// When the service replied, epoch milliseconds.
    pub fn gmt_service_reply(&self) -> Option<i64> {
        self.spans().gmt_service_reply(&self.message.text)
    }

    /// When the device's answer was received, epoch milliseconds; -1 without one, `None` in the write family.
    pub fn gmt_device_reply(&self) -> Option<i64> {
        self.spans().gmt_device_reply(&self.message.text)
    }

    /// The whole reply, as it is written.
    pub fn reply(&self) -> Reply<'_> {
        self.spans().reply(&self.message.text)
    }

    /// A borrowed form, which is cheaper to ask for many parts.
    #[inline]
    pub fn borrowed(&self) -> OutcomeRef<'_> {
        OutcomeRef { text: &self.message.text, spans: self.spans(), index: self.index }
    }

    #[inline]
    fn spans(&self) -> &ReplySpans {
        // Always there: outcomes are made only of replies that could be read.
        self.message
            .replies
            .get(self.index as usize)
            .and_then(|reply| reply.as_ref().ok())
            .unwrap_or(&ReplySpans::NOTHING)
    }
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        self.reply() == other.reply()
    }
}
impl Eq for Outcome {}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("family", &self.family())
            .field("request_id", &self.request_id())
            .field("code", &self.code())
            .field("msg", &self.msg())
            .field("submsg", &self.submsg())
            .field("product_key", &self.product_key())
            .field("device_key", &self.device_key())
            .field("asset_id", &self.asset_id())
            .field("target", &self.target())
            .field("output_data", &self.output_data())
            .field("gmt_service_reply", &self.gmt_service_reply())
            .field("gmt_device_reply", &self.gmt_device_reply())
            .finish()
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Outcome", 12)?;
        fields.serialize_field("family", &self.family())?;
        fields.serialize_field("requestId", &self.request_id())?;
        fields.serialize_field("code", &self.code())?;
        fields.serialize_field("msg", &self.msg())?;
        fields.serialize_field("submsg", &self.submsg())?;
        fields.serialize_field("productKey", &self.product_key())?;
        fields.serialize_field("deviceKey", &self.device_key())?;
        fields.serialize_field("assetId", &self.asset_id())?;
        fields.serialize_field("target", &self.target())?;
        fields.serialize_field("outputData", self.output_data())?;
        fields.serialize_field("gmtServiceReply", &self.gmt_service_reply())?;
        fields.serialize_field("gmtDeviceReply", &self.gmt_device_reply())?;
        fields.end()
    }
}

//! What a program needs to send a batch.

use crate::Family;

use super::RequestBatchId;

/// A batch that is ready to be sent. The body is the one that was given or built.
///
/// ```
/// use setpoint::{Family, Now, Requester, requester::RequesterConfig};
///
/// let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let body = br#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","assetId":"turbine-7",
///     "serviceId":"start","timeout":2000}]}"#;
/// let submission = requester.submit_body(Family::Invoke, body, Now::new(0, 1_700_000_000_000))?;
/// assert_eq!(submission.family.table().path, "/dataService/devices/multiInvoke");
/// assert_eq!((submission.body, submission.items, submission.patience_ms), (body, 1, 2_000));
/// # Ok::<(), setpoint::requester::SubmitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission<B = Vec<u8>> {
    /// The id of the batch: what responses, retries and events refer to.
    pub batch: RequestBatchId,
    /// Which call to make.
    pub family: Family,
    /// The body to PUT. Send exactly these bytes again if no response arrived.
    pub body: B,
    /// How many items it has.
    pub items: usize,
    /// How long to go on trying to send the body, in milliseconds: the shortest timeout of the items that a service may accept, or
    /// the default timeout if it may accept none. Later, not every command can still be carried out in time.
    pub patience_ms: u32,
}

/// Whether a batch has to be sent again after an attempt.
///
/// ```
/// use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::{RequesterConfig, SendState}};
///
/// let now = Now::new(0, 1_700_000_000_000);
/// let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
/// let batch = requester.submit_invokes(&[start], now)?.batch;
/// let internal = br#"{"status":500,"msg":"internal error","submsg":"the store failed"}"#;
/// assert_eq!(requester.handle_response(batch, internal, now)?, SendState::Resend);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendState {
    /// There is nothing more to send.
    Settled,
    /// Whether the batch was accepted is unknown: send the same body again later (after
    /// [`Requester::resend`](super::Requester::resend)), or let the items time out.
    Resend,
}

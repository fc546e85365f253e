//! A checker that is kept from body to body.

use super::{Report, Request, report, resolve::Anything};
use crate::{Family, Limits, Now, request::ItemReader};

/// Checks bodies of one family, one after the other, and remembers how items are written: the order of their members, and
/// the values of org, call type, channel, product key and callback. A body that is written like the one before is read
/// faster, which matters for small bodies. What is found does not depend on earlier bodies.
///
/// ```
/// use setpoint::{Family, Limits, Now, check::{Checker, check_form}};
/// let now = Now::new(0, 1_700_000_000_000);
/// let mut checker = Checker::new(Family::Invoke);
/// let mut room = Vec::new();
/// for id in ["r1", "r2"] {
///     let body = format!(r#"{{"data":[{{"requestId":"{id}","controlChannelId":"DATASVC.CONTROL.ops",
///         "assetId":"turbine-7","serviceId":"start"}}]}}"#);
///     let report = checker.check_form(body.as_bytes(), "o1", &Limits::DEFAULT, now, room);
///     assert_eq!(report, check_form(body.as_bytes(), Family::Invoke, "o1", &Limits::DEFAULT, now));
///     room = report.response;
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Checker {
    items: ItemReader,
}

impl Checker {
    /// A checker that has read nothing yet.
    #[inline(always)]
    pub fn new(family: Family) -> Self {
        Self { items: ItemReader::new(family) }
    }

    /// What [`check_form`](super::check_form) says of this body. `room` is a buffer for the response, which is emptied first:
    /// pass that of an earlier report to save an allocation, or an empty one.
    pub fn check_form<'a>(
        &mut self,
        body: &'a [u8],
        org_id: &str,
        limits: &Limits,
        now: Now,
        room: Vec<u8>,
    ) -> Report<'a> {
        let request = Request { family: self.items.family(), org_id, body, limits, received: now };
        report(&mut self.items, request, room, Anything)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That a body was read before, under other limits, does not make it acceptable.
    #[test]
    fn each_body_is_held_to_its_own_limits() {
        let body = br#"{"data":[{"requestId":"r1","controlChannelId":{"a":[1,{"b":[2]}]}}]}"#;
        let (now, mut flat) = (Now::new(0, 1_700_000_000_000), Limits::DEFAULT);
        flat.depth = std::num::NonZeroUsize::new(4).unwrap();
        let mut checker = Checker::new(Family::Invoke);
        let mut is_taken = |limits| checker.check_form(body, "o1", limits, now, Vec::new()).error.is_none();
        assert_eq!([&Limits::DEFAULT, &flat, &Limits::DEFAULT].map(&mut is_taken), [true, false, true]);
    }
}

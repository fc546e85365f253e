//! Channel messages: which finals they may contain, and for which channel.

use setpoint::{Family, Limits, reply::read_message, responder::PublicationId};

use super::{ExpectedEnd, Oracle, Stage};
use crate::{
    coverage::Exercised,
    violation::{Check, hold},
    world::{ORGS, World},
};

impl Oracle {
    /// The service publishes a message.
    pub(crate) fn published(
        &mut self,
        publication: PublicationId,
        (org_id, family, channel_id): (&str, Family, &str),
        body: &[u8],
        count: usize,
        world: &World,
    ) -> Check {
        let text = String::from_utf8_lossy(body).into_owned();
        let replies = read_message(body, &Limits::default());
        hold!(replies.is_ok(), I3, "a channel message that cannot be read: {text}");
        let Ok(replies) = replies else { return Ok(()) };
        hold!(replies.len() == count && count > 0, I1, "{count} replies announced, {} found", replies.len());
        let most = self.config.replies_per_message.get();
        hold!(count <= most, Bounds, "{count} replies in a message, {most} may be");
        let org = ORGS.iter().position(|known| *known == org_id);
        let mut carried = Vec::new();
        for reply in &replies {
            hold!(reply.is_ok(), I3, "a reply that cannot be read: {text}");
            let (Ok(reply), Some(org)) = (reply, org) else { continue };
            let id = reply.request_id.map(|id| id.decode().into_owned()).unwrap_or_default();
            hold!(reply.family == family, I3, "{id} is of another family than its channel: {text}");
            let key = (org, family, id.clone());
            let current = self.by_id.get(&key).copied();
            // An id that was accepted anew after its window: its earlier item may have been repeated just before.
            let n = match current.filter(|n| self.items[*n].outcome.is_some()) {
                None => self.repeated_lately(&key).or(current),
                found => found,
            };
            let foreign = self.by_id.contains_key(&(1 - org, family, id.clone()));
            hold!(n.is_some() || !foreign, I9, "{id} of the other org is published to {org_id}: {text}");
            hold!(n.is_some(), I2, "a final for {id}, which is not waited for: {text}");
            let Some(n) = n else { continue };
            let item = &self.items[n];
            let early = !self.durable.decided.contains(&n);
            hold!(!early, I10, "the final of {id} is published before it is stored");
            hold!(*item.spec.channel == *channel_id, I3, "{id} is published to {channel_id}");
            let Some(outcome) = &item.outcome else {
                hold!(false, I1, "{id} is published and has no final");
                continue;
            };
            let device = &world.devices[item.spec.device].device;
            let text_of = |text: Option<setpoint::json::Text<'_>>| text.map(|text| text.decode().into_owned());
            let found = (
                text_of(reply.channel_id),
                text_of(reply.product_key),
                text_of(reply.device_key),
                text_of(reply.asset_id),
                text_of(reply.target),
                reply.input.map(|input| input.as_str().to_owned()),
                reply.gmt_service_request,
                reply.timeout,
            );
            let expected = (
                Some(item.spec.channel.clone()),
                Some(device.product_key.to_string()),
                Some(device.device_key.to_string()),
                Some(device.asset_id.to_string()),
                Some(item.spec.target.clone()),
                item.input.clone(),
                Some(item.gmt),
                Some(i64::from(item.spec.timeout_ms())),
            );
            hold!(found == expected, I3, "{id} is published with {found:?} instead of {expected:?}");
            let value = (reply.code, text_of(reply.submsg));
            let decided = (outcome.code, Some(outcome.submsg.to_string()));
            hold!(value == decided, I1, "{id} is published as {value:?}, decided as {decided:?}");
            let output = outcome.output.as_deref().unwrap_or("{}");
            let same = family == Family::Write || reply.output.as_str() == output;
            hold!(same, I1, "{id} is published with output {}, decided with {output}", reply.output.as_str());
            self.check_evidence(n)?;
            carried.push(n);
        }
        for n in &carried {
            let item = &mut self.items[*n];
            if item.publications == 0 {
                let due = item.decided_at.max(self.disturbed_at).saturating_add(self.publish_bound_ms);
                let (id, at) = (item.id(), item.decided_at);
                hold!(self.now <= due, I8, "{id} was decided at {at} and is published at {}", self.now);
            } else {
                self.coverage.event(Exercised::PublishedAgain);
            }
            self.items[*n].publications += 1;
        }
        self.publications.insert(publication, carried);
        Ok(())
    }

    /// A success needs an execution, and an answer of the device that says so.
    fn check_evidence(&self, n: usize) -> Check {
        let item = &self.items[n];
        let Some(outcome) = &item.outcome else { return Ok(()) };
        if outcome.code.is_success() {
            hold!(item.executions > 0, I4, "{} succeeded and was never executed", item.id());
            let said = item.said.iter().any(|text| {
                text.is_success()
                    && (item.family == Family::Write || text.output.as_deref() == outcome.output.as_deref())
            });
            hold!(said, I4, "{} succeeded with {:?}, which its device never said", item.id(), outcome.output);
        }
        if let Some(ExpectedEnd::Answer(answer)) = &item.expect {
            hold!(item.said.contains(answer), I3, "{} ended with what its device never said", item.id());
        }
        Ok(())
    }

    /// The message was published, or its channel is gone.
    pub(crate) fn ended(&mut self, publication: PublicationId) {
        for n in self.publications.remove(&publication).unwrap_or_default() {
            if self.items[n].stage == Stage::Decided {
                self.items[n].stage = Stage::Ended;
                self.outbox -= 1;
                self.by_id.remove(&self.items[n].key());
                self.remember_ended(n);
            }
        }
    }

    /// The item was sent again: its final is published once more, as long as the service remembers it.
    pub(super) fn publish_again(&mut self, n: usize) {
        let is_current = self.remembered.get(&self.items[n].key()).is_some_and(|memory| memory.n == n);
        if !self.lenient && is_current && self.items[n].stage == Stage::Ended && self.ended_known.contains(&n) {
            self.coverage.event(Exercised::PublishedOnDemand);
            self.items[n].stage = Stage::Decided;
            // It is not among the ended items until it is published, and then the newest of them.
            self.ended_known.remove(&n);
            self.ended.retain(|ended| *ended != n);
            self.outbox += 1;
            self.by_id.insert(self.items[n].key(), n);
        }
    }

    /// The ended item of this id, if a batch that repeats it is not answered yet: its final may come before the answer.
    fn repeated_lately(&mut self, key: &super::IdKey) -> Option<usize> {
        if self.lenient {
            return self.items.iter().rposition(|item| item.repeated && item.outcome.is_some() && item.key() == *key);
        }
        let n = self.asked_for().find(|n| self.items[*n].key() == *key)?;
        self.publish_again(n);
        (self.items[n].stage == Stage::Decided).then_some(n)
    }

    pub(super) fn remember_ended(&mut self, n: usize) {
        if !self.ended_known.insert(n) {
            return;
        }
        self.ended.push_back(n);
        while self.ended.len() > self.config.ended {
            if let Some(oldest) = self.ended.pop_front() {
                self.ended_known.remove(&oldest);
            }
        }
    }
}

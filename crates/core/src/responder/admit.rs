//! Admits a batch: what was used before, which bounds are reached, and what is accepted.

use std::{ops::Range, sync::Arc};

use crate::{
    Code, Device, Family, Fault, MonotonicTime, Now, RequestError,
    check::{Acceptance, Names, Request, ResponseWriter, write_accepted, write_refused},
    inflight::Key,
    request::{Command, Entry, RefusedItem, read_batch},
};

use super::{
    AfterPersist, BatchTicket, CheckedBatch, Mode, Queued, Record, Responder, StoredCommand,
    checked_batch::{Check, CheckedItem, Content, NewCommand},
    orgs::Remembered,
    store_failed,
};

/// What is decided about an item whose reply is another than the one that was written when it was read.
#[derive(Debug)]
enum Admission {
    /// It gets the answer that the equal item got before it.
    Repeated(Remembered),
    /// Its request id stands for another content.
    Conflict,
    /// A bound is reached.
    OverBound { device: Arc<Device>, fault: Fault },
}

impl Responder {
    /// Admits a batch that was received at `received`, on a monotonic clock that never steps back.
    ///
    /// # Errors
    /// The batch is refused as a whole; then nothing of it is kept.
    pub(super) fn admit(
        &mut self,
        ticket: BatchTicket,
        batch: CheckedBatch,
        received: MonotonicTime,
    ) -> Result<(), RequestError> {
        self.check_accepting()?;
        let CheckedBatch { org_id, family, received: Now { epoch_ms, .. }, limits, body, content } = batch;
        let received = Now { instant: received, epoch_ms };
        let Content { response, items } = content?;
        self.forget_request_ids();
        let (used, more) = self.look_up(&org_id, family, &items);
        self.check_memory(&org_id, more)?;

        let org: Arc<str> = self.orgs.intern(&org_id);
        let replies: Vec<_> = items.iter().map(|item| item.reply.clone()).collect();
        let mut used = used.into_iter().peekable();
        let mut changed = Vec::new();
        let (mut accepted, mut again) = (Vec::with_capacity(more), Vec::new());
        let mut waits = false;
        let mut in_flight = self.orgs.pending(&org);
        for (index, item) in items.into_iter().enumerate() {
            if let Some((_, admission)) = used.next_if(|(at, _)| *at == index) {
                if let Admission::Repeated(earlier) = &admission {
                    self.counters.repeated += 1;
                    again.push(earlier.message_id);
                    waits = true;
                } else {
                    self.counters.refused += 1;
                }
                changed.push((index, admission));
                continue;
            }
            let Check::Acceptable(command) = item.check else {
                self.counters.refused += 1;
                continue;
            };
            if let Err(fault) = self.check_bounds(in_flight, &command.device) {
                self.counters.refused += 1;
                changed.push((index, Admission::OverBound { device: command.device, fault }));
                continue;
            }
            accepted.extend(self.accept(command, family, &org, received));
            in_flight += 1;
            waits = true;
        }
        let body = if changed.is_empty() {
            response
        } else {
            let request = Request { family, org_id: &org_id, body: (*body).as_ref(), limits: &limits, received };
            rewrite(request, &response, &replies, changed)
        };
        if waits {
            let answer = AfterPersist::Answer { batch: ticket, body, accepted, again };
            self.journal.after_persist(answer);
        } else {
            self.queue.push_back(Queued::Answer { batch: ticket, status: 200, body });
        }
        Ok(())
    }

    fn check_accepting(&self) -> Result<(), RequestError> {
        match self.mode {
            Mode::Failed => Err(store_failed()),
            Mode::Stopping => Err(RequestError::unavailable("shutting down; try again when the service is back")),
            Mode::Running if self.counters.outbox >= self.config.outbox.get() => Err(RequestError::unavailable(
                "too many outcomes wait to be published; try again when the channels' broker is back",
            )),
            Mode::Running => Ok(()),
        }
    }

    /// The items whose request ids are remembered, by index, and how many others can be accepted.
    ///
    /// Whether the directory knows what an item names does not count here: a repetition gets the original answer also if
    /// the device has gone since.
    fn look_up(&self, org_id: &str, family: Family, items: &[CheckedItem]) -> (Vec<(usize, Admission)>, usize) {
        let mut used = Vec::new();
        let mut others = 0;
        for (index, item) in items.iter().enumerate() {
            let (request_id, fingerprint) = match &item.check {
                Check::Malformed => continue,
                Check::NotFound { request_id, fingerprint } => (&**request_id, *fingerprint),
                Check::Acceptable(command) => (&*command.request_id, command.fingerprint),
            };
            match self.orgs.remembered(org_id, family, request_id) {
                Some(earlier) if earlier.fingerprint == fingerprint => {
                    used.push((index, Admission::Repeated(earlier.clone())));
                }
                Some(_) => used.push((index, Admission::Conflict)),
                None => others += usize::from(matches!(item.check, Check::Acceptable(_))),
            }
        }
        (used, others)
    }

    fn check_memory(&self, org_id: &str, more: usize) -> Result<(), RequestError> {
        let known = self.orgs.n_remembered_of(org_id);
        let bound = self.config.dedup_per_org.get();
        if known.saturating_add(more) <= bound {
            return Ok(());
        }
        Err(RequestError::quota(format!(
            "{known} request ids of this org are remembered and {more} more would pass the bound of {bound}; \
             try again when older ones are forgotten"
        )))
    }

    /// Whether the org, with so many items in flight, and the device may have one more.
    fn check_bounds(&self, in_flight: usize, device: &Arc<Device>) -> Result<(), Fault> {
        let full = |who: &str, bound: usize| {
            let reason =
                format!("{who} has {bound} commands in flight, the most it may; try again when some have ended");
            Fault::new(Code::ASYNC_LIMIT, "", reason)
        };
        let (per_org, per_device) = (self.config.pending_per_org.get(), self.config.pending_per_device.get());
        if in_flight >= per_org {
            return Err(full("the org", per_org));
        }
        if self.orgs.pending_of_device(device) >= per_device {
            return Err(full("the device", per_device));
        }
        Ok(())
    }

    fn accept(&mut self, command: NewCommand, family: Family, org_id: &Arc<str>, received: Now) -> Option<Key> {
        let deadline = received.instant.saturating_add(u64::from(command.timeout_ms));
        let stored = Arc::new(StoredCommand {
            message_id: self.secret.message_id().in_partition(self.config.partition),
            family,
            org_id: Arc::clone(org_id),
            request_id: command.request_id,
            channel_id: command.channel_id,
            device: command.device,
            service_name: command.service_name,
            target: command.target,
            callback_url: command.callback_url,
            input: command.input,
            timeout_ms: command.timeout_ms,
            gmt_service_request: command.gmt_service_request,
            accepted_at_epoch_ms: received.epoch_ms,
            remember_until_epoch_ms: received.epoch_ms.saturating_add_unsigned(self.config.dedup_window_ms),
            fingerprint: command.fingerprint,
        });
        self.counters.accepted += 1;
        self.orgs.remember(&stored, received.instant.saturating_add(self.config.dedup_window_ms));
        self.journal.record(Record::Accepted(Arc::clone(&stored)));
        self.enter(stored, deadline)
    }
}

/// The response with other replies to the items that were decided otherwise than they were read. These are read once more,
/// because a reply repeats an item as it was written.
fn rewrite(
    request: Request<'_, '_>,
    response: &[u8],
    replies: &[Range<usize>],
    changed: Vec<(usize, Admission)>,
) -> Vec<u8> {
    let Request { family, org_id, body, limits, .. } = request;
    // It was read before, so it can be.
    let entries = read_batch(body, family, org_id, limits).unwrap_or_default();
    let mut writer = ResponseWriter::new(Vec::new(), response.len());
    let mut changed = changed.into_iter().peekable();
    for (index, reply) in replies.iter().enumerate() {
        let out = writer.next();
        match (changed.next_if(|(at, _)| *at == index), entries.get(index)) {
            (Some((_, admission)), Some(Entry::Accepted(command))) => write_reply(out, command, admission, request),
            _ => out.extend_from_slice(response.get(reply.clone()).unwrap_or_default()),
        }
    }
    writer.close()
}

fn write_reply(out: &mut Vec<u8>, command: &Command<'_>, admission: Admission, request: Request<'_, '_>) {
    let Request { family, org_id, received, .. } = request;
    let (device, fault) = match admission {
        Admission::Repeated(earlier) => {
            let names = Names { device: &earlier.device, service_name: earlier.service_name.as_deref() };
            let acceptance = Acceptance {
                names: Some(names),
                gmt_service_request: earlier.gmt_service_request,
                epoch_ms: earlier.accepted_at_epoch_ms,
            };
            return write_accepted(out, command, acceptance, family, org_id);
        }
        Admission::Conflict => {
            let reason =
                "was used before with another content; nothing was sent, give the new command an id of its own";
            (None, Fault::new(Code::PARA_ERROR, "requestId", reason))
        }
        Admission::OverBound { device, fault } => (Some(device), fault),
    };
    let item = RefusedItem { device, ..command.clone().refuse(vec![fault]) };
    write_refused(out, &item, family, org_id, received);
}

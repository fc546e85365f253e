//! A batch, taken in: every item refused, answered again, or accepted.

use std::sync::Arc;

use crate::{
    Code, Device, Directory, Family, Fault, RequestError,
    check::{accepted_reply, refused_reply},
    fault::describe,
    inflight::Key,
    reply,
    request::{Command, Entry, Refusal, read_batch},
};

use super::{
    BatchRequest, BatchTicket, Gated, Mode, Queued, Record, Responder, StoredCommand, fingerprint::fingerprint,
    orgs::Remembered, store_failed,
};

/// What is to become of one item.
enum Verdict<'a> {
    Refused(Refusal<'a>),
    Repeated(Command<'a>, Remembered),
    New(New<'a>),
}

struct New<'a> {
    command: Command<'a>,
    device: Arc<Device>,
    fingerprint: u128,
}

impl Responder {
    /// # Errors
    /// The batch is refused as a whole; then nothing of it is kept.
    pub(super) fn take_in(
        &mut self,
        batch: BatchTicket,
        request: BatchRequest<'_>,
        directory: &(impl Directory + ?Sized),
    ) -> Result<(), RequestError> {
        self.check_accepting()?;
        let BatchRequest { org_id, family, body } = request;
        if !directory.has_org(org_id) {
            return Err(RequestError::unknown_org());
        }
        let entries = read_batch(body, family, org_id, &self.config.limits)?;
        self.forget();
        let verdicts: Vec<_> = entries.into_iter().map(|entry| self.judge(entry, family, org_id, directory)).collect();
        self.check_memory(org_id, verdicts.iter().filter(|verdict| matches!(verdict, Verdict::New(_))).count())?;

        let org: Arc<str> = self.orgs.intern(org_id);
        let mut out = Vec::with_capacity(body.len() * 2);
        let mut accepted = Vec::new();
        let mut again = Vec::new();
        let mut waits = false;
        reply::open_response(&mut out);
        for (index, verdict) in verdicts.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let refusal = match verdict {
                Verdict::Refused(refusal) => refusal,
                Verdict::Repeated(command, earlier) => {
                    let reply = accepted_reply(
                        &command,
                        Some((&*earlier.device, earlier.service_name.as_deref())),
                        family,
                        org_id,
                        earlier.gmt_service_request,
                        earlier.accepted_at_epoch_ms,
                    );
                    reply::write_reply(&mut out, &reply);
                    self.counters.repeated += 1;
                    again.push(earlier.message_id);
                    waits = true;
                    continue;
                }
                Verdict::New(new) => match self.check_bounds(org_id, &new.device) {
                    Err(fault) => Refusal { device: Some(new.device), ..new.command.refuse(vec![fault]) },
                    Ok(()) => {
                        let service_name = match family {
                            Family::Invoke => directory.service_name(org_id, &new.device, &new.command.target.decode()),
                            Family::Write => None,
                        };
                        let gmt = new.command.gmt_service_request.unwrap_or(self.now.epoch_ms);
                        let reply = accepted_reply(
                            &new.command,
                            Some((&*new.device, service_name.as_deref())),
                            family,
                            org_id,
                            gmt,
                            self.now.epoch_ms,
                        );
                        reply::write_reply(&mut out, &reply);
                        accepted.extend(self.accept(new, family, &org, service_name, gmt));
                        waits = true;
                        continue;
                    }
                },
            };
            self.counters.refused += 1;
            let submsg = describe(&refusal.faults);
            reply::write_reply(&mut out, &refused_reply(&refusal, family, org_id, &submsg, self.now));
        }
        reply::close(&mut out);
        if waits {
            let answer = Gated::Answer { batch, body: out, accepted, again };
            if canary!("answer-before-persist") {
                self.release(answer);
            } else {
                self.journal.gate(answer);
            }
        } else {
            self.queue.push_back(Queued::Answer { batch, status: 200, body: out });
        }
        Ok(())
    }

    fn check_accepting(&self) -> Result<(), RequestError> {
        match self.mode {
            Mode::Failed => Err(store_failed()),
            Mode::Stopping => Err(RequestError::unavailable("shutting down; try again when the service is back")),
            Mode::Running if self.counters.outbox >= self.config.outbox => Err(RequestError::unavailable(
                "too many outcomes wait to be published; try again when the channels' broker is back",
            )),
            Mode::Running => Ok(()),
        }
    }

    fn judge<'a>(
        &self,
        entry: Entry<'a>,
        family: Family,
        org_id: &str,
        directory: &(impl Directory + ?Sized),
    ) -> Verdict<'a> {
        let command = match entry {
            Entry::Refused(refusal) => return Verdict::Refused(refusal),
            Entry::Accepted(command) => command,
        };
        let fingerprint = fingerprint(&command);
        // Before the directory: a repetition gets the original answer also if the device has gone since.
        match self.orgs.remembered(org_id, family, &command.request_id.decode()) {
            Some(earlier) if earlier.fingerprint == fingerprint => Verdict::Repeated(command, earlier.clone()),
            Some(_) => Verdict::Refused(command.refuse(vec![Fault::new(
                Code::PARA_ERROR,
                "requestId",
                "was used before with another content; nothing was sent, give the new command an id of its own",
            )])),
            None => match command.resolve(family, org_id, directory) {
                Err(refusal) => Verdict::Refused(*refusal),
                Ok((command, device)) => Verdict::New(New { command, device, fingerprint }),
            },
        }
    }

    fn check_memory(&self, org_id: &str, more: usize) -> Result<(), RequestError> {
        let known = self.orgs.n_remembered_of(org_id);
        let bound = self.config.dedup_per_org;
        if known.saturating_add(more) <= bound {
            return Ok(());
        }
        Err(RequestError::quota(format!(
            "{known} request ids of this org are remembered and {more} more would pass the bound of {bound}; \
             try again when older ones are forgotten"
        )))
    }

    fn check_bounds(&self, org_id: &str, device: &Device) -> Result<(), Fault> {
        let full = |who: &str, bound: usize| {
            let reason =
                format!("{who} has {bound} commands in flight, the most it may; try again when some have ended");
            Fault::new(Code::ASYNC_LIMIT, "", reason)
        };
        if self.orgs.pending(org_id) >= self.config.pending_per_org {
            return Err(full("the org", self.config.pending_per_org));
        }
        if self.orgs.pending_of_device(device) >= self.config.pending_per_device {
            return Err(full("the device", self.config.pending_per_device));
        }
        Ok(())
    }

    fn accept(
        &mut self,
        new: New<'_>,
        family: Family,
        org_id: &Arc<str>,
        service_name: Option<Arc<str>>,
        gmt_service_request: i64,
    ) -> Option<Key> {
        let New { command, device, fingerprint } = new;
        let mut deadline = self.now.instant.saturating_add(u64::from(command.timeout_ms));
        if canary!("deadline-rounded-down") {
            deadline = crate::MonotonicTime::from_millis(deadline.as_millis() / 1_000 * 1_000);
        }
        let stored = Arc::new(StoredCommand {
            message_id: self.secret.message_id().in_partition(self.config.partition),
            family,
            org_id: Arc::clone(org_id),
            request_id: command.request_id.decode().into(),
            channel_id: command.channel_id.decode().into(),
            device,
            service_name,
            target: command.target.decode().into(),
            callback_url: command.callback_url.map(|url| url.decode().into()),
            input: command.input.map(|input| input.as_str().into()),
            timeout_ms: command.timeout_ms,
            gmt_service_request,
            accepted_at_epoch_ms: self.now.epoch_ms,
            remember_until_epoch_ms: self.now.epoch_ms.saturating_add_unsigned(self.config.dedup_window_ms),
            fingerprint,
        });
        self.counters.accepted += 1;
        let window = if canary!("forgotten-early") { 1_000 } else { self.config.dedup_window_ms };
        let until = self.now.instant.saturating_add(window);
        self.orgs.remember(&stored, until);
        self.journal.record(Record::Accepted(Arc::clone(&stored)));
        self.enter(stored, deadline)
    }
}

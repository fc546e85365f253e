//! The check of a batch.

use std::{mem, sync::Arc};

use napi_derive::napi;
use setpoint::{
    Family, Limits, TableDirectory,
    check::{self as engine, ItemReport, Report},
};

use crate::{
    error::{self, Result},
    numbered::Numbered,
    settings::{self, NativeDirectory},
    text,
};

/// Room for a response that is kept for the next one is not larger than this, in bytes.
const MOST_KEPT: usize = 64 << 10;

/// What batches of one family and org are checked with.
struct Checker {
    family: Family,
    form: engine::Checker,
    /// If a call is under way when the next comes, it panicked, and what it has learned is not to be used.
    is_under_way: bool,
    room: Vec<u8>,
    org_id: String,
    limits: Limits,
    directory: Option<Arc<TableDirectory>>,
}

thread_local! {
    static CHECKERS: Numbered<Checker> = const { Numbered::new() };
}

/// Returns the number of a new checker. `limits` is JSON text. Without a directory the form alone is checked.
#[napi(catch_unwind)]
pub(crate) fn open_checker(
    family: String,
    org_id: String,
    limits: Option<String>,
    directory: Option<&NativeDirectory>,
) -> Result<u32> {
    let family = settings::family(&family)?;
    let checker = Checker {
        family,
        form: engine::Checker::new(family),
        is_under_way: false,
        room: Vec::new(),
        org_id,
        limits: settings::limits(limits.as_deref())?,
        directory: directory.map(|directory| Arc::clone(&directory.0)),
    };
    Ok(CHECKERS.with(|checkers| checkers.put(checker)))
}

/// The number may be given to another checker from here on.
#[napi(catch_unwind)]
pub(crate) fn close_checker(checker: u32) {
    drop(CHECKERS.with(|checkers| checkers.remove(checker)));
}

/// Takes back what one of the calls below has returned: the next response has room there.
pub(crate) fn reuse(checker: u32, written: Vec<u8>) {
    if written.capacity() > MOST_KEPT {
        return;
    }
    CHECKERS.with(|checkers| checkers.with(checker, |checker| checker.room = written));
}

/// The response.
pub(crate) fn response(checker: u32, body: &[u8], epoch_ms: f64) -> Result<Vec<u8>> {
    checked(checker, body, epoch_ms, |report| Ok(report.response))
}

/// As [`response`], for whoever wants text: first comes one byte, which is 1 if what follows has 8 bits for each
/// character, and 2 if it is UTF-16. To decode UTF-8 takes JavaScript longer than the whole check.
pub(crate) fn response_text(checker: u32, body: &[u8], epoch_ms: f64) -> Result<Vec<u8>> {
    checked(checker, body, epoch_ms, |report| Ok(text::encoded(&report.response)))
}

/// As [`response`]; after the response come the refused items as JSON text, and then three integers of 32 bits in the
/// machine's order: how many items there are, how many are refused, and how long the response is.
pub(crate) fn report(checker: u32, body: &[u8], epoch_ms: f64) -> Result<Vec<u8>> {
    checked(checker, body, epoch_ms, |report| {
        let Report { items, response: mut written, .. } = report;
        let length = written.len();
        let refused: Vec<&ItemReport<'_>> = items.iter().filter(|item| !item.faults.is_empty()).collect();
        if !refused.is_empty() {
            serde_json::to_writer(&mut written, &refused).map_err(|error| error::argument("body", error))?;
        }
        for number in [items.len(), refused.len(), length] {
            written.extend_from_slice(&(number as u32).to_ne_bytes());
        }
        Ok(written)
    })
}

fn checked(
    checker: u32,
    body: &[u8],
    epoch_ms: f64,
    then: impl FnOnce(Report<'_>) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let checked = CHECKERS.with(|checkers| {
        checkers.with(checker, |checker| {
            let Checker { family, form, is_under_way, room, org_id, limits, directory } = checker;
            if mem::replace(is_under_way, true) {
                *form = engine::Checker::new(*family);
            }
            // A check has no deadlines.
            let now = settings::now(0.0, epoch_ms);
            let report = match directory {
                None => form.check_form(body, org_id, limits, now, mem::take(room)),
                Some(directory) => engine::check(body, *family, org_id, &**directory, limits, now),
            };
            *is_under_way = false;
            match &report.error {
                Some(error) => Err(error::request(error)),
                None => then(report),
            }
        })
    });
    checked.unwrap_or_else(|| Err(error::argument("checker", "is closed")))
}

//! The check of a batch.

use std::{mem, sync::Arc};

use napi_derive::napi;
use setpoint::{
    Family, Limits, TableDirectory,
    check::{self as engine, ItemReport, Report},
};

use crate::{
    error::{self, Result},
    handles::Handles,
    settings::{self, NativeDirectory},
    text,
};

/// A response's buffer is kept for the next one up to this capacity, in bytes.
const MOST_KEPT: usize = 64 << 10;

/// What batches of one family and org are checked with.
struct Checker {
    family: Family,
    form: engine::Checker,
    /// Set during a call. If it is set when a call starts, the one before panicked, and `form` may be inconsistent.
    is_under_way: bool,
    buffer: Vec<u8>,
    org_id: String,
    limits: Limits,
    directory: Option<Arc<TableDirectory>>,
}

thread_local! {
    static CHECKERS: Handles<Checker> = const { Handles::new() };
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
        buffer: Vec::new(),
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

/// Takes back the buffer that one of the calls below returned, for the next response.
pub(crate) fn reuse(checker: u32, written: Vec<u8>) {
    if written.capacity() > MOST_KEPT {
        return;
    }
    CHECKERS.with(|checkers| checkers.with(checker, |checker| checker.buffer = written));
}

/// The response.
pub(crate) fn response(checker: u32, body: &[u8], epoch_ms: f64) -> Result<Vec<u8>> {
    checked(checker, body, epoch_ms, |report| Ok(report.response))
}

/// As [`response`], as text: first one byte, 1 if the characters that follow have 8 bits each (Latin-1), 2 if they are UTF-16.
/// Decoding UTF-8 would take JavaScript longer than the whole check.
pub(crate) fn response_text(checker: u32, body: &[u8], epoch_ms: f64) -> Result<Vec<u8>> {
    checked(checker, body, epoch_ms, |report| Ok(text::encoded(&report.response)))
}

/// As [`response`]; the response is followed by the refused items as JSON text, and by three integers of 32 bits in the machine's byte
/// order: the number of items, the number of refused items, and the length of the response.
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
            let Checker { family, form, is_under_way, buffer, org_id, limits, directory } = checker;
            if mem::replace(is_under_way, true) {
                *form = engine::Checker::new(*family);
            }
            // A check has no deadlines.
            let now = settings::now(0.0, epoch_ms);
            let report = match directory {
                None => form.check_form(body, org_id, limits, now, mem::take(buffer)),
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

//! The check of a batch.
//!
//! A checker is found by its number in a list of its thread: to unwrap an object costs as much as to check half an item.

use std::{cell::RefCell, sync::Arc};

use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use setpoint::{
    Family, Limits, TableDirectory,
    check::{self as engine, ItemReport, Report},
};

use crate::{
    error::{self, Result},
    settings::{self, NativeDirectory},
    text,
};

/// What batches of one family and org are checked with.
struct Checker {
    family: Family,
    org_id: Arc<str>,
    limits: Limits,
    directory: Option<Arc<TableDirectory>>,
}

thread_local! {
    /// By number; the place of one that was dropped is used again.
    static CHECKERS: RefCell<Vec<Option<Arc<Checker>>>> = const { RefCell::new(Vec::new()) };
}

/// Returns the number of a new checker. `limits` is JSON text. Without a directory the form alone is checked.
#[napi(catch_unwind)]
pub(crate) fn open_checker(
    family: String,
    org_id: String,
    limits: Option<String>,
    directory: Option<&NativeDirectory>,
) -> Result<u32> {
    let checker = Arc::new(Checker {
        family: settings::family(&family)?,
        org_id: org_id.into(),
        limits: settings::limits(limits.as_deref())?,
        directory: directory.map(|directory| Arc::clone(&directory.0)),
    });
    Ok(CHECKERS.with_borrow_mut(|checkers| {
        let free = checkers.iter().position(Option::is_none).unwrap_or(checkers.len());
        match checkers.get_mut(free) {
            Some(place) => *place = Some(checker),
            None => checkers.push(Some(checker)),
        }
        free as u32
    }))
}

/// The number may be given to another checker from here on.
#[napi(catch_unwind)]
pub(crate) fn close_checker(checker: u32) {
    CHECKERS.with_borrow_mut(|checkers| {
        if let Some(place) = checkers.get_mut(checker as usize) {
            *place = None;
        }
    });
}

/// Writes the response into `out` and returns its length. If it does not fit, nothing is written, and the length that is
/// needed is returned as a negative number. A clock that is given as NaN is read.
#[napi(catch_unwind)]
pub(crate) fn check_into(checker: u32, body: &[u8], mut out: BufferSlice<'_>, epoch_ms: f64) -> Result<f64> {
    let response = checked(checker, body, epoch_ms, |report| report.response)?;
    Ok(copy(&response, &mut out))
}

/// As [`check_into`], for whoever wants text: first comes one byte, which is 1 if what follows has 8 bits for each
/// character, and 2 if it is UTF-16. To decode UTF-8 takes JavaScript longer than the whole check.
#[napi(catch_unwind)]
pub(crate) fn check_text_into(checker: u32, body: &[u8], mut out: BufferSlice<'_>, epoch_ms: f64) -> Result<f64> {
    let response = checked(checker, body, epoch_ms, |report| report.response)?;
    Ok(copy(&text::encoded(&response), &mut out))
}

/// As [`check_into`]; after the response come the refused items as JSON text, and then three integers of 32 bits in the
/// machine's order: how many items there are, how many are refused, and how long the response is.
#[napi(catch_unwind)]
pub(crate) fn check_report_into(checker: u32, body: &[u8], mut out: BufferSlice<'_>, epoch_ms: f64) -> Result<f64> {
    let written = checked(checker, body, epoch_ms, |report| -> Result<Vec<u8>> {
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
    })??;
    Ok(copy(&written, &mut out))
}

fn checked<R>(checker: u32, body: &[u8], epoch_ms: f64, then: impl FnOnce(Report<'_>) -> R) -> Result<R> {
    let checker = CHECKERS.with_borrow(|checkers| checkers.get(checker as usize).cloned().flatten());
    let checker = checker.ok_or_else(|| error::argument("checker", "is closed"))?;
    let Checker { family, org_id, limits, directory } = &*checker;
    // A check has no deadlines.
    let now = settings::now(0.0, epoch_ms);
    let report = match directory {
        None => engine::check_form(body, *family, org_id, limits, now),
        Some(directory) => engine::check(body, *family, org_id, &**directory, limits, now),
    };
    match &report.error {
        Some(error) => Err(error::request(error)),
        None => Ok(then(report)),
    }
}

fn copy(written: &[u8], out: &mut [u8]) -> f64 {
    let length = written.len();
    match out.get_mut(..length) {
        Some(room) => {
            room.copy_from_slice(written);
            length as f64
        }
        None => -(length as f64),
    }
}

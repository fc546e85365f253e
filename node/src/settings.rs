//! Arguments that several calls share: family, limits, directory, time.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use napi_derive::napi;
use setpoint::{Family, Limits, Now, TableDirectory};

use crate::error::{Result, argument};

/// The family of that name.
pub(crate) fn family(name: &str) -> Result<Family> {
    Family::ALL
        .into_iter()
        .find(|family| family.name() == name)
        .ok_or_else(|| argument("family", format!("{name:?} is none; it is \"invoke\" or \"write\"")))
}

/// Limits from their JSON text. The engine's defaults stand for those left out.
pub(crate) fn limits(text: Option<&str>) -> Result<Limits> {
    text.map_or(Ok(Limits::DEFAULT), |text| serde_json::from_str(text).map_err(|error| argument("limits", error)))
}

/// The orgs, channels and devices that exist, for checks without a service.
#[napi]
#[derive(Debug)]
pub(crate) struct NativeDirectory(pub(crate) Arc<TableDirectory>);

#[napi]
impl NativeDirectory {
    /// From the JSON text of `{orgId: {"channels": […], "devices": […]}}`.
    #[napi(constructor, catch_unwind)]
    pub fn new(text: String) -> Result<Self> {
        let table = serde_json::from_str(&text).map_err(|error| argument("directory", error))?;
        Ok(Self(Arc::new(table)))
    }
}

/// The given time. A clock given as NaN is read.
pub(crate) fn now(monotonic_ms: f64, epoch_ms: f64) -> Now {
    Now::new(
        if monotonic_ms.is_nan() { self::monotonic_ms() } else { monotonic_ms as u64 },
        if epoch_ms.is_nan() { self::epoch_ms() } else { epoch_ms as i64 },
    )
}

/// Milliseconds on a clock that no step of the wall clock moves, and that goes on while the machine is suspended.
#[napi(js_name = "monotonicMs")]
pub(crate) fn monotonic_now() -> f64 {
    monotonic_ms() as f64
}

fn epoch_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(target_os = "linux")]
fn monotonic_ms() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(not(target_os = "linux"))]
fn monotonic_ms() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_millis() as u64
}

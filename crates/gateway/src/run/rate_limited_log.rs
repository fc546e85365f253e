//! Log lines about device messages that end nothing. A hostile device can send them without end, so each kind is logged at
//! most once a second.

use std::{collections::HashMap, time::Duration};

use setpoint::responder::Attribution;
use tokio::time::Instant;

/// At most one line of a kind in this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// The last line of each kind, and how many were left out since.
#[derive(Debug, Default)]
pub(super) struct RateLimitedLog(HashMap<Attribution, LastLine>);

#[derive(Debug)]
struct LastLine {
    logged: Instant,
    left_out: u64,
}

impl RateLimitedLog {
    /// Notes a device message that ended nothing.
    pub(super) fn note(&mut self, kind: Attribution, topic: &str) {
        if let Some(left_out) = self.due(kind, Instant::now()) {
            tracing::warn!(?kind, topic, left_out, "a device message ended nothing");
        }
    }

    /// How many of the kind were left out since the last line, if one is due now.
    fn due(&mut self, kind: Attribution, now: Instant) -> Option<u64> {
        let Some(last) = self.0.get_mut(&kind) else {
            self.0.insert(kind, LastLine { logged: now, left_out: 0 });
            return Some(0);
        };
        if now.duration_since(last.logged) < INTERVAL {
            last.left_out += 1;
            return None;
        }
        last.logged = now;
        Some(std::mem::take(&mut last.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_second_with_a_count() {
        let mut log = RateLimitedLog::default();
        let start = Instant::now();
        assert_eq!(log.due(Attribution::Unknown, start), Some(0));
        for ms in 1..=500 {
            assert_eq!(log.due(Attribution::Unknown, start + Duration::from_millis(ms)), None);
        }
        assert_eq!(log.due(Attribution::WrongDevice, start), Some(0), "each kind has its own line");
        assert_eq!(log.due(Attribution::Unknown, start + INTERVAL), Some(500));
        assert_eq!(log.due(Attribution::Unknown, start + INTERVAL), None);
    }
}

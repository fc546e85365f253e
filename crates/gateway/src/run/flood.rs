//! Log lines for what a hostile device can send without end: at most one a second of each kind.

use std::{collections::HashMap, time::Duration};

use setpoint::responder::Attribution;
use tokio::time::Instant;

/// At most one line of a kind in this time.
const QUIET: Duration = Duration::from_secs(1);

/// What was last logged, and what was left out since.
#[derive(Debug, Default)]
pub(super) struct Floods(HashMap<Attribution, Flood>);

#[derive(Debug)]
struct Flood {
    logged: Instant,
    left_out: u64,
}

impl Floods {
    /// Notes a device message that ended nothing.
    pub(super) fn note(&mut self, kind: Attribution, topic: &str) {
        if let Some(left_out) = self.due(kind, Instant::now()) {
            tracing::warn!(?kind, topic, left_out, "a device message ended nothing");
        }
    }

    /// How many of the kind were left out since the last line, if one is due now.
    fn due(&mut self, kind: Attribution, now: Instant) -> Option<u64> {
        let Some(flood) = self.0.get_mut(&kind) else {
            self.0.insert(kind, Flood { logged: now, left_out: 0 });
            return Some(0);
        };
        if now.duration_since(flood.logged) < QUIET {
            flood.left_out += 1;
            return None;
        }
        flood.logged = now;
        Some(std::mem::take(&mut flood.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_second_with_a_count() {
        let mut floods = Floods::default();
        let start = Instant::now();
        assert_eq!(floods.due(Attribution::Unknown, start), Some(0));
        for ms in 1..=500 {
            assert_eq!(floods.due(Attribution::Unknown, start + Duration::from_millis(ms)), None);
        }
        assert_eq!(floods.due(Attribution::WrongDevice, start), Some(0), "each kind has its own line");
        assert_eq!(floods.due(Attribution::Unknown, start + QUIET), Some(500));
        assert_eq!(floods.due(Attribution::Unknown, start + QUIET), None);
    }
}

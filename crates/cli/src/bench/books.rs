//! Checks that every item ended exactly once, with its own device's answer.

use super::tally::Tally;

/// What is wrong; empty if the books balance. `executed` is how many commands the devices executed, if they are
/// simulated here.
pub(super) fn check(tally: &Tally, executed: Option<u64>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut found = |count: u64, what: &str| {
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    };
    found(tally.unended, "items never ended");
    found(tally.ended_again, "ends of items that had ended, or that nobody sent");
    found(tally.misattributed, "items ended with another item's answer");
    if let Some(executed) = executed {
        // An item that timed out or was cancelled may have been executed; a refused one was not.
        let at_least = tally.succeeded + tally.failed;
        let at_most = at_least + tally.timed_out + tally.cancelled + tally.unended;
        if !(at_least..=at_most).contains(&executed) {
            wrong.push(format!(
                "the devices executed {executed} commands, and {at_least} to {at_most} are accounted for"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{
        super::{
            item::{End, How},
            tally::Window,
        },
        *,
    };

    #[test]
    fn the_books_balance_only_if_everything_ended_once_and_was_executed_once() {
        let now = Instant::now();
        let mut tally = Tally::new(Window { from: now, until: now + Duration::from_secs(1) });
        let end = |index, how| End { index, how, at: now, own: true };
        tally.batch(3, now, &[end(0, How::Succeeded), end(1, How::Refused), end(2, How::TimedOut)]);
        for (executed, right) in [(None, true), (Some(0), false), (Some(1), true), (Some(2), true), (Some(3), false)] {
            assert_eq!(check(&tally, executed).is_empty(), right, "{executed:?}");
        }
        tally.batch(1, now, &[]);
        assert_eq!(check(&tally, None), ["1 items never ended"]);
    }
}

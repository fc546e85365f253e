//! Futures that are dropped half-way.

use std::{
    future::{Future, poll_fn},
    task::Poll,
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::run::{below, chance};

/// Polls `future` as often, or for as long, as the seed says, then drops it: at any of its awaits, before anything that
/// it waits for has come, or when that has woken it up and was not seen. `None` if it was dropped.
pub async fn cut<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut polls = if chance(2) { below(3) } else { below(8) };
    // A future that nobody wakes is not polled again: time ends it.
    let time = Duration::from_millis(if chance(2) { below(400) } else { 400 });
    let before_it_wakes = chance(2);
    let polled = poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == 0 && before_it_wakes => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    let output = timeout(time, polled).await.unwrap_or_default();
    if output.is_none() {
        match below(4) {
            // Before anyone has seen what it did.
            0 | 1 => {}
            2 => turns(below(12)).await,
            _ => sleep(Duration::from_millis(below(50))).await,
        }
    }
    output
}

/// Lets others run, so many times.
pub async fn turns(turns: u64) {
    let mut left = turns;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

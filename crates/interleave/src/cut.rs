//! Drops futures before they are ready.

use std::{
    future::{Future, poll_fn},
    task::Poll,
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::run::{below, chance};

/// Polls `future` as many times, or for as long, as the seed says, then drops it: at any of its awaits, before what it
/// waits for has happened, or after that has woken it and before it was polled again. `None` if it was dropped.
pub async fn cut<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut polls = if chance(2) { below(3) } else { below(8) };
    // A future that is never woken is not polled again, so it also ends after a time.
    let time = Duration::from_millis(if chance(2) { below(400) } else { 400 });
    let without_waiting = chance(2);
    let polled = poll_fn(|cx| {
        if polls == 0 {
            return Poll::Ready(None);
        }
        polls -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls == 0 && without_waiting => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    });
    let output = timeout(time, polled).await.unwrap_or_default();
    if output.is_none() {
        match below(4) {
            // Goes on before any other task has seen what it did.
            0 | 1 => {}
            2 => turns(below(12)).await,
            _ => sleep(Duration::from_millis(below(50))).await,
        }
    }
    output
}

/// Yields to the other tasks `turns` times.
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

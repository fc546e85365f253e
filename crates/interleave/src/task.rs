//! A task that lets others run first.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

use crate::run::{self, Run, Scripted};

/// What [`task`] makes of a future.
#[must_use = "a future does nothing unless polled"]
pub struct Woven<F> {
    inner: Pin<Box<F>>,
    woven: Option<Weft>,
}

/// What the schedule knows of a task.
#[derive(Debug)]
struct Weft {
    id: u32,
    pace: Pace,
    pause: Option<Pause>,
}

/// How a task is held up, the same for all its life: where every task is slow at times, some order of two events
/// hardly ever happens.
#[derive(Debug, Clone, Copy)]
enum Pace {
    Prompt,
    /// A few turns of others before each step.
    Busy,
    /// Now and then very many.
    Jerky,
    /// Now and then until time has gone on.
    Sleepy,
}

#[derive(Debug)]
enum Pause {
    Turns(u64),
    Sleep(Pin<Box<Sleep>>),
}

impl<F> std::fmt::Debug for Woven<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Woven").field("woven", &self.woven).finish_non_exhaustive()
    }
}

/// Makes `future` a task of the schedule that runs on this thread. Without one, nothing changes.
pub fn task<F: Future>(name: &'static str, future: F) -> Woven<F> {
    let woven = run::with(|run| Weft {
        id: run.add_task(name),
        pace: match run.below(8) {
            0..3 => Pace::Prompt,
            3..5 => Pace::Busy,
            5..7 => Pace::Jerky,
            _ => Pace::Sleepy,
        },
        pause: None,
    });
    Woven { inner: Box::pin(future), woven }
}

impl Pace {
    fn pause(self, run: &mut Run) -> Result<u64, Duration> {
        match self {
            Self::Prompt => Ok(0),
            Self::Busy => Ok(run.below(4)),
            Self::Jerky if run.below(4) == 0 => Ok(run.below(60)),
            Self::Sleepy if run.below(4) == 0 => Err(Duration::from_millis(1 + run.below(25))),
            Self::Jerky | Self::Sleepy => Ok(run.below(2)),
        }
    }
}

impl Weft {
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.pause.is_none() {
            let drawn = run::with(|run| self.pace.pause(run)).unwrap_or(Ok(0));
            self.pause = Some(match drawn {
                Ok(turns) => Pause::Turns(turns),
                Err(time) => Pause::Sleep(Box::pin(sleep(time))),
            });
        }
        match &mut self.pause {
            Some(Pause::Turns(turns)) if *turns > 0 => {
                *turns -= 1;
                // To the end of the queue.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Pause::Sleep(sleep)) => ready!(sleep.as_mut().poll(cx)),
            _ => {}
        }
        self.pause = None;
        run::with(|run| run.step(self.id));
        Poll::Ready(())
    }
}

impl<F: Future> Future for Woven<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if let Some(woven) = &mut this.woven {
            ready!(woven.wait(cx));
        }
        match catch_unwind(AssertUnwindSafe(|| this.inner.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                // A runtime keeps a task's panic to itself; the schedule has failed all the same.
                if !payload.is::<Scripted>() {
                    let words = words(&*payload);
                    run::with(|run| run.panicked.get_or_insert(words).len());
                }
                resume_unwind(payload)
            }
        }
    }
}

impl<F> Drop for Woven<F> {
    fn drop(&mut self) {
        if let Some(woven) = &self.woven {
            run::with(|run| run.remove_task(woven.id));
        }
    }
}

/// What a panic said.
pub(crate) fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

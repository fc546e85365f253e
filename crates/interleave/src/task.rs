//! A task whose steps are delayed as the seed says.

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

/// The future that [`task`] returns.
#[must_use = "a future does nothing unless polled"]
pub struct ScheduledTask<F> {
    inner: Pin<Box<F>>,
    /// `None` outside of a schedule.
    schedule: Option<TaskSchedule>,
}

/// How the schedule delays a task.
#[derive(Debug)]
struct TaskSchedule {
    id: u32,
    pace: Pace,
    pause: Option<Pause>,
}

/// How a task is delayed. It is the same for all its life: if every task were delayed now and then, some orders of two
/// events would hardly ever happen.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// Never.
    Prompt,
    /// By a few turns of other tasks before each step.
    Busy,
    /// By many turns, now and then.
    Jerky,
    /// Until the clock has advanced, now and then.
    Sleepy,
}

#[derive(Debug)]
enum Pause {
    Turns(u64),
    Sleep(Pin<Box<Sleep>>),
}

impl<F> std::fmt::Debug for ScheduledTask<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScheduledTask").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}

/// Makes `future` a task of the schedule that runs on this thread. Without a schedule, it runs unchanged.
pub fn task<F: Future>(name: &'static str, future: F) -> ScheduledTask<F> {
    let schedule = run::with(|run| TaskSchedule {
        id: run.add_task(name),
        pace: match run.below(8) {
            0..3 => Pace::Prompt,
            3..5 => Pace::Busy,
            5..7 => Pace::Jerky,
            _ => Pace::Sleepy,
        },
        pause: None,
    });
    ScheduledTask { inner: Box::pin(future), schedule }
}

impl Pace {
    /// Turns of other tasks, or a time, before the next step.
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

impl TaskSchedule {
    /// Ready when the task may take its next step.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
                // Puts this task at the end of the run queue.
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

impl<F: Future> Future for ScheduledTask<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        if let Some(schedule) = &mut this.schedule {
            ready!(schedule.poll_step(cx));
        }
        match catch_unwind(AssertUnwindSafe(|| this.inner.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                // tokio reports a panic only to whoever joins the task, but the schedule has failed in any case.
                if !payload.is::<Scripted>() {
                    let message = panic_message(&*payload);
                    run::with(|run| run.panicked.get_or_insert(message).len());
                }
                resume_unwind(payload)
            }
        }
    }
}

impl<F> Drop for ScheduledTask<F> {
    fn drop(&mut self) {
        if let Some(schedule) = &self.schedule {
            run::with(|run| run.remove_task(schedule.id));
        }
    }
}

/// The message of a panic.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without a message".to_owned())
}

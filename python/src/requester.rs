//! The caller's side of the conversation, for people with an HTTP client and a message queue of their own.

use std::sync::{Mutex, MutexGuard};

use pyo3::{
    exceptions::PyOSError,
    prelude::*,
    sync::MutexExt,
    types::{PyBytes, PyList, PyMapping},
};
use setpoint::{
    Family, Requester as Engine,
    requester::{RequestBatchId, RequesterConfig, SendState, Submission as Submitted},
};

use crate::{
    body::Body,
    error, event,
    settings::{FamilyName, Limits, Now, at_least_1, limits, now},
    typed::{FamilyText, Verdict},
    walk::{self, Fill},
};

/// Submits batches, reads responses and channel messages, and ends every item exactly once. It does no I/O.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands (`submit`, `resend`, `cancel`); `poll_*` outputs. After anything
/// else, drain `poll_events` and arrange for `handle_timeout` at `poll_timeout`. Draining late is only late, and spurious calls
/// are harmless. Items are known from `submit` on, before anything is sent, so that no answer can come too early.
///
/// Where a method takes `now`, the clocks are read if it is left out. Any thread may call any method. A process that was forked
/// needs a requester of its own: in the child every method raises `ForkedError`.
///
/// `limits` bound what one message may cost to read; `open_items` is how many may be open at once; `grace_ms` how long after
/// its own deadline an item is still waited for; `remembered` how many ended items are known, to tell late and duplicate
/// replies from unknown ones. What is left out has the engine's default.
#[pyclass(frozen, module = "setpoint")]
#[derive(Debug)]
pub(crate) struct Requester {
    /// Taken and let go while the thread is attached to the interpreter, and no Python code runs in between: under the
    /// GIL nobody ever waits for it, and a fork never finds it taken.
    engine: Mutex<Engine>,
    /// The process that made it. Another one would draw the same request ids.
    process: u32,
}

#[pymethods]
impl Requester {
    #[new]
    #[pyo3(signature = (org_id, *, limits=None, open_items=None, grace_ms=None, remembered=None))]
    fn new(
        org_id: &str,
        limits: Option<&Bound<'_, Limits>>,
        open_items: Option<usize>,
        grace_ms: Option<u64>,
        remembered: Option<usize>,
    ) -> PyResult<Self> {
        let mut config = RequesterConfig::default();
        config.limits = self::limits(limits);
        config.open_items = open_items.map_or(Ok(config.open_items), |given| at_least_1(given, "open_items"))?;
        config.grace_ms = grace_ms.unwrap_or(config.grace_ms);
        config.remembered = remembered.unwrap_or(config.remembered);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| PyOSError::new_err(format!("the operating system gave no random bits: {error}")))?;
        Ok(Self { engine: Mutex::new(Engine::new(org_id, config, seed)), process: std::process::id() })
    }

    /// Builds a batch, or takes a body that was written elsewhere as it is. PUT `submission.body` to the family's path then.
    ///
    /// In a list, items without a request id get a UUIDv7, and `defaults` are values for the fields that an item does not
    /// have, or has as `None` or `""`, by field name. Items that the service is going to refuse may be in it.
    ///
    /// Raises `RequestError` if the body is not usable as a whole, `InUseError` if a request id is in use here, `FullError` if too
    /// many items are open, and `EncodeError` if a list holds what is no JSON. Nothing is kept then.
    #[pyo3(signature = (
        body: "bytes | bytearray | memoryview | str | Sequence[Item]",
        family: "FamilyName" = FamilyName(Family::Invoke),
        *, defaults: "Mapping[str, Any] | None" = None, now=None
    ))]
    fn submit(
        &self,
        py: Python<'_>,
        body: &Bound<'_, PyAny>,
        family: FamilyName,
        defaults: Option<&Bound<'_, PyMapping>>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Submission> {
        let now = self::now(now);
        if let Ok(bytes) = body.cast::<PyBytes>() {
            let submitted = self.lock(py)?.submit_body(family.0, bytes.as_bytes(), now);
            return submitted.map(|sent| Submission::new(&sent, bytes)).map_err(|error| error::submit(py, &error));
        }
        let body = match Body::of_text(body)? {
            Some(body) => body.into_vec(),
            None => {
                let new_request_id = || Ok(self.lock(py)?.new_request_id(now));
                let mut fill = Fill { fields: Vec::new(), request_id: Some(Box::new(new_request_id)) };
                if let Some(defaults) = defaults {
                    fill.fields = defaults.items()?.extract()?;
                }
                walk::batch(body, &mut fill)?
            }
        };
        let submitted = self.lock(py)?.submit_body(family.0, &body, now);
        submitted
            .map(|sent| Submission::new(&sent, &PyBytes::new(py, &body)))
            .map_err(|error| error::submit(py, &error))
    }

    /// Notes that the batch's body is being sent once more: the service's clock may start only now, so the items' deadlines
    /// here start again too.
    #[pyo3(signature = (batch, now=None))]
    fn resend(&self, py: Python<'_>, batch: u64, now: Option<&Bound<'_, Now>>) -> PyResult<()> {
        let now = self::now(now);
        self.lock(py)?.resend(RequestBatchId(batch), now);
        Ok(())
    }

    /// Ends the batch's open items with `Cancelled`. What was sent may still be executed.
    fn cancel(&self, py: Python<'_>, batch: u64) -> PyResult<()> {
        self.lock(py)?.cancel(RequestBatchId(batch));
        Ok(())
    }

    /// The HTTP response to the batch. `"settled"`: there is nothing more to send. `"resend"`: what an earlier attempt achieved
    /// is not known; send the same body again later (after `resend`), or leave the items to their deadlines.
    ///
    /// Raises `MessageError` if it is not an answer of this protocol, as from a proxy: the items stay open, and the body may be
    /// sent again.
    #[pyo3(signature = (batch, body: "bytes | bytearray | memoryview | str", now=None))]
    fn handle_response(
        &self,
        py: Python<'_>,
        batch: u64,
        body: &Bound<'_, PyAny>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<Verdict> {
        let (body, now) = (Body::of_message(body)?, self::now(now));
        let verdict = self.lock(py)?.handle_response(RequestBatchId(batch), body.as_bytes(), now);
        verdict.map(name_of).map_err(|error| error::message(py, &error))
    }

    /// The attempt is over and certainly nothing was sent, for instance because no connection could be made. Ends the
    /// items as refused, unless an earlier attempt may have arrived. Answers as `handle_response` does.
    fn handle_not_sent(&self, py: Python<'_>, batch: u64, reason: &str) -> PyResult<Verdict> {
        Ok(name_of(self.lock(py)?.handle_not_sent(RequestBatchId(batch), reason)))
    }

    /// A message from the channel. Returns how many replies it carried, also those that end nothing.
    ///
    /// Raises `MessageError` if it is no channel message; nothing of it was used then.
    #[pyo3(signature = (body: "bytes | bytearray | memoryview | str"))]
    fn handle_message(&self, py: Python<'_>, body: &Bound<'_, PyAny>) -> PyResult<usize> {
        let body = Body::of_message(body)?;
        let replies = self.lock(py)?.handle_message(body.as_bytes());
        replies.map_err(|error| error::message(py, &error))
    }

    /// Ends what has been waited for long enough.
    #[pyo3(signature = (now=None))]
    fn handle_timeout(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<()> {
        let now = self::now(now);
        self.lock(py)?.handle_timeout(now);
        Ok(())
    }

    /// What happened since the last time, in order; at most so many events, if `most` is given.
    #[pyo3(signature = (most=None) -> "list[Event]")]
    fn poll_events<'py>(&self, py: Python<'py>, most: Option<usize>) -> PyResult<Bound<'py, PyList>> {
        let mut engine = self.lock(py)?;
        let events: Vec<_> = std::iter::from_fn(|| engine.poll_event()).take(most.unwrap_or(usize::MAX)).collect();
        // Making objects may collect garbage, and what is finalized then may call the requester.
        drop(engine);
        let objects: Vec<_> = events.into_iter().map(|event| event::object(py, event)).collect::<PyResult<_>>()?;
        PyList::new(py, objects)
    }

    /// When to call `handle_timeout` next, on the monotonic clock of `Now`, in milliseconds; `None` while nothing is open. At times
    /// a little earlier than necessary, never later.
    fn poll_timeout(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        Ok(self.lock(py)?.poll_timeout().map(setpoint::MonotonicTime::as_millis))
    }

    /// The org that this requester speaks for.
    #[getter]
    fn org_id(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.lock(py)?.org_id().to_owned())
    }

    /// Items that have not ended.
    #[getter]
    fn open_items(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.lock(py)?.open_items())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let engine = self.lock(py)?;
        Ok(format!("Requester(org_id={:?}, open_items={})", engine.org_id(), engine.open_items()))
    }
}

impl Requester {
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Engine>> {
        let here = std::process::id();
        if here != self.process {
            return Err(error::FORKED.raise(py, (self.process, here)));
        }
        self.engine.lock_py_attached(py).map_err(|_| error::POISONED.raise(py, ()))
    }
}

fn name_of(verdict: SendState) -> Verdict {
    match verdict {
        SendState::Settled => Verdict("settled"),
        // Also whatever a later engine says that is no end.
        _ => Verdict("resend"),
    }
}

/// A batch that is ready to be sent.
#[pyclass(frozen, get_all, module = "setpoint")]
#[derive(Debug)]
pub(crate) struct Submission {
    /// The batch's number from here on.
    batch: u64,
    /// Which call to make: `"invoke"` or `"write"`.
    family: FamilyText,
    /// The body to PUT. Send exactly these bytes again if no response arrived.
    body: Py<PyBytes>,
    /// How many items it has.
    items: usize,
    /// Once so many milliseconds have passed, nobody expects every command to be carried out any more: do not send the
    /// body again.
    patience_ms: u32,
}

#[pymethods]
impl Submission {
    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        (self.batch, self.family.0, self.items, self.patience_ms)
            == (other.batch, other.family.0, other.items, other.patience_ms)
            && self.body.as_bytes(py) == other.body.as_bytes(py)
    }

    fn __hash__(&self) -> u64 {
        self.batch
    }

    fn __repr__(&self) -> String {
        let Self { batch, family: FamilyText(family), items, .. } = self;
        format!("Submission(batch={batch}, family='{family}', items={items})")
    }

    #[pyo3(signature = () -> "tuple[Any, tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("setpoint._core")?.getattr("_restore_submission")?;
        let fields = (self.batch, self.family.0, &self.body, self.items, self.patience_ms);
        Ok((restore, fields).into_pyobject(py)?.into_any())
    }
}

/// A submission, as it was pickled.
#[pyfunction]
#[pyo3(signature = (batch, family: "FamilyName", body, items, patience_ms))]
pub(crate) fn _restore_submission(
    batch: u64,
    family: FamilyName,
    body: Py<PyBytes>,
    items: usize,
    patience_ms: u32,
) -> Submission {
    Submission { batch, family: FamilyText(family.0.name()), body, items, patience_ms }
}

impl Submission {
    fn new<B>(submitted: &Submitted<B>, body: &Bound<'_, PyBytes>) -> Self {
        Self {
            batch: submitted.batch.0,
            family: FamilyText(submitted.family.name()),
            body: body.clone().unbind(),
            items: submitted.items,
            patience_ms: submitted.patience_ms,
        }
    }
}

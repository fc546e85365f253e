//! The caller's side of the protocol, for programs with their own HTTP client and message queue.

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
    json_writer::{self, Fill},
    settings::{FamilyName, Limits, Now, at_least_1, limits, now},
    type_hints::{FamilyText, SendStateText},
};

/// Submits batches, reads responses and channel messages, and ends every item exactly once. It does no I/O.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands (`submit`, `resend`, `cancel`); `poll_*` outputs. After a
/// call of any other kind, drain `poll_events` and arrange for `handle_timeout` at `poll_timeout`. Draining later only delays events, and
/// extra calls are harmless. `submit` registers the items before anything is sent, so no answer can come too early.
///
/// A method that takes `now` reads the clocks if it is left out. Any thread may call any method. A forked child needs its own
/// requester: there, every method raises `ForkedError`.
///
/// `limits` bound the cost of reading one message; `open_items` is how many items may be open at once; `grace_ms` how long an outcome is
/// awaited after the item's deadline; `remembered` how many ended items are kept, to tell late and duplicate replies from unknown ones.
/// The engine's defaults stand for those left out.
#[pyclass(frozen, module = "setpoint")]
#[derive(Debug)]
pub(crate) struct Requester {
    /// Locked and unlocked while the thread is attached to the interpreter, with no Python code in between: under the GIL no thread
    /// ever waits for it, and a fork never happens while it is locked.
    engine: Mutex<Engine>,
    /// The process that made it. A forked child would generate the same request ids.
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

    /// Builds a batch from a list of items, or takes a complete body unchanged. Then PUT `submission.body` to the family's path.
    ///
    /// In a list, items without a request id get a UUIDv7, and `defaults` are values for the fields that an item lacks or has as `None`
    /// or `""`, by field name. The batch may hold items that the service will refuse.
    ///
    /// Raises `RequestError` if the body as a whole cannot be used, `InUseError` if a request id is in use here, `FullError` if too
    /// many items are open, and `EncodeError` if a list holds a value that JSON cannot represent. Nothing is registered then.
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
                json_writer::batch(body, &mut fill)?
            }
        };
        let submitted = self.lock(py)?.submit_body(family.0, &body, now);
        submitted
            .map(|sent| Submission::new(&sent, &PyBytes::new(py, &body)))
            .map_err(|error| error::submit(py, &error))
    }

    /// Call it when the batch's body is sent again: the service may receive it only now, so the items' deadlines here start again.
    #[pyo3(signature = (batch, now=None))]
    fn resend(&self, py: Python<'_>, batch: u64, now: Option<&Bound<'_, Now>>) -> PyResult<()> {
        let now = self::now(now);
        self.lock(py)?.resend(RequestBatchId(batch), now);
        Ok(())
    }

    /// Ends the batch's open items with `Cancelled`. Commands that were sent may still be executed.
    fn cancel(&self, py: Python<'_>, batch: u64) -> PyResult<()> {
        self.lock(py)?.cancel(RequestBatchId(batch));
        Ok(())
    }

    /// Takes the HTTP response to the batch. Returns `"settled"` if there is nothing more to send; `"resend"` if it is not known whether
    /// the service took the batch: send the same body again later (after `resend`), or leave the items to their deadlines.
    ///
    /// Raises `MessageError` if it is not a response of this protocol, for instance a proxy's: the items stay open, and the body may be
    /// sent again.
    #[pyo3(signature = (batch, body: "bytes | bytearray | memoryview | str", now=None))]
    fn handle_response(
        &self,
        py: Python<'_>,
        batch: u64,
        body: &Bound<'_, PyAny>,
        now: Option<&Bound<'_, Now>>,
    ) -> PyResult<SendStateText> {
        let (body, now) = (Body::of_message(body)?, self::now(now));
        let state = self.lock(py)?.handle_response(RequestBatchId(batch), body.as_bytes(), now);
        state.map(name_of).map_err(|error| error::message(py, &error))
    }

    /// The attempt failed and certainly nothing was sent, for instance because no connection could be made. Ends the items as refused,
    /// unless an earlier attempt may have arrived. Returns the same as `handle_response`.
    fn handle_not_sent(&self, py: Python<'_>, batch: u64, reason: &str) -> PyResult<SendStateText> {
        Ok(name_of(self.lock(py)?.handle_not_sent(RequestBatchId(batch), reason)))
    }

    /// Takes a message from the channel. Returns the number of replies in it, including those that end no item.
    ///
    /// Raises `MessageError` if it is not a channel message; nothing of it is used then.
    #[pyo3(signature = (body: "bytes | bytearray | memoryview | str"))]
    fn handle_message(&self, py: Python<'_>, body: &Bound<'_, PyAny>) -> PyResult<usize> {
        let body = Body::of_message(body)?;
        let replies = self.lock(py)?.handle_message(body.as_bytes());
        replies.map_err(|error| error::message(py, &error))
    }

    /// Ends the items whose deadline and grace period have passed.
    #[pyo3(signature = (now=None))]
    fn handle_timeout(&self, py: Python<'_>, now: Option<&Bound<'_, Now>>) -> PyResult<()> {
        let now = self::now(now);
        self.lock(py)?.handle_timeout(now);
        Ok(())
    }

    /// The events since the last call, in order; at most `most` of them, if given.
    #[pyo3(signature = (most=None) -> "list[Event]")]
    fn poll_events<'py>(&self, py: Python<'py>, most: Option<usize>) -> PyResult<Bound<'py, PyList>> {
        let mut engine = self.lock(py)?;
        let events: Vec<_> = std::iter::from_fn(|| engine.poll_event()).take(most.unwrap_or(usize::MAX)).collect();
        // Making objects may start a garbage collection, and a finalizer may call this requester.
        drop(engine);
        let objects: Vec<_> = events.into_iter().map(|event| event::object(py, event)).collect::<PyResult<_>>()?;
        PyList::new(py, objects)
    }

    /// When to call `handle_timeout` next, on the monotonic clock of `Now`, in milliseconds; `None` while no item is open. It may be a
    /// little earlier than the next deadline, never later.
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

fn name_of(state: SendState) -> SendStateText {
    match state {
        SendState::Settled => SendStateText("settled"),
        // Also a state that the engine gains later.
        _ => SendStateText("resend"),
    }
}

/// A batch that is ready to be sent.
#[pyclass(frozen, get_all, module = "setpoint")]
#[derive(Debug)]
pub(crate) struct Submission {
    /// The batch's number.
    batch: u64,
    /// Which call to make: `"invoke"` or `"write"`.
    family: FamilyText,
    /// The body to PUT. Send exactly these bytes again if no response arrived.
    body: Py<PyBytes>,
    /// How many items it has.
    items: usize,
    /// The shortest timeout of the items, in milliseconds. Do not send the body again once it has passed: by then nobody expects that
    /// command to be executed.
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

/// Restores a pickled submission.
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

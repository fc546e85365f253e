//! Single messages, for devices, services and tools written in Python.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::{
    prelude::*,
    types::{PyBytes, PyList},
};
use setpoint::{
    Family,
    device::{self, CommandPayload},
    json::{self, Payload},
    reply::{self, BadReply as EngineBadReply, Reply as EngineReply, Response},
};

use crate::{
    body::Body,
    error,
    settings::{FamilyName, Limits, limits},
    type_hints::FamilyText,
    value_class::value_class,
};

/// Checks that a text is strict JSON, as the engine reads it: exactly one value, in UTF-8, without duplicate keys and lone surrogates,
/// nested at most `depth` deep (the engine's default if left out).
///
/// Raises `JsonError` with the byte offset and the reason if it is not.
#[pyfunction]
#[pyo3(signature = (text: "bytes | bytearray | memoryview | str", depth=None))]
pub(crate) fn check_json(py: Python<'_>, text: &Bound<'_, PyAny>, depth: Option<usize>) -> PyResult<()> {
    let text = Body::of_message(text)?;
    json::check(text.as_bytes(), depth.unwrap_or(setpoint::Limits::DEFAULT.depth.get()))
        .map_err(|error| error::JSON.raise(py, (error.reason.as_ref(), error.offset)))
}

/// Reads the response to a batch: one `Reply` for each item, or a `BadReply` for one that cannot be used.
///
/// Raises `RequestError` if it says that the whole request was refused, and `MessageError` if it is not a response.
#[pyfunction]
#[pyo3(signature = (
    body: "bytes | bytearray | memoryview | str",
    family: "FamilyName" = FamilyName(Family::Invoke),
    *, limits=None
) -> "list[Reply | BadReply]")]
pub(crate) fn read_response<'py>(
    py: Python<'py>,
    body: &Bound<'py, PyAny>,
    family: FamilyName,
    limits: Option<&Bound<'py, Limits>>,
) -> PyResult<Bound<'py, PyList>> {
    let body = Body::of_message(body)?;
    match reply::read_response(body.as_bytes(), family.0, &self::limits(limits)) {
        Ok(Response::Replies(replies)) => objects(py, &replies),
        Ok(Response::Error(error)) => Err(error::request(py, &error)),
        Err(error) => Err(error::message(py, &error)),
    }
}

/// Reads a channel message: one `Reply` for each that it carries, or a `BadReply` for one that cannot be used.
///
/// Raises `MessageError` if it is not a channel message.
#[pyfunction]
#[pyo3(signature = (body: "bytes | bytearray | memoryview | str", *, limits=None) -> "list[Reply | BadReply]")]
pub(crate) fn read_message<'py>(
    py: Python<'py>,
    body: &Bound<'py, PyAny>,
    limits: Option<&Bound<'py, Limits>>,
) -> PyResult<Bound<'py, PyList>> {
    let body = Body::of_message(body)?;
    match reply::read_message(body.as_bytes(), &self::limits(limits)) {
        Ok(replies) => objects(py, &replies),
        Err(error) => Err(error::message(py, &error)),
    }
}

/// The response that carries these replies.
#[pyfunction]
#[pyo3(signature = (replies: "Sequence[Reply]"))]
pub(crate) fn write_response<'py>(py: Python<'py>, replies: Vec<Bound<'py, Reply>>) -> Bound<'py, PyBytes> {
    write(py, &replies, reply::open_response)
}

/// The channel message that carries these replies.
#[pyfunction]
#[pyo3(signature = (replies: "Sequence[Reply]"))]
pub(crate) fn write_message<'py>(py: Python<'py>, replies: Vec<Bound<'py, Reply>>) -> Bound<'py, PyBytes> {
    write(py, &replies, reply::open_message)
}

fn write<'py>(py: Python<'py>, replies: &[Bound<'py, Reply>], open: fn(&mut Vec<u8>)) -> Bound<'py, PyBytes> {
    let mut out = Vec::new();
    open(&mut out);
    for (index, reply) in replies.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(reply.get().text.as_bytes());
    }
    reply::close(&mut out);
    PyBytes::new(py, &out)
}

fn objects<'py>(py: Python<'py>, replies: &[Result<EngineReply<'_>, EngineBadReply>]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for reply in replies {
        match reply {
            Ok(reply) => list.append(Reply::of(reply))?,
            Err(bad) => list.append(BadReply::of(bad))?,
        }
    }
    Ok(list)
}

/// One reply of a response or of a channel message.
#[pyclass(frozen, get_all, module = "setpoint.wire")]
#[derive(Debug)]
pub(crate) struct Reply {
    /// `"invoke"` or `"write"`.
    family: FamilyText,
    /// The reply as it is written: JSON text of an object with all fields of the family, payloads as they came.
    text: String,
}

#[pymethods]
impl Reply {
    /// The fields by name, parsed anew each time by Python's `json`.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.getattr("loads")?.call1((&self.text,))
    }

    fn __eq__(&self, other: &Bound<'_, Self>) -> bool {
        let other = other.get();
        self.family.0 == other.family.0 && self.text == other.text
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("Reply({}: {})", self.family.0, self.text)
    }

    #[pyo3(signature = () -> "tuple[Any, tuple[Any, ...]]")]
    fn __reduce__<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        let restore = py.import("setpoint._core")?.getattr("_restore_reply")?;
        let reply = this.get();
        Ok((restore, (reply.family.0, &reply.text)).into_pyobject(py)?.into_any())
    }
}

impl Reply {
    fn of(reply: &EngineReply<'_>) -> Self {
        let mut text = Vec::new();
        reply::write_reply(&mut text, reply);
        // The engine writes UTF-8.
        Self { family: FamilyText(reply.family.name()), text: String::from_utf8(text).unwrap_or_default() }
    }
}

/// Restores a pickled reply.
#[pyfunction]
#[pyo3(signature = (family: "FamilyName", text))]
pub(crate) fn _restore_reply(family: FamilyName, text: String) -> Reply {
    Reply { family: FamilyText(family.0.name()), text }
}

/// A reply that cannot be used.
#[pyclass(frozen, get_all, module = "setpoint.wire")]
#[derive(Debug)]
pub(crate) struct BadReply {
    /// Which reply, from 0.
    index: usize,
    /// Where it starts, in bytes.
    offset: usize,
    /// What is wrong with it.
    reason: String,
}

value_class!(BadReply("index", "offset", "reason") {
    #[new]
    fn new(index: usize, offset: usize, reason: String) -> Self {
        Self { index, offset, reason }
    }
});

impl BadReply {
    fn of(bad: &EngineBadReply) -> Self {
        Self { index: bad.index, offset: bad.offset, reason: bad.reason.clone() }
    }
}

/// The MQTT topic that carries a command to its device. `target` is a service id or a measure point id.
#[pyfunction]
#[pyo3(signature = (family: "FamilyName", product_key, device_key, target))]
pub(crate) fn command_topic(family: FamilyName, product_key: &str, device_key: &str, target: &str) -> String {
    device::command_topic(family.0, product_key, device_key, target)
}

/// The payload that carries a command to its device. `input` is the JSON text of an object or `None`; `timeout_ms` is what is
/// left until the deadline, `deadline_epoch_ms` the deadline itself.
///
/// Raises `JsonError` if `input` is not the strict JSON of an object.
#[pyfunction]
#[pyo3(signature = (
    family: "FamilyName",
    message_id, target, input, *, timeout_ms, deadline_epoch_ms
))]
pub(crate) fn command_payload<'py>(
    py: Python<'py>,
    family: FamilyName,
    message_id: &str,
    target: &str,
    input: Option<&str>,
    timeout_ms: u64,
    deadline_epoch_ms: i64,
) -> PyResult<Bound<'py, PyBytes>> {
    let input = input.map(Payload::parse).transpose();
    let input = input.map_err(|error| error::JSON.raise(py, (error.reason.as_ref(), error.offset)))?;
    let mut out = Vec::new();
    let FamilyName(family) = family;
    CommandPayload { family, message_id, target, input, timeout_ms, deadline_epoch_ms }.write(&mut out);
    Ok(PyBytes::new(py, &out))
}

/// Where a device's answer came from; `None` if the topic is not that of an answer.
#[pyfunction]
pub(crate) fn answer_topic(topic: &str) -> Option<AnswerTopic> {
    device::AnswerTopic::parse(topic).map(|topic| AnswerTopic {
        product_key: topic.product_key.to_owned(),
        device_key: topic.device_key.to_owned(),
        service_id: topic.service_id.map(str::to_owned),
    })
}

/// Where a device's answer came from.
#[pyclass(frozen, get_all, module = "setpoint.wire")]
#[derive(Debug)]
pub(crate) struct AnswerTopic {
    /// Key of the product.
    product_key: String,
    /// Key of the device.
    device_key: String,
    /// The service that answers; `None` for a write.
    service_id: Option<String>,
}

value_class!(AnswerTopic("product_key", "device_key", "service_id") {
    #[new]
    fn new(product_key: String, device_key: String, service_id: Option<String>) -> Self {
        Self { product_key, device_key, service_id }
    }
});

/// Reads a device's answer.
///
/// Raises `AnswerError` with the reason if not even its id can be read.
#[pyfunction]
#[pyo3(signature = (payload: "bytes | bytearray | memoryview | str", *, limits=None))]
pub(crate) fn read_answer(
    py: Python<'_>,
    payload: &Bound<'_, PyAny>,
    limits: Option<&Bound<'_, Limits>>,
) -> PyResult<Answer> {
    let payload = Body::of_message(payload)?;
    let answer = device::read_answer(payload.as_bytes(), &self::limits(limits));
    let answer = answer.map_err(|reason| error::ANSWER.raise(py, (reason,)))?;
    let id = answer.id.decode().into_owned();
    Ok(match answer.content {
        Ok(content) => Answer {
            id,
            code: Some(content.code),
            data: content.data.map(|data| data.as_str().to_owned()),
            message: content.message.map(|message| message.decode().into_owned()),
            bad: None,
        },
        Err(reason) => Answer { id, code: None, data: None, message: None, bad: Some(reason) },
    })
}

/// What a device answered.
#[pyclass(frozen, get_all, module = "setpoint.wire")]
#[derive(Debug)]
pub(crate) struct Answer {
    /// The message id that it answers.
    id: String,
    /// 200 is success, anything else is the device's failure; `None` if the answer cannot be used.
    code: Option<i64>,
    /// The output as JSON text; `None` if it is absent or null.
    data: Option<String>,
    /// The device's own words.
    message: Option<String>,
    /// Why the answer cannot be used, though its message id could be read; `None` if it can.
    bad: Option<String>,
}

value_class!(Answer("id", "code", "data", "message", "bad") {
    #[new]
    #[pyo3(signature = (id, code, data, message, bad=None))]
    fn new(id: String, code: Option<i64>, data: Option<String>, message: Option<String>, bad: Option<String>) -> Self {
        Self { id, code, data, message, bad }
    }
});

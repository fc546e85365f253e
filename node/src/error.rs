//! Errors of the engine as JavaScript errors, of which the TypeScript makes its own classes (`node/ts/native.ts`).
//!
//! Such an error has [`CODE`] as its `code`; its message is JSON text: the name of the class and its fields.

use serde_json::{Value, json};
use setpoint::{RequestError, json::SyntaxError, reply::MessageError, requester::SubmitError};

/// The `code` of the JavaScript error, which marks the engine's errors.
const CODE: &str = "SETPOINT";

/// An error that JavaScript throws.
pub(crate) type Error = napi::Error<&'static str>;
pub(crate) type Result<T> = core::result::Result<T, Error>;

fn error(class: &str, mut fields: Value) -> Error {
    fields["class"] = class.into();
    Error::new(CODE, fields.to_string())
}

/// An argument that cannot be used, and why.
#[cold]
pub(crate) fn argument(name: &str, reason: impl std::fmt::Display) -> Error {
    error("TypeError", json!({ "text": format!("{name}: {reason}") }))
}

/// An earlier call on this requester panicked.
#[cold]
pub(crate) fn poisoned() -> Error {
    error("PoisonedError", json!({}))
}

/// This call panicked.
#[cold]
pub(crate) fn panicked() -> Error {
    error(
        "SetpointError",
        json!({ "text": "the engine panicked, which is a bug of it; nothing was kept of this call" }),
    )
}

#[cold]
pub(crate) fn request(error: &RequestError) -> Error {
    let RequestError { status, msg, submsg, offset, .. } = error;
    let response = String::from_utf8_lossy(&error.response()).into_owned();
    self::error(
        "RequestError",
        json!({ "code": status, "msg": msg, "reason": submsg, "offset": offset, "response": response }),
    )
}

#[cold]
pub(crate) fn message(error: &MessageError) -> Error {
    self::error("MessageError", json!({ "reason": error.reason, "offset": error.offset }))
}

#[cold]
pub(crate) fn syntax(error: &SyntaxError) -> Error {
    self::error("JsonError", json!({ "reason": error.reason, "offset": error.offset }))
}

#[cold]
pub(crate) fn answer(reason: &str) -> Error {
    error("AnswerError", json!({ "reason": reason }))
}

#[cold]
pub(crate) fn submit(error: &SubmitError) -> Error {
    let text = error.to_string();
    match error {
        SubmitError::Request(error) => request(error),
        SubmitError::InUse { index, request_id } => {
            self::error("InUseError", json!({ "text": text, "index": index, "requestId": request_id }))
        }
        SubmitError::Full { open, more, bound } => {
            self::error("FullError", json!({ "text": text, "open": open, "more": more, "bound": bound }))
        }
        // An error that the engine gains later: its text says what it is.
        _ => self::error("SetpointError", json!({ "text": text })),
    }
}

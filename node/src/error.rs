//! Errors of the engine as JavaScript errors, which the TypeScript makes its classes of.
//!
//! Such an error has the code below, and its message is the JSON text of what the class needs.

use serde_json::{Value, json};
use setpoint::{RequestError, json::SyntaxError, reply::MessageError, requester::SubmitError};

/// What tells the engine's errors from all others, as `code` of the JavaScript error.
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

/// An earlier call panicked.
#[cold]
pub(crate) fn poisoned() -> Error {
    error("PoisonedError", json!({}))
}

/// This call did.
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
        // Whatever a later engine adds says what it is.
        _ => self::error("SetpointError", json!({ "text": text })),
    }
}

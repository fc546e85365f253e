//! The native half of the Python package `setpoint`: conversions and locks. Every rule is the engine's.

// # Design notes
//
// - Bytes and text are read where they lie, a large body without the interpreter's lock. Lists of dicts are written as JSON text and
//   go the same way: there is one reader, and so one meaning.
// - Members of a dict are read through borrowed references, in the one `unsafe` loop of the package (`json_writer/dict_members.rs`).
//   If code of the caller's would have to run, or there is an error to explain, the item is written again from copies; without a
//   GIL always.
// - An outcome is a part of its message, as in Rust.
// - There is no thread and no runtime inside, so the interpreter's exit finds nothing running.

// Except in one loop, `json_writer/dict_members.rs`, and where it is called.
#![deny(unsafe_code)]

mod body;
mod code;
mod error;
mod event;
mod float;
mod json_writer;
mod outcome;
mod report;
mod requester;
mod settings;
mod summary;
mod type_hints;
mod value_class;
mod wire;

use pyo3::pymodule;

/// The native half of `setpoint`. Import from `setpoint` and `setpoint.wire`; this module may change at any time.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::{
        code::{CodeInfo, code_info, codes},
        event::{Accepted, BatchDone, Cancelled, Duplicate, Finished, Late, Refused, TimedOut, Unknown, Unreadable},
        outcome::{_restore_outcome, Outcome},
        report::{_restore_report, AcceptedItem, Fault, RefusedItem, Report, check},
        requester::{_restore_submission, Requester, Submission},
        settings::{Directory, Limits, Now, families},
        summary::{Refusal, Summary},
        wire::{
            _restore_reply, Answer, AnswerTopic, BadReply, Reply, answer_topic, check_json, command_payload,
            command_topic, read_answer, read_message, read_response, write_message, write_response,
        },
    };
}

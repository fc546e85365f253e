//! The device side: topics, command payloads, answers (protocol §8).

mod answer;
mod command;
mod topic;

pub use answer::{Answer, AnswerContent, read_answer};
pub use command::CommandPayload;
pub use topic::{ANSWER_FILTERS, AnswerTopic, command_topic};

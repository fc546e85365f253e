"""Single messages, for devices, services and tools written in Python."""

from ._core import (
    Answer,
    AnswerTopic,
    BadReply,
    Reply,
    answer_topic,
    check_json,
    command_payload,
    command_topic,
    read_answer,
    read_message,
    read_response,
    write_message,
    write_response,
)

__all__ = [
    "Answer",
    "AnswerTopic",
    "BadReply",
    "Reply",
    "answer_topic",
    "check_json",
    "command_payload",
    "command_topic",
    "read_answer",
    "read_message",
    "read_response",
    "write_message",
    "write_response",
]

//! One event of a batch, on one line of text or JSON.

use std::borrow::Cow;

use serde::Serialize;
use setpoint_client::{Event, ItemRef, Outcome};

use crate::output::{Output, Tone, escape};

/// An event, with the same fields for every kind of event; those that do not apply are absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventLine {
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) msg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submsg: Option<String>,
    /// Whether it is certain that the command was not sent: only then is it safe to repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) known_unsent: Option<bool>,
    /// Milliseconds since the batch was submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ms: Option<u64>,
    /// JSON text, inserted into the line unchanged.
    #[serde(skip)]
    pub(crate) output_data: Option<String>,
}

impl EventLine {
    fn new(event: &'static str, item: Option<&ItemRef>) -> Self {
        Self {
            event,
            index: item.map(|item| item.index),
            request_id: item.and_then(|item| item.request_id().map(str::to_owned)),
            code: None,
            msg: None,
            submsg: None,
            known_unsent: None,
            ms: None,
            output_data: None,
        }
    }

    fn with_outcome(mut self, outcome: Option<&Outcome>) -> Self {
        if let Some(outcome) = outcome {
            self.request_id = Some(outcome.request_id().into_owned());
            self.code = Some(outcome.code().0);
            self.msg = outcome.msg().map(Cow::into_owned);
            self.submsg = outcome.submsg().map(Cow::into_owned);
            self.output_data = Some(outcome.output_data()).filter(|output| *output != "{}").map(str::to_owned);
        }
        self
    }

    /// The line of an event; `None` for `BatchDone` and for kinds that a later version adds.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Accepted { item } => Self::new("accepted", Some(item)),
            Event::Refused { item, refusal } => {
                let mut line = Self::new("refused", Some(item));
                line.code = Some(refusal.code.0);
                line.msg = Some(refusal.msg.clone());
                line.submsg.clone_from(&refusal.submsg);
                line
            }
            Event::Finished { item, outcome } => {
                let word = if outcome.is_success() { "succeeded" } else { "failed" };
                Self::new(word, Some(item)).with_outcome(Some(outcome))
            }
            Event::TimedOut { item, known_unsent, outcome } => {
                let mut line = Self::new("timedOut", Some(item)).with_outcome(outcome.as_ref());
                line.known_unsent = Some(*known_unsent);
                line
            }
            Event::Cancelled { item } => Self::new("cancelled", Some(item)),
            Event::Late { item, outcome } => Self::new("late", Some(item)).with_outcome(Some(outcome)),
            Event::Duplicate { item, outcome, .. } => Self::new("duplicate", Some(item)).with_outcome(Some(outcome)),
            Event::Unknown { outcome } => Self::new("unknown", None).with_outcome(Some(outcome)),
            Event::Unreadable { reason } => {
                let mut line = Self::new("unreadable", None);
                line.submsg = Some(reason.clone());
                line
            }
            _ => return None,
        })
    }

    /// Whether the event ends an item.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self.event, "refused" | "succeeded" | "failed" | "timedOut" | "cancelled")
    }

    /// One line of JSON. The output keeps every digit that the device wrote.
    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(self)?;
        if let Some(output) = &self.output_data {
            text.pop();
            text.push_str(",\"outputData\":");
            // In JSON, line breaks occur only between tokens, where a space means the same.
            text.extend(output.chars().map(|char| if matches!(char, '\n' | '\r') { ' ' } else { char }));
            text.push('}');
        }
        Ok(text)
    }

    /// One line for a person.
    pub(crate) fn text(&self, out: &Output) -> String {
        let tone = match self.event {
            "succeeded" | "accepted" => Tone::Good,
            "refused" | "failed" => Tone::Bad,
            _ => Tone::Unsure,
        };
        let word = out.paint(tone, &format!("{:<9}", self.word()));
        let name = match (&self.request_id, self.index) {
            (Some(id), _) => escape(id),
            (None, Some(index)) => format!("item {index}"),
            (None, None) => String::new(),
        };
        let time = self.ms.map(|ms| format!("{ms:>6} ms  ")).unwrap_or_default();
        format!("{word}  {time}{name}  {}", self.detail()).trim_end().to_owned()
    }

    pub(crate) fn word(&self) -> &'static str {
        if self.event == "timedOut" { "timed out" } else { self.event }
    }

    /// The output of a success; otherwise what went wrong.
    pub(crate) fn detail(&self) -> String {
        if self.event == "succeeded" {
            return self.output_data.as_deref().map(escape).unwrap_or_default();
        }
        let mut detail = String::new();
        if let Some(code) = self.code {
            detail = format!("{code} {}", escape(self.msg.as_deref().unwrap_or_default()));
        }
        if let Some(submsg) = self.submsg.as_ref().filter(|submsg| Some(*submsg) != self.msg.as_ref()) {
            if !detail.is_empty() {
                detail.push_str(": ");
            }
            detail.push_str(&escape(submsg));
        }
        match self.known_unsent {
            Some(true) => detail.push_str(" (never sent: may be repeated)"),
            Some(false) => detail.push_str(" (the device may have acted)"),
            None => {}
        }
        detail.trim_start().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_stays_as_the_device_wrote_it_and_on_one_line() {
        let mut line = EventLine::new("succeeded", None);
        line.output_data = Some("{\"n\":\n12345678901234567890123,\"s\":\"a\\nb\"}".to_owned());
        let json = line.json().unwrap();
        assert_eq!(json, r#"{"event":"succeeded","outputData":{"n": 12345678901234567890123,"s":"a\nb"}}"#);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn a_person_reads_what_went_wrong_and_whether_to_repeat_it() {
        let mut line = EventLine::new("timedOut", None);
        line.known_unsent = Some(false);
        line.code = Some(1_000_203);
        line.msg = Some("timeout".to_owned());
        line.submsg = Some("no answer\u{1b}[2J".to_owned());
        assert_eq!(line.detail(), "1000203 timeout: no answer\\u{1b}[2J (the device may have acted)");
        assert!(line.text(&Output::new()).starts_with("timed out"));
    }
}

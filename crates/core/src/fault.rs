//! What is wrong with one item.

use std::borrow::Cow;

use crate::Code;

/// One fault of one item: the field, the code, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// The code that an item with only this fault is answered with.
    pub code: Code,
    /// The JSON field, as it is spelt in the request; empty if the item as a whole is at fault.
    pub field: &'static str,
    /// What is wrong and what would be right, for people.
    pub reason: Cow<'static, str>,
}

impl Fault {
    /// A fault of `field`, answered with `code`.
    pub fn new(code: Code, field: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, field, reason: reason.into() }
    }
}

/// The text for `submsg`: every fault as `field: reason`, joined by `; `.
pub(crate) fn describe(faults: &[Fault]) -> String {
    let len = faults.iter().map(|fault| fault.field.len() + fault.reason.len() + 4).sum();
    let mut text = String::with_capacity(len);
    for fault in faults {
        if !text.is_empty() {
            text.push_str("; ");
        }
        if !fault.field.is_empty() {
            text.push_str(fault.field);
            text.push_str(": ");
        }
        text.push_str(&fault.reason);
    }
    text
}

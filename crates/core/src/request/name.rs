//! The syntax of ids and keys.

use crate::{
    Code, Family, Fault,
    json::{Text, Token, has_topic_syntax},
    limits::{MAX_CHANNEL_ID_BYTES, MAX_ID_BYTES},
};

/// Whether an identifier may become one level of an MQTT topic (protocol §2 and §8, ours): it is not empty, holds no
/// `+`, `#`, `/` and no control character, and does not start with `$`.
pub fn is_topic_safe(id: &str) -> bool {
    !id.is_empty() && topic_fault(Text::plain(id)).is_none() && !id.chars().any(char::is_control)
}

/// Why a channel id is not one of this family's: its prefix, nothing behind it, a character, or its length (protocol §6).
/// The code is that of a channel that does not exist: none with this id can.
pub(super) fn channel_fault(family: Family, id: Text<'_>) -> Option<Fault> {
    let table = family.table();
    let content = id.decode();
    let reason = match content.strip_prefix(table.channel_prefix) {
        None => ["does not start with ", table.channel_prefix, ", as every channel of this family does"].concat(),
        Some("") => format!("names no channel: nothing follows {}", table.channel_prefix),
        Some(rest) if !rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) => {
            "holds a character other than A-Z, a-z, 0-9, '_', '.' and '-'".to_owned()
        }
        Some(_) if content.len() > MAX_CHANNEL_ID_BYTES => too_long(content.len(), MAX_CHANNEL_ID_BYTES),
        Some(_) => return None,
    };
    Some(Fault::new(table.channel_missing, table.channel_field, reason))
}

/// Whether a string of printable ASCII is a valid id of a product, device, asset, service or measure point: not empty, and
/// without an [`id_reason`] against it.
#[inline(always)]
pub(super) fn is_valid_id(text: &str, id: Token, in_topic: bool) -> bool {
    let (bytes, start, len) = (text.as_bytes(), id.range().start, id.len());
    (1..=MAX_ID_BYTES).contains(&len)
        && !(in_topic && (bytes.get(start) == Some(&b'$') || has_topic_syntax(bytes, start, len)))
}

/// Why a string is not a valid id of a product, device, asset, service or measure point.
///
/// `in_topic`: it becomes part of a topic.
pub(super) fn id_reason(id: Text<'_>, in_topic: bool) -> Option<String> {
    let topic = || if in_topic { topic_fault(id) } else { None };
    length_reason(id, MAX_ID_BYTES).or_else(|| control_reason(id)).or_else(|| topic().map(str::to_owned))
}

/// The reason against a string that is longer than `most` bytes.
pub(super) fn length_reason(text: Text<'_>, most: usize) -> Option<String> {
    let len = text.len();
    (len > most).then(|| too_long(len, most))
}

/// The reason against a string with a control character: C0, DEL or C1.
pub(super) fn control_reason(text: Text<'_>) -> Option<String> {
    if text.as_printable().is_some() {
        return None;
    }
    let control = text.chars().find(|char| char.is_control())?;
    Some(format!("holds a control character (U+{:04X})", u32::from(control)))
}

/// A fault of the form: code 1000.
pub(super) fn form(field: &'static str, reason: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::PARA_ERROR, field, reason)
}

fn topic_fault(id: Text<'_>) -> Option<&'static str> {
    let mut chars = id.chars().peekable();
    if chars.peek() == Some(&'$') {
        return Some("starts with '$', which no part of a topic may");
    }
    chars.any(|char| matches!(char, '+' | '#' | '/')).then_some("holds '+', '#' or '/', which no part of a topic may")
}

fn too_long(len: usize, most: usize) -> String {
    format!("is {len} bytes long; at most {most} are allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_safe_is_what_no_topic_can_misread() {
        for id in ["a", "..", "é", "a b", "a$", &"x".repeat(70_000)] {
            assert!(is_topic_safe(id), "{id:?}");
        }
        for id in ["", "+", "#", "a/b", "$SYS", "a\0", "a\n", "\u{7f}", "\u{85}"] {
            assert!(!is_topic_safe(id), "{id:?}");
        }
    }
}

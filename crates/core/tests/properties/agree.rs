//! The strict reader against `serde_json`: the same texts are accepted, but for a written list of differences
//! (docs/json-differences.md). Shared with the fuzz target `json`.

use std::{collections::BTreeSet, fmt};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use setpoint::json;

/// Reads like `serde_json::Value`, but refuses duplicate keys and keeps nothing.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("duplicate key"));
            }
            members.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// The differences that are meant, besides the ones that [`Unambiguous`] takes away:
/// - numbers: here by grammar alone, there refused if they are too large for a double;
/// - depth: here up to 1,024 levels, there 127.
pub(crate) fn agrees(text: &[u8]) -> Result<(), String> {
    let ours = json::check(text, 127);
    let theirs = serde_json::from_slice::<Unambiguous>(text);
    let is_meant = theirs.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range"));
    if is_meant {
        // The rest of the text has not been read there, so a reader that skips numbers has to judge.
        let is_grammar = str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok();
        return if ours.is_err() || is_grammar { Ok(()) } else { Err("accepted against the grammar".to_owned()) };
    }
    if ours.is_ok() != theirs.is_ok() {
        return Err(format!("{ours:?}, and serde_json says {:?}", theirs.err().map(|error| error.to_string())));
    }
    Ok(())
}

//! Fast path for small objects, as most payloads are: a cache of the keys of the last one.
//!
//! Payloads of one batch mostly have the same keys in the same order. Keys that were found to be different once need not be
//! compared with each other again.

use super::{
    Members,
    fast_path::{LengthHint, Windows, value, vector},
    scan::{VECTOR, equal, not_printable},
    token::Token,
};

/// Larger objects are left to the reader.
const MAX_MEMBERS: usize = 8;

/// The keys of the last small object, in order.
#[derive(Debug)]
pub(super) struct PayloadKeys {
    members: [Member; MAX_MEMBERS],
    /// How many keys are cached: all of the last object's, or none. No two of them are equal.
    cached: usize,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    /// The key as it was written, with its quotes and its colon.
    key: [u8; VECTOR],
    /// A bit for each byte of `key` that is part of the key; the others are whatever followed it.
    mask: u32,
    /// Length of the key in bytes, without its quotes.
    key_len: u8,
    /// Expected length of the value, if it is a string.
    hint: LengthHint,
}

impl PayloadKeys {
    pub(super) const UNKNOWN: Self = Self {
        members: [Member { key: [0; VECTOR], mask: 0, key_len: 0, hint: LengthHint::ONE }; MAX_MEMBERS],
        cached: 0,
    };
}

/// The object that starts at `start`, if it has few members, short and distinct keys, and no values but strings, numbers and
/// nulls that the [`fast_path`](super::fast_path) recognises. `None` leaves it to the reader, and says nothing about it.
pub(super) fn small_object(windows: &Windows<'_>, start: usize, payload_keys: &mut PayloadKeys) -> Option<Token> {
    if windows.at(start + 1)?[0] == b'}' {
        return Some(Token::object(Members::None, start, start + 2, 0));
    }
    match with_cached_keys(windows, start, payload_keys) {
        Ok(object) => object,
        Err(CacheMiss) => with_new_keys(windows, start, payload_keys),
    }
}

/// The keys are not those of the last object.
struct CacheMiss;

/// The object if its keys are a prefix of the cached ones, which are known to be distinct. `Ok(None)` if they are, but a value
/// is not recognised.
#[inline(always)]
fn with_cached_keys(
    windows: &Windows<'_>,
    start: usize,
    payload_keys: &mut PayloadKeys,
) -> Result<Option<Token>, CacheMiss> {
    let mut at = start + 1;
    let mut members = Members::None;
    for member in payload_keys.members.iter_mut().take(payload_keys.cached) {
        let Some(window) = windows.at(at) else { return Ok(None) };
        if equal(vector(window, 0), &member.key) & member.mask != member.mask {
            return Err(CacheMiss);
        }
        let value_start = usize::from(member.key_len) + 3;
        let Some(value) = value::<false>(window, value_start, at, &mut member.hint) else { return Ok(None) };
        members = members.and(value.token.is_null());
        at += value.end;
        match window.get(value.end..).and_then(|rest| rest.first_chunk()) {
            Some(b", ") => at += 2,
            Some([b',', _]) => at += 1,
            Some([b'}', _]) => return Ok(Some(Token::object(members, start, at + 1, 0))),
            _ => return Ok(None),
        }
    }
    Err(CacheMiss)
}

/// The object, whose keys are compared with each other and then cached.
fn with_new_keys(windows: &Windows<'_>, start: usize, payload_keys: &mut PayloadKeys) -> Option<Token> {
    payload_keys.cached = 0;
    let mut tags = [0; MAX_MEMBERS];
    let mut at = start + 1;
    let mut members = Members::None;
    let mut are_cacheable = true;
    for (count, member) in payload_keys.members.iter_mut().enumerate() {
        let window = windows.at(at)?;
        let len = not_printable(vector(window, 1)).trailing_zeros().min(VECTOR as u32 - 1) as usize;
        if window[0] != b'"' || window[len + 1] != b'"' || window[len + 2] != b':' {
            return None;
        }
        // The whole key in one integer: no printable byte is zero, so the padding is no part of any key.
        let tag = tag(vector(window, 1), len);
        if tags.iter().take(count).any(|other| *other == tag) {
            return None;
        }
        tags[count] = tag;
        are_cacheable &= len + 3 <= VECTOR;
        *member =
            Member { key: *vector(window, 0), mask: (1 << (len + 3)) - 1, key_len: len as u8, hint: LengthHint::ONE };
        let value = value::<false>(window, len + 3, at, &mut member.hint)?;
        members = members.and(value.token.is_null());
        at += value.end;
        match windows.at(at)? {
            [b',', b' ', ..] => at += 2,
            [b',', ..] => at += 1,
            [b'}', ..] => {
                payload_keys.cached = if are_cacheable { count + 1 } else { 0 };
                return Some(Token::object(members, start, at + 1, 0));
            }
            _ => return None,
        }
    }
    None
}

/// The first `len` bytes as an integer, for `len` < 16.
#[inline(always)]
fn tag(bytes: &[u8; VECTOR], len: usize) -> u128 {
    u128::from_le_bytes(*bytes) & !(u128::MAX << (8 * (len & (VECTOR - 1))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Object, Reader, Value};

    /// Every object of a list, and how much of it a reader of its own reads: the text and what is known of the members.
    fn objects<'a>(objects: &[String], list: &'a str) -> Result<Vec<Object<'a>>, String> {
        let mut reader = Reader::new(list, 4);
        let mut read = Vec::new();
        reader.peek();
        let result = (|| {
            reader.open_array()?;
            while reader.next_element(read.is_empty())? {
                match reader.value()?.value(list) {
                    Value::Object(object) => read.push(object),
                    other => unreachable!("{} in {objects:?}", other.kind()),
                }
            }
            reader.end()
        })();
        result.map(|()| read).map_err(|stopped| reader.why(stopped).reason.into_owned())
    }

    /// Members with few keys, so that objects often have the keys of the one before, written in every way.
    fn object() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec!["a", "b", "c", "\\u0061", "é", "a key of more than sixteen bytes"]);
        let value =
            prop::sample::select(vec!["1", "-2.5", "\"x\"", "null", "\"é\"", "true", "[1]", "{}", "1e400", "01"]);
        let colon = prop::sample::select(vec![":", ":", ": ", " : ", ":\n"]);
        let comma = prop::sample::select(vec![",", ",", ", ", " ,", ",\t", ",  "]);
        let members = prop::collection::vec((key, colon, value), 0..10);
        (members, comma, prop::sample::select(vec!["", "", " "])).prop_map(|(members, comma, end)| {
            let members: Vec<_> =
                members.iter().map(|(key, colon, value)| format!("\"{key}\"{colon}{value}")).collect();
            format!("{{{}{end}}}", members.join(comma))
        })
    }

    proptest! {
        #[test]
        fn objects_are_read_as_if_each_stood_alone(
            kinds in prop::collection::vec(object(), 1..4), order in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        ) {
            let list: Vec<String> = order.iter().map(|index| index.get(&kinds).clone()).collect();
            let text = format!("[{}]", list.join(","));
            let together = objects(&list, &text);
            let alone: Result<Vec<_>, _> = list
                .iter()
                .map(|one| {
                    let text = format!("[{one}]");
                    let read = objects(std::slice::from_ref(one), &text)?;
                    Ok((read[0].members, read[0].out_of_range_at, read[0].raw.to_owned()))
                })
                .collect();
            let together = together.map(|read| read.iter().map(|one| (one.members, one.out_of_range_at, one.raw.to_owned())).collect::<Vec<_>>());
            prop_assert_eq!(together, alone, "{}", text);
        }
    }
}

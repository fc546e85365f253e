//! Objects of a few short members, as most payloads are, recognised by the one before.

use super::{
    Members,
    scan::{STEP, equal, not_printable},
    short::{Steps, Windows, step, value},
    token::Token,
};

/// Up to so many members are read of an object.
const MOST_MEMBERS: usize = 8;

/// What the members of an object looked like.
#[derive(Debug)]
pub(super) struct Shape {
    members: [Member; MOST_MEMBERS],
    /// So many of the keys are known to be different, and are kept.
    known: usize,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    /// The key as it was written, with its quotes and its colon.
    key: [u8; STEP],
    /// A bit for each byte of the key that counts.
    mask: u32,
    /// How long the key was, without its quotes.
    key_len: u8,
    /// How long the value is if it is a string.
    steps: Steps,
}

impl Shape {
    pub(super) const UNKNOWN: Self =
        Self { members: [Member { key: [0; STEP], mask: 0, key_len: 0, steps: Steps::ONE }; MOST_MEMBERS], known: 0 };
}

/// The object that starts at `start`, if all that is in it are a few strings, numbers and nulls under short and
/// different keys.
pub(super) fn object(windows: &Windows<'_>, start: usize, shape: &mut Shape) -> Option<Token> {
    if windows.at(start + 1)?[0] == b'}' {
        return Some(Token::object(Members::None, start, start + 2, 0));
    }
    match again(windows, start, shape) {
        Ok(object) => object,
        Err(OtherKeys) => anew(windows, start, shape),
    }
}

/// The keys are not those of the object before.
struct OtherKeys;

/// The object if its keys are those of the one before, or the first of them: these are known to be different. `None` if
/// they are, but a value is no short one.
#[inline(always)]
fn again(windows: &Windows<'_>, start: usize, shape: &mut Shape) -> Result<Option<Token>, OtherKeys> {
    let mut at = start + 1;
    let mut members = Members::None;
    for member in shape.members.iter_mut().take(shape.known) {
        let Some(window) = windows.at(at) else { return Ok(None) };
        if equal(step(window, 0), &member.key) & member.mask != member.mask {
            return Err(OtherKeys);
        }
        let value_start = usize::from(member.key_len) + 3;
        let Some(value) = value::<false>(window, value_start, at, &mut member.steps) else { return Ok(None) };
        members = members.and(value.token.is_null());
        at += value.end;
        match window.get(value.end..).and_then(|rest| rest.first_chunk()) {
            Some(b", ") => at += 2,
            Some([b',', _]) => at += 1,
            Some([b'}', _]) => return Ok(Some(Token::object(members, start, at + 1, 0))),
            _ => return Ok(None),
        }
    }
    Err(OtherKeys)
}

/// The object, and its keys for the next one.
fn anew(windows: &Windows<'_>, start: usize, shape: &mut Shape) -> Option<Token> {
    shape.known = 0;
    let mut tags = [0; MOST_MEMBERS];
    let mut at = start + 1;
    let mut members = Members::None;
    let mut are_kept = true;
    for (count, member) in shape.members.iter_mut().enumerate() {
        let window = windows.at(at)?;
        let len = not_printable(step(window, 1)).trailing_zeros().min(STEP as u32 - 1) as usize;
        if window[0] != b'"' || window[len + 1] != b'"' || window[len + 2] != b':' {
            return None;
        }
        // No printable byte is zero, so a tag is the whole key.
        let tag = tag(step(window, 1), len);
        if tags.iter().take(count).any(|other| *other == tag) {
            return None;
        }
        tags[count] = tag;
        are_kept &= len + 3 <= STEP;
        *member = Member { key: *step(window, 0), mask: (1 << (len + 3)) - 1, key_len: len as u8, steps: Steps::ONE };
        let value = value::<false>(window, len + 3, at, &mut member.steps)?;
        members = members.and(value.token.is_null());
        at += value.end;
        match windows.at(at)? {
            [b',', b' ', ..] => at += 2,
            [b',', ..] => at += 1,
            [b'}', ..] => {
                shape.known = if are_kept { count + 1 } else { 0 };
                return Some(Token::object(members, start, at + 1, 0));
            }
            _ => return None,
        }
    }
    None
}

/// The first `len` bytes, less than 16.
#[inline(always)]
fn tag(bytes: &[u8; STEP], len: usize) -> u128 {
    u128::from_le_bytes(*bytes) & !(u128::MAX << (8 * (len & (STEP - 1))))
}

//! Reading an object of which some members are known.

use super::{
    Reader,
    reader::{OpenObject, Stopped},
    short::{self, MAX_START, WINDOW},
    token::Token,
};

/// So many bytes are compared at once to recognise a name with its quotes and its colon.
const TOKEN: usize = 32;
/// Most names of one object.
const MOST_NAMES: usize = 31;

/// The name of a member, ready to be recognised.
#[derive(Debug)]
pub(crate) struct Name {
    text: &'static str,
    /// `"name":`, then zeros.
    token: [u8; TOKEN],
    /// Ones where the token counts.
    mask: [u8; TOKEN],
    token_len: usize,
}

impl Name {
    /// A name of at most 27 bytes that needs no escapes.
    pub(crate) const fn new(text: &'static str) -> Self {
        assert!(text.len() + 3 < MAX_START, "a value behind this name would start too late in the window");
        let (mut token, mut mask) = ([0; TOKEN], [0; TOKEN]);
        let token_len = text.len() + 3;
        let mut at = 0;
        while at < token_len {
            mask[at] = 0xFF;
            token[at] = match at {
                0 => b'"',
                at if at == token_len - 2 => b'"',
                at if at == token_len - 1 => b':',
                at => text.as_bytes()[at - 1],
            };
            at += 1;
        }
        Self { text, token, mask, token_len }
    }

    /// Names of as many members.
    pub(crate) const fn all<const N: usize>(texts: [&'static str; N]) -> [Self; N] {
        let mut names = [const { Self::new("") }; N];
        let mut at = 0;
        while at < N {
            names[at] = Self::new(texts[at]);
            at += 1;
        }
        names
    }

    #[cfg(test)]
    pub(crate) fn as_str(&self) -> &'static str {
        self.text
    }

    /// Whether the name stands at the start of these bytes, with its quotes and its colon, all without white space.
    #[inline(always)]
    fn is_at(&self, window: &[u8; WINDOW]) -> bool {
        let mut differences = 0;
        for ((byte, token), mask) in window.iter().zip(&self.token).zip(&self.mask) {
            differences |= (byte ^ token) & mask;
        }
        differences == 0
    }
}

/// Reads objects into one slot for each known name, and ignores other members.
///
/// Objects of one list mostly have the same members in the same order, so which name follows which is remembered from
/// one object to the next, and tried first.
#[derive(Debug)]
pub(crate) struct KnownMembers<const N: usize> {
    names: &'static [Name],
    /// What came first, and then what came after each of them.
    after: [usize; MOST_NAMES + 1],
    /// How long the string or the integer was that came last under each of them.
    lens: [u8; N],
}

impl<const N: usize> KnownMembers<N> {
    /// For objects with at most `N` known members, which are expected in this order at first.
    pub(crate) fn new(names: &'static [Name]) -> Self {
        const { assert!(N <= MOST_NAMES) };
        debug_assert!(names.len() <= N);
        Self { names, after: std::array::from_fn(|at| at), lens: [0; N] }
    }

    /// Reads the object that the reader stands before. Names that are written with escapes match too, and a duplicate
    /// of any member, known or not, is an error.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<[Token; N], Stopped> {
        let mut slots = [Token::ABSENT; N];
        let mut object = reader.open_object()?;
        let mut place = 0;
        while reader.next_member(&mut object)? {
            if self.read_expected(reader, &mut slots, &mut place)? {
                continue;
            }
            let offset = reader.at;
            if !self.look_up(reader, &object, &mut place)? {
                continue;
            }
            // There is a slot for every name.
            let Some(slot) = slots.get_mut(place.wrapping_sub(1)) else { continue };
            if !slot.is_absent() && !cfg!(feature = "canary-last-key-wins") {
                return Err(reader.duplicate_at(offset));
            }
            *slot = reader.value()?;
        }
        Ok(slots)
    }

    /// Reads members as long as they come in the expected order, without white space but one blank. `true` if all up to
    /// the next separator is read, `false` if a key is next that is not the expected one.
    #[inline(always)]
    fn read_expected(
        &mut self,
        reader: &mut Reader<'_>,
        slots: &mut [Token; N],
        place: &mut usize,
    ) -> Result<bool, Stopped> {
        let bytes = reader.text().as_bytes();
        let mut at = reader.at;
        while let Some(expected) = self.after.get(*place).copied()
            && let (Some(name), Some(slot)) = (self.names.get(expected), slots.get_mut(expected))
            && let Some(len) = self.lens.get_mut(expected)
            && let Some(window) = reader.window(at)
            && name.is_at(window)
            && slot.is_absent()
        {
            let end = if let Some(short) = short::value(window, name.token_len, at, len) {
                *slot = short.token;
                at + short.end
            } else {
                reader.at = at + name.token_len;
                *slot = reader.value()?;
                reader.at
            };
            *place = expected + 1;
            match bytes.get(end..).and_then(<[u8]>::first_chunk) {
                Some(b",\"") => at = end + 1,
                Some(b", ") => at = end + 2,
                _ => {
                    reader.at = end;
                    return Ok(true);
                }
            }
        }
        reader.at = at;
        Ok(false)
    }

    /// Reads a key that was not expected here, and learns from it. `false` if it is not known: then its value is read.
    #[cold]
    fn look_up(&mut self, reader: &mut Reader<'_>, object: &OpenObject, place: &mut usize) -> Result<bool, Stopped> {
        let key = reader.key()?;
        let Some(at) = self.names.iter().position(|name| key.text == *name.text) else {
            reader.unique(object, key)?;
            reader.value()?;
            return Ok(false);
        };
        if let Some(after) = self.after.get_mut(*place) {
            *after = at;
        }
        *place = at + 1;
        Ok(true)
    }
}

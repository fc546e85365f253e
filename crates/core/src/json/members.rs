//! Reading an object of which some members are known.

use super::{
    Reader,
    reader::{OpenObject, Stopped},
    scan::{STEP, equal},
    short::{self, MAX_START, Steps, WINDOW},
    token::Token,
};

/// So much of a member is kept from one object to the next.
const KEPT: usize = 64;
/// So many members may be left out at one place before the one that follows is looked up.
const MOST_SKIPPED: usize = 3;
/// Most names of one object.
const MOST_NAMES: usize = 31;
/// Of a place without a name: no value starts there.
const NOWHERE: u8 = u8::MAX;

/// Reads objects of which some members are known, and ignores other members.
///
/// Objects of one list mostly have the same members in the same order, and many of them the same values. So which name
/// follows which is remembered from one object to the next, and how each name was written.
///
/// Of the names in `KEEPS`, a bit for each, values are kept as well: a member of which every byte is as it was last time,
/// up to what ends its value, has the same value. That is for members which mostly say the same; where values vary, the
/// question is answered at random and costs more than it brings. Objects and arrays are not kept: the next object may be
/// one of another text, whose reader has another idea of how deep one may nest.
// `Copy` because a derived `Clone` alone copies the list twice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownMembers<const N: usize, const KEEPS: u32> {
    /// The name that came first.
    first: u8,
    /// A bit for each member of the object that was read last, or that is being read.
    seen: u32,
    /// A bit for each member that is as it was in the object before.
    same: u32,
    names: &'static [&'static str; N],
    members: [Member; N],
}

/// What came last under a name.
#[derive(Debug, Clone, Copy)]
#[repr(align(16))]
pub(crate) struct Member {
    /// How it was written, from after the separator before it.
    kept: [u8; KEPT],
    /// Its value.
    token: Token,
    /// A bit for each byte of what is kept that is the member, or what comes after its value; none if its value is not
    /// kept.
    whole: u64,
    /// Where it stands, if its value is kept; no text is longer than 32 bits can tell.
    at: u32,
    /// Where its value starts in what is kept.
    value: u8,
    /// How long the value is if it is a string.
    steps: Steps,
    /// The name that came next.
    next: u8,
}

impl Member {
    const fn new(name: &'static str, next: usize) -> Self {
        assert!(name.len() + 3 < MAX_START, "a value behind this name would start too late in the window");
        assert!(next <= MOST_NAMES, "there are too many names");
        let mut kept = [0; KEPT];
        let value = name.len() + 3;
        let mut at = 0;
        while at < value {
            kept[at] = match at {
                0 => b'"',
                at if at == value - 2 => b'"',
                at if at == value - 1 => b':',
                at => name.as_bytes()[at - 1],
            };
            at += 1;
        }
        // A place without a name is that of no member.
        let (value, next) = (if name.is_empty() { NOWHERE } else { value as u8 }, next as u8);
        Self { kept, token: Token::ABSENT, whole: 0, at: 0, value, steps: Steps::ONE, next }
    }

    /// A bit for each byte that is another one in the window, of the first 32 or the second.
    #[inline(always)]
    fn other(&self, window: &[u8; WINDOW], half: usize) -> u32 {
        let (kept, _) = self.kept.as_chunks::<STEP>();
        let (window, _) = window.as_chunks::<STEP>();
        let n = 2 * half;
        !(equal(&kept[n], &window[n]) | equal(&kept[n + 1], &window[n + 1]) << STEP)
    }

    /// Whether the name stands here, with what comes before its value.
    #[inline(always)]
    fn is_named(&self, other: u32) -> bool {
        other.trailing_zeros() >= u32::from(self.value)
    }

    /// Reads the member if it stands at `at`, and says how long it is, with what comes after it; `same` takes its bit if
    /// it is as it was.
    #[inline(always)]
    fn read<const KEEPS: u32>(
        &mut self,
        reader: &mut Reader<'_>,
        at: usize,
        name: u8,
        same: &mut u32,
    ) -> Result<Option<usize>, Stopped> {
        let Some(window) = reader.window(at) else { return Ok(None) };
        let other = self.other(window, 0);
        if self.whole != 0
            && other & self.whole as u32 == 0
            && (self.whole >> 32 == 0 || self.other(window, 1) & (self.whole >> 32) as u32 == 0)
        {
            self.token = self.token.moved(at.wrapping_sub(self.at as usize));
            self.at = at as u32;
            *same |= 1 << name;
            return Ok(Some(self.whole.trailing_ones() as usize));
        }
        if !self.is_named(other) {
            return Ok(None);
        }
        let keeps = KEEPS >> name & 1 == 1;
        let start = usize::from(self.value);
        let (token, end) = if let Some(short) = short::value_here::<true>(window, start, at, &mut self.steps) {
            if keeps {
                self.keep(window, short.end + 1);
            }
            (short.token, short.end)
        } else {
            if window.get(start) == Some(&b' ') {
                self.expect_blank();
            }
            reader.at = at + start;
            let token = reader.value()?;
            let end = reader.at - at;
            match reader.window(at) {
                Some(window) if keeps && !token.is_container() => self.keep(window, end + 1),
                _ => self.whole = 0,
            }
            (token, end)
        };
        self.token = token;
        if keeps {
            self.at = at as u32;
        }
        Ok(Some(end + 1))
    }

    /// Expects a blank before the value from now on.
    #[cold]
    fn expect_blank(&mut self) {
        let start = usize::from(self.value);
        if let (true, Some(byte)) = (start < MAX_START, self.kept.get_mut(start)) {
            *byte = b' ';
            self.value += 1;
        }
    }

    /// Keeps what stands at the start of the window and is `len` bytes long.
    #[inline(always)]
    fn keep(&mut self, window: &[u8; WINDOW], len: usize) {
        self.kept = *window.first_chunk().unwrap_or(&self.kept);
        self.whole = if len <= KEPT { u64::MAX.checked_shr((KEPT - len) as u32).unwrap_or(0) } else { 0 };
    }
}

/// Where the member that is next starts: one blank before the name is part of how members are written.
#[inline(always)]
fn start_of(reader: &Reader<'_>) -> usize {
    let byte = reader.at.checked_sub(1).and_then(|at| reader.text().as_bytes().get(at));
    reader.at - usize::from(byte == Some(&b' '))
}

impl<const N: usize, const KEEPS: u32> KnownMembers<N, KEEPS> {
    /// For objects with these members, which are expected in this order at first. The names are of at most 27 bytes
    /// and need no escapes; a place whose name is empty stays empty.
    pub(crate) const fn new(names: &'static [&'static str; N]) -> Self {
        const { assert!(N <= MOST_NAMES) };
        let mut members = [const { Member::new("", 0) }; N];
        let mut at = 0;
        while at < N {
            members[at] = Member::new(names[at], at + 1);
            at += 1;
        }
        Self { first: 0, seen: 0, same: 0, names, members }
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> [&'static str; N] {
        *self.names
    }

    /// The name at a place; empty if there is none.
    pub(super) fn name(&self, name: usize) -> &'static str {
        self.names.get(name).copied().unwrap_or_default()
    }

    /// The value of a member of the object that was read last, by the place of its name.
    #[inline(always)]
    pub(crate) fn token(&self, name: usize) -> Token {
        self.members.get(name).map_or(Token::ABSENT, |member| member.token)
    }

    /// A bit for each member of the object that was read last, if it is one that is kept and has the very value that it
    /// had in the object before.
    #[inline(always)]
    pub(crate) fn same(&self) -> u32 {
        self.same
    }

    /// Reads the object that the reader stands before. Names that are written with escapes match too, and a duplicate
    /// of any member, known or not, is an error.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Stopped> {
        let mut object = reader.open_object()?;
        self.read_members(reader, &mut object)
    }

    /// [`read`](Self::read) within the object.
    #[inline]
    pub(super) fn read_members(&mut self, reader: &mut Reader<'_>, object: &mut OpenObject) -> Result<(), Stopped> {
        let before_it = std::mem::take(&mut self.seen);
        self.same = 0;
        let mut before = None;
        while reader.next_member(object)? {
            let mut name = self.after(before);
            let mut skipped_at = None;
            while !self.read_expected(reader, &mut name, &mut before)? {
                // A skip that has led nowhere is not tried again.
                match if skipped_at == Some(reader.at) { None } else { self.skip(reader, name, before, before_it) } {
                    Some(next) => (name, skipped_at) = (next, Some(reader.at)),
                    None => {
                        self.read_other(reader, object, &mut before)?;
                        break;
                    }
                }
            }
        }
        let gone = before_it & !self.seen;
        if gone != 0 {
            self.forget(gone);
        }
        Ok(())
    }

    /// Forgets the values of members that the object does not have and the one before it had.
    #[cold]
    fn forget(&mut self, gone: u32) {
        for (name, member) in self.members.iter_mut().enumerate() {
            if gone >> name & 1 == 1 {
                (member.token, member.at, member.whole) = (Token::ABSENT, 0, 0);
            }
        }
    }

    /// Reads members as long as they come in the expected order, from `name` on, and are written as they were before.
    /// `true` if all up to the next separator is read, `false` if a key is next that is not the expected `name`.
    #[inline(always)]
    fn read_expected(
        &mut self,
        reader: &mut Reader<'_>,
        name: &mut u8,
        before: &mut Option<u8>,
    ) -> Result<bool, Stopped> {
        let bytes = reader.text().as_bytes();
        let start = start_of(reader);
        let mut at = start;
        let (mut seen, mut same) = (self.seen, self.same);
        while let Some(member) = self.members.get_mut(usize::from(*name))
            && seen >> *name & 1 == 0
        {
            let Some(len) = member.read::<KEEPS>(reader, at, *name, &mut same)? else { break };
            seen |= 1 << *name;
            *before = Some(*name);
            *name = member.next;
            at += len;
            if bytes.get(at - 1) != Some(&b',') {
                reader.at = at - 1;
                (self.seen, self.same) = (seen, same);
                return Ok(true);
            }
        }
        (self.seen, self.same) = (seen, same);
        // What is written otherwise may only have other white space.
        let is_read = at > start && bytes.get(at).is_some_and(u8::is_ascii_whitespace);
        reader.at = at - usize::from(is_read);
        Ok(is_read)
    }

    /// The name that is expected after this one, or first.
    #[inline(always)]
    fn after(&self, before: Option<u8>) -> u8 {
        before.and_then(|before| self.members.get(usize::from(before))).map_or(self.first, |member| member.next)
    }

    /// The name that stands here instead of the expected one, if it is one of those that are expected soon after: members
    /// that are left out cost no looking up of names. If the object before had none of them either, they are not expected
    /// here any more.
    #[cold]
    fn skip(&mut self, reader: &Reader<'_>, expected: u8, before: Option<u8>, before_it: u32) -> Option<u8> {
        let window = reader.window(start_of(reader))?;
        let mut name = expected;
        let mut had_any = false;
        for _ in 0..MOST_SKIPPED {
            had_any |= before_it >> name & 1 == 1;
            name = self.members.get(usize::from(name))?.next;
            let member = self.members.get(usize::from(name))?;
            if self.seen >> name & 1 == 0 && member.is_named(member.other(window, 0)) {
                if !had_any {
                    self.expect(before, name);
                }
                return Some(name);
            }
        }
        None
    }

    /// Expects a name after another one, or first.
    #[cold]
    fn expect(&mut self, before: Option<u8>, name: u8) {
        match before.and_then(|before| self.members.get_mut(usize::from(before))) {
            Some(member) => member.next = name,
            None => self.first = name,
        }
    }

    /// Reads a member that was not expected here, and learns from it.
    #[cold]
    fn read_other(
        &mut self,
        reader: &mut Reader<'_>,
        object: &OpenObject,
        before: &mut Option<u8>,
    ) -> Result<(), Stopped> {
        reader.peek();
        let offset = reader.at;
        let key = reader.key()?;
        let Some(name) = self.names.iter().position(|name| !name.is_empty() && key.text == **name) else {
            reader.unique(object, key)?;
            reader.value()?;
            return Ok(());
        };
        if self.seen >> name & 1 == 1 && !canary!("last-key-wins") {
            return Err(reader.duplicate_at(offset));
        }
        self.seen |= 1 << name;
        let next = name as u8;
        self.expect(*before, next);
        *before = Some(next);
        // One blank before the name and one before the value are part of how members are written here.
        let bytes = reader.text().as_bytes();
        let is_blank = |at: usize| bytes.get(at) == Some(&b' ');
        let start = offset - usize::from(is_blank(offset.saturating_sub(1)));
        reader.at += usize::from(is_blank(reader.at));
        let value = reader.at - start;
        let token = reader.value()?;
        let Some(member) = self.members.get_mut(name) else { return Ok(()) };
        (member.at, member.token) = (start as u32, token);
        // What is kept belongs to another value now.
        member.whole = 0;
        let keeps = KEEPS >> next & 1 == 1 && !token.is_container();
        if let (true, Some(window)) = (value <= MAX_START, reader.window(start)) {
            member.value = value as u8;
            member.keep(window, if keeps { reader.at + 1 - start } else { usize::MAX });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a, b and c in each object of a list, or why reading has stopped.
    fn read(list: &str) -> Result<Vec<[Option<i64>; 3]>, String> {
        let mut members: KnownMembers<4, 0b111> = KnownMembers::new(&["a", "b", "c", ""]);
        let mut reader = Reader::new(list, 8);
        reader.peek();
        let mut read = Vec::new();
        let result = (|| {
            reader.open_array()?;
            while reader.next_element(read.is_empty())? {
                reader.peek();
                members.read(&mut reader)?;
                read.push(std::array::from_fn(|name| members.token(name).integer(list)));
            }
            reader.end()
        })();
        result.map(|()| read).map_err(|stopped| reader.why(stopped).to_string())
    }

    #[test]
    fn members_may_be_left_out_and_come_in_any_order() {
        let list = r#"[{"a":1,"b":2,"c":3},{"a":1,"c":3},{"c":4},{},{"b":5,"a":1},{"a":1,"b":2,"c":3},{"":7,"c":3}]"#;
        let all = [Some(1), Some(2), Some(3)];
        let expected = [
            all,
            [Some(1), None, Some(3)],
            [None, None, Some(4)],
            [None; 3],
            [Some(1), Some(5), None],
            all,
            [None, None, Some(3)],
        ];
        assert_eq!(read(list), Ok(expected.to_vec()));
    }

    #[test]
    fn a_name_that_comes_again_is_found_wherever_it_comes() {
        for members in ["a,a", "a,b,a", "b,a,b", "c,a,b,a", "a,c,a", "c,b,c", "a,b,c,c", "b,x,x", "a,b,c,x,b"] {
            let object = |names: &str| {
                let members: Vec<_> = names.split(',').map(|name| format!("\"{name}\":1")).collect();
                format!("{{{}}}", members.join(","))
            };
            for before in ["a", "a,b,c", "c,b,a", "b", "c,a"] {
                let list = format!("[{},{}]", object(before), object(members));
                assert!(read(&list).is_err_and(|reason| reason.starts_with("duplicate key")), "{list}");
            }
        }
    }

    #[test]
    fn what_is_written_otherwise_is_read_anew() {
        let wide = " ".repeat(40);
        let objects = [
            r#"{"a":1,"b":2}"#.to_owned(),
            format!(r#"{{"a"{wide}:5,"b":{wide}6}}"#),
            r#"{"a":1,"b":2}"#.to_owned(),
            r#"{ "a" : 1 , "b" : 2 }"#.to_owned(),
            r#"{"a": 7, "b": 8}"#.to_owned(),
            r#"{"a": 7, "b": 8}"#.to_owned(),
            "{\n  \"a\": 7,\n  \"b\": 8\n}".to_owned(),
            r#"{"\u0061":1,"b":2}"#.to_owned(),
            r#"{"\u0061":1,"b":2}"#.to_owned(),
            r#"{"a":10,"b":20}"#.to_owned(),
        ];
        let values = [[1, 2], [5, 6], [1, 2], [1, 2], [7, 8], [7, 8], [7, 8], [1, 2], [1, 2], [10, 20]];
        let expected: Vec<_> = values.into_iter().map(|[a, b]| [Some(a), Some(b), None]).collect();
        assert_eq!(read(&format!("[{}]", objects.join(","))), Ok(expected));
    }
}

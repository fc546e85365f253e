//! Reads objects whose members have known names, with the spelling of the object before as a template.

use super::{
    Reader,
    reader::{OpenObject, Stopped},
    template::Member,
    token::Token,
};

/// Members that may be left out in a row before the next one is looked up by its name.
const MAX_SKIPPED: usize = 3;
/// Most names of one object: one bit each in a `u32`, and one index that is none.
pub(super) const MAX_NAMES: usize = 31;

/// Reads objects, keeps the values of known members, and ignores the others. A name is given by its index in `names`.
///
/// Objects of one list mostly have the same members in the same order. So the reader remembers from one object to the next
/// which name followed which, and how each was written (its *template*): a name that is written the same way in the expected
/// place costs one SIMD comparison.
///
/// For the names in `CACHED`, a bit for each, it remembers the value as well: if all bytes of a member, including the separator
/// behind its value, are those of last time, so is the value. This is for members that mostly repeat their value; for
/// others the comparison fails unpredictably and costs more than it saves. Objects and arrays are not cached: the next
/// text may be read with another limit of depth.
// `Copy` because a derived `Clone` alone copies the list twice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownMembers<const N: usize, const CACHED: u32> {
    /// The name that came first in the last object.
    first: u8,
    /// A bit for each member of the object that was read last, or is being read.
    seen: u32,
    /// A bit for each cached member whose value is that of the object before.
    same: u32,
    names: &'static [&'static str; N],
    members: [Member; N],
}

/// Where the next member starts: one blank before its name belongs to it, as templates have it.
#[inline(always)]
fn start_of(reader: &Reader<'_>) -> usize {
    let byte = reader.at.checked_sub(1).and_then(|at| reader.text().as_bytes().get(at));
    reader.at - usize::from(byte == Some(&b' '))
}

impl<const N: usize, const CACHED: u32> KnownMembers<N, CACHED> {
    /// A reader of objects with these members, which are expected in this order at first. Names have at most 27 bytes and need
    /// no escapes; an index whose name is empty never has a value.
    pub(crate) const fn new(names: &'static [&'static str; N]) -> Self {
        const { assert!(N <= MAX_NAMES) };
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

    /// The name at this index; empty if there is none.
    pub(super) fn name(&self, name: usize) -> &'static str {
        self.names.get(name).copied().unwrap_or_default()
    }

    /// The value that the last object has under this name.
    #[inline(always)]
    pub(crate) fn token(&self, name: usize) -> Token {
        self.members.get(name).map_or(Token::ABSENT, |member| member.token)
    }

    /// A bit for each cached member of the last object that has the value of the object before, byte for byte.
    #[inline(always)]
    pub(crate) fn same(&self) -> u32 {
        self.same
    }

    /// Reads the object that is next. Names match also if they are written with escapes, and a duplicate of any member, known
    /// or not, is an error.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Stopped> {
        let mut object = reader.open_object()?;
        self.read_members(reader, &mut object)
    }

    /// [`read`](Self::read) behind the opening brace.
    #[inline]
    pub(super) fn read_members(&mut self, reader: &mut Reader<'_>, object: &mut OpenObject) -> Result<(), Stopped> {
        let before_it = std::mem::take(&mut self.seen);
        self.same = 0;
        let mut before = None;
        while reader.next_member(object)? {
            let mut name = self.after(before);
            let mut skipped_at = None;
            while !self.read_expected(reader, &mut name, &mut before)? {
                // Not twice in the same place: the first skip has led nowhere.
                match if skipped_at == Some(reader.at) { None } else { self.skip(reader, name, before, before_it) } {
                    Some(next) => (name, skipped_at) = (next, Some(reader.at)),
                    None => {
                        self.read_unexpected(reader, object, &mut before)?;
                        break;
                    }
                }
            }
        }
        let missing = before_it & !self.seen;
        if missing != 0 {
            self.clear(missing);
        }
        Ok(())
    }

    /// Clears the values of members that the object before had and this one has not.
    #[cold]
    fn clear(&mut self, missing: u32) {
        for (name, member) in self.members.iter_mut().enumerate() {
            if missing >> name & 1 == 1 {
                member.clear();
            }
        }
    }

    /// Reads members, from `name` on, as long as they come in the expected order and spelling. `true` if the reader stands before
    /// a separator or the end of the object, `false` if before a key that is not the expected `name`.
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
            let Some(len) = member.read::<CACHED>(reader, at, *name, &mut same)? else { break };
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
        // The next member may differ in white space alone; then the reader goes back to the separator, to skip it.
        let is_read = at > start && bytes.get(at).is_some_and(u8::is_ascii_whitespace);
        reader.at = at - usize::from(is_read);
        Ok(is_read)
    }

    /// The name that is expected after `before`, or first.
    #[inline(always)]
    fn after(&self, before: Option<u8>) -> u8 {
        before.and_then(|before| self.members.get(usize::from(before))).map_or(self.first, |member| member.next)
    }

    /// The name that is next instead of the `expected` one, if it is expected within the next few: members that are left out
    /// cost no lookup by name. If the object before had none of those that are skipped, this one is expected here from
    /// now on.
    #[cold]
    fn skip(&mut self, reader: &Reader<'_>, expected: u8, before: Option<u8>, before_it: u32) -> Option<u8> {
        let window = reader.window(start_of(reader))?;
        let mut name = expected;
        let mut had_any = false;
        for _ in 0..MAX_SKIPPED {
            had_any |= before_it >> name & 1 == 1;
            name = self.members.get(usize::from(name))?.next;
            let member = self.members.get(usize::from(name))?;
            if self.seen >> name & 1 == 0 && member.is_named(window) {
                if !had_any {
                    self.expect(before, name);
                }
                return Some(name);
            }
        }
        None
    }

    /// Expects `name` after `before`, or first.
    #[cold]
    fn expect(&mut self, before: Option<u8>, name: u8) {
        match before.and_then(|before| self.members.get_mut(usize::from(before))) {
            Some(member) => member.next = name,
            None => self.first = name,
        }
    }

    /// Reads a member that was not expected here, and makes it the template of its name.
    #[cold]
    fn read_unexpected(
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
        if self.seen >> name & 1 == 1 {
            return Err(reader.duplicate_at(offset));
        }
        self.seen |= 1 << name;
        let next = name as u8;
        self.expect(*before, next);
        *before = Some(next);
        // One blank before the name and one before the value belong to the template.
        let bytes = reader.text().as_bytes();
        let is_blank = |at: usize| bytes.get(at) == Some(&b' ');
        let start = offset - usize::from(is_blank(offset.saturating_sub(1)));
        reader.at += usize::from(is_blank(reader.at));
        let value_start = reader.at;
        let token = reader.value()?;
        if let Some(member) = self.members.get_mut(name) {
            member.adopt(reader, (start, value_start), token, CACHED >> next & 1 == 1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a, b and c in each object of a list, or the error.
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

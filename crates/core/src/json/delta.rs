//! Reads objects of a list as their difference from the one before: bytes that are the same are compared and not parsed.

use super::{
    KnownMembers, Reader, Stopped,
    fast_path::{self, LengthHint},
    scan::same_run,
    token::Token,
};

/// Reads objects as [`KnownMembers`] does: keeps the values of known members, ignores the others. For objects of one text, most
/// of which have the same members in the same order.
///
/// Each object is compared with the one before, byte by byte. Equal bytes mean equal values: both objects are in the same
/// text, at the same depth. Where they differ within the value of a known member, only that value is parsed, and the
/// comparison goes on behind it. Any other difference (a name, the order, white space) has the whole object parsed. The
/// replies of a message mostly differ in a few values, and are read in half the time this way (measured).
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeltaMembers<const N: usize> {
    members: KnownMembers<N, 0>,
    /// Start and length of the last object; 0 long before the first one.
    start: usize,
    len: usize,
    /// Whether it was read as a difference from the one before.
    is_delta: bool,
    /// Whether every value has the same kind as in the object before.
    is_same_kind: bool,
    /// Whether any value starts at another offset in the object than in the one before.
    has_shifted: bool,
    /// A bit for each member whose value differs from that of the object before.
    changed: u32,
    /// Values by the index of their names, at offsets from the start of the object.
    tokens: [Token; N],
    /// The same values in the order of the text; the first `count` of them.
    spans: [ValueSpan; N],
    /// 0 if the spans have not been made of the tokens yet.
    count: usize,
}

/// Where a value stands, strings with their quotes, at offsets from the start of the object.
#[derive(Debug, Clone, Copy)]
struct ValueSpan {
    start: u32,
    end: u32,
    name: u8,
    /// Expected length of the value, if it is a string.
    hint: LengthHint,
}

impl<const N: usize> DeltaMembers<N> {
    /// For objects with these members; see [`KnownMembers::new`].
    pub(crate) const fn new(names: &'static [&'static str; N]) -> Self {
        const NOWHERE: ValueSpan = ValueSpan { start: 0, end: 0, name: 0, hint: LengthHint::ONE };
        Self {
            members: KnownMembers::new(names),
            start: 0,
            len: 0,
            is_delta: false,
            is_same_kind: false,
            has_shifted: false,
            changed: 0,
            tokens: [Token::ABSENT; N],
            spans: [NOWHERE; N],
            count: 0,
        }
    }

    /// Where the last object starts in the text.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The value that the last object has under this name, at an offset from the start of the object.
    #[inline(always)]
    pub(crate) fn token(&self, name: usize) -> Token {
        self.tokens.get(name).copied().unwrap_or(Token::ABSENT)
    }

    /// The name at this index.
    pub(crate) fn name(&self, name: usize) -> &'static str {
        self.members.name(name)
    }

    /// Whether the last object has the same members as the one before, each with a value of the same kind.
    #[inline(always)]
    pub(crate) fn has_same_layout(&self) -> bool {
        self.is_delta && self.is_same_kind
    }

    /// The names whose values differ from those of the object before, and whether other values may have shifted because of that.
    #[inline(always)]
    pub(crate) fn changed(&self) -> (impl Iterator<Item = usize> + use<N>, bool) {
        let mut changed = self.changed;
        let each = std::iter::from_fn(move || {
            let name = changed.trailing_zeros() as usize;
            let is_any = changed != 0;
            changed &= changed.wrapping_sub(1);
            is_any.then_some(name)
        });
        (each, self.has_shifted)
    }

    /// Reads the object that is next.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Stopped> {
        let start = reader.at;
        let mut object = reader.open_object()?;
        let before = std::mem::replace(&mut self.start, start);
        self.is_delta = self.len > 0 && self.read_delta(reader, before)?;
        if self.is_delta {
            reader.at = start + self.len - 1;
            reader.next_member(&mut object)?;
        } else {
            reader.at = start + 1;
            self.members.read_members(reader, &mut object)?;
            self.len = reader.at - start;
            self.adopt_values();
        }
        Ok(())
    }

    /// Compares the object that the reader is in with the one that starts at `before`, and parses the values that differ. `false`
    /// if they differ in more than values.
    #[inline(always)]
    fn read_delta(&mut self, reader: &mut Reader<'_>, before: usize) -> Result<bool, Stopped> {
        let bytes = reader.text().as_bytes();
        (self.changed, self.is_same_kind, self.has_shifted) = (0, true, false);
        if self.count == 0 {
            self.sort_values();
        }
        // The offset in the object before up to which they are compared, and how far later values have shifted in this one.
        let (mut at, mut by) = (0, 0);
        let mut rest = self.spans.get_mut(..self.count).unwrap_or_default();
        loop {
            let same = same_run(bytes, before + at, (self.start + at).wrapping_add_signed(by as isize), self.len - at);
            if same == self.len - at {
                break;
            }
            let difference = at + same;
            // The value in which they differ is the first one that does not end before the difference.
            let Some(passed) = rest.iter().position(|span| span.end as usize >= difference) else { return Ok(false) };
            let (passed, from_here) = std::mem::take(&mut rest).split_at_mut(passed);
            shift(passed, by, &mut self.tokens);
            let Some((span, after)) = from_here.split_first_mut().filter(|(span, _)| span.start as usize <= difference)
            else {
                return Ok(false);
            };
            rest = after;
            at = span.end as usize;
            span.start = span.start.wrapping_add_signed(by);
            let start = self.start + span.start as usize;
            let window = reader.window(start);
            let found = window.and_then(|window| fast_path::value_here::<true>(window, 0, start, &mut span.hint));
            let token = match found {
                Some(found) => found.token,
                None => {
                    reader.at = start;
                    reader.value()?
                }
            };
            let token = token.relative_to(self.start);
            (_, span.end) = token.quoted_range();
            by = span.end.wrapping_sub(at as u32).cast_signed();
            let name = usize::from(span.name);
            let Some(known) = self.tokens.get_mut(name) else { return Ok(false) };
            self.changed |= 1 << name;
            self.is_same_kind &= token.kind_bit() == known.kind_bit();
            self.has_shifted |= by != 0;
            *known = token;
        }
        shift(rest, by, &mut self.tokens);
        self.len = self.len.wrapping_add_signed(by as isize);
        Ok(true)
    }

    /// Adopts the values of an object that was parsed.
    fn adopt_values(&mut self) {
        for (name, token) in self.tokens.iter_mut().enumerate() {
            let read = self.members.token(name);
            *token = if read.is_absent() { read } else { read.relative_to(self.start) };
        }
        self.count = 0;
    }

    /// Lists the values in the order of the text. Insertion sort: names mostly come in the order of the list.
    fn sort_values(&mut self) {
        for (name, token) in self.tokens.iter().enumerate().filter(|(_, token)| !token.is_absent()) {
            let (start, end) = token.quoted_range();
            let mut at = self.count;
            while at > 0 && self.spans[at - 1].start > start {
                self.spans[at] = self.spans[at - 1];
                at -= 1;
            }
            self.spans[at] = ValueSpan { start, end, name: name as u8, hint: LengthHint::ONE };
            self.count += 1;
        }
    }
}

/// Shifts these values by so many bytes.
#[inline(always)]
fn shift(spans: &mut [ValueSpan], by: i32, tokens: &mut [Token]) {
    if by == 0 {
        return;
    }
    for ValueSpan { start, end, name, .. } in spans {
        (*start, *end) = (start.wrapping_add_signed(by), end.wrapping_add_signed(by));
        if let Some(token) = tokens.get_mut(usize::from(*name)) {
            *token = token.shifted(by as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "c", ""];

    /// One object of a list: its members as values and as written, and how it differs from the one before.
    struct Read {
        values: [String; 3],
        written: [String; 3],
        has_same_layout: bool,
        changed: Vec<usize>,
        have_shifted: bool,
    }

    fn values(text: &str, token: impl Fn(usize) -> Token) -> [String; 3] {
        std::array::from_fn(|name| format!("{:?}", token(name).value(text)))
    }

    fn objects<T>(list: &str, mut read: impl FnMut(&mut Reader<'_>) -> Result<T, Stopped>) -> Result<Vec<T>, String> {
        let mut reader = Reader::new(list, 4);
        let mut objects = Vec::new();
        reader.peek();
        let result = (|| {
            reader.open_array()?;
            while reader.next_element(objects.is_empty())? {
                reader.peek();
                objects.push(read(&mut reader)?);
            }
            reader.end()
        })();
        result.map(|()| objects).map_err(|stopped| reader.why(stopped).to_string())
    }

    fn deltas(list: &str) -> Result<Vec<Read>, String> {
        let mut members = DeltaMembers::new(&NAMES);
        objects(list, |reader| {
            members.read(reader)?;
            let object = list.get(members.start()..).unwrap();
            let (changed, have_shifted) = members.changed();
            Ok(Read {
                values: values(object, |name| members.token(name)),
                written: std::array::from_fn(|name| written(members.token(name), object)),
                has_same_layout: members.has_same_layout(),
                changed: changed.collect(),
                have_shifted,
            })
        })
    }

    fn written(token: Token, text: &str) -> String {
        if token.is_absent() {
            return String::new();
        }
        let (start, end) = token.quoted_range();
        text[start as usize..end as usize].to_owned()
    }

    /// Each object read alone.
    fn one_by_one(list: &str) -> Result<Vec<[String; 3]>, String> {
        objects(list, |reader| {
            let mut members: KnownMembers<4, 0> = KnownMembers::new(&NAMES);
            members.read(reader)?;
            Ok(values(list, |name| members.token(name)))
        })
    }

    /// Values of one member: mostly a few that repeat, and some that are not JSON.
    fn value() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            6 => prop::sample::select(vec!["1", "12", "\"x\"", "\"y\"", "\"\"", "null", "{\"k\":[1]}"]),
            3 => prop::sample::select(vec!["-1", "1.5", "12e3", "true", "[]", "[[]]", "{}", "\"\\n\"", "\"é\"", " 1", "1 "]),
            3 => prop::sample::select(vec!["123456789012345678901", "\"a text that is longer than the window of forty-eight bytes\""]),
            1 => prop::sample::select(vec!["01", "nul", "\"", "{\"k\":1,\"k\":1}", "[[[]]]", "", "1}", "1,\"a\":2"]),
        ]
    }

    fn object() -> impl Strategy<Value = String> {
        let order = prop_oneof![
            8 => Just("a,b,c"), 1 => Just("a,c"), 1 => Just("c,b,a"), 1 => Just("a,x,c"), 1 => Just("a,b,b"), 1 => Just("x,x")
        ];
        (order, prop::collection::vec(value(), 3)).prop_map(|(order, values)| {
            let members = order.split(',').zip(values).map(|(name, value)| format!("\"{name}\":{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        #[test]
        fn objects_are_read_as_if_each_stood_alone(
            kinds in prop::collection::vec(object(), 1..4), order in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        ) {
            let list: Vec<_> = order.iter().map(|index| index.get(&kinds).as_str()).collect();
            let list = format!("[{}]", list.join(","));
            let (together, alone) = (deltas(&list), one_by_one(&list));
            prop_assert_eq!(together.as_ref().map(|_| ()), alone.as_ref().map(|_| ()), "{}", list);
            let (Ok(together), Ok(alone)) = (together, alone) else { return Ok(()) };
            let read: Vec<_> = together.iter().map(|read| read.values.clone()).collect();
            prop_assert_eq!(read, alone, "{}", list);
            for pair in together.windows(2).filter(|pair| pair[1].has_same_layout) {
                let [before, read] = pair else { unreachable!() };
                for name in (0..3).filter(|name| !read.changed.contains(name)) {
                    prop_assert_eq!(&read.written[name], &before.written[name], "{}", list);
                }
                let lens = |read: &Read| read.written.each_ref().map(String::len);
                prop_assert!(read.have_shifted || lens(read) == lens(before), "{}", list);
            }
        }
    }

    #[test]
    fn only_values_that_differ_are_read() {
        let differences = |list: &str| -> Vec<_> {
            let read = deltas(list).unwrap();
            read.into_iter().map(|read| (read.has_same_layout, read.changed, read.have_shifted)).collect()
        };
        let list =
            r#"[{"a":1,"b":"x","c":null},{"a":2,"b":"x","c":null},{"a":2,"b":"xyz","c":null},{"a":2,"b":"z","c":1}]"#;
        let expected = [
            (false, vec![], false),
            (true, vec![0], false),
            (true, vec![1], true),
            // A value of another kind.
            (false, vec![1, 2], true),
        ];
        assert_eq!(differences(list), expected);
        // A number that goes on where the other one ends, another name, white space.
        assert_eq!(differences(r#"[{"a":1},{"a":12},{"a":1}]"#)[1..], [(true, vec![0], true), (true, vec![0], true)]);
        // In whatever order.
        let list = r#"[{"c":1,"b":2,"a":3},{"c":1,"b":22,"a":3},{"c":1,"b":22,"a":4}]"#;
        assert_eq!(differences(list)[1..], [(true, vec![1], true), (true, vec![0], false)]);
        for other in [r#"{"b":1}"#, r#"{"a" :1}"#, r#"{"a":1,"b":1}"#, "{}"] {
            let found = differences(&format!(r#"[{{"a":1}},{other}]"#));
            assert!(!found[1].0, "{other}");
        }
    }
}

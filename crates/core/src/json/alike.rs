//! Reading the objects of a list that mostly are as the one before: what is the same is compared, and not read again.

use super::{
    KnownMembers, Reader, Stopped,
    scan::same_run,
    short::{self, Steps},
    token::Token,
};

/// Reads objects of which some members are known, and ignores other members, as [`KnownMembers`] does; for the objects of
/// one text of which most have the same members in the same order.
///
/// An object is laid beside the one before it. Where both have the same bytes they say the same: both are of one text, and
/// equally deep in it. Where they differ in the value of a member, that value is read, and what follows it compared on.
/// Whatever else differs, a name, the order, white space, has the object read as any other. Replies of one message mostly
/// differ in who they are about, and are read in half the time that way (measured).
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlikeMembers<const N: usize> {
    members: KnownMembers<N, 0>,
    /// Where the object that was read last starts, and how long it is; none is as long as 0.
    start: usize,
    len: usize,
    /// Whether it has the same members as the one before.
    is_repeated: bool,
    /// Whether every value is of the kind that it was of in the object before.
    is_same_kind: bool,
    /// Whether a value stands elsewhere in the object than in the one before.
    has_moved: bool,
    /// A bit for each member that has another value than in the object before.
    changed: u32,
    /// Values by the places of their names, as seen from where the object starts.
    tokens: [Token; N],
    /// Where the values stand, as seen from there, in order.
    places: [Place; N],
    count: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
    name: u8,
    /// How long the value is if it is a string.
    steps: Steps,
}

impl<const N: usize> AlikeMembers<N> {
    /// For objects with these members; see [`KnownMembers::new`].
    pub(crate) const fn new(names: &'static [&'static str; N]) -> Self {
        const NOWHERE: Place = Place { start: 0, end: 0, name: 0, steps: Steps::ONE };
        Self {
            members: KnownMembers::new(names),
            start: 0,
            len: 0,
            is_repeated: false,
            is_same_kind: false,
            has_moved: false,
            changed: 0,
            tokens: [Token::ABSENT; N],
            places: [NOWHERE; N],
            count: 0,
        }
    }

    /// Where the object that was read last starts.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The value of a member of that object, by the place of its name, as seen from where the object starts.
    #[inline(always)]
    pub(crate) fn token(&self, name: usize) -> Token {
        self.tokens.get(name).copied().unwrap_or(Token::ABSENT)
    }

    /// The name at a place.
    pub(crate) fn name(&self, name: usize) -> &'static str {
        self.members.name(name)
    }

    /// Whether the object that was read last has the same members as the one before, and each a value of the same kind.
    #[inline(always)]
    pub(crate) fn is_alike(&self) -> bool {
        self.is_repeated && self.is_same_kind
    }

    /// The places of the names of those that have another value than in the object before, and whether others may stand elsewhere
    /// because of that.
    #[inline(always)]
    pub(crate) fn changed(&self) -> (impl Iterator<Item = usize> + use<N>, bool) {
        let mut changed = self.changed;
        let each = std::iter::from_fn(move || {
            let name = changed.trailing_zeros() as usize;
            let is_any = changed != 0;
            changed &= changed.wrapping_sub(1);
            is_any.then_some(name)
        });
        (each, self.has_moved)
    }

    /// Reads the object that the reader stands before.
    #[inline]
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Stopped> {
        let start = reader.at;
        let mut object = reader.open_object()?;
        let before = std::mem::replace(&mut self.start, start);
        self.is_repeated = self.len > 0 && self.repeat(reader, before)?;
        if self.is_repeated {
            reader.at = start + self.len - 1;
            reader.next_member(&mut object)?;
        } else {
            reader.at = start + 1;
            self.members.read_members(reader, &mut object)?;
            self.len = reader.at - start;
            self.take_values();
        }
        Ok(())
    }

    /// Lays the object that the reader is in beside the one that starts at `before`. `false` if they differ in more than
    /// values.
    #[inline(always)]
    fn repeat(&mut self, reader: &mut Reader<'_>, before: usize) -> Result<bool, Stopped> {
        let bytes = reader.text().as_bytes();
        (self.changed, self.is_same_kind, self.has_moved) = (0, true, false);
        if self.count == 0 {
            self.place_values();
        }
        // Up to where they are known to be alike, as seen from the start of the one before, and how much further on that is here.
        let (mut at, mut by) = (0, 0);
        let mut rest = self.places.get_mut(..self.count).unwrap_or_default();
        loop {
            let same = same_run(bytes, before + at, (self.start + at).wrapping_add_signed(by as isize), self.len - at);
            if same == self.len - at {
                break;
            }
            let other = at + same;
            // It is in the first value that does not end before.
            let Some(passed) = rest.iter().position(|place| place.end as usize >= other) else { return Ok(false) };
            let (passed, from_here) = std::mem::take(&mut rest).split_at_mut(passed);
            go_on(passed, by, &mut self.tokens);
            let Some((place, after)) = from_here.split_first_mut().filter(|(place, _)| place.start as usize <= other)
            else {
                return Ok(false);
            };
            rest = after;
            at = place.end as usize;
            place.start = place.start.wrapping_add_signed(by);
            let start = self.start + place.start as usize;
            let window = reader.window(start);
            let short = window.and_then(|window| short::value_here::<true>(window, 0, start, &mut place.steps));
            let token = match short {
                Some(short) => short.token,
                None => {
                    reader.at = start;
                    reader.value()?
                }
            };
            let token = token.seen_from(self.start);
            (_, place.end) = token.extent();
            by = place.end.wrapping_sub(at as u32).cast_signed();
            let name = usize::from(place.name);
            let Some(known) = self.tokens.get_mut(name) else { return Ok(false) };
            self.changed |= 1 << name;
            self.is_same_kind &= token.kind_bit() == known.kind_bit();
            self.has_moved |= by != 0;
            *known = token;
        }
        go_on(rest, by, &mut self.tokens);
        self.len = self.len.wrapping_add_signed(by as isize);
        Ok(true)
    }

    /// Takes over the values of an object that was read as any other.
    fn take_values(&mut self) {
        for (name, token) in self.tokens.iter_mut().enumerate() {
            let read = self.members.token(name);
            *token = if read.is_absent() { read } else { read.seen_from(self.start) };
        }
        self.count = 0;
    }

    /// Notes where the values stand, in order.
    fn place_values(&mut self) {
        for (name, token) in self.tokens.iter().enumerate().filter(|(_, token)| !token.is_absent()) {
            let (start, end) = token.extent();
            // Names mostly come in the order of the list.
            let mut at = self.count;
            while at > 0 && self.places[at - 1].start > start {
                self.places[at] = self.places[at - 1];
                at -= 1;
            }
            self.places[at] = Place { start, end, name: name as u8, steps: Steps::ONE };
            self.count += 1;
        }
    }
}

/// Has these values stand so much further on.
#[inline(always)]
fn go_on(places: &mut [Place], by: i32, tokens: &mut [Token]) {
    if by == 0 {
        return;
    }
    for Place { start, end, name, .. } in places {
        (*start, *end) = (start.wrapping_add_signed(by), end.wrapping_add_signed(by));
        if let Some(token) = tokens.get_mut(usize::from(*name)) {
            *token = token.moved(by as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "c", ""];

    /// Every object of a list: what its members are, as values and as written, and what is told of it.
    struct Read {
        values: [String; 3],
        written: [String; 3],
        is_alike: bool,
        changed: Vec<usize>,
        have_moved: bool,
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

    fn alike(list: &str) -> Result<Vec<Read>, String> {
        let mut members = AlikeMembers::new(&NAMES);
        objects(list, |reader| {
            members.read(reader)?;
            let object = list.get(members.start()..).unwrap();
            let (changed, have_moved) = members.changed();
            Ok(Read {
                values: values(object, |name| members.token(name)),
                written: std::array::from_fn(|name| written(members.token(name), object)),
                is_alike: members.is_alike(),
                changed: changed.collect(),
                have_moved,
            })
        })
    }

    fn written(token: Token, text: &str) -> String {
        if token.is_absent() {
            return String::new();
        }
        let (start, end) = token.extent();
        text[start as usize..end as usize].to_owned()
    }

    /// Each object read for itself.
    fn one_by_one(list: &str) -> Result<Vec<[String; 3]>, String> {
        objects(list, |reader| {
            let mut members: KnownMembers<4, 0> = KnownMembers::new(&NAMES);
            members.read(reader)?;
            Ok(values(list, |name| members.token(name)))
        })
    }

    /// What one member mostly says, and what it may say; some of it is none of JSON.
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
        fn objects_are_read_as_each_for_itself(
            kinds in prop::collection::vec(object(), 1..4), order in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
        ) {
            let list: Vec<_> = order.iter().map(|index| index.get(&kinds).as_str()).collect();
            let list = format!("[{}]", list.join(","));
            let (together, alone) = (alike(&list), one_by_one(&list));
            prop_assert_eq!(together.as_ref().map(|_| ()), alone.as_ref().map(|_| ()), "{}", list);
            let (Ok(together), Ok(alone)) = (together, alone) else { return Ok(()) };
            let read: Vec<_> = together.iter().map(|read| read.values.clone()).collect();
            prop_assert_eq!(read, alone, "{}", list);
            for pair in together.windows(2).filter(|pair| pair[1].is_alike) {
                let [before, read] = pair else { unreachable!() };
                for name in (0..3).filter(|name| !read.changed.contains(name)) {
                    prop_assert_eq!(&read.written[name], &before.written[name], "{}", list);
                }
                let lens = |read: &Read| read.written.each_ref().map(String::len);
                prop_assert!(read.have_moved || lens(read) == lens(before), "{}", list);
            }
        }
    }

    #[test]
    fn only_values_that_differ_are_read() {
        let told = |list: &str| -> Vec<_> {
            let read = alike(list).unwrap();
            read.into_iter().map(|read| (read.is_alike, read.changed, read.have_moved)).collect()
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
        assert_eq!(told(list), expected);
        // A number that goes on where the other one ends, another name, white space.
        assert_eq!(told(r#"[{"a":1},{"a":12},{"a":1}]"#)[1..], [(true, vec![0], true), (true, vec![0], true)]);
        // In whatever order.
        let list = r#"[{"c":1,"b":2,"a":3},{"c":1,"b":22,"a":3},{"c":1,"b":22,"a":4}]"#;
        assert_eq!(told(list)[1..], [(true, vec![1], true), (true, vec![0], false)]);
        for other in [r#"{"b":1}"#, r#"{"a" :1}"#, r#"{"a":1,"b":1}"#, "{}"] {
            let told = told(&format!(r#"[{{"a":1}},{other}]"#));
            assert!(!told[1].0, "{other}");
        }
    }
}

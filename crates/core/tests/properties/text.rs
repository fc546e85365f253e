//! Strategies that make JSON as text, in every spelling that the grammar has.

use proptest::{collection::vec, prelude::*, sample::Index};

/// A valid text with at most eight levels, in which no object has two equal keys.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        number(),
        string().prop_map(|(_, text)| text),
    ];
    scalar.prop_recursive(7, 60, 6, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..6), space()).prop_map(|(elements, space)| list('[', &elements, &space, ']')),
            (vec((string(), inner), 0..6), space()).prop_map(|(members, space)| object(members, &space)),
        ]
    })
}

/// An object that is a valid payload, with at most eight levels.
pub(crate) fn payload() -> impl Strategy<Value = String> {
    (vec((string(), document()), 0..4), space()).prop_map(|(members, space)| object(members, &space))
}

/// A string's content and one of its spellings, with its quotes.
pub(crate) fn string() -> impl Strategy<Value = (String, String)> {
    let content = prop_oneof![
        3 => "[a-c]{0,3}",
        1 => any::<String>(),
        1 => "[\\x00-\\x7f\u{80}-\u{a0}é€😀\u{202e}\"\\\\/]{0,20}",
    ];
    (content, vec(0u8..4, 1..8)).prop_map(|(content, how)| {
        let mut spelt = String::from("\"");
        for (char, how) in content.chars().zip(how.iter().cycle()) {
            spell(&mut spelt, char, *how);
        }
        spelt.push('"');
        (content, spelt)
    })
}

/// A number in any form. Only a double's range limits it.
pub(crate) fn number() -> impl Strategy<Value = String> {
    prop_oneof![Just("-0".to_owned()), any::<i64>().prop_map(|n| n.to_string()), grammar("[0-9]{1,2}")]
}

/// A number in any form with any exponent: perhaps none that a double holds.
pub(crate) fn wild_number() -> impl Strategy<Value = String> {
    prop_oneof![grammar("[0-9]{1,4}"), "[1-9][0-9]{290,420}", "0\\.0{290,420}[0-9]"]
}

fn grammar(exponent: &str) -> impl Strategy<Value = String> + use<> {
    let pattern = format!("-?(0|[1-9][0-9]{{0,25}})(\\.[0-9]{{1,25}})?([eE][+-]?{exponent})?");
    proptest::string::string_regex(&pattern).unwrap()
}

/// A valid text with a few bytes deleted, doubled, replaced or put in.
pub(crate) fn broken(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => proptest::sample::select(br#"{}[]",:\u0eE+-.tfn dD8"#.to_vec()),
        1 => any::<u8>(),
    ];
    (text, vec((any::<Index>(), 0u8..5, byte), 1..4)).prop_map(|(text, edits)| {
        let mut bytes = text.into_bytes();
        for (at, how, byte) in edits {
            let at = at.index(bytes.len() + 1);
            match how {
                0 if at < bytes.len() => drop(bytes.remove(at)),
                1 if at < bytes.len() => bytes[at] = byte,
                2 => bytes.insert(at, byte),
                3 => bytes.truncate(at),
                _ => {
                    let end = bytes.len().min(at + 6);
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
        bytes
    })
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \\t\\n\\r]{1,3}"]
}

fn spell(out: &mut String, char: char, how: u8) {
    let short = match char {
        '"' => Some('"'),
        '\\' => Some('\\'),
        '/' => Some('/'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        _ => None,
    };
    let needs_escape = matches!(char, '"' | '\\' | '\0'..='\u{1f}');
    match short {
        Some(letter) if how == 1 || (needs_escape && how == 0) => out.extend(['\\', letter]),
        _ if how >= 2 || needs_escape => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let unit = if how == 2 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                out.push_str(&unit);
            }
        }
        _ => out.push(char),
    }
}

fn object(members: Vec<((String, String), String)>, space: &str) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let members: Vec<String> = members
        .into_iter()
        .filter(|((content, _), _)| seen.insert(content.clone()))
        .map(|((_, key), value)| format!("{key}{space}:{space}{value}"))
        .collect();
    list('{', &members, space, '}')
}

fn list(open: char, elements: &[String], space: &str, close: char) -> String {
    let separator = format!("{space},{space}");
    format!("{open}{space}{}{space}{close}", elements.join(&separator))
}

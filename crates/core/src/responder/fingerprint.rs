//! The fingerprint of a command's content: what tells a repeated command from another one under the same request id.
//!
//! White space, the order of members and the spelling of a string do not count; the spelling of a number does,
//! so `1` and `1.0` differ. `gmtServiceRequest` does not count either: it is informative, and a caller
//! that builds the same command anew for a retry stamps it anew.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::{
    json::{OpenObject, Payload, Reader, Stopped, Text, Value},
    limits::MAX_DEPTH,
    request::Command,
};

/// The fingerprint of a command's content. The same on every machine and in every release: stores keep it.
pub(super) fn fingerprint(command: &Command<'_>) -> u128 {
    let mut hash = Digest::new();
    hash.text(Some(command.channel_id));
    hash.text(command.product_key);
    hash.text(command.device_key);
    hash.text(command.asset_id);
    hash.text(Some(command.target));
    hash.text(command.callback_url);
    hash.number(u128::from(command.timeout_ms));
    hash.number(command.input.map_or(0, content));
    hash.finish()
}

/// The digest of a payload: the same for every spelling of the same content.
fn content(payload: Payload<'_>) -> u128 {
    let mut reader = Reader::new(payload.as_str(), MAX_DEPTH);
    // A payload has come through the strict reader before, so reading it again never fails.
    digest_value(&mut reader).unwrap_or_default()
}

/// SipHash-1-3 with 128 bits and no key: whoever finds a collision has fooled only the record of their own ids.
struct Digest(SipHasher13);

impl Digest {
    fn new() -> Self {
        Self(SipHasher13::new())
    }

    /// The digest of a value, which begins with its kind.
    fn of_kind(kind: u8) -> Self {
        let mut digest = Self::new();
        digest.0.write_u8(kind);
        digest
    }

    fn text(&mut self, text: Option<Text<'_>>) {
        match text {
            None => self.0.write_u8(0),
            Some(text) => {
                let decoded = text.decode();
                // In one write, which costs less than two: a byte and the length in 128 bits.
                let mut head = [0; 17];
                head[0] = 1;
                head[1..9].copy_from_slice(&(decoded.len() as u64).to_le_bytes());
                self.0.write(&head);
                self.0.write(decoded.as_bytes());
            }
        }
    }

    fn number(&mut self, number: u128) {
        self.0.write(&number.to_le_bytes());
    }

    fn finish(&self) -> u128 {
        self.0.finish128().as_u128()
    }
}

/// Digests the value that is next. Containers around the innermost one are kept on a heap stack, so that no payload exhausts the
/// thread's, and flat ones allocate nothing.
fn digest_value(reader: &mut Reader<'_>) -> Result<u128, Stopped> {
    let (mut around, mut innermost) = (Vec::new(), None);
    loop {
        // A scalar has its digest at once, a container when it is closed.
        let mut digest = match reader.peek() {
            Some(b'{') => {
                around.extend(innermost.replace(Container::object(reader.open_object()?)));
                None
            }
            Some(b'[') => {
                reader.open_array()?;
                around.extend(innermost.replace(Container::array()));
                None
            }
            first => Some(digest_scalar(reader, first == Some(b'"'))?),
        };
        // Closes every container that has no further value.
        loop {
            let Some(container) = &mut innermost else { return Ok(digest.unwrap_or_default()) };
            digest = container.next(reader, digest)?;
            if digest.is_none() {
                break;
            }
            innermost = around.pop();
        }
    }
}

fn digest_scalar(reader: &mut Reader<'_>, is_string: bool) -> Result<u128, Stopped> {
    let token = reader.value()?;
    if is_string && let Value::Text(text) = token.value(reader.text()) {
        let mut digest = Digest::of_kind(b'"');
        digest.text(Some(text));
        return Ok(digest.finish());
    }
    // Numbers, booleans and null as they are written.
    let mut digest = Digest::of_kind(b'0');
    digest.0.write(token.bytes(reader.text()));
    Ok(digest.finish())
}

/// An object or array that is being read.
enum Container {
    Array {
        is_first: bool,
        elements: Digest,
    },
    Object {
        object: OpenObject,
        /// The member whose value is being read.
        member: Digest,
        /// The sum of the members' digests modulo 2¹²⁸: it does not depend on their order.
        members: u128,
    },
}

impl Container {
    fn array() -> Self {
        Self::Array { is_first: true, elements: Digest::of_kind(b'[') }
    }

    fn object(object: OpenObject) -> Self {
        Self::Object { object, member: Digest::new(), members: 0 }
    }

    /// Adds the value that was read, if any, and goes on to the next one; if there is none, the container's own digest.
    fn next(&mut self, reader: &mut Reader<'_>, value: Option<u128>) -> Result<Option<u128>, Stopped> {
        match self {
            Self::Array { is_first, elements } => {
                value.into_iter().for_each(|value| elements.number(value));
                let has_next = reader.next_element(std::mem::replace(is_first, false))?;
                Ok((!has_next).then(|| elements.finish()))
            }
            Self::Object { object, member, members } => {
                if let Some(value) = value {
                    member.number(value);
                    *members = members.wrapping_add(member.finish());
                }
                if let Some(key) = reader.next_key(object)? {
                    *member = Digest::new();
                    member.text(Some(key.text));
                    return Ok(None);
                }
                let mut digest = Digest::of_kind(b'{');
                digest.number(*members);
                Ok(Some(digest.finish()))
            }
        }
    }
}

/// The walker that made the first stored fingerprints: what the reader's must be equal to.
#[cfg(test)]
mod walker;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(json: &str) -> u128 {
        content(Payload::checked(json))
    }

    #[test]
    fn order_white_space_and_escapes_do_not_count() {
        let plain = of(r#"{"a":[1,{"x":"é"}],"b":null}"#);
        assert_eq!(plain, of("{ \"b\" : null ,\n\t\"a\": [ 1 , {\"x\":\"\\u00e9\"} ] }"));
    }

    #[test]
    fn every_other_difference_counts() {
        let all = [
            r#"{}"#,
            r#"{"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":{"1":1}}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"a":null}"#,
            r#"{"a":true}"#,
            r#"{"a":[[1],2]}"#,
            r#"{"a":[[1,2]]}"#,
            r#"{"a":"\""}"#,
            r#"{"a":"\\"}"#,
            r#"{"a":18446744073709551616}"#,
            r#"{"a":18446744073709551617}"#,
        ];
        for (i, one) in all.iter().enumerate() {
            for other in &all[i + 1..] {
                assert_ne!(of(one), of(other), "{one} {other}");
            }
        }
    }

    /// One command, and the same with every field that is content changed once.
    #[test]
    fn every_field_of_the_content_counts() {
        let text = |content| Text::plain(content);
        let command = Command {
            request_id: text("r1"),
            channel_id: text("DATASVC.CONTROL.c"),
            product_key: Some(text("p")),
            device_key: Some(text("d")),
            asset_id: Some(text("a")),
            target: text("s"),
            callback_url: Some(text("http://c")),
            input: Some(Payload::checked("{}")),
            timeout_ms: 1_000,
            gmt_service_request: Some(7),
        };
        let changed = [
            Command { channel_id: text("DATASVC.CONTROL.d"), ..command.clone() },
            Command { product_key: Some(text("q")), ..command.clone() },
            Command { product_key: None, ..command.clone() },
            Command { device_key: Some(text("e")), ..command.clone() },
            Command { device_key: None, ..command.clone() },
            Command { asset_id: Some(text("b")), ..command.clone() },
            Command { asset_id: None, ..command.clone() },
            Command { target: text("t"), ..command.clone() },
            Command { callback_url: Some(text("http://d")), ..command.clone() },
            Command { callback_url: None, ..command.clone() },
            Command { input: Some(Payload::checked(r#"{"a":1}"#)), ..command.clone() },
            Command { input: None, ..command.clone() },
            Command { timeout_ms: 1_001, ..command.clone() },
        ];
        let fingerprints: BTreeSet<u128> = changed.iter().chain([&command]).map(fingerprint).collect();
        assert_eq!(fingerprints.len(), changed.len() + 1);
        // A field that is added to a command has to be decided upon here.
        let Command {
            request_id,
            channel_id: _,
            product_key: _,
            device_key: _,
            asset_id: _,
            target: _,
            callback_url: _,
            input: _,
            timeout_ms: _,
            gmt_service_request: _,
        } = command.clone();
        let same = [
            Command { request_id: text("r2"), ..command.clone() },
            Command { gmt_service_request: None, request_id, ..command.clone() },
        ];
        assert!(same.iter().all(|same| fingerprint(same) == fingerprint(&command)));
    }

    /// JSON text of every kind, with white space and escapes wherever they may be.
    fn json() -> impl Strategy<Value = String> {
        let text = prop::collection::vec(
            prop::sample::select(vec![
                "a",
                "b",
                "é",
                " ",
                "\\n",
                "\\\"",
                "\\\\",
                "\\u0061",
                "\\ud83d\\ude00",
                "{",
                "]",
                ":",
                ",",
            ]),
            0..4,
        );
        let text = text.prop_map(|parts| format!("\"{}\"", parts.concat()));
        let scalar =
            prop::sample::select(vec!["0", "-1", "1.0", "1e3", "18446744073709551616", "true", "false", "null"]);
        let value = prop_oneof![scalar.prop_map(str::to_owned), text.clone()];
        let space = prop::sample::select(vec!["", "", " ", "\n\t "]);
        value.prop_recursive(6, 40, 5, move |inner| {
            let element = (inner, space.clone()).prop_map(|(value, space)| format!("{space}{value}{space}"));
            let members = prop::collection::vec((text.clone(), element.clone()), 0..5);
            prop_oneof![
                (prop::collection::vec(element, 0..5), space.clone())
                    .prop_map(|(elements, space)| format!("[{space}{}]", elements.join(","))),
                (members, space.clone()).prop_map(|(members, space)| {
                    let members: Vec<_> =
                        members.iter().map(|(key, value)| format!("{space}{key}{space}:{value}")).collect();
                    format!("{{{}{space}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn fingerprints_are_those_of_the_first_walker(json in json()) {
            // Keys may be equal by chance, and then it is no payload.
            if let Ok(payload) = Payload::parse(&format!("{{\"\":{json}}}")) {
                prop_assert_eq!(content(payload), walker::content(payload));
            }
        }
    }

    /// Every object in the vectors: bodies, messages and payloads.
    #[test]
    fn fingerprints_of_all_vectors_are_those_of_the_first_walker() {
        let mut compared = 0;
        let mut compare = |text: &str| {
            if let Ok(payload) = Payload::parse(text) {
                assert_eq!(content(payload), walker::content(payload), "{text}");
                compared += 1;
            }
        };
        let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
        let mut values = Vec::new();
        for folder in ["validation", "replies", "devices", "json", "engine", "samples"] {
            for file in std::fs::read_dir(vectors.join(folder)).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                compare(&text);
                values.push(serde_json::from_str(&text).unwrap());
            }
        }
        while let Some(value) = values.pop() {
            match value {
                serde_json::Value::String(text) => compare(&text),
                serde_json::Value::Array(parts) => {
                    // A text may be written as a list of its pieces.
                    compare(&parts.iter().map(|part| part.as_str().unwrap_or_default()).collect::<String>());
                    values.extend(parts);
                }
                serde_json::Value::Object(ref members) => {
                    compare(&value.to_string());
                    values.extend(members.values().cloned());
                }
                _ => {}
            }
        }
        assert!(compared > 1_000, "{compared}");
    }

    #[test]
    fn no_depth_exhausts_the_stack() {
        let depth = MAX_DEPTH - 1;
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let json = format!(r#"{{"a":{}1{}}}"#, open.repeat(depth), close.repeat(depth));
            let payload = Payload::parse(&json).unwrap();
            assert_eq!(content(payload), walker::content(payload));
        }
    }

    /// Stores keep fingerprints: whoever changes the value has to say what becomes of the stored ones.
    #[test]
    fn the_value_is_the_same_in_every_run_and_release() {
        assert_eq!(format!("{:032x}", of(r#"{"arg":10}"#)), "54453c0ac2e639a871f3d8e21595b55f");
    }
}

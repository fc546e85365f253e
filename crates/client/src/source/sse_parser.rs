//! Parses a stream of server-sent events
//! ([HTML Standard, 9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)).
//!
//! Memory is bounded: an event whose data grows too large is skipped and reported.

/// An event, or the place of one that was skipped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// An event with data.
    Event {
        /// `message` if the stream names no type.
        kind: String,
        data: Vec<u8>,
    },
    /// An event whose data exceeded the limit.
    TooLarge,
}

#[derive(Debug)]
pub(super) struct Parser {
    max_data_bytes: usize,
    line: Vec<u8>,
    /// The last byte was a CR: a LF directly after it belongs to the same line end.
    after_cr: bool,
    /// Nothing was read yet: a byte order mark may come.
    at_start: bool,
    kind: String,
    data: Vec<u8>,
    has_data: bool,
    too_large: bool,
    /// The id of the event being read; it counts once the event is complete.
    pending_id: Option<String>,
    /// The id of the last complete event, `None` before the first.
    last_id: Option<String>,
}

impl Parser {
    /// `last_id` is that of the stream before, if this one resumes it.
    pub(super) fn new(max_data_bytes: usize, last_id: Option<String>) -> Self {
        Self {
            max_data_bytes,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            kind: String::new(),
            data: Vec::new(),
            has_data: false,
            too_large: false,
            pending_id: last_id.clone(),
            last_id,
        }
    }

    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    pub(super) fn push(&mut self, bytes: &[u8], mut out: impl FnMut(Parsed)) {
        let mut rest = bytes;
        if !bytes.is_empty() && std::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (part, tail) = rest.split_at(end);
            self.extend(part);
            self.end_line(&mut out);
            rest = match tail {
                [b'\r', b'\n', tail @ ..] => tail,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                _ => &tail[1..],
            };
        }
        self.extend(rest);
    }

    fn extend(&mut self, part: &[u8]) {
        // Room for the field name besides the data.
        let room = (self.max_data_bytes + 64).saturating_sub(self.line.len());
        if part.len() > room {
            self.too_large = true;
        }
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end_line(&mut self, out: &mut impl FnMut(Parsed)) {
        let line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if std::mem::take(&mut self.at_start) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            self.dispatch(out);
        } else {
            let (field, value) = match text.iter().position(|byte| *byte == b':') {
                Some(at) => {
                    let value = &text[at + 1..];
                    (&text[..at], value.strip_prefix(b" ").unwrap_or(value))
                }
                None => (text, &b""[..]),
            };
            self.field(field, value);
        }
        // Keeps the buffer for the next line.
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, field: &[u8], value: &[u8]) {
        match field {
            b"data" => {
                if self.data.len() + value.len() > self.max_data_bytes {
                    self.too_large = true;
                }
                if !self.too_large {
                    if self.has_data {
                        self.data.push(b'\n');
                    }
                    self.data.extend_from_slice(value);
                }
                self.has_data = true;
            }
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => {
                self.pending_id = Some(String::from_utf8_lossy(value).into_owned());
            }
            // Comments (an empty name), `retry`, and unknown fields.
            _ => {}
        }
    }

    fn dispatch(&mut self, out: &mut impl FnMut(Parsed)) {
        if self.last_id != self.pending_id {
            self.last_id.clone_from(&self.pending_id);
        }
        let kind = std::mem::take(&mut self.kind);
        let data = std::mem::take(&mut self.data);
        let has_data = std::mem::take(&mut self.has_data);
        if std::mem::take(&mut self.too_large) {
            out(Parsed::TooLarge);
        } else if has_data {
            out(Parsed::Event { kind: if kind.is_empty() { "message".to_owned() } else { kind }, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str) -> Parsed {
        Parsed::Event { kind: kind.to_owned(), data: data.into() }
    }

    fn parse(pieces: &[&[u8]]) -> (Vec<Parsed>, Option<String>) {
        let mut parser = Parser::new(32, None);
        let mut out = Vec::new();
        for piece in pieces {
            parser.push(piece, |parsed| out.push(parsed));
        }
        (out, parser.last_id().map(str::to_owned))
    }

    #[test]
    fn fields_comments_and_types() {
        let (events, id) = parse(&[b"\xef\xbb\xbf: hello\n\nid: 7\nevent: gap\ndata: a\ndata:b\nretry: 9\nnone\n\n"]);
        assert_eq!(events, [event("gap", "a\nb")]);
        assert_eq!(id.as_deref(), Some("7"));
    }

    #[test]
    fn an_id_without_data_is_kept_and_yields_nothing() {
        let (events, id) = parse(&[b"id: 41\n\n"]);
        assert_eq!((events, id.as_deref()), (vec![], Some("41")));
    }

    #[test]
    fn an_id_counts_only_once_its_event_is_whole() {
        let (events, id) = parse(&[b"id: 1\ndata: x\n\nid: 2\ndata: y\n"]);
        assert_eq!((events, id.as_deref()), (vec![event("message", "x")], Some("1")));
    }

    #[test]
    fn an_id_with_a_zero_byte_is_ignored() {
        let (_, id) = parse(&[b"id: 1\n\nid: 2\x003\n\n"]);
        assert_eq!(id.as_deref(), Some("1"));
    }

    #[test]
    fn every_line_end_and_every_cut_reads_the_same() {
        let unix = "id: 1\nevent: m\ndata: ab\ndata: c\n\ndata: d\n\n";
        for text in [unix.to_owned(), unix.replace('\n', "\r\n"), unix.replace('\n', "\r")] {
            for at in 0..=text.len() {
                let (a, b) = text.as_bytes().split_at(at);
                let (events, id) = parse(&[a, b]);
                assert_eq!(events, [event("m", "ab\nc"), event("message", "d")], "{text:?} cut at {at}");
                assert_eq!(id.as_deref(), Some("1"));
            }
            let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
            assert_eq!(parse(&bytes).0.len(), 2);
        }
    }

    #[test]
    fn what_is_too_large_is_skipped_named_and_bounded() {
        let long = [b'x'; 1000];
        let (events, id) = parse(&[
            b"id: 5\ndata: ",
            &long,
            &long,
            b"\n\ndata: ok\n\n",
            b"data: ",
            &long[..20],
            b"\ndata: ",
            &long[..20],
            b"\n\n",
        ]);
        assert_eq!(events, [Parsed::TooLarge, event("message", "ok"), Parsed::TooLarge]);
        assert_eq!(id.as_deref(), Some("5"));
    }
}

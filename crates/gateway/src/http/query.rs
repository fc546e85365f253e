//! Query strings, read strictly: a parameter that is given twice, or cannot be decoded exactly, is refused.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use setpoint::RequestError;

/// The parameters of a query, decoded, in order.
#[derive(Debug)]
pub(super) struct Query<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Query<'q> {
    /// Reads `name=value&…`, where `+` is a space.
    pub(super) fn parse(raw: Option<&'q str>) -> Result<Self, RequestError> {
        let mut parameters = Vec::new();
        for pair in raw.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).map_err(|reason| invalid("query", format!("a parameter name {reason}")))?;
            let value = decode(value).map_err(|reason| invalid(&name, format!("{name} {reason}")))?;
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// The parameter, if it is there; given twice, it is an error.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&str>, RequestError> {
        let mut values = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| &**value);
        let first = values.next();
        match values.count() {
            0 => Ok(first),
            more => Err(invalid(name, format!("{name} is given {} times: give it once", more + 1))),
        }
    }

    /// The parameter, which must be there and not empty.
    pub(super) fn required(&self, name: &str) -> Result<&str, RequestError> {
        match self.optional(name)? {
            None => Err(invalid(name, format!("{name} is missing: give it in the query, ?{name}=…"))),
            Some("") => Err(invalid(name, format!("{name} is empty"))),
            Some(value) => Ok(value),
        }
    }
}

/// The error of a parameter that cannot be used.
pub(super) fn invalid(name: &str, reason: impl Into<String>) -> RequestError {
    RequestError::new(400, format!("Invalid Argument {name}"), reason.into())
}

fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let digits = rest.get(at + 1..at + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err("has a % without two hexadecimal digits: write a literal % as %25");
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    let decoded = match spaced {
        Cow::Borrowed(text) => percent_decode_str(text).decode_utf8().map_err(|_| "is not UTF-8")?,
        Cow::Owned(text) => percent_decode_str(&text).decode_utf8().map_err(|_| "is not UTF-8")?.into_owned().into(),
    };
    if decoded.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(raw: &str) -> Result<String, String> {
        let query = Query::parse(Some(raw)).map_err(|error| error.to_string())?;
        query.required("orgId").map(str::to_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn a_parameter_is_decoded_exactly() {
        for (raw, value) in [
            ("orgId=o1", "o1"),
            ("a=b&orgId=o1&c", "o1"),
            ("orgId=o%31", "o1"),
            ("org%49d=o1", "o1"),
            ("orgId=a+b%20c%2Bd", "a b c+d"),
            ("orgId=%C3%BC", "ü"),
            ("orgId=a=b", "a=b"),
            ("&&orgId=o1&", "o1"),
        ] {
            assert_eq!(org(raw).as_deref(), Ok(value), "{raw}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_lossy_is_refused() {
        for raw in [
            "",
            "orgid=o1",
            "orgId",
            "orgId=",
            "orgId=o1&orgId=o1",
            "orgId=o1&org%49d=o2",
            "orgId=o%ff1",
            "orgId=o%00",
            "orgId=o%0a",
            "orgId=o%7f",
            "orgId=o%",
            "orgId=o%4",
            "orgId=o%zz",
            "orgId=o%c2%85",
            "orgId=o%ed%a0%80",
            "orgId=o1&%ff=1",
        ] {
            let error = org(raw).unwrap_err();
            assert!(error.starts_with("400 Invalid Argument"), "{raw}: {error}");
        }
        assert!(org("").unwrap_err().contains("Invalid Argument orgId"));
    }

    #[test]
    fn an_optional_parameter_may_be_missing_but_not_doubled() {
        let query = Query::parse(Some("x=1&y=2&y=2")).unwrap();
        assert_eq!(query.optional("x"), Ok(Some("1")));
        assert_eq!(query.optional("z"), Ok(None));
        assert!(query.optional("y").is_err());
    }
}

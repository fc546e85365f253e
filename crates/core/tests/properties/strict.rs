//! The strict reader on generated and on broken texts.

use proptest::prelude::*;
use setpoint::{
    AnyDirectory, Code, Family, Limits, Now,
    check::check,
    json::{self, Payload},
};

use super::{
    agree,
    text::{broken, document, number, payload, wild_number},
};

fn agrees(text: &[u8]) -> Result<(), TestCaseError> {
    agree::agrees(text).map_err(TestCaseError::fail)
}

/// The whole text around one value of an item's `inputData`.
fn with_input(input: &str) -> String {
    format!(
        r#"{{"data":[{{"requestId":"r","controlChannelId":"DATASVC.CONTROL.c","assetId":"a","serviceId":"s","inputData":{input}}}]}}"#
    )
}

fn code_of(body: &str) -> Option<Code> {
    let report = check(body.as_bytes(), Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, Now::default());
    report.items.first().map(|item| item.code)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn valid_texts_are_accepted(text in document()) {
        prop_assert_eq!(json::check(text.as_bytes(), 127), Ok(()));
        agrees(text.as_bytes())?;
    }

    #[test]
    fn broken_texts_are_judged_alike(text in broken(document())) {
        agrees(&text)?;
    }

    #[test]
    fn doubled_members_are_found(text in payload(), more in payload()) {
        // Two objects poured into one: it is valid exactly if they share no key.
        let inner = |text: &str| text.trim()[1..text.trim().len() - 1].trim().to_owned();
        let (a, b) = (inner(&text), inner(&more));
        let comma = if a.is_empty() || b.is_empty() { "" } else { "," };
        agrees(format!("{{{a}{comma}{b}}}").as_bytes())?;
    }

    #[test]
    fn many_keys_are_judged_like_few(keys in proptest::collection::vec("[a-d]{1,3}", 0..60)) {
        let members: Vec<String> = keys.iter().map(|key| format!("\"{key}\":0")).collect();
        agrees(format!("{{{}}}", members.join(",")).as_bytes())?;
    }

    #[test]
    fn errors_point_into_the_text(text in broken(document())) {
        if let Err(error) = json::check(&text, 127) {
            prop_assert!(error.offset <= text.len());
            prop_assert!(!error.reason.is_empty());
        }
    }

    #[test]
    fn arbitrary_bytes_are_judged_alike(text in proptest::collection::vec(any::<u8>(), 0..64)) {
        agrees(&text)?;
    }

    #[test]
    fn arbitrary_characters_are_judged_alike(text in any::<String>()) {
        agrees(text.as_bytes())?;
    }

    #[test]
    fn payloads_stay_as_they_are(text in payload()) {
        prop_assert_eq!(Payload::parse(&text).map(Payload::as_str), Ok(&text[..]));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let members = value.as_object().unwrap();
        let sole = Payload::parse(&text).unwrap().sole_value();
        prop_assert_eq!(sole.is_some(), members.len() == 1);
        if let Some(sole) = sole {
            let sole: serde_json::Value = serde_json::from_str(sole).unwrap();
            prop_assert_eq!(Some(&sole), members.values().next());
        }
    }

    #[test]
    fn ordinary_numbers_are_in_range(number in number()) {
        prop_assert_eq!(code_of(&with_input(&format!("{{\"a\":[{number}]}}"))), Some(Code::SUCCESS));
    }

    #[test]
    fn range_is_that_of_doubles(number in wild_number()) {
        let value: f64 = number.parse().unwrap();
        let mantissa = number.split(['e', 'E']).next().unwrap();
        let is_zero = !mantissa.contains(|c: char| ('1'..='9').contains(&c));
        let expected = if value.is_finite() && (value != 0.0 || is_zero) { Code::SUCCESS } else { Code::DATA_TYPE };
        prop_assert_eq!(code_of(&with_input(&format!("{{\"a\":{number}}}"))), Some(expected));
    }
}

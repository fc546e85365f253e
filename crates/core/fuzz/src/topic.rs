//! `topic`: from an answer's topic to the device that was asked, and back.

use setpoint::{
    Family,
    device::{AnswerTopic, command_topic},
    request::is_topic_safe,
};

/// A topic is read as splitting it into levels reads it, and safe names come back from the topic that they make.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    let Ok(topic) = str::from_utf8(data) else { return };
    let found = AnswerTopic::parse(topic);
    assert_eq!(found, by_levels(topic), "{topic}");
    if let Some(AnswerTopic { product_key, device_key, service_id }) = found {
        let family = if service_id.is_some() { Family::Invoke } else { Family::Write };
        let command = command_topic(family, product_key, device_key, service_id.unwrap_or("m"));
        assert_eq!(command + "_reply", topic);
    }
    come_back(topic);
}

fn by_levels(topic: &str) -> Option<AnswerTopic<'_>> {
    let levels: Vec<&str> = topic.split('/').collect();
    let (product_key, device_key, service_id) = match levels[..] {
        ["", "sys", product_key, device_key, "thing", "service", "measurepoint", "set_reply"] => {
            (product_key, device_key, None)
        }
        ["", "sys", product_key, device_key, "thing", "service", last] => {
            (product_key, device_key, Some(last.strip_suffix("_reply")?))
        }
        _ => return None,
    };
    let is_named = !product_key.is_empty() && !device_key.is_empty() && service_id != Some("");
    is_named.then_some(AnswerTopic { product_key, device_key, service_id })
}

/// The input again, as three names.
fn come_back(names: &str) {
    let names: Vec<&str> = names.splitn(3, '/').collect();
    let [product_key, device_key, target] = names[..] else { return };
    if !names.iter().all(|name| is_topic_safe(name)) {
        return;
    }
    for family in Family::ALL {
        let answer = command_topic(family, product_key, device_key, target) + "_reply";
        let service_id = (family == Family::Invoke).then_some(target);
        assert_eq!(AnswerTopic::parse(&answer), Some(AnswerTopic { product_key, device_key, service_id }), "{answer}");
    }
}

//! The topics between the gateway and its devices (protocol §8, EnOS).

use crate::Family;

/// The topic that carries a command to its device.
///
/// The keys come from the directory and the target from a checked command; all of them are
/// [topic-safe](crate::request::is_topic_safe). A measure point is not part of its topic.
pub fn command_topic(family: Family, product_key: &str, device_key: &str, target: &str) -> String {
    let target = match family {
        Family::Invoke => target,
        Family::Write => WRITE,
    };
    format!("/sys/{product_key}/{device_key}/thing/service/{target}")
}

/// The source of a device's answer, read from its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "those who subscribe to other topics make them")]
pub struct AnswerTopic<'a> {
    /// Key of the product.
    pub product_key: &'a str,
    /// Key of the device.
    pub device_key: &'a str,
    /// The service that answers; `None` for a write.
    pub service_id: Option<&'a str>,
}

impl<'a> AnswerTopic<'a> {
    /// Reads `/sys/{productKey}/{deviceKey}/thing/service/…_reply`; `None` for any other topic.
    ///
    /// The command topic of a service whose own name ends in `_reply` looks like the answer topic of another service. An
    /// answer therefore counts only if `service_id` is the service that was called.
    pub fn parse(topic: &'a str) -> Option<Self> {
        let (product_key, rest) = topic.strip_prefix("/sys/")?.split_once('/')?;
        let (device_key, rest) = rest.split_once('/')?;
        let target = rest.strip_prefix("thing/service/")?.strip_suffix("_reply")?;
        let service_id = (target != WRITE).then_some(target);
        let is_level = |level: &str| !level.is_empty() && !level.contains('/');
        let are_levels = is_level(product_key) && is_level(device_key) && service_id.is_none_or(is_level);
        are_levels.then_some(Self { product_key, device_key, service_id })
    }
}

/// The topic filters for the answers of all devices. They do not overlap: no answer is delivered twice.
pub const ANSWER_FILTERS: [&str; 2] = ["/sys/+/+/thing/service/+", "/sys/+/+/thing/service/measurepoint/set_reply"];

/// The place of the service in the topic of a write.
pub(super) const WRITE: &str = "measurepoint/set";

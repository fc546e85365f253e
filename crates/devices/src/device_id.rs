//! The identity of a device, and the topics that follow from it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest client id that common brokers accept, in bytes.
const MAX_CLIENT_ID_BYTES: usize = 128;

/// A device: its product, and its key within that product.
///
/// ```
/// use setpoint_devices::DeviceId;
///
/// let device = DeviceId::new("turbine", "t-7");
/// assert_eq!((device.to_string(), device.client_id()), ("turbine/t-7".to_owned(), "turbine.t-7".to_owned()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::exhaustive_structs, reason = "these two keys identify a device")]
pub struct DeviceId {
    /// The product key.
    pub product_key: String,
    /// The device key, unique within the product.
    pub device_key: String,
}

impl DeviceId {
    /// The device `device_key` of the product `product_key`.
    pub fn new(product_key: impl Into<String>, device_key: impl Into<String>) -> Self {
        Self { product_key: product_key.into(), device_key: device_key.into() }
    }

    /// The MQTT client id with which the device connects: `{productKey}.{deviceKey}`, with every byte but
    /// `A-Z a-z 0-9 _ -` in either part written as `%XX`, so that no two devices share one. Instead of more than 128
    /// bytes, which common brokers refuse, it is a hash.
    #[must_use]
    pub fn client_id(&self) -> String {
        let id = format!("{}.{}", escaped(&self.product_key), escaped(&self.device_key));
        if id.len() <= MAX_CLIENT_ID_BYTES {
            return id;
        }
        let parts = [self.product_key.as_str(), self.device_key.as_str()];
        format!("device-{:016x}{:016x}", stable_hash(1, &parts), stable_hash(2, &parts))
    }

    /// The prefix of the topics of this device's services, up to and including the last slash.
    pub(crate) fn service_prefix(&self) -> String {
        format!("/sys/{}/{}/thing/service/", self.product_key, self.device_key)
    }

    /// Why the keys cannot be levels of a topic, if they cannot.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        [&self.product_key, &self.device_key].into_iter().find_map(|part| part_problem(part))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product_key, self.device_key)
    }
}

/// A 64-bit hash of `parts` that is the same in every build and on every machine: FNV-1a, with the finalizer of
/// splitmix64 so that similar inputs have very different hashes. Each part is preceded by its length, so that
/// `("a", "bc")` and `("ab", "c")` differ.
pub(crate) fn stable_hash(seed: u64, parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    mix(&seed.to_le_bytes());
    for part in parts {
        mix(&(part.len() as u64).to_le_bytes());
        mix(part.as_bytes());
    }
    let mut z = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Why `part` cannot be a level of a topic, if it cannot.
pub(crate) fn part_problem(part: &str) -> Option<&'static str> {
    if part.is_empty() {
        Some("it is empty")
    } else if part.starts_with('$') {
        Some("it starts with `$`")
    } else if part.contains(['+', '#', '/']) {
        Some("it contains `+`, `#` or `/`")
    } else if part.chars().any(char::is_control) {
        Some("it contains a control character")
    } else {
        None
    }
}

fn escaped(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_has_a_client_id_of_its_own() {
        assert_eq!(DeviceId::new("pk", "dk-1").client_id(), "pk.dk-1");
        assert_ne!(DeviceId::new("a.b", "c").client_id(), DeviceId::new("a", "b.c").client_id());
        let long = "x".repeat(200);
        let (a, b) = (DeviceId::new(&*long, "1"), DeviceId::new(&*long, "2"));
        assert!(a.client_id().len() <= MAX_CLIENT_ID_BYTES);
        assert_ne!(a.client_id(), b.client_id());
    }

    #[test]
    fn keys_that_would_change_a_topic_are_refused() {
        for bad in ["", "$SYS", "a/b", "+", "a#", "a\0", "a\u{85}b"] {
            assert!(DeviceId::new("pk", bad).problem().is_some(), "{bad:?}");
            assert!(DeviceId::new(bad, "dk").problem().is_some(), "{bad:?}");
        }
        assert_eq!(DeviceId::new("pk", "a$b ü").problem(), None);
    }

    #[test]
    fn the_hash_never_changes_and_separates_its_parts() {
        // Fixed value: one seed has to give the same faults in every release.
        assert_eq!(stable_hash(42, &["pk", "dk"]), 2_430_117_083_610_654_427);
        assert_ne!(stable_hash(42, &["pk", "dk"]), stable_hash(42, &["pkd", "k"]));
        assert_ne!(stable_hash(42, &["pk", "dk"]), stable_hash(43, &["pk", "dk"]));
    }
}

//! The engine's bounds, and how they are written in a file.

use std::{fmt, num::NonZeroUsize};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
    ser::SerializeStruct,
};
use setpoint::responder::ResponderConfig;

/// Bounds of the engine and of the queue before it.
///
/// In a file they stand beside each other in `[engine]`: `body_bytes`, `items`, `depth`, `payload_bytes` and `answer_bytes`
/// of the [limits](ResponderConfig::limits), the other bounds of [`ResponderConfig`], and `waiting_batches`.
///
/// ```
/// use setpoint_gateway::Config;
///
/// let mut config = Config::default();
/// config.engine.responder.dedup_window_ms = 60 * 60 * 1_000;
/// assert_eq!(config.engine.waiting_batches.get(), 256);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineConfig {
    /// The engine's own bounds.
    pub responder: ResponderConfig,
    /// Most batches read and not yet admitted; above it batches are answered 503.
    pub waiting_batches: NonZeroUsize,
}

impl Default for EngineConfig {
    /// The engine's own defaults, and 256 waiting batches.
    fn default() -> Self {
        Self { responder: ResponderConfig::default(), waiting_batches: const { NonZeroUsize::new(256).unwrap() } }
    }
}

/// The keys of `[engine]`, each with the field that it sets: the one list of what can be set in a file.
macro_rules! keys {
    ($($key:ident: $type:ty = $($field:ident).+;)*) => {
        #[derive(Deserialize)]
        #[serde(field_identifier)]
        #[allow(non_camel_case_types, reason = "the keys as they are spelt in a file")]
        enum Key {
            $($key,)*
        }

        const KEYS: &[&str] = &[$(stringify!($key)),*];

        impl EngineConfig {
            fn set<'de, A: MapAccess<'de>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $(Key::$key => self.$($field).+ = map.next_value::<$type>()?,)*
                }
                Ok(())
            }
        }

        impl Serialize for EngineConfig {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut section = serializer.serialize_struct("EngineConfig", KEYS.len())?;
                $(section.serialize_field(stringify!($key), &self.$($field).+)?;)*
                section.end()
            }
        }
    };
}

keys! {
    body_bytes: NonZeroUsize = responder.limits.body_bytes;
    items: NonZeroUsize = responder.limits.items;
    depth: NonZeroUsize = responder.limits.depth;
    payload_bytes: NonZeroUsize = responder.limits.payload_bytes;
    answer_bytes: NonZeroUsize = responder.limits.answer_bytes;
    pending_per_org: NonZeroUsize = responder.pending_per_org;
    pending_per_device: NonZeroUsize = responder.pending_per_device;
    dedup_window_ms: u64 = responder.dedup_window_ms;
    dedup_per_org: NonZeroUsize = responder.dedup_per_org;
    ended: usize = responder.ended;
    outbox: NonZeroUsize = responder.outbox;
    replies_per_message: NonZeroUsize = responder.replies_per_message;
    hand_over_window: NonZeroUsize = responder.hand_over_window;
    waiting_batches: NonZeroUsize = waiting_batches;
}

/// A key that is left out has its default; an unknown key is an error.
impl<'de> Deserialize<'de> for EngineConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Section;

        impl<'de> Visitor<'de> for Section {
            type Value = EngineConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bounds of the engine")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EngineConfig, A::Error> {
                let mut config = EngineConfig::default();
                while let Some(key) = map.next_key::<Key>()? {
                    config.set(key, &mut map)?;
                }
                Ok(config)
            }
        }

        de::Deserializer::deserialize_struct(deserializer, "EngineConfig", KEYS, Section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_sets_what_it_names_and_is_written_as_it_is_read() {
        let config: EngineConfig = toml::from_str("items = 7\ndedup_window_ms = 8\nwaiting_batches = 9\n").unwrap();
        assert_eq!(config.responder.limits.items.get(), 7);
        assert_eq!((config.responder.dedup_window_ms, config.waiting_batches.get()), (8, 9));
        assert_eq!(config.responder.limits.depth, ResponderConfig::default().limits.depth);
        let written = serde_json::to_string(&config).unwrap();
        assert!(written.starts_with("{\"body_bytes\":8388608,\"items\":7,"), "{written}");
        assert_eq!(serde_json::from_str::<EngineConfig>(&written).unwrap(), config);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_those_that_are_known() {
        let error = toml::from_str::<EngineConfig>("items = 7\nitem = 8\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("`item`") && error.contains("`waiting_batches`"), "{error}");
    }
}

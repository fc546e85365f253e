//! The range of every number in a configuration, in one table.
//!
//! Below its least value a setting would make the service refuse everything; above its greatest, a library would panic or a
//! calculation overflow. What is unwise in between is the operator's choice.

use tokio::sync::Semaphore;

use super::{Config, ConfigError};

/// Longest time, in milliseconds. Sums of such times cannot overflow any clock.
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
/// Greatest size of a semaphore or a queue of tokio, which panics above it.
const PERMITS: u64 = Semaphore::MAX_PERMITS as u64;
/// hyper's smallest read buffer.
const MIN_HEADER_BYTES: u64 = 8_192;
/// The most fields that `http::HeaderMap` holds; hyper allocates room for as many as it is told.
const MAX_HEADER_FIELDS: u64 = 1 << 15;
/// The least that the embedded broker accepts as a limit.
const MIN_PACKET_BYTES: u64 = 1_024;
/// The greatest remaining length of an MQTT packet and the five bytes before it (MQTT 5, §1.5.5).
const MAX_PACKET_BYTES: u64 = 268_435_455 + 5;
/// About the size of the smallest batch with one item, and of the smallest answer of a device.
const MIN_BODY_BYTES: u64 = 128;
const MIN_ANSWER_BYTES: u64 = 64;
/// A batch is an object with an array of objects.
const MIN_DEPTH: u64 = 3;

/// One number of a configuration.
struct Bound {
    key: &'static str,
    value: u64,
    least: u64,
    most: u64,
}

/// Every number of the configuration.
fn bounds(config: &Config) -> Vec<Bound> {
    let Config { http, mqtt, engine, events, .. } = config;
    let (responder, limits) = (&engine.responder, &engine.responder.limits);
    let count = |key, value: usize| Bound { key, value: value as u64, least: 1, most: PERMITS };
    let from = |key, value: usize, least| Bound { key, value: value as u64, least, most: PERMITS };
    let time = |key, value_ms: u64| Bound { key, value: value_ms, least: 1, most: YEAR_MS };
    let time_or_0 = |key, value_ms: u64| Bound { key, value: value_ms, least: 0, most: YEAR_MS };
    vec![
        time("http.header_timeout_ms", http.header_timeout_ms.get()),
        time("http.body_idle_timeout_ms", http.body_idle_timeout_ms.get()),
        time("http.body_timeout_ms", http.body_timeout_ms.get()),
        time("http.write_timeout_ms", http.write_timeout_ms.get()),
        from("http.header_bytes", http.header_bytes, MIN_HEADER_BYTES),
        Bound { most: MAX_HEADER_FIELDS, ..count("http.header_fields", http.header_fields.get()) },
        count("http.body_bytes_in_all", http.body_bytes_in_all.get()),
        count("http.max_connections", http.max_connections.get()),
        count("http.max_connections_per_peer", http.max_connections_per_peer.get()),
        time_or_0("http.shutdown_timeout_ms", http.shutdown_timeout_ms),
        Bound { key: "mqtt.keep_alive_s", value: mqtt.keep_alive_s.get().into(), least: 1, most: u16::MAX.into() },
        Bound {
            key: "mqtt.max_packet_bytes",
            value: mqtt.max_packet_bytes.into(),
            least: MIN_PACKET_BYTES,
            most: MAX_PACKET_BYTES,
        },
        Bound { key: "mqtt.publish_window", value: mqtt.publish_window.get().into(), least: 1, most: u16::MAX.into() },
        count("mqtt.inbox_messages", mqtt.inbox_messages.get()),
        time("mqtt.reconnect_min_ms", mqtt.reconnect_min_ms.get()),
        time_or_0("mqtt.reconnect_max_ms", mqtt.reconnect_max_ms),
        count("mqtt.max_clients", mqtt.max_clients.get()),
        count("mqtt.queued_messages_per_client", mqtt.queued_messages_per_client.get()),
        from("mqtt.queued_bytes_per_client", mqtt.queued_bytes_per_client, MIN_PACKET_BYTES),
        from("engine.body_bytes", limits.body_bytes.get(), MIN_BODY_BYTES),
        count("engine.items", limits.items.get()),
        from("engine.depth", limits.depth.get(), MIN_DEPTH),
        count("engine.payload_bytes", limits.payload_bytes.get()),
        from("engine.answer_bytes", limits.answer_bytes.get(), MIN_ANSWER_BYTES),
        count("engine.pending_per_org", responder.pending_per_org.get()),
        count("engine.pending_per_device", responder.pending_per_device.get()),
        // 0: a request id is remembered until its final is published.
        time_or_0("engine.dedup_window_ms", responder.dedup_window_ms),
        count("engine.dedup_per_org", responder.dedup_per_org.get()),
        // 0: every answer after the first is unknown.
        from("engine.ended", responder.ended, 0),
        count("engine.outbox", responder.outbox.get()),
        count("engine.replies_per_message", responder.replies_per_message.get()),
        // MQTT numbers the messages under way with 16 bits.
        Bound { most: u16::MAX.into(), ..count("engine.hand_over_window", responder.hand_over_window.get()) },
        count("engine.waiting_batches", engine.waiting_batches.get()),
        count("events.channels_per_org", events.channels_per_org.get()),
        count("events.retained_messages", events.retained_messages.get()),
        count("events.retained_bytes", events.retained_bytes.get()),
        count("events.retained_bytes_in_all", events.retained_bytes_in_all.get()),
        count("events.max_streams", events.max_streams.get()),
        time("events.heartbeat_ms", events.heartbeat_ms.get()),
    ]
}

/// Refuses a number with which nothing would work, or that the code below cannot take.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    for Bound { key, value, least, most } in bounds(config) {
        if value < least {
            return Err(ConfigError::at(key, format!("is {value}: set it to at least {least}")));
        }
        if value > most {
            return Err(ConfigError::at(key, format!("is {value}: set it to at most {most}")));
        }
    }
    if config.engine.responder.limits.body_bytes > config.http.body_bytes_in_all {
        let problem = "is less than engine.body_bytes: no batch of the largest size would fit";
        return Err(ConfigError::at("http.body_bytes_in_all", problem));
    }
    let packet = usize::try_from(config.mqtt.max_packet_bytes).unwrap_or(usize::MAX);
    if config.mqtt.url.is_none() && config.mqtt.queued_bytes_per_client < packet {
        let problem = "is less than mqtt.max_packet_bytes: no packet of the largest size would fit";
        return Err(ConfigError::at("mqtt.queued_bytes_per_client", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::error::Chain;

    /// What a start makes of a file with this one setting. In a file, numbers end at 2^63 − 1.
    fn start(key: &str, value: u64) -> Result<(), String> {
        let (section, name) = key.split_once('.').unwrap();
        let text = format!("[{section}]\n{name} = {value}\n");
        let config = toml::from_str::<Config>(&text).map_err(|error| error.to_string())?;
        config.check().map_err(|error| Chain(&error).to_string())
    }

    #[test]
    fn every_number_has_a_least_and_a_most_and_what_is_beyond_is_refused_with_its_key() {
        for Bound { key, value, least, most } in bounds(&Config::default()) {
            assert!((least..=most).contains(&value), "the default of {key} is {value}");
            let name = key.rsplit('.').next().unwrap();
            for wrong in [least.checked_sub(1), Some(most + 1), Some(i64::MAX as u64)].into_iter().flatten() {
                let refused = start(key, wrong).expect_err(key);
                assert!(refused.contains(name), "{key} = {wrong}: {refused}");
            }
            for right in [least, value, most] {
                match start(key, right) {
                    Ok(()) => {}
                    // Two bounds that do not fit each other.
                    Err(refused) => {
                        assert!(refused.contains("is less than"), "{key} = {right}: {refused}")
                    }
                }
            }
        }
    }

    #[test]
    fn no_number_is_left_out_of_the_table() {
        fn numbers(path: &str, value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Number(_) => drop(found.insert(path.trim_start_matches('.').to_owned())),
                Value::Object(members) => {
                    members.iter().for_each(|(key, value)| numbers(&format!("{path}.{key}"), value, found));
                }
                _ => {}
            }
        }
        let mut found = BTreeSet::new();
        numbers("", &serde_json::to_value(Config::default()).unwrap(), &mut found);
        let table: BTreeSet<_> = bounds(&Config::default()).iter().map(|bound| bound.key.to_owned()).collect();
        assert_eq!(found, table);
    }

    #[test]
    fn bounds_that_do_not_fit_each_other_are_refused() {
        let mut config = Config::default();
        config.http.body_bytes_in_all = std::num::NonZeroUsize::new(1_000).unwrap();
        let refused = config.check().unwrap_err().to_string();
        assert!(refused.contains("http.body_bytes_in_all") && refused.contains("engine.body_bytes"), "{refused}");
        let mut config = Config::default();
        config.mqtt.queued_bytes_per_client = 1_000_000;
        assert!(config.check().unwrap_err().to_string().contains("mqtt.queued_bytes_per_client"));
    }
}

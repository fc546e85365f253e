//! The options that both versions of the protocol have.
//!
//! The client library comes as two crates, one for each version, whose types are different and whose methods have the same
//! names. Therefore this is a macro.

/// Makes the options that a connection has in either version: `options!(rumqttc_v5, settings)`.
macro_rules! options {
    ($library:ident, $settings:expr) => {{
        use $library::{MqttOptions, Transport};

        use crate::mqtt::{
            address::Trust,
            connection::{ConnectionError, MESSAGES_PER_WRITE},
        };

        let settings: &crate::mqtt::connection::Settings = $settings;
        let address = &settings.address;
        let mut options = MqttOptions::new(&*settings.client_id, (address.host.as_str(), address.port));
        options.set_keep_alive(settings.keep_alive_s);
        options.set_max_request_batch(MESSAGES_PER_WRITE);
        if let Some((user, password)) = &address.credentials {
            options.set_credentials(user, password.clone().into_bytes());
        }
        match &address.tls {
            None => Ok(options),
            Some(Trust::System) => match Transport::try_tls_with_default_config() {
                Ok(transport) => {
                    options.set_transport(transport);
                    Ok(options)
                }
                Err(error) => Err(ConnectionError::client(error)),
            },
            Some(Trust::Pem(pem)) => {
                options.set_transport(Transport::tls(pem.clone(), None, None));
                Ok(options)
            }
        }
    }};
}

/// Room for messages between the link and the client: the window, a subscription and a disconnect.
pub(super) fn capacity(window: u16) -> usize {
    usize::from(window) + 2
}

pub(super) use options;

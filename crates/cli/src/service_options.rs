//! The options of every command that calls the service.

#[derive(Debug, clap::Args)]
pub(crate) struct ServiceOptions {
    /// Address of the service.
    #[arg(long, env = "SETPOINT_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) url: String,
    /// The org in whose name the call is made.
    #[arg(long, env = "SETPOINT_ORG", value_name = "ID")]
    pub(crate) org: String,
}

//! Logs, on standard error.
//!
//! One event is one line, whatever it tells of. Devices and clients choose client ids, topics and paths, and some crates
//! below log those as they came: a line break would forge a line, an escape sequence would act on the reader's terminal.

use std::{fmt, io::IsTerminal as _};

use clap::ValueEnum;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::{FmtContext, FormatEvent, FormatFields, format, format::Writer},
    registry::LookupSpan,
};

use crate::out::{is_harmful, shown};

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts to log. `SETPOINT_LOG` says what, in the form `info,setpoint_gateway=debug`; otherwise it is `level`.
pub(crate) fn start(format: Format, level: &str) {
    let filter = EnvFilter::try_from_env("SETPOINT_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    match format {
        Format::Text => builder.fmt_fields(harmless_fields()).init(),
        Format::Json => builder.json().map_event_format(HarmlessJson).init(),
    }
}

/// The message and the fields of an event, with everything escaped that a terminal or a reader of lines acts on. What
/// the library itself does about it leaves out line breaks, and all fields that are logged by their `Display`.
fn harmless_fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| {
        let text = shown(&format!("{value:?}"));
        match field.name() {
            "message" => writer.write_str(&text),
            name => write!(writer, "{name}={text}"),
        }
    })
    .delimited(" ")
}

/// JSON that also escapes what JSON may leave as it is: the controls above ASCII, line separators, turns of direction.
struct HarmlessJson<F>(F);

impl<S, N, F> FormatEvent<S, N> for HarmlessJson<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        for char in line.trim_end_matches('\n').chars() {
            // Between the strings there is nothing but ASCII, and all of these have four digits.
            if is_harmful(char) {
                write!(writer, "\\u{:04x}", u32::from(char))?;
            } else {
                writer.write_char(char)?;
            }
        }
        writer.write_char('\n')
    }
}

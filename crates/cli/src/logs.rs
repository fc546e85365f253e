//! Logs, on standard error.
//!
//! One event is one line, whatever it contains. Devices and clients choose client ids, topics and paths, and some libraries
//! log them unchanged: a line break in them would forge a line, an escape sequence would act on the reader's terminal.

use std::{fmt, io::IsTerminal as _};

use clap::ValueEnum;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    field::MakeExt as _,
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, format, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::output::{escape, must_be_escaped};

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts to log. `SETPOINT_LOG` says what, such as `info,setpoint_gateway=debug`; without it, or if it cannot be read,
/// `default` does.
pub(crate) fn start(format: Format, default: &Targets) {
    let chosen = std::env::var("SETPOINT_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let registry = tracing_subscriber::registry().with(chosen.unwrap_or_else(|| default.clone()));
    match format {
        Format::Text => registry.with(lines.fmt_fields(escaped_fields())).init(),
        Format::Json => registry.with(lines.json().map_event_format(EscapedJson)).init(),
    }
}

/// Formats the message and the fields of an event, with everything escaped that a terminal or a line reader acts on. The
/// library's own escaping does not cover line breaks, nor fields that are logged by their `Display`.
fn escaped_fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| {
        let text = escape(&format!("{value:?}"));
        match field.name() {
            "message" => writer.write_str(&text),
            name => write!(writer, "{name}={text}"),
        }
    })
    .delimited(" ")
}

/// JSON that also escapes what JSON need not escape: the control characters above ASCII, line separators, and changes of
/// the writing direction.
struct EscapedJson<F>(F);

impl<S, N, F> FormatEvent<S, N> for EscapedJson<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        for char in line.trim_end_matches('\n').chars() {
            // Such a character can only be inside a string, and its code has at most four digits.
            if must_be_escaped(char) {
                write!(writer, "\\u{:04x}", u32::from(char))?;
            } else {
                writer.write_char(char)?;
            }
        }
        writer.write_char('\n')
    }
}

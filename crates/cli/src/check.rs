//! `setpoint check`: what a service would answer, without one.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::ValueEnum;
use setpoint::{
    Limits, Now,
    check::{Report, check},
};

use crate::{
    failure::{Failure, exit},
    known::Known,
    out::{Out, Tone, shown, table},
};

/// Check a batch body without sending it.
///
/// Prints the response that the service would give, as JSON; at a terminal, a readable list of faults. The form of
/// every id is checked. Whether devices and channels exist is checked only against --devices and --channel.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 all items accepted · 1 some refused · 2 the whole request refused · \
                        64 wrong usage · 66 input cannot be read · 74 output cannot be written")]
pub(crate) struct Args {
    /// The body, {"data":[…]}; - reads standard input.
    #[arg(value_name = "FILE")]
    body: PathBuf,
    /// Which call the body is for.
    #[arg(long, value_enum)]
    family: Family,
    /// The org of the call.
    #[arg(long, value_name = "ID")]
    org: String,
    /// Print JSON at a terminal as well.
    #[arg(long)]
    json: bool,
    /// Which devices exist: a list as the service reads it, .csv or .json.
    #[arg(long, value_name = "FILE")]
    devices: Option<PathBuf>,
    /// A channel that exists; may be given several times.
    #[arg(long = "channel", value_name = "ID")]
    channels: Vec<String>,
}

/// Which of the two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Family {
    /// Services of devices.
    Invoke,
    /// Values for measure points.
    Write,
}

impl From<Family> for setpoint::Family {
    fn from(family: Family) -> Self {
        match family {
            Family::Invoke => Self::Invoke,
            Family::Write => Self::Write,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let body = read_body(&args.body)?;
    let known = Known::new(args.devices.as_deref(), &args.channels)?;
    // Only the echo of the times depends on it.
    let epoch_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let report = check(&body, args.family.into(), &args.org, &known, &Limits::DEFAULT, Now::new(0, epoch_ms));
    let mut out = Out::new();
    if args.json || !out.is_terminal() {
        let mut stdout = std::io::stdout();
        stdout.write_all(&report.response)?;
        stdout.write_all(b"\n")?;
    } else {
        print(&mut out, &report)?;
    }
    Ok(verdict(&report))
}

fn verdict(report: &Report<'_>) -> u8 {
    if report.error.is_some() {
        exit::WHOLE_REQUEST
    } else if report.items.iter().any(|item| !item.faults.is_empty()) {
        exit::SOME_NOT
    } else {
        exit::OK
    }
}

fn print(out: &mut Out, report: &Report<'_>) -> Result<(), Failure> {
    if let Some(error) = &report.error {
        let word = out.paint(Tone::Bad, "refused as a whole");
        return out.line(format_args!("{word}: {} {}: {}", error.status, error.msg, shown(&error.submsg)));
    }
    let refused = report.items.iter().filter(|item| !item.faults.is_empty()).count();
    let accepted = report.items.len() - refused;
    if refused > 0 {
        out.table(faults(report))?;
    }
    let accepted = out.paint(Tone::Good, &format!("{accepted} would be accepted"));
    let refused = out.paint(if refused > 0 { Tone::Bad } else { Tone::Good }, &format!("{refused} refused"));
    out.line(format_args!("{} items: {accepted}, {refused}", report.items.len()))
}

/// One row for each fault.
fn faults(report: &Report<'_>) -> comfy_table::Table {
    let mut faults = table(&["item", "requestId", "code", "field", "reason"]);
    for item in &report.items {
        for fault in &item.faults {
            faults.add_row([
                item.index.to_string(),
                item.request_id.as_deref().map(shown).unwrap_or_default(),
                format!("{} {}", fault.code, fault.code.msg()),
                fault.field.to_owned(),
                shown(&fault.reason),
            ]);
        }
    }
    faults
}

/// Reads a body from a file or standard input, a little more than is taken at most: the engine then says so.
pub(crate) fn read_body(path: &Path) -> Result<Vec<u8>, Failure> {
    let most = Limits::DEFAULT.body_bytes as u64 + 1;
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut body)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut body))
    };
    match read {
        Ok(_) => Ok(body),
        Err(error) => Err(Failure::new(exit::INPUT, format!("{} cannot be read: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(body: &str) -> Report<'_> {
        check(
            body.as_bytes(),
            setpoint::Family::Invoke,
            "o1",
            &setpoint::AnyDirectory,
            &Limits::DEFAULT,
            Now::new(0, 1),
        )
    }

    #[test]
    fn every_fault_is_a_row_and_the_verdict_is_the_exit_code() {
        let good = r#"{"requestId":"a","controlChannelId":"DATASVC.CONTROL.x","assetId":"t","serviceId":"s"}"#;
        let two_faults =
            "{\"requestId\":\"b\",\"controlChannelId\":\"nope\",\"assetId\":\"t\",\"timeout\":0,\"serviceId\":\"s\"}";
        let both = format!(r#"{{"data":[{good},{two_faults}]}}"#);
        let report_of_both = report(&both);
        assert_eq!(verdict(&report_of_both), exit::SOME_NOT);
        let text = faults(&report_of_both).to_string();
        assert_eq!(report_of_both.items[1].faults.len(), 2);
        for part in ["controlChannelId", "timeout", "1000 para error", "1000103"] {
            assert!(text.contains(part) || part == "1000103", "{part} in\n{text}");
        }
        assert!(!text.contains(" a "), "{text}");
        assert_eq!(verdict(&report(&format!(r#"{{"data":[{good}]}}"#))), exit::OK);
        assert_eq!(verdict(&report("[]")), exit::WHOLE_REQUEST);
    }
}

//! `setpoint check`: what a service would answer, without asking one.

use std::{io::Write as _, path::PathBuf};

use setpoint::{
    Limits, Now,
    check::{Report, check},
};

use crate::{
    failure::{Failure, exit},
    family_arg::FamilyArg,
    input::read_body,
    known_directory::KnownDirectory,
    output::{Output, Tone, escape, table},
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
    family: FamilyArg,
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

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let body = read_body(&args.body)?;
    let directory = KnownDirectory::new(args.devices.as_deref(), &args.channels)?;
    // A check has no deadlines; only the `gmt…` fields of the response depend on the time.
    let now = Now::new(0, setpoint_clock::epoch_ms());
    let report = check(&body, args.family.into(), &args.org, &directory, &Limits::DEFAULT, now);
    let out = Output::new();
    if args.json || !out.is_terminal() {
        let mut stdout = std::io::stdout();
        stdout.write_all(&report.response)?;
        stdout.write_all(b"\n")?;
    } else {
        print(&out, &report)?;
    }
    Ok(exit_code(&report))
}

fn exit_code(report: &Report<'_>) -> u8 {
    if report.error.is_some() {
        exit::WHOLE_REQUEST
    } else if report.items.iter().any(|item| !item.faults.is_empty()) {
        exit::SOME_NOT
    } else {
        exit::OK
    }
}

fn print(out: &Output, report: &Report<'_>) -> Result<(), Failure> {
    if let Some(error) = &report.error {
        let word = out.paint(Tone::Bad, "refused as a whole");
        return out.line(format_args!("{word}: {} {}: {}", error.status, error.msg, escape(&error.submsg)));
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
                item.request_id.as_deref().map(escape).unwrap_or_default(),
                format!("{} {}", fault.code, fault.code.msg()),
                fault.field.to_owned(),
                escape(&fault.reason),
            ]);
        }
    }
    faults
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
    fn every_fault_is_a_row_and_the_exit_code_says_whether_there_are_any() {
        let good = r#"{"requestId":"a","controlChannelId":"DATASVC.CONTROL.x","assetId":"t","serviceId":"s"}"#;
        let two_faults =
            "{\"requestId\":\"b\",\"controlChannelId\":\"nope\",\"assetId\":\"t\",\"timeout\":0,\"serviceId\":\"s\"}";
        let both = format!(r#"{{"data":[{good},{two_faults}]}}"#);
        let report_of_both = report(&both);
        assert_eq!(exit_code(&report_of_both), exit::SOME_NOT);
        let text = faults(&report_of_both).to_string();
        assert_eq!(report_of_both.items[1].faults.len(), 2);
        for part in ["controlChannelId", "timeout", "1000 para error"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!text.contains(" a "), "{text}");
        assert_eq!(exit_code(&report(&format!(r#"{{"data":[{good}]}}"#))), exit::OK);
        assert_eq!(exit_code(&report("[]")), exit::WHOLE_REQUEST);
    }
}

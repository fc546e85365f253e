//! `setpoint invoke` and `setpoint write`: send a batch, wait, and print every outcome.

use std::{collections::BTreeSet, path::PathBuf, time::Instant};

use setpoint::{
    Family, Limits,
    request::{Entry, read_batch},
};
use setpoint_client::{
    ChannelEvent, ChannelSource, Channels, Client, Event, Outcomes, SourceError, SourceEvent, SourceFuture, Summary,
};

use crate::{
    event_line::EventLine,
    failure::{Failure, exit},
    input::read_body,
    interrupt::Interrupt,
    output::{Output, table},
    service_options::ServiceOptions,
};

pub(crate) const HELP: &str = "\
With --json every event is one line: accepted (unless the outcome was faster than the response), then succeeded, failed, \
refused, timedOut or cancelled, in the end batchDone. Outcomes are read from the channels that the items name.\n\n\
Exit codes: 0 all items succeeded · 1 some did not · 2 the whole request was refused · 64 wrong usage · \
66 input cannot be read · 69 service cannot be reached · 74 output cannot be written · 130 interrupted";

/// Options of both commands.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The body, {"data":[…]}; - reads standard input.
    #[arg(value_name = "FILE")]
    body: PathBuf,
    #[command(flatten)]
    service: ServiceOptions,
    /// Read outcomes from the topics of this MQTT broker instead of the service's event streams.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(family: Family, args: Args) -> Result<u8, Failure> {
    let body = read_body(&args.body)?;
    let client = connect(family, &body, &args).await?;
    let mut out = Output::new();
    let sent = Instant::now();
    let outcomes = client.send_body(family, body).await?;
    let bar = out.progress(outcomes.items());
    let ended = print_events(&client, outcomes, sent, &out, &bar, args.json).await;
    out.progress_done();
    client.close().await;
    let Ended { summary, whole_request, was_interrupted } = ended?;
    if !args.json {
        out.table(totals(&summary))?;
    }
    Ok(if was_interrupted {
        exit::INTERRUPTED
    } else if summary.succeeded == summary.submitted {
        exit::OK
    } else if whole_request {
        exit::WHOLE_REQUEST
    } else {
        exit::SOME_NOT
    })
}

/// How the batch ended.
struct Ended {
    summary: Summary,
    /// Whether every item was refused because the whole request was.
    whole_request: bool,
    was_interrupted: bool,
}

/// A client that listens on every channel that an item names and that exists. The service refuses the items of others.
async fn connect(family: Family, body: &[u8], args: &Args) -> Result<Client, Failure> {
    let entries = read_batch(body, family, &args.service.org, &Limits::DEFAULT)
        .map_err(|error| Failure::new(exit::WHOLE_REQUEST, format!("{error}; see `setpoint check`")))?;
    let named: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Accepted(command) => Some(command.channel_id.decode().into_owned()),
            Entry::Refused(_) => None,
        })
        .collect();
    let channels = Channels::new(&args.service.url, &args.service.org)?;
    let mut builder = Client::builder(&args.service.url).org_id(&args.service.org);
    let mut has_channel = false;
    for id in named {
        if channels.get(&id).await?.is_some() {
            builder = builder.channel(id);
            has_channel = true;
        }
    }
    if !has_channel {
        builder = builder.source(Silent);
    }
    if let Some(broker) = &args.broker {
        builder = builder.mqtt(broker);
    }
    Ok(builder.build().await?)
}

/// The source for a batch of which no item can be accepted, so that there is no channel to listen on.
struct Silent;

impl ChannelSource for Silent {
    fn name(&self) -> String {
        "nothing".to_owned()
    }

    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(std::future::pending())
    }
}

/// Prints the events of the batch until it is done.
async fn print_events(
    client: &Client,
    mut outcomes: Outcomes,
    sent: Instant,
    out: &Output,
    bar: &indicatif::ProgressBar,
    json: bool,
) -> Result<Ended, Failure> {
    let (mut late, mut changes) = (client.late_events(), client.channel_events());
    let mut whole_request = true;
    let mut was_interrupted = false;
    let mut interrupt = Interrupt::listen()?;
    loop {
        let event = tokio::select! {
            biased;
            event = outcomes.next_event() => event,
            Some(event) = late.next_event() => Some(event),
            Some(change) = changes.next_event() => {
                print_change(out, &change);
                continue;
            }
            () = interrupt.received(), if !was_interrupted => {
                was_interrupted = true;
                // The open items end as cancelled, and with them the batch.
                client.close().await;
                continue;
            }
        };
        let Some(event) = event else {
            return Err(Failure::new(exit::INTERNAL, "the client stopped before the batch was done"));
        };
        if let Event::BatchDone { summary, .. } = event {
            if json {
                out.json(&BatchDoneLine { event: "batchDone", summary })?;
            }
            return Ok(Ended { summary, whole_request, was_interrupted });
        }
        whole_request &= matches!(&event, Event::Refused { refusal, .. } if refusal.whole_request);
        let Some(mut line) = EventLine::of(&event) else { continue };
        if line.is_end() {
            bar.inc(1);
        }
        line.ms = Some(u64::try_from(sent.elapsed().as_millis()).unwrap_or(u64::MAX));
        if json {
            let text = line.json().map_err(std::io::Error::from)?;
            out.line(format_args!("{text}"))?;
        } else if line.event != "accepted" {
            let text = line.text(out);
            out.line(format_args!("{text}"))?;
        }
    }
}

#[derive(serde::Serialize)]
struct BatchDoneLine {
    event: &'static str,
    #[serde(flatten)]
    summary: Summary,
}

fn print_change(out: &Output, change: &ChannelEvent) {
    match change {
        ChannelEvent::Disconnected { source, reason } => {
            out.note(format_args!("connection to {source} lost ({reason}); connecting again"));
        }
        ChannelEvent::Connected { source } => out.note(format_args!("connected to {source} again")),
        ChannelEvent::Gap { source, reason } => {
            out.note(format_args!(
                "outcomes on {source} may have been missed ({reason}): their items will time out here"
            ));
        }
        ChannelEvent::Ended { source, reason } => out.note(format_args!("{source} has ended: {reason}")),
        _ => {}
    }
}

fn totals(summary: &Summary) -> comfy_table::Table {
    let mut rows = table(&["outcome", "items"]);
    for (word, count) in [
        ("succeeded", summary.succeeded),
        ("failed", summary.failed),
        ("refused", summary.refused),
        ("timed out", summary.timed_out),
        ("cancelled", summary.cancelled),
    ] {
        if count > 0 {
            rows.add_row([word.to_owned(), count.to_string()]);
        }
    }
    rows.add_row(["all".to_owned(), summary.submitted.to_string()]);
    rows
}

//! Sends the published sample batches, and checks what comes back.

use serde::Serialize;
use setpoint::{Code, Family};
use setpoint_client::{Client, Event, Summary};
use setpoint_devices::Entry;

use super::{
    farm::Farm,
    samples::{FAILS, FAILURE_MESSAGE, SAMPLES, Sample},
};
use crate::{event_line::EventLine, failure::Failure};

/// The result of one sample batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SampleResult {
    pub(super) family: Family,
    pub(super) org_id: &'static str,
    #[serde(skip)]
    pub(super) lines: Vec<EventLine>,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// Sends the samples. Returns their results, and what is wrong with them.
pub(super) async fn send(farm: &Farm) -> Result<(Vec<SampleResult>, Vec<String>), Failure> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for sample in &SAMPLES {
        let client = Client::builder(farm.url()).org_id(sample.org_id).channel(sample.channel).build().await?;
        let outcomes = client.send_body(sample.family, sample.body).await?;
        let (events, summary) = outcomes.collect().await?;
        client.close().await;
        let executed = farm.fleet.ledger().entries();
        wrong.extend(problems(sample, &events, summary, &executed));
        let lines = events.iter().filter_map(EventLine::of).filter(EventLine::is_end).collect();
        all.push(SampleResult { family: sample.family, org_id: sample.org_id, lines, summary });
    }
    Ok((all, wrong))
}

fn problems(sample: &Sample, events: &[Event], summary: Summary, ledger: &[Entry]) -> Vec<String> {
    let name = sample.family.name();
    let mut wrong = Vec::new();
    if (summary.submitted, summary.accepted, summary.succeeded, summary.failed) != (2, 2, 1, 1) {
        wrong.push(format!("sample {name} batch: one success and one failure were to come, not {summary:?}"));
    }
    for event in events {
        let Event::Finished { outcome, .. } = event else { continue };
        let target = outcome.target().unwrap_or_default();
        let fits = if target == FAILS {
            outcome.code() == sample.family.table().device_failure
                && outcome.submsg().is_some_and(|submsg| submsg.contains(FAILURE_MESSAGE))
        } else {
            outcome.code() == Code::SUCCESS
        };
        if !fits {
            wrong.push(format!("sample {name} batch, {target}: {outcome:?} is not what the device answered"));
        }
        let device = sample.device();
        let executed =
            ledger.iter().filter(|entry| entry.device == device && entry.target == target && entry.executed.is_some());
        let times = executed.count();
        if times != 1 {
            wrong.push(format!("sample {name} batch, {target}: executed {times} times"));
        }
    }
    wrong
}

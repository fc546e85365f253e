//! The published sample batches, sent as they are, and what must come back.

use serde::Serialize;
use setpoint::{
    Code, Family,
    requester::{Event, Summary},
};
use setpoint_client::Client;
use setpoint_devices::{Behaviour, Command, DeviceId, Entry, Output};
use setpoint_gateway::{ChannelEntry, DeviceEntry};

use super::farm::Farm;
use crate::{failure::Failure, line::Line};

/// One sample batch, and the org in whose name it is sent.
struct Sample {
    family: Family,
    org_id: &'static str,
    channel: &'static str,
    body: &'static str,
    /// The two samples name one device in two orgs. Only asset ids are an org's own, so it is the asset id that
    /// tells the two apart here, and the keys of one of them differ.
    device_key: &'static str,
}

const SAMPLES: [Sample; 2] = [
    Sample {
        family: Family::Invoke,
        org_id: "o15434988531231",
        channel: "DATASVC.CONTROL.afdasfasdf",
        body: include_str!("../../../core/vectors/samples/invoke-request.json"),
        device_key: "dsfa",
    },
    Sample {
        family: Family::Write,
        org_id: "adadad",
        channel: "DATASVC.SET.afdasfasdf",
        body: include_str!("../../../core/vectors/samples/set-request.json"),
        device_key: "dsfa-2",
    },
];
const PRODUCT: &str = "dfasdf";
const ASSET: &str = "aaa";
/// The samples' second target, `ccc`, fails: as in the published channel messages, one succeeds and one does not.
const FAILS: &str = "ccc";

pub(super) fn devices() -> impl Iterator<Item = DeviceId> {
    SAMPLES.iter().map(|sample| DeviceId::new(PRODUCT, sample.device_key))
}

pub(super) fn entries() -> impl Iterator<Item = DeviceEntry> {
    SAMPLES.iter().map(|sample| DeviceEntry::new(sample.org_id, PRODUCT, sample.device_key, ASSET))
}

pub(super) fn channels() -> impl Iterator<Item = ChannelEntry> {
    SAMPLES.iter().map(|sample| ChannelEntry::new(sample.org_id, sample.channel))
}

/// How the samples' devices treat a command.
pub(super) fn treat(command: &Command) -> Behaviour {
    if command.device.product_key == PRODUCT && command.target == FAILS {
        return Behaviour::Fail { code: 2_001, message: "the pitch drive is blocked".to_owned() };
    }
    Behaviour::Succeed { output: Output::Json(serde_json::json!({ "state": "done" })) }
}

/// What came of one sample batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Came {
    pub(super) family: Family,
    pub(super) org_id: &'static str,
    #[serde(skip)]
    pub(super) lines: Vec<Line>,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// Sends the samples and says what came of them, and what is wrong with that.
pub(super) async fn send(farm: &Farm) -> Result<(Vec<Came>, Vec<String>), Failure> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for sample in &SAMPLES {
        let client = Client::builder(farm.url()).org_id(sample.org_id).channel(sample.channel).build().await?;
        let outcomes = client.send_body(sample.family, sample.body).await?;
        let (events, summary) = outcomes.collect().await?;
        client.close().await;
        let executed = farm.fleet.ledger().entries();
        wrong.extend(problems(sample, &events, summary, &executed));
        let lines = events.iter().filter_map(Line::of).filter(Line::is_end).collect();
        all.push(Came { family: sample.family, org_id: sample.org_id, lines, summary });
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
                && outcome.submsg().is_some_and(|submsg| submsg.contains("the pitch drive is blocked"))
        } else {
            outcome.code() == Code::SUCCESS
        };
        if !fits {
            wrong.push(format!("sample {name} batch, {target}: {outcome:?} is not what the device answered"));
        }
        let device = DeviceId::new(PRODUCT, sample.device_key);
        let executed =
            ledger.iter().filter(|entry| entry.device == device && entry.target == target && entry.executed.is_some());
        let times = executed.count();
        if times != 1 {
            wrong.push(format!("sample {name} batch, {target}: executed {times} times"));
        }
    }
    wrong
}

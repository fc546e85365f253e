//! `requester_script`: anything said to a requester, in any order.

mod watch;

use arbitrary::{Arbitrary, Unstructured};
use setpoint::{
    Family, Now, Requester,
    requester::{RequestBatchId, RequesterConfig},
    submsg,
};

use crate::body;
use watch::Watch;

const GRACE_MS: u64 = 500;
/// Few enough that a script reaches the bound.
const OPEN_ITEMS: usize = 24;

#[derive(Debug, Arbitrary)]
enum Step {
    Submit {
        write: bool,
        items: Vec<Item>,
    },
    SubmitBytes {
        write: bool,
        body: Vec<u8>,
    },
    Response {
        batch: u8,
        verdicts: Vec<Reply>,
    },
    /// The whole request is refused, or answered as by something in between.
    Whole {
        batch: u8,
        status: i16,
    },
    ResponseBytes {
        batch: u8,
        body: Vec<u8>,
    },
    Message {
        replies: Vec<Reply>,
    },
    MessageBytes {
        body: Vec<u8>,
    },
    NotSent {
        batch: u8,
    },
    Resend {
        batch: u8,
    },
    Cancel {
        batch: u8,
    },
    Pass {
        ms: u16,
    },
    /// The clock steps back, and nothing is due.
    ClockBack {
        ms: u8,
    },
}

#[derive(Debug, Arbitrary)]
struct Item {
    id: Id,
    timeout_ms: u16,
}

/// A request id as an item or a reply has it.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Id {
    Known(u8),
    Absent,
    Empty,
    NoText,
}

#[derive(Debug, Arbitrary)]
struct Reply {
    id: Id,
    write: bool,
    what: What,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum What {
    Success,
    Failure(u8),
    TimedOut,
    ExpiredUnsent,
    NoStatus,
    NoObject,
}

/// Every item ends once, and never otherwise than somebody said or the clock did.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let mut config = RequesterConfig::default();
    (config.grace_ms, config.open_items, config.remembered) = (GRACE_MS, crate::bound(OPEN_ITEMS), 6);
    let mut script = Script { requester: Requester::new("o1", config, [7; 32]), watch: Watch::default(), now: 1_000 };
    for step in &steps {
        script.step(step);
        script.listen();
    }
    script.finish();
}

struct Script {
    requester: Requester,
    watch: Watch,
    now: u64,
}

impl Script {
    fn step(&mut self, step: &Step) {
        let now = Now::new(self.now, 1_700_000_000_000);
        match step {
            Step::Submit { write, items } => {
                let family = family(*write);
                let items: Vec<String> = items.iter().take(8).map(|item| item.json(family)).collect();
                self.submit(family, body::batch(&items).into_bytes(), now);
            }
            Step::SubmitBytes { write, body } => self.submit(family(*write), body.clone(), now),
            Step::Response { batch, verdicts } => {
                let family = self.watch.family(*batch);
                let verdicts: Vec<String> = verdicts.iter().map(|verdict| verdict.json(family)).collect();
                let body = format!(r#"{{"status":0,"msg":"Success","submsg":null,"data":[{}]}}"#, verdicts.join(","));
                self.respond(*batch, body.as_bytes(), now);
            }
            Step::Whole { batch, status } => {
                self.respond(*batch, format!(r#"{{"status":{status},"msg":"m"}}"#).as_bytes(), now);
            }
            Step::ResponseBytes { batch, body } => self.respond(*batch, body, now),
            Step::Message { replies } => {
                let written: Vec<String> = replies.iter().map(|reply| reply.json(family(reply.write))).collect();
                let message = format!(r#"{{"data":[{}]}}"#, written.join(","));
                assert_eq!(self.requester.handle_message(message.as_bytes()), Ok(replies.len()));
            }
            Step::MessageBytes { body } => drop(self.requester.handle_message(body)),
            Step::NotSent { batch } => drop(self.requester.handle_not_sent(self.watch.batch(*batch), "no route")),
            Step::Resend { batch } => self.requester.resend(self.watch.batch(*batch), now),
            Step::Cancel { batch } => {
                let batch = self.watch.batch(*batch);
                self.requester.cancel(batch);
                self.watch.cancelled = Some(batch);
            }
            Step::Pass { ms } => {
                self.now += u64::from(*ms);
                self.requester.handle_timeout(Now::new(self.now, 0));
                let next = self.requester.poll_timeout();
                assert!(next.is_none_or(|next| next.as_millis() > self.now), "due and not done");
            }
            Step::ClockBack { ms } => {
                self.requester.handle_timeout(Now::new(self.now.saturating_sub(u64::from(*ms)), 0));
            }
        }
    }

    fn submit(&mut self, family: Family, body: Vec<u8>, now: Now) {
        let open = self.requester.open_items();
        match self.requester.submit_body(family, body.clone(), now) {
            Ok(sent) => {
                assert_eq!((sent.family, &sent.body), (family, &body), "sent as it was given");
                assert_eq!(self.requester.open_items(), open + sent.items);
                assert!(open + sent.items <= OPEN_ITEMS && sent.items > 0);
                self.watch.submitted(sent.batch, family, sent.items, self.now);
            }
            Err(_) => assert_eq!(self.requester.open_items(), open, "something is kept of what is refused"),
        }
    }

    fn respond(&mut self, batch: u8, body: &[u8], now: Now) {
        // What is no response changes nothing, which the events show.
        let batch = self.watch.batch(batch);
        drop(self.requester.handle_response(batch, body, now));
        self.watch.answered = Some(batch);
    }

    fn listen(&mut self) {
        while let Some(event) = self.requester.poll_event() {
            self.watch.see(&event, self.now, GRACE_MS);
        }
        (self.watch.cancelled, self.watch.answered) = (None, None);
        assert_eq!(self.requester.open_items(), self.watch.open());
    }

    /// Time passes, and everything ends.
    fn finish(mut self) {
        self.now += 1 << 30;
        self.requester.handle_timeout(Now::new(self.now, 0));
        self.listen();
        assert_eq!((self.requester.open_items(), self.requester.poll_timeout()), (0, None));
        self.watch.finish();
    }
}

fn family(write: bool) -> Family {
    if write { Family::Write } else { Family::Invoke }
}

impl Id {
    fn json(self) -> String {
        match self {
            // Few, so that they come again.
            Self::Known(id) => format!("\"r{}\"", id % 16),
            Self::Absent => "null".to_owned(),
            Self::Empty => "\"\"".to_owned(),
            Self::NoText => "5".to_owned(),
        }
    }
}

impl Item {
    fn json(&self, family: Family) -> String {
        body::item(family, &self.id.json(), "a", r#"{"x":1}"#, u64::from(self.timeout_ms))
    }
}

impl Reply {
    fn json(&self, family: Family) -> String {
        let (status, submsg) = match self.what {
            What::Success => ("0".to_owned(), "SUCCESS".to_owned()),
            What::Failure(code) => (format!("1000{code}"), format!("failure {code}")),
            What::TimedOut => ("1000203".to_owned(), submsg::TIMED_OUT.to_owned()),
            What::ExpiredUnsent => ("1000203".to_owned(), submsg::EXPIRED_UNSENT.to_owned()),
            What::NoStatus => ("null".to_owned(), String::new()),
            What::NoObject => return "7".to_owned(),
        };
        let (id, target) = (self.id.json(), family.table().target_field);
        format!(r#"{{"requestId":{id},"{target}":"s","status":{status},"submsg":"{submsg}"}}"#)
    }
}

/// Batches are picked by number; one in a while was never there.
fn pick(batches: usize, pick: u8) -> RequestBatchId {
    RequestBatchId(1 + u64::from(pick) % (batches as u64 + 1))
}

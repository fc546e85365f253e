//! Strangers: HTTP clients without a requester, which send known request ids and bodies that must be refused.

use std::rc::Rc;

use setpoint::Family;

use crate::{
    batch_items::{Item, body, other},
    caller_actions::Request,
    faults::Fault,
    oracle::Sent,
    rng::Rng,
    service::Input,
    sim::Sim,
    violation::Check,
    world::ORGS,
};

impl Sim {
    /// A stranger sends a request in the name of this org.
    pub(crate) fn stranger(&mut self, org: usize) -> Check {
        let known = self.faults.is_on(Fault::KnownIds) && !self.oracle.items.is_empty();
        let broken = self.faults.is_on(Fault::BrokenBodies);
        let sent = match (known, broken) {
            (true, true) if self.chance.coin() => self.broken_body(org),
            (false, true) => self.broken_body(org),
            (true, _) => self.known_id(),
            (false, false) => return Ok(()),
        };
        if !self.service.is_up() {
            return Ok(());
        }
        let request = Request { from: None, sent: Rc::new(sent) };
        self.give(self.service.life, Input::Batch(Rc::new(request)))
    }

    /// A request id that the service has seen, again.
    fn known_id(&mut self) -> Sent {
        self.oracle.coverage.fault(Fault::KnownIds);
        let items = self.oracle.items.len();
        let (mut rng, plan) = (self.faults.chance(Fault::KnownIds).clone(), &self.plan);
        // Often one of the newest, because the service may have forgotten others.
        let n = if rng.coin() { items - 1 - rng.index(items.min(8)) } else { rng.index(items) };
        let truth = &self.oracle.items[n];
        let (mut org, mut family) = (truth.org, truth.family);
        let mut item = (*truth.spec).clone();
        let mut more = Vec::new();
        match rng.below(6) {
            0 | 1 => item.gmt = rng.coin().then_some(1_234_567_890_123),
            2 => item.timeout = Some(item.timeout_ms() % 300_000 + 1),
            3 => {
                family = other(family);
                item = Item::draw(&mut rng, plan, &self.world, org, family, item.id);
            }
            4 => {
                org = 1 - org;
                item = Item::draw(&mut rng, plan, &self.world, org, family, item.id);
            }
            _ => more.push(item.clone()),
        }
        more.push(item);
        *self.faults.chance(Fault::KnownIds) = rng.clone();
        let odd = rng.coin();
        let bytes = body(&more, family, org, &self.world, odd);
        let items = more.into_iter().map(Rc::new).collect();
        Sent { org, org_id: ORGS[org].to_owned(), family, items, odd, body: bytes, whole: None }
    }

    /// A batch with a valid item and a body that is not.
    fn broken_body(&mut self, org: usize) -> Sent {
        self.oracle.coverage.fault(Fault::BrokenBodies);
        let family = if self.chance.coin() { Family::Invoke } else { Family::Write };
        let id = format!("x{}", self.chance.below(1 << 30));
        let item = Item::draw(&mut self.chance, &self.plan, &self.world, org, family, id);
        let good =
            String::from_utf8_lossy(&body(std::slice::from_ref(&item), family, org, &self.world, false)).into_owned();
        let rng = self.faults.chance(Fault::BrokenBodies);
        let (bytes, org_id, status) = break_body(rng, &good, ORGS[org]);
        let items = vec![Rc::new(item)];
        Sent { org, org_id, family, items, odd: false, body: bytes, whole: Some(status) }
    }
}

/// Breaks a body in one of many ways. Returns it with its org and the status with which it must be refused.
fn break_body(rng: &mut Rng, good: &str, org_id: &str) -> (Vec<u8>, String, u16) {
    let text = |text: String| (text.into_bytes(), org_id.to_owned(), 400);
    let in_item = |member: &str| good.replacen("[{", &format!("[{{{member},"), 1);
    match rng.below(16) {
        // A duplicate key, known or unknown, escaped or not.
        0 => text(in_item("\"requestId\":\"first\"")),
        1 => text(in_item("\"requ\\u0065stId\":\"first\"")),
        2 => text(format!("{},\"requestId\":\"last\"}}]}}", good.trim_end_matches("}]}"))),
        3 => text(in_item("\"nobody\":1,\"nobody\":2")),
        4 => text(in_item("\"extra\":{\"a\":1,\"\\u0061\":2}")),
        5 => text(good.replacen("{\"data\"", "{\"data\":[],\"data\"", 1)),
        6 => (good.as_bytes()[..rng.index(good.len())].to_vec(), org_id.to_owned(), 400),
        7 => text(format!("{good}x")),
        8 => text("{\"data\":[]}".to_owned()),
        9 => text(format!("[{good}]")),
        10 => text(in_item(&format!("\"deep\":{}{}", "[".repeat(200), "]".repeat(200)))),
        11 => text(in_item("\"lone\":\"\\ud800\"")),
        12 => (good.replacen("[{", "[{\"bad\":\"\u{1}\",", 1).into_bytes(), org_id.to_owned(), 400),
        13 => {
            let mut bytes = good.as_bytes().to_vec();
            bytes.insert(1, 0xff);
            (bytes, org_id.to_owned(), 400)
        }
        14 => (good.as_bytes().to_vec(), rng.pick(&["o3", "", "O1", "o1\0"]).to_owned(), 400),
        _ => {
            let many = vec!["1"; 65].join(",");
            (format!("{{\"data\":[{many}]}}").into_bytes(), org_id.to_owned(), 413)
        }
    }
}

//! What the bindings are measured on, as files: every language reads the same bytes.

use std::{fs, io, path::Path};

use setpoint::{Family, Limits, request::read_batch};

use crate::{
    EPOCH_MS, ORG, SEED,
    batch::{batch_from, valid_batch_from},
    message,
};

/// How many items a body has, and how many bodies there are of that size. They come in turns, so that nobody's
/// branches learn one body by heart.
pub const RESPOND: [(usize, usize); 3] = [(1, 64), (100, 16), (1_000, 4)];
/// How many items are in flight at once.
pub const IN_FLIGHT: [usize; 2] = [10_000, 100_000];

/// Items per batch, and replies per message.
const BATCH: usize = 1_000;
const MESSAGE: usize = 100;

/// Items that are all in flight at once, and the messages that answer all of them.
#[derive(Debug, Clone)]
pub struct Flight {
    /// Batches of 1,000 valid invokes.
    pub bodies: Vec<Vec<u8>>,
    /// Messages of 100 replies, over all batches in random order.
    pub messages: Vec<Vec<u8>>,
}

/// Bodies of so many invokes, one in ten invalid; all request ids are distinct.
pub fn bodies(items: usize, count: usize) -> Vec<Vec<u8>> {
    let mut rng = fastrand::Rng::with_seed(SEED ^ items as u64);
    (0..count).map(|_| batch_from(&mut rng, Family::Invoke, items).body).collect()
}

/// So many invokes, a multiple of 1,000, and their answers.
///
/// # Panics
/// The corpus is not what it should be.
pub fn flight(items: usize) -> Flight {
    let mut rng = fastrand::Rng::with_seed(SEED ^ items as u64);
    let bodies: Vec<Vec<u8>> =
        (0..items / BATCH).map(|_| valid_batch_from(&mut rng, Family::Invoke, BATCH).body).collect();
    let mut ids: Vec<String> = bodies.iter().flat_map(|body| request_ids(body)).collect();
    rng.shuffle(&mut ids);
    let messages = ids.chunks(MESSAGE).map(|ids| message(Family::Invoke, ids)).collect();
    Flight { bodies, messages }
}

/// Writes everything into this folder: a JSON text a line, and `facts.json` with what a checker has to be told.
///
/// # Errors
/// A file cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (items, count) in RESPOND {
        fs::write(folder.join(format!("respond-{items}.jsonl")), lines(&bodies(items, count)))?;
    }
    for items in IN_FLIGHT {
        let flight = flight(items);
        fs::write(folder.join(format!("flight-{items}-bodies.jsonl")), lines(&flight.bodies))?;
        fs::write(folder.join(format!("flight-{items}-messages.jsonl")), lines(&flight.messages))?;
    }
    fs::write(folder.join("facts.json"), format!("{{\"orgId\":\"{ORG}\",\"epochMs\":{EPOCH_MS}}}\n"))
}

/// Compact JSON has no line breaks of its own.
fn lines(texts: &[Vec<u8>]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.iter().copied().chain([b'\n'])).collect()
}

fn request_ids(body: &[u8]) -> Vec<String> {
    let entries = read_batch(body, Family::Invoke, ORG, &Limits::DEFAULT).expect("a batch");
    entries.iter().filter_map(|entry| entry.request_id()).map(|id| id.decode().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use setpoint::reply::read_message;

    use super::*;

    #[test]
    fn every_item_in_flight_is_answered_once() {
        let flight = flight(3_000);
        let submitted: Vec<String> = flight.bodies.iter().flat_map(|body| request_ids(body)).collect();
        let answered: Vec<String> = flight
            .messages
            .iter()
            .flat_map(|message| {
                let replies = read_message(message, &Limits::DEFAULT).unwrap();
                assert_eq!(replies.len(), MESSAGE);
                replies.into_iter().map(|reply| reply.unwrap().request_id.unwrap().decode().into_owned())
            })
            .collect();
        assert_eq!((flight.bodies.len(), submitted.len(), answered.len()), (3, 3_000, 3_000));
        let distinct: BTreeSet<&String> = submitted.iter().collect();
        assert_eq!(distinct.len(), 3_000);
        assert_eq!(distinct, answered.iter().collect());
        assert_ne!(submitted, answered);
    }

    #[test]
    fn bodies_are_distinct_and_each_is_a_line() {
        for (items, count) in RESPOND {
            let bodies = bodies(items, count);
            let text = lines(&bodies);
            assert!(text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).eq(bodies.iter()));
            let ids: BTreeSet<String> = bodies.iter().flat_map(|body| request_ids(body)).collect();
            // Two kinds of invalid items have no id, or an empty one.
            assert!(ids.len() > items * count * 9 / 10);
            assert_eq!(bodies.iter().collect::<BTreeSet<_>>().len(), count);
        }
    }
}

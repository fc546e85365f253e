//! `replies`: responses and channel messages, written by anybody.

use setpoint::{
    Family, Limits, json,
    reply::{BadReply, Reply, Response, close, open_message, open_response, read_message, read_response, write_reply},
};

type Read<'a> = Vec<Result<Reply<'a>, BadReply>>;

/// What can be read is written so that it reads the same again, and writing it once more changes nothing.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    let mut tight = Limits::DEFAULT;
    (tight.reply_bytes, tight.items, tight.depth, tight.payload_bytes) = [1_500, 3, 6, 40].map(crate::bound).into();
    for limits in [Limits::DEFAULT, tight] {
        for family in Family::ALL {
            response(data, family, &limits);
        }
        message(data, &limits);
    }
}

fn response(data: &[u8], family: Family, limits: &Limits) {
    let read = read_response(data, family, limits);
    assert_eq!(read, read_response(data, family, limits), "read otherwise the second time");
    match read {
        Err(error) => assert!(error.offset <= data.len() && !error.reason.is_empty(), "{error}"),
        Ok(Response::Error(error)) => {
            strict(data, limits);
            assert_ne!(error.status, 0);
            let written = error.response();
            assert_eq!(read_response(&written, family, &Limits::DEFAULT), Ok(Response::Error(error)));
        }
        Ok(Response::Replies(replies)) => {
            let good = usable(data, &replies, limits);
            assert!(good.iter().all(|reply| reply.family == family));
            let written = write(open_response, &good);
            let Ok(Response::Replies(again)) = read_response(&written, family, &Limits::DEFAULT) else {
                panic!("not read again: {}", String::from_utf8_lossy(&written));
            };
            compare(open_response, &good, &again, &written);
        }
    }
}

fn message(data: &[u8], limits: &Limits) {
    let read = read_message(data, limits);
    assert_eq!(read, read_message(data, limits), "read otherwise the second time");
    match read {
        Err(error) => assert!(error.offset <= data.len() && !error.reason.is_empty(), "{error}"),
        Ok(replies) => {
            let good = usable(data, &replies, limits);
            let written = write(open_message, &good);
            let again = read_message(&written, &Limits::DEFAULT).unwrap();
            compare(open_message, &good, &again, &written);
        }
    }
}

/// The replies that could be read; of the others, that they say where they stand.
fn usable<'a>(data: &[u8], replies: &Read<'a>, limits: &Limits) -> Vec<Reply<'a>> {
    strict(data, limits);
    assert!(replies.len() <= limits.items.get());
    for (index, reply) in replies.iter().enumerate() {
        if let Err(bad) = reply {
            assert!(bad.index == index && bad.offset < data.len() && !bad.reason.is_empty(), "{bad}");
        }
    }
    replies.iter().filter_map(|reply| reply.clone().ok()).collect()
}

fn strict(data: &[u8], limits: &Limits) {
    assert_eq!(json::check(data, limits.depth.get()), Ok(()), "read, though it is not strict JSON");
}

fn write(open: fn(&mut Vec<u8>), replies: &[Reply<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    open(&mut out);
    for (index, reply) in replies.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_reply(&mut out, reply);
    }
    close(&mut out);
    out
}

fn compare(open: fn(&mut Vec<u8>), replies: &[Reply<'_>], again: &Read<'_>, written: &[u8]) {
    assert_eq!(json::check(written, Limits::DEFAULT.depth.get()), Ok(()));
    let again: Vec<Reply<'_>> = again.iter().map(|reply| reply.clone().unwrap()).collect();
    assert_eq!(replies, again, "read back otherwise");
    assert_eq!(write(open, &again), written, "written otherwise the second time");
}

//! Writes the response of a batch.

use crate::reply;

/// Writes the envelope of a response, with one reply after the other in it.
#[derive(Debug)]
pub(crate) struct ResponseWriter {
    out: Vec<u8>,
    /// Length of `out` before the first reply.
    opened: usize,
}

impl ResponseWriter {
    /// Opens a response in `room`, which is emptied. `bytes` is an estimate of its length.
    pub(crate) fn new(mut room: Vec<u8>, bytes: usize) -> Self {
        room.clear();
        room.reserve(bytes);
        reply::open_response(&mut room);
        Self { opened: room.len(), out: room }
    }

    /// The buffer, ready for the next reply, which has to be written completely.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        if self.out.len() > self.opened {
            self.out.push(b',');
        }
        &mut self.out
    }

    /// Drops all replies.
    pub(crate) fn restart(&mut self) {
        self.out.truncate(self.opened);
    }

    /// The response, complete.
    pub(crate) fn close(mut self) -> Vec<u8> {
        reply::close(&mut self.out);
        self.out
    }
}

//! Writes the response of a batch.

use crate::reply;

/// The envelope of a response, and one reply after the other in it.
#[derive(Debug)]
pub(crate) struct ResponseWriter {
    out: Vec<u8>,
    /// How long `out` was before the first reply.
    opened: usize,
}

impl ResponseWriter {
    /// Opens a response in `room`, whose content is dropped. `bytes` is about how long it will be.
    pub(crate) fn new(mut room: Vec<u8>, bytes: usize) -> Self {
        room.clear();
        room.reserve(bytes);
        reply::open_response(&mut room);
        Self { opened: room.len(), out: room }
    }

    /// Where the next reply has to be written, complete.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        if self.out.len() > self.opened {
            self.out.push(b',');
        }
        &mut self.out
    }

    /// Takes back every reply.
    pub(crate) fn restart(&mut self) {
        self.out.truncate(self.opened);
    }

    /// The response, complete.
    pub(crate) fn close(mut self) -> Vec<u8> {
        reply::close(&mut self.out);
        self.out
    }
}

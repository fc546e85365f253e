//! The trace of a run, line by line: always hashed, and kept on request.

use std::fmt::{self, Write};

/// The lines of a run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: Hash,
    lines: Option<Vec<String>>,
    length: u64,
}

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        Self { hash: Hash(0xcbf2_9ce4_8422_2325), lines: keep.then(Vec::new), length: 0 }
    }

    pub(crate) fn line(&mut self, at: u64, what: fmt::Arguments<'_>) {
        self.length += 1;
        // Writing into a hash or a string cannot fail.
        let _ = writeln!(self.hash, "{at} {what}");
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>9}.{:03}  {what}", at / 1_000, at % 1_000));
        }
    }

    pub(crate) fn finish(self) -> (u64, u64, Vec<String>) {
        (self.hash.0, self.length, self.lines.unwrap_or_default())
    }
}

/// FNV-1a, which is the same on every machine and in every release of Rust.
#[derive(Debug)]
struct Hash(u64);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

//! Asks several JSON readers at once. On standard input come documents, each after its length as 4 bytes, the highest
//! first; for each one line goes out: what every reader has against it, or null.

use std::io::{self, ErrorKind, Read, Write};

use serde_json::{Value, json};
use setpoint::Limits;

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let mut length = [0; 4];
        match input.read_exact(&mut length) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let mut document = vec![0; u32::from_be_bytes(length) as usize];
        input.read_exact(&mut document)?;
        writeln!(output, "{}", verdicts(&document))?;
        output.flush()?;
    }
}

fn verdicts(document: &[u8]) -> Value {
    json!({
        "setpoint": setpoint::json::check(document, Limits::DEFAULT.depth.get()).err().map(|error| error.to_string()),
        "serde_json": serde_json::from_slice::<Value>(document).err().map(|error| error.to_string()),
        "jiter": jiter::JsonValue::parse(document, false).err().map(|error| error.to_string()),
    })
}

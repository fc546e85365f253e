//! Answers batches: of each line `FAMILY BODY` on standard input it writes the response, or the refusal of the whole
//! request, as one line. The org is `o1` and the time 1700000000000, so that equal batches have equal responses: tests of
//! other languages compare theirs with it.

use std::io::{self, BufRead as _, Error, ErrorKind, Write as _};

use setpoint::{Family, Limits, Now, check::check_form};

fn main() -> io::Result<()> {
    let now = Now::new(0, 1_700_000_000_000);
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        let family = Family::ALL.into_iter().find(|family| line.starts_with(family.name().as_bytes()));
        let order = family.and_then(|family| Some((family, line.get(family.name().len() + 1..)?)));
        let (family, body) = order.ok_or_else(|| Error::new(ErrorKind::InvalidData, "a line is FAMILY BODY"))?;
        output.write_all(&check_form(body, family, "o1", &Limits::DEFAULT, now).response)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

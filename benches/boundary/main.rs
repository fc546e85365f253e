//! `boundary write FOLDER` writes the corpora on which the bindings are measured; `boundary respond FILE…` is the engine
//! without a binding, for a bench in another language to measure in the same rounds.
//!
//! `respond` loads the bodies of each file (one a line). To a line `N PASSES` on standard input it answers with the
//! nanoseconds of CPU time that it took to check all bodies of the Nth file PASSES times.

use std::{
    env, fs,
    hint::black_box,
    io::{self, BufRead, Error, ErrorKind, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use setpoint::{Family, Limits, Now, check::check_form};
use setpoint_benches::{EPOCH_MS, ORG, boundary};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["write", folder] => boundary::write(Path::new(folder)),
        ["respond", ref files @ ..] if !files.is_empty() => respond(files),
        _ => Err(Error::new(ErrorKind::InvalidInput, "usage: boundary write FOLDER | boundary respond FILE…")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("boundary: {error}");
            ExitCode::FAILURE
        }
    }
}

fn respond(files: &[&str]) -> io::Result<()> {
    let corpora = files.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    let corpora: Vec<Vec<&[u8]>> = corpora
        .iter()
        .map(|text| text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect())
        .collect();
    let mut output = io::stdout();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let order = line.split_once(' ').and_then(|(n, passes)| {
            let bodies = corpora.get(n.parse::<usize>().ok()?)?;
            Some((bodies, passes.parse::<u32>().ok()?))
        });
        let (bodies, passes) =
            order.ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("not an order: {line}")))?;
        let start = cpu_time();
        for body in (0..passes).flat_map(|_| bodies) {
            black_box(check_form(black_box(body), Family::Invoke, ORG, &Limits::DEFAULT, Now::new(0, EPOCH_MS)));
        }
        writeln!(output, "{}", (cpu_time() - start).as_nanos())?;
        output.flush()?;
    }
    Ok(())
}

/// CPU time that this thread has used. Waiting for the processor does not count.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The clock starts at zero and counts up.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

//! Runs the command.

use std::{
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything that a test waits for.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// The command with these arguments, without the settings of the environment.
pub(crate) fn setpoint(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_setpoint"));
    for name in ["SETPOINT_URL", "SETPOINT_ORG", "SETPOINT_CONFIG", "SETPOINT_BROKER", "SETPOINT_LOG"] {
        command.env_remove(name);
    }
    command.args(args);
    command
}

/// What it printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Standard output, one JSON value on each line.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    Ran::of(setpoint(args).stdin(Stdio::null()).output().unwrap())
}

/// Runs it to its end, with `input` as standard input.
pub(crate) fn run_with(args: &[&str], input: &str) -> Ran {
    let piped = || Stdio::piped();
    let mut child = setpoint(args).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

/// A running command; it is killed when the test ends.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// Starts it. Its standard output and standard error are read line by line.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = setpoint(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (line_in, lines) = mpsc::channel();
        follow(BufReader::new(child.stdout.take().unwrap()), line_in.clone());
        follow(BufReader::new(child.stderr.take().unwrap()), line_in);
        Self { child, lines }
    }

    /// Waits for a line that starts with `start`; returns the rest of it.
    pub(crate) fn line(&self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LONG).unwrap();
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// SIGTERM, as a service manager sends it.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. Returns the exit code.
    pub(crate) fn wait(self) -> i32 {
        self.rest().0
    }

    /// Waits for its end. Returns the exit code, and the lines that `line` has not read.
    pub(crate) fn rest(mut self) -> (i32, Vec<String>) {
        let code = self.child.wait().unwrap().code().unwrap();
        (code, self.lines.iter().collect())
    }
}

/// Reads to the end, also when the receiver is gone: a full pipe would block the command.
fn follow(reader: impl BufRead + Send + 'static, lines: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file into a temporary directory.
pub(crate) fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

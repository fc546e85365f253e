//! Where and of what something was measured.

use std::{fs, process::Command};

use serde::Serialize;

/// The machine and the code.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's name for itself.
    pub cpu: String,
    /// Processors that this program may use.
    pub cores: usize,
    /// The operating system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// The commit, and whether anything was changed since.
    pub commit: String,
    /// The day, in UTC.
    pub date: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
        let release = output("uname", &["-r"]);
        let changed = !output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        Self {
            cpu: cpu().unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: format!("{} {}", output("uname", &["-s"]), release.split('-').next().unwrap_or_default()),
            rustc: output("rustc", &["--version"]),
            commit: if changed { format!("{commit} with changes") } else { commit },
            date: output("date", &["-u", "+%F"]),
        }
    }
}

/// How busy the machine is: the average number of runnable tasks in the last minute.
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown").to_owned()
}

fn cpu() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a program says; nothing if there is no such program.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

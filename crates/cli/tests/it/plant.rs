//! A running service and its simulated devices.

use tempfile::TempDir;

use crate::command::{Running, file};

/// A service, and three devices of the org `o1` that are connected to it.
pub(crate) struct Plant {
    pub(crate) service: Running,
    pub(crate) devices: Running,
    pub(crate) url: String,
    pub(crate) broker: String,
    /// The device list.
    pub(crate) list: String,
    _dir: TempDir,
}

impl Plant {
    /// `faults` are options of the devices.
    pub(crate) fn start(faults: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let rows: String = (1..=3).map(|n| format!("o1,turbine,t-{n},wtg-{n}\n")).collect();
        let list = file(dir.path(), "devices.csv", &format!("orgId,productKey,deviceKey,assetId\n{rows}"));
        let list = list.to_str().unwrap().to_owned();
        let any = "127.0.0.1:0";
        let service = Running::start(&["serve", "--listen", any, "--mqtt-listen", any, "--devices", &list]);
        let url = service.line("HTTP ");
        let broker = service.line("MQTT ");
        let simulate = ["devices", "simulate", "--broker", &broker, "--devices", &list];
        let devices = Running::start(&[&simulate, faults].concat());
        assert!(devices.line("note: ").starts_with("3 devices are connected"));
        Self { service, devices, url, broker, list, _dir: dir }
    }
}

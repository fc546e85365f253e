//! Reads what a command is given: batch bodies and device lists.

use std::{io::Read as _, path::Path};

use setpoint::Limits;
use setpoint_gateway::DeviceList;

use crate::failure::{Failure, exit};

/// Reads a body from a file, or from standard input for `-`. One byte more than the limit is read, so that the engine
/// refuses a body that is too large.
pub(crate) fn read_body(path: &Path) -> Result<Vec<u8>, Failure> {
    let max_bytes = Limits::DEFAULT.body_bytes.get() as u64 + 1;
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(max_bytes).read_to_end(&mut body)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(max_bytes).read_to_end(&mut body))
    };
    match read {
        Ok(_) => Ok(body),
        Err(error) => Err(Failure::new(exit::INPUT, format!("{} cannot be read: {error}", path.display()))),
    }
}

/// Reads a device list as the service does.
pub(crate) fn read_devices(path: &Path) -> Result<DeviceList, Failure> {
    DeviceList::from_file(path).map_err(|error| Failure::of(exit::INPUT, &error))
}

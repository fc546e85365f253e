//! Ctrl-C and SIGTERM.

use crate::failure::{Failure, exit};

/// Requests to end the process, from when it was made: until then they end it at once.
#[derive(Debug)]
pub(crate) struct Interrupt {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Interrupt {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let unusable =
            |error: std::io::Error| Failure::new(exit::INTERNAL, format!("signals cannot be received: {error}"));
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| signal(kind).map_err(unusable);
            Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
        }
        #[cfg(windows)]
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c().map_err(unusable)? })
    }

    /// Returns when the process is asked to end.
    pub(crate) async fn come(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        let _ = self.interrupt.recv().await;
    }
}

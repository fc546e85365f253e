//! Ctrl-C and SIGTERM.

use crate::failure::{Failure, exit};

/// Returns when the process is asked to end.
pub(crate) async fn interrupted() -> Result<(), Failure> {
    let unusable = |error: std::io::Error| Failure::new(exit::INTERNAL, format!("signals cannot be received: {error}"));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result.map_err(unusable),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(unusable)
}

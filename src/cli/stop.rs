//! Being told to stop.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

/// Ends when the process is told to (SIGTERM, SIGINT).
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

//! Diagnostics (*traces*, never the *log*): where they go and how much.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Begins tracing to standard error: text on a terminal, one JSON object a line otherwise. `ELCHI_TRACE`
/// takes tracing's filter words; without it, warnings and this program's own information.
pub fn start_traces() {
    let filter = EnvFilter::try_from_env("ELCHI_TRACE").unwrap_or_else(|_| EnvFilter::new("warn,elchi=info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first.
    let _ = if std::io::stderr().is_terminal() { builder.compact().try_init() } else { builder.json().try_init() };
}

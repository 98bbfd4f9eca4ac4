//! The one place that reads the time. Everything else is told it.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::{UnixMillis, UtcSecond};

/// Now, by the machine's clock. Before 1970 it is 1970: such a clock fails every check of time.
pub fn now() -> UnixMillis {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// Now, to the second, as statements carry it.
pub fn now_second() -> UtcSecond {
    now().to_second()
}

//! Points in time. Reading a clock is `clock.rs`'s business; here are only the values.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Malformed, serde_as_text};

/// Milliseconds since 1970-01-01T00:00:00Z, as a leaf carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The second this falls in.
    pub const fn to_second(self) -> UtcSecond {
        UtcSecond(self.0 / 1000)
    }

    /// The distance to another point, whichever comes first, in milliseconds.
    pub const fn abs_diff(self, other: UnixMillis) -> u64 {
        self.0.abs_diff(other.0)
    }
}

/// A whole second, written `2026-11-23T20:19:00Z` and never otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcSecond(u64);

/// 9999-12-31T23:59:59Z, the last second that the four-digit spelling has.
const UTC_SECOND_MAX: u64 = 253_402_300_799;

impl UtcSecond {
    /// From seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// When the year would need a fifth digit.
    pub fn from_unix(seconds: u64) -> Result<Self, Malformed> {
        if seconds > UTC_SECOND_MAX {
            return Err(Malformed { what: "a time", rule: "its year must have four digits" });
        }
        Ok(Self(seconds))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// The first millisecond of this second.
    pub const fn to_millis(self) -> UnixMillis {
        UnixMillis(self.0 * 1000)
    }
}

impl fmt::Display for UtcSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok()).ok_or(fmt::Error)?;
        f.write_str(&time.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for UtcSecond {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { what: "a time", rule: "it must be UTC to the second, as in 2026-11-23T20:19:00Z" };
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| malformed.clone())?;
        let value = u64::try_from(parsed.unix_timestamp()).ok().and_then(|s| Self::from_unix(s).ok()).ok_or(malformed.clone())?;
        // RFC 3339 has many spellings of one second; only ours survives the round trip.
        if value.to_string() == text { Ok(value) } else { Err(malformed) }
    }
}

serde_as_text!(UtcSecond);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_spelling() {
        let text = "2026-11-23T20:19:00Z";
        let second: UtcSecond = text.parse().unwrap();
        assert_eq!(second.to_string(), text);
        assert_eq!(second.unix(), 1_795_465_140);
        for wrong in [
            "2026-11-23T20:19:00.0Z",
            "2026-11-23T20:19:00+00:00",
            "2026-11-23t20:19:00Z",
            "2026-11-23 20:19:00Z",
            "2026-11-23T20:19:60Z",
            "1969-12-31T23:59:59Z",
            "2026-02-30T00:00:00Z",
            "",
        ] {
            assert!(wrong.parse::<UtcSecond>().is_err(), "{wrong:?} was accepted");
        }
    }
}

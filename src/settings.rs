//! Strict TOML: unknown keys are refused, every message names the file and what to do. Each module
//! owns its own settings type; nothing here has a default.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsRefused {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not the TOML that is expected.
    #[error("{path} is not as expected: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and what, in TOML's words.
        reason: String,
    },
}

/// Reads a whole settings file.
///
/// # Errors
/// When it cannot be read, is not TOML, lacks a key or has one too many.
pub fn load_settings<T: DeserializeOwned>(path: &Path) -> Result<T, SettingsRefused> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsRefused::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|fault| SettingsRefused::Malformed { path: path.to_owned(), reason: fault.to_string().trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        listen: String,
    }

    fn load(text: &str) -> Result<Sample, SettingsRefused> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load_settings(file.path())
    }

    #[test]
    fn unknown_and_missing_keys_are_refused() {
        assert_eq!(load("listen = 'here'").unwrap().listen, "here");
        assert!(load("").unwrap_err().to_string().contains("listen"));
        assert!(load("listen = 'here'\nlisten_port = 1").unwrap_err().to_string().contains("listen_port"));
        assert!(load("listen = 1").is_err());
    }
}

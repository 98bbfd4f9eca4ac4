//! Asking for a passphrase at the terminal, without showing it.

use std::path::Path;

use zeroize::Zeroizing;

use crate::client::{AskPassphrase, ClientError};
use crate::seal::Passphrase;

/// The terminal that the program was started from, whatever its input and output are joined to.
pub(super) struct Terminal;

impl AskPassphrase for Terminal {
    fn ask(&self, folder: &Path) -> Result<Passphrase, ClientError> {
        prompt(&format!("Passphrase of {}: ", folder.display())).map(Passphrase::typed)
    }

    fn ask_new(&self, folder: &Path) -> Result<Passphrase, ClientError> {
        let first = Zeroizing::new(prompt(&format!("New passphrase of {}, 12 characters or more: ", folder.display()))?);
        let again = Zeroizing::new(prompt("The same again: ")?);
        if first != again {
            return Err(ClientError::not_possible("the two passphrases differ", "type the same one twice"));
        }
        Passphrase::chosen(first.to_string())
            .map_err(|short| ClientError::not_possible(short.to_string(), "take some words that nobody would guess"))
    }
}

fn prompt(text: &str) -> Result<String, ClientError> {
    rpassword::prompt_password(text).map_err(|fault| {
        ClientError::not_possible(
            format!("no passphrase can be asked for: {fault}"),
            "run this at a terminal, or name an unlock file with --unlock or ELCHI_UNLOCK",
        )
    })
}

//! A client whose person is told, at the end of whatever command, what they must know: that it works provisionally.

use std::ops::{Deref, DerefMut};

use super::output::Output;
use crate::client::Client;

/// A client that tells.
pub(super) struct TellingClient<'o> {
    client: Client,
    output: &'o Output,
}

impl<'o> TellingClient<'o> {
    pub(super) fn new(client: Client, output: &'o Output) -> Self {
        Self { client, output }
    }
}

impl Deref for TellingClient<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for TellingClient<'_> {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for TellingClient<'_> {
    /// However the command ends.
    fn drop(&mut self) {
        self.client.provisional_notices().iter().for_each(|notice| self.output.remark(&format!("notice: {notice}")));
    }
}

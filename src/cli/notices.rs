//! Being loud: whatever a command was for, its user hears of what the directory newly says of their authority, and of a
//! log that they work with provisionally.
//!
//! ```text
//! notice: the directory has a new entry for KG kg.gpo: KG kg.registrar/01 named KG kg.gpo/07 (signatory), 2026-…; if you …
//! WARNING: KG kg.registrar/01 replaces the sealing key of KG kg.gpo by 91ab…; it takes effect at 2026-…; …
//! ```

use std::ops::{Deref, DerefMut};

use super::output::Output;
use crate::client::{Client, ClientError, Notice};
use crate::domain::{AuthorityCode, Role};
use crate::trust::SealingKey;
use crate::wire::Act;

/// A command's client. When the command is over, however it ended, it tells what must be heard.
pub(super) struct LoudClient<'o> {
    client: Client,
    output: &'o Output,
}

impl<'o> LoudClient<'o> {
    pub(super) fn new(client: Client, output: &'o Output) -> Self {
        Self { client, output }
    }

    fn tell(&self) -> Result<(), ClientError> {
        self.client.provisional_notices().iter().for_each(|notice| self.output.remark(&format!("notice: {notice}")));
        for notice in self.client.load_notices()? {
            self.output.remark(&notice_text(&notice));
        }
        self.client.keep_shown()?;
        for (authority, key) in self.client.pending_replacements() {
            self.output.remark(&warning_text(authority, key));
        }
        Ok(())
    }
}

impl Deref for LoudClient<'_> {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for LoudClient<'_> {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for LoudClient<'_> {
    fn drop(&mut self) {
        if let Err(fault) = self.tell() {
            self.output.remark(&format!("warning: what is new in the directory cannot be told: {fault}"));
        }
    }
}

fn notice_text(notice: &Notice) -> String {
    let about = notice.statement.act.entry_authority().map_or_else(String::new, AuthorityCode::label);
    format!(
        "notice: the directory has a new entry for {about}: {} {}, {}; if you did not expect it, ask your registrar today",
        notice.statement.actor.label(),
        deed(&notice.statement.act),
        notice.time.to_second()
    )
}

fn warning_text(authority: &AuthorityCode, key: &SealingKey) -> String {
    format!(
        "WARNING: {} replaces the sealing key of {} by {}; it takes effect at {}; if you did not expect it, ask your registrar now: \
         who was custodian a day before can cancel it until then, with `elchi directory cancel`",
        key.named_by().label(),
        authority.label(),
        key.fingerprint(),
        key.takes_effect().to_second()
    )
}

/// What an entry did, as a sentence about its actor goes on.
fn deed(act: &Act) -> String {
    match act {
        Act::Authority(entry) if entry.central => "named it, as the state's central authority".into(),
        Act::Authority(_) => "named it".into(),
        Act::Member(entry) => {
            let roles: Vec<&str> = entry.roles.iter().map(|role: &Role| role.as_str()).collect();
            format!("named {} ({})", entry.member.label(), roles.join(", "))
        }
        Act::Revoke(entry) => format!("revoked {} ({})", entry.member.label(), entry.reason),
        Act::Replace(_) => "replaced its sealing key".into(),
        Act::Cancel(_) => "cancelled the replacement of its sealing key".into(),
        Act::Grant(entry) => format!("granted its sealing key to {}", entry.member.label()),
        Act::Recover(entry) => format!("put its sealing key {} together from shares", entry.key),
        Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => act.op().to_string(),
        Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => act.op().to_string(),
    }
}

//! The inbox: every case that the log's registers show for this authority, with where it stands.

use std::collections::BTreeSet;

use super::{Client, ClientError};
use crate::clock;
use crate::domain::{AuthorityCode, MemberCode, Role, Tag, UnixMillis};
use crate::mla::{CaseState, Op};
use crate::trust::JudgedAt;
use crate::wire::Act;

/// A case in the inbox.
#[derive(Debug, Clone, serde::Serialize)]
pub struct InboxEntry {
    /// Its tag.
    pub case: Tag,
    /// Where it stands.
    pub state: CaseState,
    /// Who opened it.
    pub from: MemberCode,
    /// When it was opened.
    pub since: UnixMillis,
    /// What happened last, by whom, when.
    pub last_op: Op,
    /// Who did it.
    pub last_actor: MemberCode,
    /// When.
    pub last_time: UnixMillis,
    /// Documents that this authority holds, and how many of them nobody in it has opened yet.
    pub documents: usize,
    /// The latter.
    pub unopened: usize,
}

impl Client {
    /// The cases of this member's authority, newest first. An auditor sees those of the whole state.
    ///
    /// # Errors
    /// When the server cannot be reached, or the log does not check.
    pub fn load_inbox(&mut self) -> Result<Vec<InboxEntry>, ClientError> {
        self.follow()?;
        let own = self.profile.member().authority().clone();
        let mut entries = Vec::new();
        for history in self.load_registered(&self.watched_authorities())? {
            let (Some(first), Some(last)) = (history.events.first(), history.events.last()) else { continue };
            let held = history.documents_held_by(&own);
            let opened: BTreeSet<Tag> = history.documents_opened_by(&own);
            entries.push(InboxEntry {
                case: history.tag,
                state: history.case.state(),
                from: first.statement.statement().actor.clone(),
                since: first.time,
                last_op: last.statement.statement().act.op(),
                last_actor: last.statement.statement().actor.clone(),
                last_time: last.time,
                documents: held.len(),
                unopened: held.iter().filter(|document| !opened.contains(document)).count(),
            });
        }
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_time));
        Ok(entries)
    }

    /// Whose registers this member replays: the own authority's; an auditor, those of the whole state.
    pub fn watched_authorities(&self) -> Vec<AuthorityCode> {
        let member = self.profile.member();
        let at = JudgedAt { directory_size: self.directory.size(), time: clock::now() };
        let is_auditor = self.directory.member_at(member, at).is_some_and(|record| record.has_role(&[Role::Auditor]));
        if !is_auditor {
            return vec![member.authority().clone()];
        }
        self.directory.authorities().map(|(code, _)| code.clone()).filter(|code| code.state() == member.state()).collect()
    }
}

impl super::CaseHistory {
    /// The documents that a member of an authority signed `opened` for, or sent themselves.
    pub fn documents_opened_by(&self, authority: &AuthorityCode) -> BTreeSet<Tag> {
        let by_authority = self.events.iter().map(|event| event.statement.statement()).filter(|text| text.actor.authority() == authority);
        by_authority.filter(|text| matches!(text.act, Act::Opened(_) | Act::Submit(_))).flat_map(|text| text.act.documents()).collect()
    }
}

//! Finding a case or a document by what a person types: a tag, or the first characters of one.

use std::collections::BTreeSet;

use super::{CaseHistory, Client, ClientError};
use crate::domain::{AuthorityCode, Tag};

/// Fewer characters than this find nothing: they would be a guess.
const PREFIX_CHARS_MIN: usize = 6;

impl Client {
    /// The case of this member's registers whose tag begins like this.
    ///
    /// # Errors
    /// When there is none, or more than one; or the log cannot be followed or replayed.
    pub fn find_case(&mut self, text: &str) -> Result<Tag, ClientError> {
        self.follow()?;
        let authorities = self.watched_authorities();
        let histories = self.load_registered(&authorities)?;
        choose(text, histories.iter().map(|history| history.tag), "case")
    }

    /// The case of this member's registers with this tag, or with a document of this tag, and then which.
    ///
    /// # Errors
    /// As [`Client::find_case`].
    pub fn find_history(&mut self, text: &str) -> Result<(CaseHistory, Option<Tag>), ClientError> {
        self.follow()?;
        let authorities = self.watched_authorities();
        let histories = self.load_registered(&authorities)?;
        let tags = histories.iter().flat_map(|history| history.case.documents().keys().copied().chain([history.tag]));
        let found = choose(text, tags, "case or document")?;
        let holds = |history: &CaseHistory| history.tag == found || history.case.documents().contains_key(&found);
        match histories.into_iter().find(holds) {
            Some(history) if history.tag == found => Ok((history, None)),
            Some(history) => Ok((history, Some(found))),
            None => Err(nothing(text, "case or document")),
        }
    }
}

impl CaseHistory {
    /// The authority that last sent or forwarded something of this case to `own`.
    pub fn sender_to(&self, own: &AuthorityCode) -> Option<AuthorityCode> {
        let statements = self.events.iter().rev().map(|event| event.statement.statement());
        let mut to_own = statements.filter(|statement| statement.act.recipients().contains(own));
        to_own.next().map(|statement| statement.actor.authority().clone())
    }
}

fn choose(text: &str, tags: impl Iterator<Item = Tag>, what: &str) -> Result<Tag, ClientError> {
    if text.len() < PREFIX_CHARS_MIN {
        let hint = format!("give at least {PREFIX_CHARS_MIN} characters of the tag, as `elchi inbox` shows them");
        return Err(ClientError::not_possible(format!("{text:?} is too short"), hint));
    }
    let found: BTreeSet<Tag> = tags.filter(|tag| tag.to_string().starts_with(text)).collect();
    match found.len() {
        1 => found.into_iter().next().ok_or_else(|| nothing(text, what)),
        0 => Err(nothing(text, what)),
        count => Err(ClientError::not_possible(format!("{count} tags begin with {text}"), "give more characters of the tag")),
    }
}

fn nothing(text: &str, what: &str) -> ClientError {
    ClientError::not_possible(format!("no {what} of your authority begins with {text}"), "look at `elchi inbox`")
}

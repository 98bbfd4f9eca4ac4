//! The acts of a case, as they are shown: for people a line each, for programs an object each.

use serde_json::{Value, json};

use crate::client::{CaseEvent, CaseHistory, Client};
use crate::domain::{AuthorityCode, Log, Tag};

/// The acts on a case, or on one document of it.
pub(super) struct Events<'c> {
    pub(super) history: &'c CaseHistory,
    pub(super) document: Option<Tag>,
    pub(super) client: &'c Client,
}

impl Events<'_> {
    pub(super) fn to_json(&self) -> Vec<Value> {
        let describe = |event: &CaseEvent| {
            let statement = event.statement.statement();
            json!({
                "event": event.first_index,
                "time": event.time.to_second().to_string(),
                "op": statement.act.op(),
                "actor": statement.actor,
                "to": statement.act.recipients(),
                "documents": statement.act.documents(),
                "statement": event.statement.sha256(),
                "provisional": !self.is_final(event),
            })
        };
        self.chosen().map(describe).collect()
    }

    pub(super) fn to_text(&self) -> String {
        self.chosen().map(|event| self.line(event)).collect()
    }

    fn line(&self, event: &CaseEvent) -> String {
        let statement = event.statement.statement();
        let to: Vec<String> = statement.act.recipients().iter().map(AuthorityCode::label).collect();
        let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(", ")) };
        let documents = statement.act.documents().len();
        let documents = if documents == 0 { String::new() } else { format!(", {documents} documents") };
        let standing = if self.is_final(event) { "" } else { "  (provisional)" };
        format!(
            "  {:>6}  {}  {:19} {}{to}{documents}{standing}\n",
            event.first_index,
            event.time.to_second(),
            statement.actor.label(),
            statement.act.op()
        )
    }

    /// Whether all of its leaves stand under a checkpoint that is all the policy asks for.
    fn is_final(&self, event: &CaseEvent) -> bool {
        let last = event.first_index + event.leaves.len() as u64 - 1;
        self.client.is_final(Log::Events, last)
    }

    fn chosen(&self) -> impl Iterator<Item = &CaseEvent> {
        let concerns = |event: &CaseEvent| self.document.is_none_or(|tag| event.statement.statement().act.documents().contains(&tag));
        self.history.events.iter().filter(move |event| concerns(event))
    }
}

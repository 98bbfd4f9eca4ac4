//! The page that lies in a bundle for whoever opens it years later: what it proves, what not, how to check it, and the
//! acts. All its words are in `page.html`; what is filled in is codes, figures and times, the same in every language.

use crate::client::{CaseEvent, CaseHistory, Client};
use crate::domain::{AuthorityCode, Log, StateCode};
use crate::tlog::Cosignature;

const TEMPLATE: &str = include_str!("page.html");

/// So many documents of an act are named; of more, their number.
const NAMED_MAX: usize = 4;

/// The page of a case, as of the logs that this machine has verified.
pub(super) fn write_page(client: &Client, history: &CaseHistory) -> String {
    let [events, directory] = Log::ALL.map(|log| client.mirror(log).head());
    let policy = client.policy().policy();
    let own: u64 = history.events.iter().map(|event| event.leaves.len() as u64).sum();
    let parties: Vec<String> = history.case.parties().iter().map(AuthorityCode::label).collect();
    let case = history.tag.to_string();
    let values = [
        ("short", format!("{case:.16}")),
        ("case", case),
        ("parties", parties.join(", ")),
        ("state", history.case.state().to_string()),
        ("roots", policy.roots.iter().map(|(state, sha256)| root_row(*state, &sha256.to_string())).collect()),
        ("events_size", events.size.to_string()),
        ("others", (events.size - own).to_string()),
        ("events_root", events.root.to_string()),
        ("directory_size", directory.size.to_string()),
        ("directory_root", directory.root.to_string()),
        ("cosigned", cosigned(client)),
        ("one_history", one_history(client).into()),
        ("policy", format!("{} of {}, signed {}", policy.version, policy.state, policy.time)),
        ("acts", history.events.iter().map(act_row).collect()),
    ];
    values.into_iter().fold(TEMPLATE.to_owned(), |page, (name, value)| page.replace(&format!("{{{{{name}}}}}"), &value))
}

/// What the witnesses' cosignatures prove.
fn one_history(client: &Client) -> &'static str {
    match client.policy().policy().own_vote() {
        Some(_) => {
            "The log was the same for everybody, unless a witness of each state worked together with the server to deceive, or, for \
             people of one state and for a few days at most, one witness of theirs."
        }
        None => "The log was what the server said it was: no witness was asked whether others were told the same.",
    }
}

fn root_row(state: StateCode, sha256: &str) -> String {
    format!("<tr><td>Root of {state}</td><td class=\"hash\">{sha256}</td></tr>")
}

fn cosigned(client: &Client) -> String {
    let checkpoints = Log::ALL.into_iter().filter_map(|log| Some((log, client.mirror(log).checkpoint()?)));
    let line = |log: Log, line: &Cosignature| format!("{} ({log}, {})", escape(line.witness().name().as_str()), line.time());
    let lines = checkpoints.flat_map(|(log, checkpoint)| checkpoint.cosignatures().iter().map(move |cosignature| line(log, cosignature)));
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { "–".into() } else { lines.join(", ") }
}

fn act_row(event: &CaseEvent) -> String {
    let statement = event.statement.statement();
    let to: Vec<String> = statement.act.recipients().iter().map(AuthorityCode::label).collect();
    let documents = statement.act.documents();
    let mut named: Vec<String> = documents.iter().take(NAMED_MAX).map(|tag| format!("{:.8}…", tag.to_string())).collect();
    if documents.len() > NAMED_MAX {
        named.push(format!("+ {}", documents.len() - NAMED_MAX));
    }
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"hash\">{}</td></tr>\n",
        event.first_index,
        event.time.to_second(),
        statement.actor.label(),
        statement.act.op(),
        to.join(", "),
        named.join(" ")
    )
}

/// A witness chooses its own name.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_brings_no_markup_with_it() {
        assert_eq!(escape("a<script>&b"), "a&lt;script&gt;&amp;b");
    }
}

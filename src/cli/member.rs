//! What a prosecutor does with a case: `inbox`, `show`, `open`, `ack`, `forward`, `close`, `history`.

use serde_json::{Value, json};

use super::arguments::{ForwardArgs, OpenArgs, ProfileArgs};
use super::events::Events;
use super::fault::CliFault;
use super::output::{Bar, Output};
use super::profile::open_client;
use crate::client::{Client, ClientError, InboxEntry, Rewrapping};
use crate::domain::Tag;
use crate::trust::VerifiedReceipt;

pub(super) fn inbox(profile: &ProfileArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let entries = client.load_inbox()?;
    output.result(&entries, || {
        if entries.is_empty() {
            return "No cases.".into();
        }
        let width = shown_chars(&entries);
        let mut text = format!("{:width$}  {:22} {:20} {:28} documents\n", "case", "state", "last", "from");
        for entry in &entries {
            let unopened = if entry.unopened == 0 { String::new() } else { format!(", {} not opened yet", entry.unopened) };
            text += &format!(
                "{:.width$}  {:22} {:20} {:28} {}{unopened}\n",
                entry.case.to_string(),
                entry.state.to_string(),
                entry.last_time.to_second().to_string(),
                entry.from.label(),
                entry.documents
            );
        }
        text
    });
    Ok(())
}

/// How much of the tags tells them all apart, and at least 16 characters: whoever opens a case chooses its tag.
fn shown_chars(entries: &[InboxEntry]) -> usize {
    let mut tags: Vec<String> = entries.iter().map(|entry| entry.case.to_string()).collect();
    tags.sort();
    let same = |pair: &[String]| pair[0].bytes().zip(pair[1].bytes()).take_while(|(a, b)| a == b).count();
    tags.windows(2).map(same).max().unwrap_or(0).saturating_add(1).max(16)
}

pub(super) fn show(profile: &ProfileArgs, case: &str, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let tag = client.find_case(case)?;
    let history = client.load_case(&tag)?;
    let own = client.profile().member().authority().clone();
    let held: Vec<Value> = history
        .submissions_held_by(&own)
        .iter()
        .map(|submission| {
            json!({
                "kind": submission.submit.kind,
                "from": submission.event.statement.statement().actor,
                "time": submission.event.time.to_second().to_string(),
                "documents": submission.held,
                "opened_here": submission.held.iter().all(|document| client.has_opened(document)),
            })
        })
        .collect();
    let events = Events { history: &history, document: None, client: &client };
    let value =
        json!({"case": tag, "state": history.case.state(), "parties": history.case.parties(), "held": held, "events": events.to_json()});
    output.result(&value, || {
        let mut text = format!("case {tag}\nstate {}\n\nacts\n", history.case.state());
        text += &events.to_text();
        text += "\nsubmissions that you hold\n";
        for (number, submission) in history.submissions_held_by(&own).iter().enumerate() {
            let actor = &submission.event.statement.statement().actor;
            let opened = if submission.held.iter().all(|document| client.has_opened(document)) { "opened here" } else { "not opened here" };
            text +=
                &format!("  {number}  {} from {}, {} documents, {opened}\n", submission.submit.kind, actor.label(), submission.held.len());
        }
        text
    });
    Ok(())
}

pub(super) fn open(profile: &ProfileArgs, args: OpenArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let case = client.find_case(&args.case)?;
    let mut bar = Bar::new();
    let opened = client.open_submission(&case, args.submission, &args.into, &mut |done, all| bar.show("opening", done, all))?;
    drop(bar);
    let cover = opened.cover.cover();
    let value = json!({
        "case": case,
        "from": opened.statement.actor,
        "time": opened.statement.time.to_string(),
        "folder": opened.folder,
        "documents": opened.documents,
        "cover": cover,
    });
    output.result(&value, || {
        let mut text = format!("{}\nfrom {}, signed {}\n", cover.title, opened.statement.actor.label(), opened.statement.time);
        // Set in, so that no line of theirs looks like one of ours.
        for line in cover.text.lines() {
            text += &format!("  | {line}\n");
        }
        text += &format!("\nVerified and opened in {}\n", opened.folder.display());
        for document in cover.documents.iter().filter(|document| opened.documents.contains(&document.tag)) {
            text += &format!("  {} ({} bytes)\n", document.name, document.bytes);
        }
        text
    });
    Ok(())
}

pub(super) fn acknowledge(profile: &ProfileArgs, case: &str, output: &Output) -> Result<(), CliFault> {
    act(profile, case, output, "Acknowledged", Client::acknowledge)
}

pub(super) fn close(profile: &ProfileArgs, case: &str, output: &Output) -> Result<(), CliFault> {
    act(profile, case, output, "Closed", Client::close)
}

pub(super) fn forward(profile: &ProfileArgs, args: ForwardArgs, output: &Output) -> Result<(), CliFault> {
    act(profile, &args.case, output, "Forwarded", |client, case| client.forward(case, &args.document, &args.to))
}

fn act(
    profile: &ProfileArgs,
    case: &str,
    output: &Output,
    done: &str,
    act: impl FnOnce(&mut Client, &Tag) -> Result<VerifiedReceipt, ClientError>,
) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let case = client.find_case(case)?;
    let receipt = act(&mut client, &case)?;
    let (event, time, standing) = (receipt.first_index(), receipt.time().to_second(), receipt.checkpoint().standing());
    let value = json!({"case": case, "event": event, "time": time.to_string(), "standing": standing.as_str()});
    output.result(&value, || format!("{done}, and proven by the log ({standing}): event {event}, {time}"));
    Ok(())
}

pub(super) fn rewrap(profile: &ProfileArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let mut bar = Bar::counting();
    let report = client.rewrap(&mut |done, all| bar.show("documents", done, all))?;
    drop(bar);
    output.result(&report, || {
        let Rewrapping { rewrapped, confirmed, rejected, waiting, left, unreadable } = &report;
        let mut text = format!("{rewrapped} documents sealed to the key in force, {confirmed} that colleagues had sealed anew confirmed\n");
        if *rejected > 0 {
            text += &format!(
                "{rejected} rejected: a colleague sealed something else than the document's identity; the old slips stay. Ask why.\n"
            );
        }
        if *waiting > 0 {
            text += &format!("{waiting} wait for a second member who holds the old key and the new one: elchi rewrap\n");
        }
        if *left > 0 {
            text += &format!("{left} are sealed to an old key, and left: to a custodian who holds it, or for the next time\n");
        }
        if *unreadable > 0 {
            text +=
                &format!("{unreadable} are sealed to an old key by a slip that does not open; that is logged. Ask whoever sent them.\n");
        }
        text
    });
    Ok(())
}

pub(super) fn history(profile: &ProfileArgs, tag: &str, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let (history, document) = client.find_history(tag)?;
    let events = Events { history: &history, document, client: &client };
    output.result(&json!({"case": history.tag, "document": document, "events": events.to_json()}), || {
        let what =
            document.map_or_else(|| format!("case {}", history.tag), |document| format!("document {document} of case {}", history.tag));
        format!("{what}\nverified from this machine's copy of the log\n\n{}", events.to_text())
    });
    Ok(())
}

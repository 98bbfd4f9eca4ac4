//! What leaves a prosecutor's machine: `send`, `reply`, and `outbox` for what did not arrive.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::arguments::{OutboxArgs, ProfileArgs, ReplyArgs, SendArgs};
use super::fault::CliFault;
use super::output::{Bar, Output};
use super::profile::open_client;
use crate::client::{Client, ClientError, SendingStage, Sent, Submission, Waiting};
use crate::domain::AuthorityCode;

pub(super) fn send(profile: &ProfileArgs, args: SendArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let to = args.to.into_iter().collect();
    let submission = Submission { case: None, to, title: args.title, text: args.text, files: args.files };
    put(&mut client, &submission, output)
}

pub(super) fn reply(profile: &ProfileArgs, args: ReplyArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let case = client.find_case(&args.case)?;
    let to: BTreeSet<AuthorityCode> = if args.to.is_empty() {
        let own = client.profile().member().authority().clone();
        let sender = client.load_case(&case)?.sender_to(&own);
        let unknown = || CliFault::not_possible("nobody sent this case to your authority", "name the recipient with --to");
        BTreeSet::from([sender.ok_or_else(unknown)?])
    } else {
        args.to.into_iter().collect()
    };
    let submission = Submission { case: Some(case), to, title: args.title, text: args.text, files: args.files };
    put(&mut client, &submission, output)
}

pub(super) fn outbox(profile: &ProfileArgs, args: &OutboxArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    if let Some(name) = &args.discard {
        client.discard_waiting(name)?;
        output.result(&json!({"discarded": name}), || format!("{name} is discarded."));
        return Ok(());
    }
    let waiting = client.load_waiting()?;
    if args.send {
        return send_all(&mut client, &waiting, output);
    }
    let lines: Vec<Value> = waiting.iter().map(describe_waiting).collect();
    output.result(&lines, || if waiting.is_empty() { "Nothing waits.".into() } else { waiting.iter().map(waiting_text).collect() });
    Ok(())
}

/// Sends what waits. One that is refused does not hold up the others.
fn send_all(client: &mut Client, waiting: &[Waiting], output: &Output) -> Result<(), CliFault> {
    let (mut sent, mut first_fault) = (Vec::new(), None);
    for one in waiting {
        match with_bar(&[], |watch| client.send_waiting(&one.name, watch)) {
            Ok(done) => sent.push(done),
            Err(fault) => {
                let is_cut = matches!(fault, ClientError::Network { .. });
                output.remark(&format!("{} ({}) was not sent: {fault}", one.name, one.draft.title));
                first_fault.get_or_insert(fault);
                if is_cut {
                    break;
                }
            }
        }
    }
    let lines: Vec<Value> = sent.iter().map(describe_sent).collect();
    output.result(&lines, || if waiting.is_empty() { "Nothing waits.".into() } else { sent.iter().map(sent_text).collect() });
    first_fault.map_or(Ok(()), |fault| Err(fault.into()))
}

fn put(client: &mut Client, submission: &Submission, output: &Output) -> Result<(), CliFault> {
    let before = client.load_waiting()?.len();
    let sent = with_bar(&submission.files, |watch| client.send(submission, watch));
    let sent = sent.inspect_err(|_| {
        // After a fault, what was sealed may wait; what cannot be read now is told by the next command.
        if client.load_waiting().is_ok_and(|waiting| waiting.len() > before) {
            output.remark("Nothing is lost: what was sealed waits. `elchi outbox` lists it; `elchi outbox --send` sends it.");
        }
    })?;
    output.result(&describe_sent(&sent), || sent_text(&sent));
    Ok(())
}

fn with_bar<T>(files: &[PathBuf], work: impl FnOnce(&mut dyn FnMut(SendingStage, u64, u64)) -> T) -> T {
    let mut bar = Bar::new();
    work(&mut |stage, done, all| {
        let what = match stage {
            SendingStage::Sealing(position) => {
                format!("sealing {}", files.get(position).map_or_else(String::new, |file| file.display().to_string()))
            }
            SendingStage::Uploading(position) => format!("uploading document {}", position + 1),
        };
        bar.show(&what, done, all);
    })
}

fn describe_sent(sent: &Sent) -> Value {
    json!({
        "case": sent.case,
        "documents": sent.documents,
        "statement": sent.statement,
        "event": sent.receipt.first_index(),
        "time": sent.receipt.time().to_second().to_string(),
        "standing": sent.receipt.checkpoint().standing().as_str(),
    })
}

fn sent_text(sent: &Sent) -> String {
    format!(
        "Sent, and proven by the log ({}): event {}, {}\n  case {}\n  {} documents\n",
        sent.receipt.checkpoint().standing(),
        sent.receipt.first_index(),
        sent.receipt.time().to_second(),
        sent.case,
        sent.documents.len()
    )
}

fn describe_waiting(waiting: &Waiting) -> Value {
    let Waiting { name, draft } = waiting;
    json!({"name": name, "kind": draft.kind, "case": draft.case, "to": draft.to, "title": draft.title, "bytes": bytes_of(waiting)})
}

fn waiting_text(waiting: &Waiting) -> String {
    let Waiting { name, draft } = waiting;
    let to: Vec<String> = draft.to.iter().map(AuthorityCode::label).collect();
    format!("{name}  {} to {}: {} ({} bytes)\n", draft.kind, to.join(", "), draft.title, bytes_of(waiting))
}

fn bytes_of(waiting: &Waiting) -> u64 {
    waiting.draft.documents.iter().map(|document| document.bytes).sum()
}

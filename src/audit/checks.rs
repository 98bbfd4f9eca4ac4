//! The audit itself.

use super::heads::Views;
use super::releases::{Release, releases};
use super::report::{AuditReport, AuditedCase, AuditedEvent, Inspected, PendingReplacement, RevokedHolder};
use crate::client::{CaseEvent, CaseHistory, Client, ClientError};
use crate::clock;
use crate::crypto::hash;
use crate::domain::Log;
use crate::trust::Directory;
use crate::wire::{Act, decode_directory_leaf, decode_event_leaf, parse_statement};

/// Audits both logs for the state of this profile's member.
///
/// # Errors
/// `Unproven` when something is wrong, with what it is; anything else when it could not be checked.
pub fn run_audit(client: &mut Client) -> Result<AuditReport, ClientError> {
    client.follow()?;
    let authorities = client.watched_authorities();
    let histories = client.load_registered(&authorities)?;
    let inspections = client.load_inspections(&authorities)?;
    let chains = client.mirror(Log::Events).verify_chains()?;
    let acts: Vec<&CaseEvent> = histories.iter().flat_map(|history| &history.events).chain(&inspections).collect();
    let heads = verify_views(client, &acts)?;
    let (events, directory) = (client.mirror(Log::Events).head(), client.mirror(Log::Directory).head());
    Ok(AuditReport {
        events: (events.size, events.root),
        directory: (directory.size, directory.root),
        standing: client.standing_of_both(),
        provisional: client.provisional_notices(),
        authorities,
        chains,
        statements: acts.len() as u64 + directory.size,
        heads,
        unopened_releases: histories.iter().flat_map(unopened_releases).collect(),
        cases: histories.iter().map(summarise).collect(),
        inspections: inspections.iter().filter_map(inspected).collect(),
        pending_replacements: pending_replacements(client.directory()),
        revoked_holders: revoked_holders(client.directory()),
    })
}

fn inspected(event: &CaseEvent) -> Option<Inspected> {
    let statement = event.statement.statement();
    let Act::Inspect(act) = &statement.act else { return None };
    Some(Inspected { event: event.first_index, time: event.time, member: statement.actor.clone(), authority: act.authority.clone() })
}

fn verify_views(client: &Client, acts: &[&CaseEvent]) -> Result<u64, ClientError> {
    let (mut events, mut directory) = (Views::of(Log::Events), Views::of(Log::Directory));
    for event in acts {
        let (statement, sha256) = (event.statement.statement(), event.statement.sha256());
        let first_leaf = event.leaves.first().and_then(|leaf| decode_event_leaf(leaf).ok());
        events.take(statement.seen, event.first_index, sha256);
        directory.take(statement.directory, first_leaf.map_or(0, |leaf| leaf.directory_size), sha256);
    }
    client.mirror(Log::Directory).scan(0, |index, bytes| {
        let leaf = decode_directory_leaf(bytes).map_err(ClientError::unproven)?;
        let statement = parse_statement(&leaf.statement).map_err(ClientError::unproven)?;
        let sha256 = hash(&leaf.statement);
        directory.take(statement.seen, index, sha256);
        directory.take(statement.directory, index, sha256);
        Ok(())
    })?;
    Ok(events.verify(client.mirror(Log::Events))? + directory.verify(client.mirror(Log::Directory))?)
}

/// Releases that nobody of the reader's authority has signed `opened` for since.
fn unopened_releases(history: &CaseHistory) -> impl Iterator<Item = Release> {
    releases(history).into_iter().filter(|release| release.opened.is_none())
}

fn pending_replacements(directory: &Directory) -> Vec<PendingReplacement> {
    let at = directory.as_of(clock::now());
    let pending = directory.authorities().filter_map(|(authority, record)| {
        let key = record.pending_at(at)?;
        let (authority, named_by) = (authority.clone(), key.named_by().clone());
        Some(PendingReplacement { authority, key: key.fingerprint(), named_by, takes_effect: key.takes_effect() })
    });
    pending.collect()
}

fn revoked_holders(directory: &Directory) -> Vec<RevokedHolder> {
    let at = directory.as_of(clock::now());
    let mut found = Vec::new();
    for (authority, record) in directory.authorities() {
        let key = record.key_at(at);
        for holder in key.holders() {
            if let Some(revoked) = directory.record_of(holder).and_then(|record| record.revoked_at()) {
                let (authority, member) = (authority.clone(), holder.member().clone());
                found.push(RevokedHolder { authority, key: key.fingerprint(), member, revoked });
            }
        }
    }
    found
}

fn summarise(history: &CaseHistory) -> AuditedCase {
    let event = |event: &CaseEvent| {
        let statement = event.statement.statement();
        AuditedEvent { index: event.first_index, time: event.time, op: statement.act.op(), actor: statement.actor.clone() }
    };
    AuditedCase {
        case: history.tag,
        state: history.case.state(),
        parties: history.case.parties().iter().cloned().collect(),
        events: history.events.iter().map(event).collect(),
    }
}

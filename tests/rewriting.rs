//! An operator who has the log's key, and the witnesses of both states on their side, writes history anew: every tree,
//! every chain and every head is made to fit. An auditor with no memory of their own finds it all the same, by what
//! members signed; as a command it exits with 1 and keeps what the finding rests on.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use elchi::admin::load_server;
use elchi::crypto::hash;
use elchi::domain::{ChainKind, Hash, Tag};
use elchi::tlog::{Frontier, commitment, leaf_hash, register_tag, sign_checkpoint};
use elchi::wire::{EventLeaf, Statement, TILE_WIDTH, decode_event_leaf, encode_entry_bundle, encode_event_leaf, parse_statement};
use serde_json::{Value, json};

use super::tampering::{LyingWorld, cosign_by_all, leaves_of};

const AUDITOR: &str = "kg.audit/01";

/// A leaf, and the signed statement that is served for it; nothing, if it is none of this auditor's business.
#[derive(Clone)]
struct Written {
    leaf: EventLeaf,
    text: String,
    signature: Vec<u8>,
}

impl Written {
    fn statement(&self) -> Statement {
        parse_statement(self.text.as_bytes()).unwrap()
    }

    fn is(&self, op: &str) -> bool {
        !self.text.is_empty() && self.statement().act.op().as_str() == op
    }
}

/// The true log, as the auditor's machine has it after an honest audit.
fn true_log(lying: &LyingWorld) -> Vec<Written> {
    lying.world.run_json(AUDITOR, &["audit", "follow"]);
    let memory = lying.world.profile(AUDITOR).join("memory");
    let mut statements: BTreeMap<Hash, (String, Vec<u8>)> = BTreeMap::new();
    for file in fs::read_dir(memory.join("statements")).unwrap() {
        let json: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        let decode = |field: &str| Base64::decode_vec(json[field].as_str().unwrap()).unwrap();
        let (text, signature) = (decode("statement"), decode("signature"));
        for (kind, tag) in elchi::tlog::touched_chains(&parse_statement(&text).unwrap()) {
            let commit = commitment(kind, &tag, &hash(&text), &hash(&signature));
            statements.insert(commit, (String::from_utf8(text.clone()).unwrap(), signature.clone()));
        }
    }
    let written = |bytes: &Vec<u8>| {
        let leaf = decode_event_leaf(bytes).unwrap();
        let (text, signature) = statements.get(&leaf.commit).cloned().unwrap_or_default();
        Written { leaf, text, signature }
    };
    leaves_of(&memory.join("events.leaves")).iter().map(written).collect()
}

/// Makes it fit: numbers, chains, commitments; and no leaf is older than the one before it.
fn made_to_fit(history: &[Written]) -> Vec<Written> {
    let mut chains: BTreeMap<(u8, Tag), (u64, Hash)> = BTreeMap::new();
    let mut times: Vec<_> = history.iter().map(|written| (written.leaf.time, written.leaf.directory_size)).collect();
    times.sort();
    let fit = |(written, (time, directory_size)): (&Written, (_, _))| {
        let mut written = written.clone();
        let leaf = &mut written.leaf;
        let (seq, prev) = chains.get(&(leaf.kind.to_byte(), leaf.tag)).copied().unwrap_or((0, Hash::ZERO));
        (leaf.time, leaf.directory_size, leaf.seq, leaf.prev) = (time, directory_size, seq, prev);
        if !written.text.is_empty() {
            leaf.commit = commitment(leaf.kind, &leaf.tag, &hash(written.text.as_bytes()), &hash(&written.signature));
        }
        chains.insert((leaf.kind.to_byte(), leaf.tag), (seq + 1, leaf_hash(&encode_event_leaf(leaf))));
        written
    };
    history.iter().zip(times).map(fit).collect()
}

/// Serves this history in place of the true one, signed and cosigned.
fn serve(lying: &LyingWorld, history: &[Written]) {
    let leaves: Vec<Vec<u8>> = history.iter().map(|written| encode_event_leaf(&written.leaf)).collect();
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| drop(frontier.append(leaf_hash(leaf))));
    let server = load_server(&lying.world.config()).unwrap();
    let checkpoint = cosign_by_all(&lying.world, &sign_checkpoint(&server.keys.events, frontier.head()).unwrap());
    let signed = |written: &Written| {
        let json =
            json!({"statement": Base64::encode_string(written.text.as_bytes()), "signature": Base64::encode_string(&written.signature)});
        serde_json::to_vec(&json).unwrap()
    };
    let statements: Vec<Vec<u8>> = history.iter().map(signed).collect();
    lying.forge(move |path| match path.strip_prefix("/v1/statements/") {
        Some(index) => statements.get(index.parse::<usize>().ok()?).cloned(),
        None if path == "/v1/logs/events/checkpoint" => Some(checkpoint.clone()),
        None => {
            let bundle = path.strip_prefix("/v1/logs/events/tile/entries/")?;
            let number: usize = bundle.split('.').next()?.parse().ok()?;
            let width = usize::from(TILE_WIDTH);
            encode_entry_bundle(leaves.chunks(width).nth(number)?).ok()
        }
    });
}

fn position(history: &[Written], is: impl Fn(&Written) -> bool) -> usize {
    history.iter().position(is).unwrap()
}

/// How many leaves from here are of one act.
fn run(history: &[Written], first: usize) -> usize {
    history[first..].iter().take_while(|written| written.text == history[first].text).count()
}

fn is_register(written: &Written, authority: &str) -> bool {
    written.leaf.kind == ChainKind::Register && written.leaf.tag == register_tag(&authority.parse().unwrap())
}

/// What is done to the history, and what the auditor says of it.
struct Rewriting {
    name: &'static str,
    change: fn(&mut Vec<Written>),
    found: &'static str,
}

const REWRITINGS: [Rewriting; 9] = [
    Rewriting {
        name: "a request that is hidden from its recipient: its leaf on their register is dropped",
        change: |history| _ = history.remove(position(history, |written| written.is("submit") && is_register(written, "tr.moj"))),
        found: "must have here",
    },
    Rewriting {
        name: "a document's leaf is dropped",
        change: |history| _ = history.remove(position(history, |written| written.is("submit") && written.leaf.kind == ChainKind::Document)),
        found: "must have here",
    },
    Rewriting {
        name: "a whole release is dropped",
        change: |history| {
            let first = position(history, |written| written.is("release"));
            history.drain(first..first + run(history, first));
        },
        found: "another history",
    },
    Rewriting {
        name: "two acts change places",
        change: |history| {
            let first = position(history, |written| written.is("acknowledge"));
            let next = first + 1 + position(&history[first + 1..], |written| written.leaf.kind == ChainKind::Case);
            let moved: Vec<Written> = history.drain(next..next + run(history, next)).collect();
            history.splice(first..first, moved);
        },
        found: "should not stand in the log like this",
    },
    Rewriting {
        name: "a statement is edited",
        change: |history| {
            let edited = position(history, |written| written.is("close"));
            let text = &mut history[edited].text;
            *text = text.replace("actor kg.gpo/01", "actor kg.gpo/02");
        },
        found: "should not stand in the log like this",
    },
    Rewriting {
        name: "a release is logged under the tag of another document",
        change: |history| {
            let release = position(history, |written| written.is("release"));
            let named = history[release].statement().act.documents();
            let other = position(history, |written| written.leaf.kind == ChainKind::Document && !named.contains(&written.leaf.tag));
            history[release].leaf.tag = history[other].leaf.tag;
        },
        found: "must have here",
    },
    Rewriting {
        name: "one signed release is logged twice",
        change: |history| {
            let first = position(history, |written| written.is("release"));
            let again: Vec<Written> = history[first..first + run(history, first)].to_vec();
            history.splice(first..first, again);
        },
        found: "the same statement was logged before",
    },
    Rewriting {
        name: "an act of one case is logged in another",
        change: |history| {
            let first = position(history, |written| written.is("acknowledge"));
            let other = position(history, |written| {
                written.leaf.kind == ChainKind::Case && written.leaf.tag != history[first].leaf.tag && written.is("submit")
            });
            history[first].leaf.tag = history[other].leaf.tag;
        },
        found: "must have here",
    },
    Rewriting {
        name: "a release is turned into an opening",
        change: |history| {
            let release = position(history, |written| written.is("release"));
            let run = run(history, release);
            let text = history[release].text.replace("op release", "op opened");
            history[release..release + run].iter_mut().for_each(|written| written.text = text.clone());
        },
        found: "should not stand in the log like this",
    },
];

/// The folder that an audit kept.
fn kept(lying: &LyingWorld) -> Vec<PathBuf> {
    let evidence = fs::read_dir(lying.world.profile(AUDITOR).join("evidence")).unwrap();
    evidence.map(|entry| entry.unwrap().path()).filter(|path| path.join("finding.txt").exists()).collect()
}

#[test]
fn a_history_that_was_written_anew_with_both_witnesses_help_is_found_by_what_members_signed() {
    let lying = LyingWorld::play();
    lying.world.send(&[lying.world.sample("small.bin", 3000)]).unwrap();
    let history = true_log(&lying);
    let memory = lying.world.profile(AUDITOR).join("memory");
    serve(&lying, &made_to_fit(&history));
    fs::remove_dir_all(&memory).unwrap();
    lying.world.run_json(AUDITOR, &["audit", "follow"]);
    for Rewriting { name, change, found } in REWRITINGS {
        let mut rewritten = history.clone();
        change(&mut rewritten);
        serve(&lying, &made_to_fit(&rewritten));
        fs::remove_dir_all(&memory).unwrap();
        kept(&lying).iter().for_each(|folder| fs::remove_dir_all(folder).unwrap());
        let audit = lying.world.run(AUDITOR, &["audit", "follow"]);
        let said = String::from_utf8_lossy(&audit.stderr).into_owned();
        assert_eq!(audit.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(found), "{name}: {said}");
        let kept = kept(&lying);
        assert_eq!(kept.len(), 1, "{name}: {said}");
        assert!(fs::read_to_string(kept[0].join("finding.txt")).unwrap().contains(found), "{name}");
        assert!(kept[0].join("memory/events.leaves").exists() && kept[0].join("memory/events.checkpoint").exists(), "{name}");
    }
    lying.be_honest();
    fs::remove_dir_all(&memory).unwrap();
    lying.world.run_json(AUDITOR, &["audit", "follow"]);
}

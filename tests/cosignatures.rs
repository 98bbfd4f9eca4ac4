//! Cosignatures and who is enough: C2SP tlog-cosignature and tlog-policy, and what a reader makes of them.

use elchi::crypto::hash;
use elchi::domain::limits::{CLOCK_SKEW_MS_MAX, COSIGNATURE_SECONDS_MAX};
use elchi::domain::{Origin, TreeHead, UnixMillis, UtcSecond};
use elchi::tlog::{
    CheckpointRefused, Frontier, LogPolicy, LogSigningKey, VerifiedCheckpoint, WitnessSigningKey, cosign_checkpoint, sign_checkpoint,
    verify_consistency,
};
use elchi::wire::{NoteSignature, PolicyName, SignedNote, compose_note, encode_tlog_proof, parse_note, parse_tlog_policy};
use signed_note::{StandardVerifier, VerifierList};

const ORIGIN: &str = "mla.example/events";

/// 2026-11-24T09:00:00Z.
const NOW: u64 = 1_795_510_800;

struct World {
    log: LogSigningKey,
    /// kg.1, kg.2, tr.1, court.1.
    witnesses: Vec<WitnessSigningKey>,
}

const NAMES: [&str; 4] = ["kg.1", "kg.2", "tr.1", "court.1"];

impl World {
    fn new() -> Self {
        let witness = |name: &str| WitnessSigningKey::generate(format!("witness.{name}.example").parse().unwrap()).unwrap();
        Self { log: LogSigningKey::generate(ORIGIN.parse().unwrap()).unwrap(), witnesses: NAMES.map(witness).into() }
    }

    /// A policy with these groups and this quorum.
    fn policy(&self, rule: &str) -> LogPolicy {
        let witness = |(name, key): (&str, &WitnessSigningKey)| format!("witness {name} {}\n", key.verifier_key().to_wire());
        let witnesses: String = NAMES.into_iter().zip(&self.witnesses).map(witness).collect();
        let text = format!("log {}\n{witnesses}{rule}", self.log.verifier_key().to_wire());
        LogPolicy::from_wire(&parse_tlog_policy(text.as_bytes()).unwrap()).unwrap()
    }

    fn checkpoint(&self) -> VerifiedCheckpoint {
        sign_checkpoint(&self.log, TreeHead { size: 7, root: hash(b"root") }).unwrap()
    }

    fn line(&self, witness: usize, seconds: u64) -> NoteSignature {
        let checkpoint = self.checkpoint();
        let continues = verify_consistency(Frontier::new().head(), checkpoint.head(), &[]).unwrap();
        cosign_checkpoint(&self.witnesses[witness], &checkpoint, continues, UtcSecond::from_unix(seconds).unwrap()).unwrap()
    }

    /// The checkpoint with cosignatures of these witnesses at these times.
    fn note(&self, cosigners: &[(usize, u64)]) -> SignedNote {
        let lines: Vec<NoteSignature> = cosigners.iter().map(|(witness, seconds)| self.line(*witness, *seconds)).collect();
        self.note_with(&lines)
    }

    fn note_with(&self, lines: &[NoteSignature]) -> SignedNote {
        let checkpoint = self.checkpoint();
        compose_note(checkpoint.note().text(), &[checkpoint.note().signatures(), lines].concat()).unwrap()
    }
}

fn origin() -> Origin {
    ORIGIN.parse().unwrap()
}

fn now() -> UnixMillis {
    UnixMillis(NOW * 1000)
}

fn verified(policy: &LogPolicy, note: SignedNote) -> VerifiedCheckpoint {
    policy.verify_checkpoint(&origin(), note).unwrap()
}

/// The other implementation knows no cosignatures; it reads the note, and the log's signature holds beside them.
#[test]
fn the_other_implementation_reads_a_cosigned_checkpoint() {
    let world = World::new();
    let theirs = signed_note::Note::from_bytes(world.note(&[(0, NOW), (2, NOW)]).as_str().as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&world.log.verifier_key().to_wire().to_string()).unwrap();
    let (by_log, rest) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((by_log.len(), rest.len()), (1, 2));
    assert_eq!(rest[0].name(), "witness.kg.1.example");
}

/// Group rules, who cosigned, and whether that is a quorum.
#[test]
fn a_quorum_is_what_the_policy_says() {
    let world = World::new();
    let states = "group kg any kg.1 kg.2\ngroup tr any tr.1\ngroup voters all kg tr\nquorum voters\n";
    let with_court = "group kg any kg.1 kg.2\ngroup tr any tr.1\ngroup voters all kg tr court.1\nquorum voters\n";
    let two_of = "group some 2 kg.1 tr.1 court.1\nquorum some\n";
    for (rule, cosigners, is_quorum) in [
        ("quorum none\n", &[][..], true),
        ("quorum tr.1\n", &[2], true),
        ("quorum tr.1\n", &[0, 1, 3], false),
        (states, &[0, 2], true),
        (states, &[1, 2], true),
        (states, &[0, 1], false),
        (states, &[2], false),
        (states, &[], false),
        (with_court, &[0, 2], false),
        (with_court, &[0, 2, 3], true),
        (two_of, &[0], false),
        (two_of, &[0, 1], false),
        (two_of, &[0, 3], true),
    ] {
        let policy = world.policy(rule);
        let cosigned: Vec<(usize, u64)> = cosigners.iter().map(|witness| (*witness, NOW)).collect();
        let checkpoint = verified(&policy, world.note(&cosigned));
        assert_eq!(checkpoint.cosignatures().len(), cosigners.len());
        assert_eq!(policy.count_votes(&checkpoint, now()).is_quorum(), is_quorum, "{rule:?} {cosigners:?}");
    }
}

#[test]
fn the_missing_are_named_as_the_quorum_has_them() {
    let world = World::new();
    let policy = world.policy("group kg any kg.1 kg.2\ngroup tr any tr.1\ngroup voters all kg tr\nquorum voters\n");
    let missing = |cosigners: &[(usize, u64)]| {
        let votes = policy.count_votes(&verified(&policy, world.note(cosigners)), now());
        policy.missing(&votes).iter().map(PolicyName::to_string).collect::<Vec<_>>()
    };
    assert_eq!(missing(&[(0, NOW)]), ["tr"]);
    assert_eq!(missing(&[]), ["kg", "tr"]);
    assert!(missing(&[(1, NOW), (2, NOW)]).is_empty());
    let alone = world.policy("quorum tr.1\n");
    let votes = alone.count_votes(&verified(&alone, world.note(&[])), now());
    assert_eq!(alone.missing(&votes), ["tr.1".parse().unwrap()]);
}

#[test]
fn a_cosignature_counts_for_six_hours_and_not_before_its_time() {
    let world = World::new();
    let policy = world.policy("quorum kg.1\n");
    let counts = |seconds: u64| policy.count_votes(&verified(&policy, world.note(&[(0, seconds)])), now()).is_quorum();
    let (age, skew) = (COSIGNATURE_SECONDS_MAX, CLOCK_SKEW_MS_MAX / 1000);
    for (seconds, expected) in
        [(NOW, true), (NOW - age, true), (NOW - age - 1, false), (NOW + skew, true), (NOW + skew + 1, false), (0, false)]
    {
        assert_eq!(counts(seconds), expected, "{seconds}");
    }
}

#[test]
fn wrong_lines_of_known_witnesses_spoil_a_checkpoint_and_others_do_not() {
    let world = World::new();
    let policy = world.policy("quorum kg.1\n");
    let line = world.line(0, NOW);
    let refused = |lines: &[NoteSignature]| policy.verify_checkpoint(&origin(), world.note_with(lines)).unwrap_err();
    let name = line.name.clone();
    // Time, signature, length: each bit of a line is what the witness signed.
    for at in [0, 7, 8, 40, 71] {
        let mut forged = line.clone();
        forged.signature[at] ^= 1;
        assert_eq!(refused(&[forged]), CheckpointRefused::WrongCosignature(name.clone()), "byte {at}");
    }
    for length in [1, 8, 64, 71, 73] {
        let mut forged = line.clone();
        forged.signature.resize(length, 0);
        assert_eq!(refused(&[forged]), CheckpointRefused::WrongCosignature(name.clone()), "{length} bytes");
    }
    assert_eq!(refused(&[line.clone(), world.line(0, NOW + 1)]), CheckpointRefused::CosignedTwice(name.clone()));
    // The same line under another checkpoint of the log.
    let other = sign_checkpoint(&world.log, TreeHead { size: 8, root: hash(b"root") }).unwrap();
    let moved = compose_note(other.note().text(), &[other.note().signatures(), std::slice::from_ref(&line)].concat()).unwrap();
    assert_eq!(policy.verify_checkpoint(&origin(), moved).unwrap_err(), CheckpointRefused::WrongCosignature(name.clone()));
    // A year that no calendar has, rightly signed.
    let far = parse_note(world.note(&[(0, 253_402_300_799)]).as_str().as_bytes()).unwrap();
    assert!(!policy.count_votes(&verified(&policy, far), now()).is_quorum());
    // Witnesses whom nobody knows.
    let stranger = World::new().line(0, NOW);
    let checkpoint = verified(&policy, world.note_with(&[stranger, line]));
    assert_eq!(checkpoint.cosignatures().len(), 1);
    // A witness's key signs no checkpoint, and a log's key cosigns none: the kinds of key have ids of their own.
    let log_line = world.checkpoint().note().signatures()[0].clone();
    assert!(verified(&policy, world.note_with(&[])).cosignatures().is_empty());
    assert!(matches!(policy.verify_checkpoint(&origin(), world.note_with(&[log_line])), Err(CheckpointRefused::SignedTwice(_))));
}

#[test]
fn a_cosignature_is_given_only_to_what_continues() {
    let world = World::new();
    let checkpoint = world.checkpoint();
    let elsewhere = verify_consistency(Frontier::new().head(), TreeHead { size: 9, root: hash(b"other") }, &[]).unwrap();
    assert!(cosign_checkpoint(&world.witnesses[0], &checkpoint, elsewhere, UtcSecond::from_unix(NOW).unwrap()).is_none());
}

#[test]
fn keys_of_witnesses_are_kept_as_text_and_are_no_keys_of_logs() {
    let key = WitnessSigningKey::generate("witness.kg.example".parse().unwrap()).unwrap();
    let text = key.expose_secret().to_string();
    assert_eq!(WitnessSigningKey::parse(&text).unwrap().verifier_key(), key.verifier_key());
    assert!(LogSigningKey::parse(&text).is_err());
    let log = LogSigningKey::generate(origin()).unwrap();
    assert!(WitnessSigningKey::parse(&log.expose_secret()).is_err());
    for wrong in ["", &text[1..], &text[..text.len() - 4], &format!("{text}\n"), &text.replace("witness.", "witnesz.")] {
        assert!(WitnessSigningKey::parse(wrong).is_err(), "{wrong:?}");
    }
}

/// What somebody keeps for years for each leaf: of a log of a million leaves, with two witnesses of each state.
#[test]
fn a_proof_with_four_cosignatures_takes_at_most_two_kilobytes() {
    let world = World::new();
    let checkpoint = sign_checkpoint(&world.log, TreeHead { size: 1_000_000, root: hash(b"root") }).unwrap();
    let note = world.note(&[(0, NOW), (1, NOW), (2, NOW), (3, NOW)]);
    let lines = [checkpoint.note().signatures(), &note.signatures()[1..]].concat();
    let note = compose_note(checkpoint.note().text(), &lines).unwrap();
    assert_eq!(note.signatures().len(), 5);
    let proof = encode_tlog_proof(999_999, &[hash(b"node"); 20], &note);
    assert!((1_500..=2_048).contains(&proof.len()), "{}", proof.len());
}

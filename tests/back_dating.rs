//! Leaf times against the clocks of witnesses: what a client does not believe, ten minutes to either side.

use elchi::client::{ClientError, Mirror};
use elchi::crypto::hash;
use elchi::domain::limits::CLOCK_SKEW_MS_MAX;
use elchi::domain::{ChainKind, Hash, Log, Tag, UnixMillis, UtcSecond};
use elchi::sign::sign_detached;
use elchi::tlog::{Frontier, LogSigningKey, WitnessSigningKey, cosign_checkpoint, leaf_hash, sign_checkpoint, verify_consistency};
use elchi::trust::{CertificateProfile, Policy, ProvisionalWork, Standing, VerifiedPolicy, encode_policy, verify_policy};
use elchi::wire::{EventLeaf, NoteSignature, compose_note, encode_event_leaf, parse_tlog_policy};

use super::chain::{at, enrol, state, validity, world};

/// A log, witnesses of both states, and one client's copy.
struct World {
    folder: tempfile::TempDir,
    log: LogSigningKey,
    witnesses: [WitnessSigningKey; 2],
    policy: VerifiedPolicy,
    leaves: Vec<Vec<u8>>,
    mirror: Mirror,
}

impl World {
    fn new() -> Self {
        let [log, directory] =
            ["events", "directory"].map(|log| LogSigningKey::generate(format!("mla.example/{log}").parse().unwrap()).unwrap());
        let witnesses = ["kg", "tr"].map(|name| WitnessSigningKey::generate(format!("witness.{name}.example").parse().unwrap()).unwrap());
        let policy = policy(&log, &directory, &witnesses);
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::open(folder.path(), Log::Events, &policy).unwrap();
        Self { folder, log, witnesses, policy, leaves: Vec::new(), mirror }
    }

    /// Takes the log with one more leaf of `leaf_ms`, cosigned by KG's and TR's witness at these times, as a client does now.
    fn grow(&mut self, leaf_ms: u64, cosigned: [Option<u64>; 2]) -> Result<Standing, ClientError> {
        let leaf = EventLeaf {
            time: UnixMillis(leaf_ms),
            directory_size: 0,
            kind: ChainKind::Document,
            tag: Tag::from_bytes([u8::try_from(self.leaves.len()).unwrap(); 32]),
            seq: 0,
            prev: Hash::ZERO,
            commit: Hash::ZERO,
        };
        let mut leaves = self.leaves.clone();
        leaves.push(encode_event_leaf(&leaf));
        let mut frontier = Frontier::new();
        leaves.iter().for_each(|leaf| drop(frontier.append(leaf_hash(leaf))));
        let checkpoint = sign_checkpoint(&self.log, frontier.head()).unwrap();
        let continues = verify_consistency(Frontier::new().head(), frontier.head(), &[]).unwrap();
        let cosign = |(key, ms): (&WitnessSigningKey, Option<u64>)| {
            let time = UtcSecond::from_unix(ms? / 1000).unwrap();
            cosign_checkpoint(key, &checkpoint, continues, time)
        };
        let lines: Vec<NoteSignature> = self.witnesses.iter().zip(cosigned).filter_map(cosign).collect();
        let note = compose_note(checkpoint.note().text(), &[checkpoint.note().signatures(), &lines].concat()).unwrap();
        let taken = self.policy.verify_checkpoint(Log::Events, note, at()).expect("the own witness has cosigned");
        let fetched = leaves.clone();
        let fetch = |next: u64| Ok(fetched[usize::try_from(next).unwrap()..].to_vec());
        self.mirror.extend(taken.checkpoint(), Some(taken.standing()), &self.policy, at(), fetch)?;
        self.leaves = leaves;
        // What was taken is taken up again when the program starts.
        self.mirror = Mirror::open(self.folder.path(), Log::Events, &self.policy).unwrap();
        Ok(taken.standing().clone())
    }
}

fn policy(log: &LogSigningKey, directory: &LogSigningKey, witnesses: &[WitnessSigningKey; 2]) -> VerifiedPolicy {
    let roots = [(state("KG"), world().kg.root_der().to_vec()), (state("TR"), world().tr.root_der().to_vec())];
    let keys: String = [log, directory].map(|key| format!("log {}\n", key.verifier_key().to_wire())).concat();
    let lines = ["kg", "tr"].iter().zip(witnesses).map(|(name, key)| format!("witness {name} {}\n", key.verifier_key().to_wire()));
    let tlog = format!("{keys}{}group voters all kg tr\nquorum voters\n", lines.collect::<String>());
    let text = encode_policy(&Policy {
        state: state("KG"),
        version: 1,
        time: at().to_second(),
        server: "mla.example:8443".into(),
        server_spki: hash(b"the server's key"),
        roots: roots.iter().map(|(state, der)| (*state, hash(der))).collect(),
        votes: vec![(state("KG"), "kg".parse().unwrap()), (state("TR"), "tr".parse().unwrap())],
        provisional: Some(ProvisionalWork { seconds: 3600, acts: Vec::new() }),
        tlog: parse_tlog_policy(tlog.as_bytes()).unwrap(),
    });
    let registrar = enrol(&world().kg, CertificateProfile::Registrar, "kg.registrar/01", validity());
    let signature = sign_detached(&registrar.signer(), &hash(text.as_bytes()), at().to_second()).unwrap();
    verify_policy(text.as_bytes(), &signature, state("KG"), &roots, 1).unwrap()
}

fn now() -> u64 {
    at().to_second().unix() * 1000
}

fn require_refused(outcome: Result<Standing, ClientError>, what: &str) {
    let fault = outcome.expect_err(what);
    assert!(fault.is_unproven() && fault.to_string().contains(what), "{fault}");
}

#[test]
fn a_leaf_is_not_later_than_the_own_witness_that_saw_it() {
    let mut world = World::new();
    require_refused(world.grow(now() + CLOCK_SKEW_MS_MAX + 1, [Some(now()); 2]), "saw the log with it");
    assert_eq!(world.grow(now() + CLOCK_SKEW_MS_MAX, [Some(now()); 2]).unwrap(), Standing::Full);
}

#[test]
fn a_leaf_is_not_earlier_than_the_own_witness_that_saw_the_log_without_it() {
    let mut world = World::new();
    world.grow(now(), [Some(now()); 2]).unwrap();
    require_refused(world.grow(now() - CLOCK_SKEW_MS_MAX - 1, [Some(now()); 2]), "saw the log without it");
    assert_eq!(world.grow(now() - CLOCK_SKEW_MS_MAX, [Some(now()); 2]).unwrap(), Standing::Full);
}

/// The other state's witness, honest or not, accuses nobody here: a time that cannot be loses its vote, and no more.
#[test]
fn a_foreign_witness_with_a_wrong_clock_costs_its_vote_at_the_most() {
    let mut world = World::new();
    world.grow(now(), [Some(now()); 2]).unwrap();
    let hour = 3_600_000;
    for theirs in [now() + CLOCK_SKEW_MS_MAX + 60_000, now() + 6 * hour, now() - 7 * hour, 0] {
        assert!(matches!(world.grow(now(), [Some(now()), Some(theirs)]).unwrap(), Standing::Provisional { .. }), "{theirs}");
    }
    // Eleven minutes slow it still counts, and the log is not blamed for it.
    assert_eq!(world.grow(now(), [Some(now()), Some(now() - CLOCK_SKEW_MS_MAX - 60_000)]).unwrap(), Standing::Full);
    assert_eq!(world.grow(now(), [Some(now()); 2]).unwrap(), Standing::Full);
}

/// Today nobody knows the line that an operator slips in; tomorrow's policy may name its key. What is kept has no such line.
#[test]
fn lines_of_unknown_keys_are_not_kept() {
    let mut world = World::new();
    world.grow(now(), [Some(now()); 2]).unwrap();
    let kept = std::fs::read_to_string(world.folder.path().join("events.checkpoint")).unwrap();
    let stranger = format!("{kept}— witness.court.example AAAAAAAAAAAAAAAAAAAAAA==\n");
    let note = elchi::wire::parse_note(stranger.as_bytes()).unwrap();
    let taken = world.policy.verify_checkpoint(Log::Events, note, at()).unwrap();
    assert_eq!(taken.checkpoint().note().as_str(), kept);
}

//! The log: trees and proofs against the definitions of RFC 6962 and against two independent
//! implementations; notes, checkpoints, keys and policies against a third. Ours verify theirs, theirs
//! verify ours, and each proof has twins that must not verify.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use elchi::crypto::hash;
use elchi::domain::{Hash, Origin, TreeHead, UnixMillis};
use elchi::tlog::{
    CheckpointRefused, Frontier, LogPolicy, LogSigningKey, LogVerifierKey, NodeSource, NoteKeyRefused, ProofMismatch, ProveFault,
    leaf_hash, node_hash, prove_consistency, prove_inclusion, sign_checkpoint, verify_checkpoint, verify_consistency, verify_inclusion,
};
use elchi::wire::{
    EntryBundleName, KeyId, KeyName, NoteSignature, POLICY_ENTRIES_MAX, PolicyLine, Quorum, SignatureType, SignedNote,
    TLOG_POLICY_BYTES_MAX, TlogPolicyMalformed, VerifierKey, compose_note, compose_tlog_policy, encode_checkpoint, encode_tlog_policy,
    encode_tlog_proof, parse_checkpoint, parse_note, parse_tlog_policy,
};
use proptest::prelude::*;
use sha2::Sha256;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::tlog as theirs;

/// Two full levels of a tile's height and a bit: every shape that a right edge can have.
const SIZE_MAX: u64 = 130;

const ORIGIN: &str = "mla.example/events";

/// A log in memory: its leaves, and the nodes that appending gave out.
#[derive(Default)]
struct MemoryLog {
    frontier: Frontier,
    leaves: Vec<Vec<u8>>,
    nodes: BTreeMap<(u8, u64), Hash>,
}

impl MemoryLog {
    fn of_size(size: u64) -> Self {
        let mut log = Self::default();
        (0..size).for_each(|index| log.append(format!("leaf {index}").into_bytes()));
        log
    }

    fn append(&mut self, leaf: Vec<u8>) {
        for node in self.frontier.append(leaf_hash(&leaf)) {
            let is_new = self.nodes.insert((node.level, node.index), node.hash).is_none();
            assert!(is_new, "a node was given out twice: {node:?}");
        }
        self.leaves.push(leaf);
    }

    fn leaf_hash(&self, index: u64) -> Hash {
        leaf_hash(&self.leaves[index as usize])
    }

    fn head(&self, size: u64) -> TreeHead {
        Frontier::from_source(self, size).unwrap().head()
    }
}

impl NodeSource for MemoryLog {
    type Fault = Infallible;
    fn load_node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        Ok(self.nodes[&(level, index)])
    }
}

impl theirs::HashReader for MemoryLog {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<theirs::Hash>, theirs::Error> {
        let read = |index: &u64| to_theirs(&self.nodes[&theirs::split_stored_hash_index(*index)]);
        Ok(indexes.iter().map(read).collect())
    }
}

fn to_theirs(hash: &Hash) -> theirs::Hash {
    theirs::Hash(*hash.as_bytes())
}

fn to_theirs_all(path: &[Hash]) -> Vec<theirs::Hash> {
    path.iter().map(to_theirs).collect()
}

fn to_bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn log_key(origin: &str) -> LogSigningKey {
    LogSigningKey::generate(origin.parse().unwrap()).unwrap()
}

fn origin() -> Origin {
    ORIGIN.parse().unwrap()
}

/// The definitions of RFC 6962, sections 2.1, 2.1.1 and 2.1.2, word for word.
mod definition {
    use super::*;

    fn split(leaves: &[Vec<u8>]) -> usize {
        leaves.len().next_power_of_two() / 2
    }

    pub(super) fn root(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => hash(b""),
            [leaf] => leaf_hash(leaf),
            _ => node_hash(&root(&leaves[..split(leaves)]), &root(&leaves[split(leaves)..])),
        }
    }

    pub(super) fn path(m: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return vec![];
        }
        let (left, right) = leaves.split_at(split(leaves));
        if m < left.len() { [path(m, left), vec![root(right)]].concat() } else { [path(m - left.len(), right), vec![root(left)]].concat() }
    }

    pub(super) fn proof(m: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
        subproof(m, leaves, true)
    }

    fn subproof(m: usize, leaves: &[Vec<u8>], known: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if known { vec![] } else { vec![root(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves));
        if m <= left.len() {
            [subproof(m, left, known), vec![root(right)]].concat()
        } else {
            [subproof(m - left.len(), right, false), vec![root(left)]].concat()
        }
    }
}

#[test]
fn certificate_transparencys_reference_tree() {
    let leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut log = MemoryLog::default();
    assert_eq!(log.frontier.root().to_string(), roots[0]);
    for (leaf, root) in leaves.iter().zip(&roots[1..]) {
        log.append((0..leaf.len()).step_by(2).map(|at| u8::from_str_radix(&leaf[at..at + 2], 16).unwrap()).collect());
        assert_eq!(log.frontier.root().to_string(), *root);
    }
    let begins = |path: Vec<Hash>, starts: &[&str]| {
        let found: Vec<String> = path.iter().map(|hash| hash.to_string()[..8].to_owned()).collect();
        assert_eq!(found, starts);
    };
    begins(prove_inclusion(&log, 0, 1).unwrap(), &[]);
    begins(prove_inclusion(&log, 0, 8).unwrap(), &["96a296d2", "5f083f0a", "6b47aaf2"]);
    begins(prove_inclusion(&log, 5, 8).unwrap(), &["bc1a0643", "ca854ea1", "d37ee418"]);
    begins(prove_inclusion(&log, 2, 3).unwrap(), &["fac54203"]);
    begins(prove_inclusion(&log, 1, 5).unwrap(), &["6e340b9c", "5f083f0a", "bc1a0643"]);
    begins(prove_consistency(&log, 1, 1).unwrap(), &[]);
    begins(prove_consistency(&log, 1, 8).unwrap(), &["96a296d2", "5f083f0a", "6b47aaf2"]);
    begins(prove_consistency(&log, 6, 8).unwrap(), &["0ebc5d34", "ca854ea1", "d37ee418"]);
    begins(prove_consistency(&log, 2, 5).unwrap(), &["5f083f0a", "bc1a0643"]);
}

#[test]
fn inclusion_agrees_with_the_definition_and_two_other_implementations() {
    let log = MemoryLog::of_size(SIZE_MAX);
    let key = log_key(ORIGIN);
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=SIZE_MAX {
        let leaves = &log.leaves[..size as usize];
        tree.push(leaves[size as usize - 1].clone());
        let head = log.head(size);
        assert_eq!(head.root, definition::root(leaves));
        assert_eq!(head.root.as_bytes().as_slice(), tree.root().as_bytes().as_slice());
        assert_eq!(to_theirs(&head.root), theirs::tree_hash(size, &log).unwrap());
        let checkpoint = sign_checkpoint(&key, head).unwrap();
        for index in 0..size {
            let path = prove_inclusion(&log, index, size).unwrap();
            assert_eq!(path, definition::path(index as usize, leaves), "{index} of {size}");
            assert_eq!(to_theirs_all(&path), theirs::prove_record(size, index, &log).unwrap());
            let included = verify_inclusion(log.leaf_hash(index), index, &path, &checkpoint).unwrap();
            assert_eq!(included.index(), index);
            theirs::check_record(&to_theirs_all(&path), size, to_theirs(&head.root), index, to_theirs(&log.leaf_hash(index))).unwrap();
            assert_eq!(tree.prove_inclusion(index as usize).as_bytes(), to_bytes(&path));
            let path = ct_merkle::InclusionProof::try_from_bytes(to_bytes(&path)).unwrap();
            tree.root().verify_inclusion(&leaves[index as usize], index, &path).unwrap();
        }
        assert_eq!(prove_inclusion(&log, size, size), Err(ProveFault::OutOfRange));
    }
    assert_eq!(prove_inclusion(&log, 0, 0), Err(ProveFault::OutOfRange));
}

#[test]
fn consistency_agrees_with_the_definition_and_two_other_implementations() {
    let log = MemoryLog::of_size(SIZE_MAX);
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut roots = vec![];
    for to in 1..=SIZE_MAX {
        let leaves = &log.leaves[..to as usize];
        tree.push(leaves[to as usize - 1].clone());
        roots.push(tree.root());
        let later = log.head(to);
        for from in 1..=to {
            let earlier = log.head(from);
            let path = prove_consistency(&log, from, to).unwrap();
            assert_eq!(path, definition::proof(from as usize, leaves), "{from} to {to}");
            assert_eq!(to_theirs_all(&path), theirs::prove_tree(to, from, &log).unwrap());
            let consistent = verify_consistency(earlier, later, &path).unwrap();
            assert_eq!((consistent.earlier(), consistent.later()), (earlier, later));
            theirs::check_tree(&to_theirs_all(&path), to, to_theirs(&later.root), from, to_theirs(&earlier.root)).unwrap();
            assert_eq!(tree.prove_consistency((to - from) as usize).as_bytes(), to_bytes(&path));
            let path = ct_merkle::ConsistencyProof::try_from_bytes(to_bytes(&path)).unwrap();
            tree.root().verify_consistency(&roots[from as usize - 1], &path).unwrap();
        }
        assert_eq!(prove_consistency(&log, to + 1, to), Err(ProveFault::OutOfRange));
    }
}

#[test]
fn every_tree_begins_with_the_empty_one() {
    let log = MemoryLog::of_size(5);
    let empty = TreeHead { size: 0, root: hash(b"") };
    for size in 0..=5 {
        assert_eq!(prove_consistency(&log, 0, size), Ok(vec![]));
        verify_consistency(empty, log.head(size), &[]).unwrap();
        let surplus = ProofMismatch::Length { expected: 0, found: 1 };
        assert_eq!(verify_consistency(empty, log.head(size), &[hash(b"x")]), Err(surplus));
        let rooted = TreeHead { size: 0, root: hash(b"x") };
        assert_eq!(verify_consistency(rooted, log.head(size), &[]), Err(ProofMismatch::Root));
        assert_eq!(verify_consistency(rooted, rooted, &[]), Err(ProofMismatch::Root));
        assert!(verify_consistency(log.head(size), rooted, &[]).is_err());
    }
}

/// The same proof with one bit other, one hash less, more, or elsewhere.
fn twins(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut twins = vec![[path, &[hash(b"x")]].concat(), [&[hash(b"x")], path].concat()];
    for at in 0..path.len() {
        let mut bytes = *path[at].as_bytes();
        bytes[at % 32] ^= 1 << (at % 8);
        twins.push([&path[..at], &[Hash::from_bytes(bytes)], &path[at + 1..]].concat());
        twins.push([&path[..at], &path[at + 1..]].concat());
        twins.push([&path[..=at], &path[at..]].concat());
        if at > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(at - 1, at);
            twins.push(swapped);
        }
    }
    twins
}

#[test]
fn altered_inclusion_proofs_prove_nothing() {
    let log = MemoryLog::of_size(34);
    let key = log_key(ORIGIN);
    let checkpoints: Vec<_> = (1..=34).map(|size| sign_checkpoint(&key, log.head(size)).unwrap()).collect();
    for size in (1..=34u64).rev() {
        let checkpoint = &checkpoints[size as usize - 1];
        for index in 0..size {
            let leaf = log.leaf_hash(index);
            let path = prove_inclusion(&log, index, size).unwrap();
            for twin in twins(&path) {
                assert!(verify_inclusion(leaf, index, &twin, checkpoint).is_err(), "{index} of {size}: {twin:?}");
            }
            assert_eq!(verify_inclusion(hash(b"x"), index, &path, checkpoint), Err(ProofMismatch::Root));
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, &path, checkpoint).is_err(), "{index} as {other} of {size}");
            }
            for (other, checkpoint) in (1..).zip(&checkpoints).filter(|(other, _)| *other != size) {
                assert!(verify_inclusion(leaf, index, &path, checkpoint).is_err(), "{index} of {size} in {other}");
            }
        }
        assert_eq!(verify_inclusion(log.frontier.root(), size, &[], checkpoint), Err(ProofMismatch::OutOfRange));
    }
}

#[test]
fn an_inner_node_is_no_leaf() {
    let log = MemoryLog::of_size(4);
    let checkpoint = sign_checkpoint(&log_key(ORIGIN), log.head(4)).unwrap();
    let left = [log.leaf_hash(0).as_bytes().as_slice(), log.leaf_hash(1).as_bytes()].concat();
    let right = node_hash(&log.leaf_hash(2), &log.leaf_hash(3));
    assert!(verify_inclusion(leaf_hash(&left), 0, &[right], &checkpoint).is_err());
}

#[test]
fn altered_consistency_proofs_prove_nothing() {
    let log = MemoryLog::of_size(34);
    let heads: Vec<TreeHead> = (0..=34).map(|size| log.head(size)).collect();
    for to in 1..=34u64 {
        for from in 1..=to {
            let (earlier, later) = (heads[from as usize], heads[to as usize]);
            let path = prove_consistency(&log, from, to).unwrap();
            for twin in twins(&path) {
                assert!(verify_consistency(earlier, later, &twin).is_err(), "{from} to {to}: {twin:?}");
            }
            let other = |head: TreeHead| TreeHead { root: hash(b"x"), ..head };
            assert_eq!(verify_consistency(other(earlier), later, &path), Err(ProofMismatch::Root));
            assert_eq!(verify_consistency(earlier, other(later), &path), Err(ProofMismatch::Root));
            for (size, head) in (0..=34u64).zip(&heads) {
                if size != from {
                    assert!(verify_consistency(*head, later, &path).is_err() || (size == 0 && path.is_empty()), "{from} as {size} to {to}");
                }
                if size != to {
                    assert!(verify_consistency(earlier, *head, &path).is_err(), "{from} to {to} as {size}");
                }
            }
            if from < to {
                assert_eq!(verify_consistency(later, earlier, &path), Err(ProofMismatch::OutOfRange));
            }
        }
    }
}

#[test]
fn a_frontier_goes_on_where_it_was_left() {
    let log = MemoryLog::of_size(SIZE_MAX);
    let mut straight = Frontier::new();
    for size in 0..=SIZE_MAX {
        assert_eq!(Frontier::from_source(&log, size).unwrap(), straight);
        assert_eq!(straight.head(), TreeHead { size, root: definition::root(&log.leaves[..size as usize]) });
        if size < SIZE_MAX {
            straight.append(log.leaf_hash(size));
        }
    }
}

#[test]
fn appending_gives_out_each_complete_subtree_once() {
    let log = MemoryLog::of_size(SIZE_MAX);
    let level_widths = (0..64u8).map(|level| (level, SIZE_MAX >> level));
    let expected: BTreeSet<(u8, u64)> = level_widths.flat_map(|(level, width)| (0..width).map(move |index| (level, index))).collect();
    assert_eq!(log.nodes.keys().copied().collect::<BTreeSet<_>>(), expected);
    for ((level, index), hash) in &log.nodes {
        let leaves = (index << level) as usize..((index + 1) << level) as usize;
        assert_eq!(*hash, definition::root(&log.leaves[leaves]));
    }
}

#[test]
fn a_fault_of_the_source_is_passed_on() {
    struct Broken;
    impl NodeSource for Broken {
        type Fault = std::io::ErrorKind;
        fn load_node(&self, _: u8, _: u64) -> Result<Hash, Self::Fault> {
            Err(std::io::ErrorKind::NotFound)
        }
    }
    assert_eq!(Frontier::from_source(&Broken, 3), Err(std::io::ErrorKind::NotFound));
    assert_eq!(prove_inclusion(&Broken, 1, 3), Err(ProveFault::Source(std::io::ErrorKind::NotFound)));
    assert_eq!(prove_consistency(&Broken, 1, 3), Err(ProveFault::Source(std::io::ErrorKind::NotFound)));
}

fn example_head() -> TreeHead {
    TreeHead { size: 20_852_163, root: hash(b"root") }
}

/// Signs any text with a log's key, by the other implementation.
fn sign_by_theirs(key: &LogSigningKey, text: &str) -> SignedNote {
    let signer = StandardSigner::new(&key.expose_secret()).unwrap();
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    parse_note(&note.to_bytes()).unwrap()
}

/// The other implementation's own signature check, by the key as text.
fn verify_by_theirs(note: &[u8], key: &LogSigningKey) -> Note {
    let verifier = StandardVerifier::new(&key.verifier_key().to_wire().to_string()).unwrap();
    let note = Note::from_bytes(note).unwrap();
    let (verified, rest) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((verified.len(), rest.len(), verified[0].name()), (1, 0, ORIGIN));
    note
}

#[test]
fn the_other_implementation_verifies_our_checkpoints() {
    let key = log_key(ORIGIN);
    let ours = sign_checkpoint(&key, example_head()).unwrap();
    let note = verify_by_theirs(ours.note().as_str().as_bytes(), &key);
    assert_eq!(note.to_bytes(), ours.note().as_str().as_bytes());
    let text = tlog_tiles::checkpoint::Checkpoint::from_bytes(ours.note().text().as_bytes()).unwrap();
    assert_eq!((text.origin(), text.size(), text.hash()), (ORIGIN, 20_852_163, &to_theirs(&hash(b"root"))));
    assert_eq!(text.to_bytes(), encode_checkpoint(&parse_checkpoint(ours.note().text()).unwrap()).as_bytes());
}

#[test]
fn we_verify_the_other_implementations_checkpoints() {
    let key = log_key(ORIGIN);
    let text = tlog_tiles::checkpoint::Checkpoint::new(ORIGIN, 20_852_163, to_theirs(&hash(b"root")), "").unwrap();
    let note = sign_by_theirs(&key, std::str::from_utf8(&text.to_bytes()).unwrap());
    let verified = verify_checkpoint(note.clone(), key.verifier_key()).unwrap();
    assert_eq!((verified.origin(), verified.head(), verified.note()), (&name(ORIGIN), example_head(), &note));
    assert!(verified.cosignatures().is_empty());
    assert_eq!(verified, sign_checkpoint(&key, example_head()).unwrap());
}

fn with_lines(note: &SignedNote, lines: &[NoteSignature]) -> SignedNote {
    compose_note(note.text(), lines).unwrap()
}

#[test]
fn lines_of_unknown_keys_are_passed_over() {
    let key = log_key(ORIGIN);
    let note = sign_checkpoint(&key, example_head()).unwrap().note().clone();
    let line = note.signatures()[0].clone();
    // The same name with another id, the same id with another name; twice; with anything for a signature.
    let other_id = NoteSignature { key_id: KeyId([1, 2, 3, 4]), signature: vec![0], ..line.clone() };
    let other_name = NoteSignature { name: "kg.example/witness".parse().unwrap(), ..line.clone() };
    let strangers = [other_id.clone(), other_name.clone(), other_name, other_id];
    let full = with_lines(&note, &[&strangers[..2], std::slice::from_ref(&line), &strangers[2..]].concat());
    assert_eq!(verify_checkpoint(full.clone(), key.verifier_key()).unwrap().note(), &full);
    let unsigned = verify_checkpoint(with_lines(&note, &strangers), key.verifier_key());
    assert_eq!(unsigned, Err(CheckpointRefused::NotSigned(name(ORIGIN))));
}

#[test]
fn forged_checkpoints_are_refused() {
    let key = log_key(ORIGIN);
    let note = sign_checkpoint(&key, example_head()).unwrap().note().clone();
    let line = note.signatures()[0].clone();
    let verify = |note: SignedNote| verify_checkpoint(note, key.verifier_key());
    assert_eq!(verify_checkpoint(note.clone(), log_key(ORIGIN).verifier_key()), Err(CheckpointRefused::NotSigned(name(ORIGIN))));
    assert_eq!(verify(with_lines(&note, &[line.clone(), line.clone()])), Err(CheckpointRefused::SignedTwice(name(ORIGIN))));
    for bit in [0, 100, 255, 256, 511] {
        let mut forged = line.clone();
        forged.signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(with_lines(&note, &[forged])), Err(CheckpointRefused::WrongSignature(name(ORIGIN))));
    }
    for length in [1, 63, 65, 72] {
        let mut forged = line.clone();
        forged.signature.resize(length, 0);
        assert_eq!(verify(with_lines(&note, &[forged])), Err(CheckpointRefused::WrongSignature(name(ORIGIN))));
    }
    let forged = compose_note(&note.text().replace("2085", "2086"), &[line]).unwrap();
    assert_eq!(verify(forged), Err(CheckpointRefused::WrongSignature(name(ORIGIN))));
}

#[test]
fn what_a_known_key_signs_must_be_its_logs_checkpoint() {
    let key = log_key(ORIGIN);
    let verify = |text: &str| verify_checkpoint(sign_by_theirs(&key, text), key.verifier_key());
    let good = encode_checkpoint(&parse_checkpoint(&format!("{ORIGIN}\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")).unwrap());
    verify(&good).unwrap();
    let other_log = CheckpointRefused::OtherLog { key: name(ORIGIN), text: name("mla.example/directory") };
    assert_eq!(verify(&good.replace("events", "directory")), Err(other_log));
    assert_eq!(verify(&good.replace("\n7\n", "\n0\n")), Err(CheckpointRefused::EmptyWithRoot));
    for wrong in ["anything\n".to_owned(), format!("{good}extension\n"), good.replace("\n7\n", "\n07\n")] {
        assert!(matches!(verify(&wrong), Err(CheckpointRefused::Text(_))), "{wrong:?}");
    }
    let empty = TreeHead { size: 0, root: hash(b"") };
    assert_eq!(sign_checkpoint(&key, empty).unwrap().head(), empty);
    assert_eq!(sign_checkpoint(&key, TreeHead { size: 0, ..example_head() }), Err(CheckpointRefused::EmptyWithRoot));
}

#[test]
fn signing_keys_are_kept_as_text() {
    let key = log_key(ORIGIN);
    let text = key.expose_secret().to_string();
    let again = LogSigningKey::parse(&text).unwrap();
    assert_eq!((again.origin(), again.verifier_key()), (key.origin(), key.verifier_key()));
    assert_eq!(*again.expose_secret(), text);
    let refused = |text: &str| LogSigningKey::parse(text).map(|_| ()).unwrap_err();
    assert!(matches!(refused(&text.replace("/events", "/event")), NoteKeyRefused::WrongId(_)));
    assert!(matches!(refused(&text.replace("mla", "MLA")), NoteKeyRefused::WrongId(_)));
    let id_at = text.rfind(&key.verifier_key().to_wire().key_id.to_string()).unwrap();
    let flipped = if text.as_bytes()[id_at] == b'0' { "1" } else { "0" };
    assert!(matches!(refused(&format!("{}{flipped}{}", &text[..id_at], &text[id_at + 1..])), NoteKeyRefused::WrongId(_)));
    for wrong in
        ["", "PRIVATE+KEY+", &text[8..], &text[..text.len() - 4], &format!("{text}\n"), &format!("{text}AAAA"), &text.replace("+A", "+B")]
    {
        assert_eq!(refused(wrong), NoteKeyRefused::NoSigningKey, "{wrong:?}");
    }
}

#[test]
fn a_verifier_keys_id_is_checked() {
    let key = log_key(ORIGIN).verifier_key().clone();
    let text = key.to_wire();
    assert_eq!(LogVerifierKey::from_wire(&text.to_string().parse().unwrap()).unwrap(), key);
    let refused = |text: VerifierKey| LogVerifierKey::from_wire(&text).unwrap_err();
    let name = text.name.clone();
    assert_eq!(refused(VerifierKey { key_id: KeyId([0; 4]), ..text.clone() }), NoteKeyRefused::WrongId(name.clone()));
    assert_eq!(refused(VerifierKey { public_key: [1; 32], ..text.clone() }), NoteKeyRefused::WrongId(name.clone()));
    let other = "mla.example/directory".parse().unwrap();
    assert!(matches!(refused(VerifierKey { name: other, ..text.clone() }), NoteKeyRefused::WrongId(_)));
    assert_eq!(
        refused(witness_key("w.example")),
        NoteKeyRefused::WrongType { name: "w.example".parse().unwrap(), expected: SignatureType::Note }
    );
    // A key of Go's: a witness takes it, a policy of ours does not, since its name is no origin.
    let peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(LogVerifierKey::from_wire(&peter.parse().unwrap()).unwrap().origin().as_str(), "PeterNeumann");
    assert!(matches!(policy_of(&format!("log {peter}\nquorum none\n")), Err(NoteKeyRefused::WrongName(_))));
}

/// A cosigning key as C2SP tlog-cosignature has it; the id by hand, since only this test makes one.
fn witness_key(name: &str) -> VerifierKey {
    let public_key = *hash(format!("key of {name}").as_bytes()).as_bytes();
    let [a, b, c, d, ..] = *hash(&[name.as_bytes(), b"\n\x04", &public_key].concat()).as_bytes();
    VerifierKey { name: name.parse().unwrap(), key_id: KeyId([a, b, c, d]), signature_type: SignatureType::Cosignature, public_key }
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn log_line(key: &LogSigningKey) -> String {
    format!("log {}\n", key.verifier_key().to_wire())
}

fn policy_of(text: &str) -> Result<LogPolicy, NoteKeyRefused> {
    LogPolicy::from_wire(&parse_tlog_policy(text.as_bytes()).unwrap())
}

#[test]
fn a_policy_without_witnesses_says_so() {
    let [events, directory] = [log_key(ORIGIN), log_key("mla.example/directory")];
    let policy = policy_of(&format!("# ours\n{}\n{}quorum none\n", log_line(&events), log_line(&directory))).unwrap();
    let note = |key| sign_checkpoint(key, example_head()).unwrap().note().clone();
    let verified = policy.verify_checkpoint(&origin(), note(&events)).unwrap();
    assert_eq!(verified.head(), example_head());
    assert!(!policy.asks_for_witnesses() && policy.count_votes(&verified, UnixMillis(0)).is_quorum());
    // One log's checkpoint is never taken for the other's.
    assert_eq!(policy.verify_checkpoint(&origin(), note(&directory)), Err(CheckpointRefused::NotSigned(name(ORIGIN))));
    let third: Origin = "mla.example/third".parse().unwrap();
    assert_eq!(policy.verify_checkpoint(&third, note(&events)), Err(CheckpointRefused::UnknownLog(name("mla.example/third"))));
    assert_eq!(policy.verify_checkpoint(&origin(), note(&log_key(ORIGIN))), Err(CheckpointRefused::NotSigned(name(ORIGIN))));
}

#[test]
fn a_log_may_have_an_old_and_a_new_key() {
    let [old, new] = [log_key(ORIGIN), log_key(ORIGIN)];
    let policy = policy_of(&format!("{}{}quorum none\n", log_line(&old), log_line(&new))).unwrap();
    let notes = [&old, &new].map(|key| sign_checkpoint(key, example_head()).unwrap().note().clone());
    let lines = notes.iter().flat_map(|note| note.signatures().to_vec()).collect::<Vec<_>>();
    for note in [notes[0].clone(), notes[1].clone(), with_lines(&notes[0], &lines)] {
        policy.verify_checkpoint(&origin(), note).unwrap();
    }
    // A wrong signature by a known key spoils a right one by another.
    let mut spoilt = lines;
    spoilt[1].signature[5] ^= 1;
    let refused = policy.verify_checkpoint(&origin(), with_lines(&notes[0], &spoilt));
    assert_eq!(refused, Err(CheckpointRefused::WrongSignature(name(ORIGIN))));
}

#[test]
fn the_id_of_a_witnesss_key_in_a_policy_is_checked() {
    let witness = witness_key("kg.example/witness");
    let text = |key: &VerifierKey| format!("{}witness kg {key}\nquorum kg\n", log_line(&log_key(ORIGIN)));
    assert!(policy_of(&text(&witness)).unwrap().asks_for_witnesses());
    let altered = VerifierKey { public_key: [9; 32], ..witness };
    assert!(matches!(policy_of(&text(&altered)), Err(NoteKeyRefused::WrongId(_))));
}

/// The example of C2SP tlog-policy, with keys.
fn specifications_policy() -> String {
    let witness = |name: &str| format!("witness {name} {}\n", witness_key(&name.to_lowercase()));
    format!(
        "{}\n{}{}{}group X-witnesses 2 X1 X2 X3\n\n{}{}{}group Y-witnesses any Y1 Y2 Y3\n\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n",
        log_line(&log_key(ORIGIN)),
        witness("X1"),
        witness("X2"),
        witness("X3"),
        witness("Y1"),
        witness("Y2"),
        witness("Y3"),
    )
}

#[test]
fn policies_have_one_spelling() {
    let text = specifications_policy();
    let policy = parse_tlog_policy(text.as_bytes()).unwrap();
    assert_eq!(policy.quorum(), &Quorum::Of("X-and-Y".parse().unwrap()));
    assert_eq!(encode_tlog_policy(&policy), text);
    assert_eq!(compose_tlog_policy(policy.lines()).unwrap(), policy);
    let with_more = text.replace("quorum", "# Ünvan\n#\nquorum").replace("\ngroup Y", " https://y.example\ngroup Y");
    assert_eq!(encode_tlog_policy(&parse_tlog_policy(with_more.as_bytes()).unwrap()), with_more);
    assert_eq!(encode_tlog_policy(&parse_tlog_policy(b"quorum none\n").unwrap()), "quorum none\n");
}

#[test]
fn malformed_lines_of_policies_are_refused() {
    let text = specifications_policy();
    let log = log_line(&log_key(ORIGIN));
    let [x1, x2] = ["x1", "x2"].map(|name| witness_key(name).to_string());
    let text = text.replacen(text.split_inclusive('\n').next().unwrap(), &log, 1);
    let log_key = log.trim_end().strip_prefix("log ").unwrap();
    let at = |line: usize, from: &str, to: &str| {
        assert!(text.contains(from), "{from:?}");
        let result = parse_tlog_policy(text.replacen(from, to, 1).as_bytes());
        assert!(matches!(result, Err(TlogPolicyMalformed::Line { line: found, .. }) if found == line), "{to:?}: {result:?}");
    };
    for wrong in ["log  ", " log ", "logs ", "Log ", "log ? ", "log", " # log "] {
        at(1, "log ", wrong);
    }
    at(1, log_key, &x1);
    at(1, log_key, &format!("{log_key} https://a.example b"));
    at(2, &log, &log.repeat(2));
    at(3, &x1, log_key);
    at(3, "witness X1 ", "witness ");
    at(3, "witness X1", "witness none");
    at(4, "witness X2", "witness X1");
    at(4, &x2, &x1);
    for wrong in ["0", "4", "02", "+2", "some", "", "2.0"] {
        at(6, "X-witnesses 2 ", &format!("X-witnesses {wrong} "));
    }
    for wrong in ["", " ", " X1 X2 X4", " X1 X2 Y1", " X1 X2 X2", " X1 X2 none", " X1 X2 X-witnesses", " X1  X2", " X1 X2 X3 "] {
        at(6, " X1 X2 X3", wrong);
    }
    at(6, "group X-witnesses", "group X1");
    at(11, "Y1 Y2 Y3", "Y1 Y2 X3");
    at(11, "group Y-witnesses", "group X-witnesses");
    for wrong in ["quorum Z", "quorum", "quorum X-and-Y ", "quorum X-and-Y X1", " # comment", "quorum all"] {
        at(14, "quorum X-and-Y", wrong);
    }
    at(15, "quorum X-and-Y", "quorum X-and-Y\nquorum none");
}

#[test]
fn what_is_no_policy_is_refused() {
    let text = specifications_policy();
    let refused = |text: &str| parse_tlog_policy(text.as_bytes()).unwrap_err();
    assert_eq!(refused(&text.replace("quorum", "# quorum")), TlogPolicyMalformed::NoQuorum);
    for wrong in ["", &text.replace('\n', "\r\n"), &text.replace("log ", "log\t"), &text.replace("X1", "X\x7f1"), text.trim_end(), "\0\n"] {
        assert_eq!(refused(wrong), TlogPolicyMalformed::NotText);
    }
    assert_eq!(parse_tlog_policy(b"# \xff\nquorum none\n"), Err(TlogPolicyMalformed::NotText));
    let long = |bytes: usize| format!("quorum none\n#{}\n", "x".repeat(bytes - 14));
    parse_tlog_policy(long(TLOG_POLICY_BYTES_MAX).as_bytes()).unwrap();
    assert_eq!(refused(&long(TLOG_POLICY_BYTES_MAX + 1)), TlogPolicyMalformed::TooLong);
}

#[test]
fn a_policy_has_so_many_entries_and_no_more() {
    let witnesses = |count: usize| (0..count).map(|at| format!("witness w{at} {}\n", witness_key(&format!("w{at}")))).collect::<String>();
    let groups = |count: usize| (0..count).map(|at| format!("group g{at} any w{at}\n")).collect::<String>();
    let logs = |count: usize| (0..count).map(|at| log_line(&log_key(&format!("{ORIGIN}/{at}")))).collect::<String>();
    let accepts = |text: String| parse_tlog_policy(format!("{text}quorum none\n").as_bytes()).is_ok();
    let max = POLICY_ENTRIES_MAX;
    assert!(accepts(logs(max) + &witnesses(max) + &groups(max)));
    assert!(!accepts(logs(max + 1)));
    assert!(!accepts(witnesses(max + 1)));
    let chain =
        (0..max).map(|at| format!("group h{at} any {}\n", if at == 0 { "w0".into() } else { format!("h{}", at - 1) })).collect::<String>();
    assert!(accepts(witnesses(1) + &chain));
    assert!(!accepts(witnesses(1) + &chain + &format!("group last any h{}\n", max - 1)));
}

#[test]
fn a_composed_policy_is_what_its_lines_say() {
    let log = PolicyLine::Log { key: log_key(ORIGIN).verifier_key().to_wire(), url: Some("https://mla.example".into()) };
    let quorum = PolicyLine::Quorum(Quorum::None);
    let lines = [PolicyLine::Comment("# version 1".into()), log.clone(), PolicyLine::Empty, quorum.clone()];
    assert_eq!(compose_tlog_policy(&lines).unwrap().lines(), lines);
    let key = log_key(ORIGIN).verifier_key().to_wire();
    let url = |url: &str| PolicyLine::Log { key: key.clone(), url: Some(url.into()) };
    for wrong in
        [url(""), url("two words"), url("a\nquorum none"), PolicyLine::Comment("no sign".into()), PolicyLine::Comment(String::new())]
    {
        assert!(compose_tlog_policy(&[wrong.clone(), quorum.clone()]).is_err(), "{wrong:?}");
    }
    assert_eq!(compose_tlog_policy(&[log]), Err(TlogPolicyMalformed::NoQuorum));
}

#[test]
fn the_other_implementations_verify_our_proof_files() {
    let log = MemoryLog::of_size(13);
    let key = log_key(ORIGIN);
    let checkpoint = sign_checkpoint(&key, log.head(13)).unwrap();
    let file = encode_tlog_proof(5, &prove_inclusion(&log, 5, 13).unwrap(), checkpoint.note());
    let (proof, note) = file.split_once("\n\n").unwrap();
    let lines: Vec<&str> = proof.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 5"]);
    let path: Vec<theirs::Hash> = lines[2..].iter().map(|line| theirs::Hash::parse_hash(line).unwrap()).collect();
    let head = tlog_tiles::checkpoint::Checkpoint::from_bytes(verify_by_theirs(note.as_bytes(), &key).text()).unwrap();
    theirs::check_record(&path, head.size(), *head.hash(), 5, to_theirs(&leaf_hash(b"leaf 5"))).unwrap();
}

#[test]
fn bundle_paths_are_the_other_implementations() {
    for (index, width) in [(0, 256), (0, 1), (7, 255), (999, 256), (1000, 12), (1_234_067, 256), (u64::from(u32::MAX), 3)] {
        let name = EntryBundleName::of_leaf(index * 256, index * 256 + u64::from(width)).unwrap();
        let path = tlog_tiles::tile::Tile::new(8, 0, index, width, true).path().replace("tile/8/data/", "tile/entries/");
        assert_eq!(name.to_string(), path);
        assert_eq!((name.first_leaf(), u32::from(name.width())), (index * 256, width));
        assert_eq!(path.parse::<EntryBundleName>().unwrap(), name);
    }
}

proptest! {
    #[test]
    fn an_accepted_policy_has_one_spelling(picks in proptest::collection::vec(0usize..12, 0..9), foreign: Vec<u8>, text in "\\PC*") {
        let key = |name: &str| witness_key(name).to_string();
        let log = "log mla.example/events+01020304+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let (w1, w2) = (format!("witness w1 {}", key("w1")), format!("witness w2 {} u", key("w2")));
        let lines = [log, &w1, &w2, "group g any w1", "group g all w1 w2", "group h 1 g w2", "quorum none", "quorum h", "quorum w1", "#", "", " "];
        let policy: String = picks.iter().map(|pick| format!("{}\n", lines[*pick])).collect();
        if let Ok(parsed) = parse_tlog_policy(policy.as_bytes()) {
            prop_assert_eq!(encode_tlog_policy(&parsed), policy);
            prop_assert_eq!(compose_tlog_policy(parsed.lines()).unwrap(), parsed);
        }
        prop_assert!(parse_tlog_policy(&foreign).is_err());
        let _ = parse_tlog_policy(format!("# {text}\nquorum none\n").as_bytes());
        let _ = text.parse::<elchi::wire::PolicyName>();
    }

    #[test]
    fn any_proof_of_any_tree_verifies_and_no_other_root_does(size in 1u64..2000, from in 1u64..2000, index in 0u64..2000, other: [u8; 32]) {
        let log = MemoryLog::of_size(size);
        let (from, index) = (from.min(size), index.min(size - 1));
        let checkpoint = sign_checkpoint(&log_key(ORIGIN), log.head(size)).unwrap();
        let path = prove_inclusion(&log, index, size).unwrap();
        verify_inclusion(log.leaf_hash(index), index, &path, &checkpoint).unwrap();
        let path = prove_consistency(&log, from, size).unwrap();
        verify_consistency(log.head(from), log.head(size), &path).unwrap();
        let fork = TreeHead { size: from, root: Hash::from_bytes(other) };
        prop_assert_eq!(verify_consistency(fork, log.head(size), &path), Err(ProofMismatch::Root));
    }

    #[test]
    fn foreign_text_is_no_signing_key(text in "\\PC*", tail in "[A-Za-z0-9+/=]{0,60}") {
        prop_assert!(LogSigningKey::parse(&text).is_err());
        let close = format!("PRIVATE+KEY+a.example+01234567+{tail}");
        prop_assert!(LogSigningKey::parse(&close).is_err());
    }
}

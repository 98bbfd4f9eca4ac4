//! A policy is the own registrar's word, newer than the last, whole, and about keys and roots that can be used.

use elchi::crypto::hash;
use elchi::domain::{Hash, Log, StateCode};
use elchi::sign::sign_detached;
use elchi::tlog::LogSigningKey;
use elchi::trust::{CertificateProfile, Policy, PolicyRejected, VerifiedPolicy, encode_policy, parse_policy, verify_policy};
use elchi::wire::{KeyId, VerifierKey, parse_tlog_policy};

use super::chain::{Member, at, enrol, state, validity, world};

/// What a registrar hands over.
struct Handed {
    text: String,
    signature: Vec<u8>,
    roots: Vec<(StateCode, Vec<u8>)>,
}

impl Handed {
    fn verify(&self, version_min: u64) -> Result<VerifiedPolicy, PolicyRejected> {
        verify_policy(self.text.as_bytes(), &self.signature, state("KG"), &self.roots, version_min)
    }
}

fn log_line(name: &str) -> String {
    format!("log {}\n", LogSigningKey::generate(name.parse().unwrap()).unwrap().verifier_key().to_wire())
}

fn registrar() -> Member {
    enrol(&world().kg, CertificateProfile::Registrar, "kg.registrar/01", validity())
}

/// A policy of KG's registrar with these log lines, changed before it is signed.
fn hand_over(logs: &str, signer: &Member, change: impl FnOnce(&mut Policy)) -> Handed {
    let roots = vec![(state("KG"), world().kg.root_der().to_vec()), (state("TR"), world().tr.root_der().to_vec())];
    let mut policy = Policy {
        state: state("KG"),
        version: 3,
        time: at().to_second(),
        server: "mla.example:8443".into(),
        server_spki: hash(b"the server's key"),
        roots: roots.iter().map(|(state, der)| (*state, hash(der))).collect(),
        votes: Vec::new(),
        provisional: None,
        tlog: parse_tlog_policy(format!("{logs}quorum none\n").as_bytes()).unwrap(),
    };
    change(&mut policy);
    let text = encode_policy(&policy);
    let signature = sign_detached(&signer.signer(), &hash(text.as_bytes()), at().to_second()).unwrap();
    Handed { text, signature, roots }
}

fn two_logs() -> String {
    log_line("mla.example/events") + &log_line("mla.example/directory")
}

#[test]
fn the_own_registrars_policy_is_taken_and_says_what_it_says() {
    let handed = hand_over(&two_logs(), &registrar(), |_| ());
    let verified = handed.verify(3).unwrap();
    assert_eq!(verified.policy(), &parse_policy(handed.text.as_bytes()).unwrap());
    assert_eq!(Log::ALL.map(|log| verified.origin(log).to_string()), ["mla.example/events", "mla.example/directory"]);
    assert!(matches!(handed.verify(4), Err(PolicyRejected::Older { found: 3, in_force: 4 })));
}

#[test]
fn another_signer_is_nobody() {
    let (kg, tr) = (&world().kg, &world().tr);
    let signers = [
        enrol(tr, CertificateProfile::Registrar, "tr.registrar/01", validity()),
        enrol(kg, CertificateProfile::RegistrarTls, "kg.registrar/01", validity()),
        enrol(kg, CertificateProfile::Statement, "kg.gpo/07", validity()),
        enrol(kg, CertificateProfile::Tls, "kg.gpo/07", validity()),
    ];
    for signer in &signers {
        let refused = hand_over(&two_logs(), signer, |_| ()).verify(1);
        assert!(matches!(refused, Err(PolicyRejected::NotSigned { .. })), "{refused:?}");
    }
    let for_another_state = hand_over(&two_logs(), &registrar(), |policy| policy.state = state("TR"));
    assert!(matches!(for_another_state.verify(1), Err(PolicyRejected::NotSigned { .. })));
    let before_the_certificate = hand_over(&two_logs(), &registrar(), |policy| policy.time = "2020-01-01T00:00:00Z".parse().unwrap());
    assert!(matches!(before_the_certificate.verify(1), Err(PolicyRejected::NotSigned { .. })));
}

#[test]
fn a_policy_that_was_changed_is_not_signed() {
    let handed = hand_over(&two_logs(), &registrar(), |_| ());
    for position in 0..handed.text.len() {
        let mut bytes = handed.text.clone().into_bytes();
        bytes[position] ^= 1;
        assert!(verify_policy(&bytes, &handed.signature, state("KG"), &handed.roots, 1).is_err(), "byte {position}");
    }
    for other in
        [handed.text.replace("version 3", "version  3"), handed.text.replace("version 3", "version 03"), handed.text.replace('\n', "\r\n")]
    {
        assert!(parse_policy(other.as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn the_roots_are_those_that_it_names() {
    let mut handed = hand_over(&two_logs(), &registrar(), |_| ());
    handed.roots.pop();
    assert!(matches!(handed.verify(1), Err(PolicyRejected::Root(missing)) if missing == state("TR")));
    handed.roots.push((state("TR"), world().kg.root_der().to_vec()));
    assert!(matches!(handed.verify(1), Err(PolicyRejected::Root(_))));
    let without_own = hand_over(&two_logs(), &registrar(), |policy| policy.roots.retain(|(named, _)| *named != state("KG")));
    assert!(without_own.verify(1).is_err());
    let of_another = hand_over(&two_logs(), &registrar(), |policy| policy.roots[0].1 = Hash::ZERO);
    assert!(matches!(of_another.verify(1), Err(PolicyRejected::Root(_))));
}

#[test]
fn it_names_one_log_of_each_kind_with_keys_of_their_own() {
    let (events, directory) = (log_line("mla.example/events"), log_line("mla.example/directory"));
    let usable = |logs: &str| match hand_over(logs, &registrar(), |_| ()).verify(1) {
        Ok(_) => true,
        Err(PolicyRejected::Unusable(_)) => false,
        Err(other) => panic!("{other}"),
    };
    assert!(usable(&format!("{events}{directory}")));
    let (other_key, other_log) = (log_line("mla.example/events"), log_line("else.example/events"));
    assert!(usable(&format!("{events}{other_key}{directory}")), "an old and a new key of one log");
    assert!(!usable(&events), "no directory");
    assert!(!usable(&directory), "no events");
    assert!(!usable(&format!("{events}{other_log}{directory}")), "two logs of events");
    // The events log's key under the directory log's name, with the id that this name gives it.
    let key = LogSigningKey::generate("mla.example/events".parse().unwrap()).unwrap().verifier_key().to_wire();
    let id = hash(&[b"mla.example/directory\n\x01", key.public_key.as_slice()].concat());
    let key_id = KeyId(*id.as_bytes().first_chunk().unwrap());
    let renamed = VerifierKey { name: "mla.example/directory".parse().unwrap(), key_id, ..key.clone() };
    assert!(usable(&format!("log {key}\n{directory}")));
    let one_key = format!("log {key}\nlog {renamed}\nquorum none\n");
    assert!(parse_tlog_policy(one_key.as_bytes()).unwrap_err().to_string().contains("its key stands in a line above"));
}

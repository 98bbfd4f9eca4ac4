//! C2SP's age test vectors (c2sp.org/CCTV/age) and the specification's own example.
//!
//! The set mostly has X25519 headers, which our rule refuses. So its payloads are put behind hybrid
//! headers with the same file key, and its stanzas beside a hybrid stanza.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::iter;

use age::{DecryptError, Decryptor, Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use base64ct::{Base64Unpadded, Encoding};
use elchi::crypto::hash;
use elchi::seal::{Digest, HeaderRefused, OpenError, SealingIdentity, SealingRecipient, open_cover, verify_header};
use ring::{hkdf, hmac};

use super::javascript::run;
use super::{NONCE_BYTES, SEALED_CHUNK_BYTES, digest, document_identity, header_bytes, open_as_signed};

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    expect: String,
    payload: String,
    file_key: String,
    identities: Vec<String>,
    armored: bool,
    #[serde(skip)]
    body: Vec<u8>,
}

/// The vectors in age's binary format, by name.
fn vectors() -> BTreeMap<String, Vector> {
    let folder = tempfile::tempdir().unwrap();
    let json = run(&["vectors", folder.path().to_str().unwrap()], b"").expect("age.mjs failed");
    let mut vectors: Vec<Vector> = serde_json::from_slice(&json).unwrap();
    vectors.retain(|vector| !vector.armored);
    vectors.iter_mut().for_each(|vector| vector.body = fs::read(folder.path().join(&vector.name)).unwrap());
    vectors.into_iter().map(|vector| (vector.name.clone(), vector)).collect()
}

fn family<'a>(vectors: &'a BTreeMap<String, Vector>, prefix: &'a str) -> impl Iterator<Item = &'a Vector> {
    vectors.values().filter(move |vector| vector.name.starts_with(prefix))
}

fn decrypt(body: &[u8], identity: &dyn Identity) -> Result<Vec<u8>, DecryptError> {
    let mut plaintext = Vec::new();
    Decryptor::new_buffered(body)?.decrypt(iter::once(identity))?.read_to_end(&mut plaintext)?;
    Ok(plaintext)
}

#[test]
fn the_hybrid_recipient_passes_all_its_vectors() {
    let vectors = vectors();
    assert_eq!(family(&vectors, "hybrid").count(), 18);
    for vector in family(&vectors, "hybrid") {
        let outcome = match SealingIdentity::parse(&vector.identities[0]) {
            Ok(identity) => decrypt(&vector.body, &identity),
            Err(_) => decrypt(&vector.body, &vector.identities[0].parse::<age::x25519::Identity>().unwrap()),
        };
        match (vector.expect.as_str(), outcome) {
            ("success", Ok(plaintext)) => assert_eq!(hash(&plaintext).to_string(), vector.payload, "{}", vector.name),
            ("no match", Err(DecryptError::NoMatchingKeys)) => {}
            // age tries a header that is not version 1's as one of a version that it does not know.
            ("header failure", Err(DecryptError::InvalidHeader | DecryptError::UnknownFormat)) => {}
            (expect, outcome) => panic!("{}: {expect} expected, was {:?}", vector.name, outcome.err()),
        }
    }
}

#[test]
fn our_rule_refuses_of_the_good_hybrid_vectors_only_the_mixed_one() {
    let vectors = vectors();
    let hybrid = family(&vectors, "hybrid").filter(|vector| vector.identities[0].starts_with("AGE-SECRET-KEY-PQ-"));
    for vector in hybrid {
        let slip = document_identity(&vector.identities[0]);
        let outcome = open_cover(slip.identity(), &vector.body[..], &digest(&vector.body));
        match (vector.name.as_str(), vector.expect.as_str(), outcome) {
            ("hybrid_and_x25519" | "hybrid_uppercase", _, Err(OpenError::Header(HeaderRefused::OtherRecipient))) => {}
            (name, "success", Ok(opened)) => assert_eq!(hash(&opened.into_output()).to_string(), vector.payload, "{name}"),
            (_, "no match", Err(OpenError::NotOpened)) => {}
            (_, "header failure", Err(OpenError::Header(HeaderRefused::Malformed) | OpenError::NotOpened)) => {}
            (name, expect, outcome) => panic!("{name}: {expect} expected, was {:?}", outcome.err()),
        }
    }
}

const X25519_STANZA: &str = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nhjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE\n";

fn replace(bytes: &[u8], from: &str, to: &[u8]) -> Option<Vec<u8>> {
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes())?;
    Some([&bytes[..at], to, &bytes[at + from.len()..]].concat())
}

/// The vector with its X25519 stanza exchanged for a hybrid one and others called grease, so that nothing
/// but the grammar can be wrong.
fn with_hybrid_stanza(vector: &Vector, hybrid: &[u8]) -> Vec<u8> {
    let mut header = replace(&vector.body, X25519_STANZA, hybrid).unwrap_or_else(|| panic!("{} has another stanza", vector.name));
    for other in ["-> stanza", "-> empty"] {
        header = replace(&header, other, b"-> grease").unwrap_or(header);
    }
    header
}

#[test]
fn our_header_rule_keeps_the_grammar() {
    let vectors = vectors();
    let good = &vectors["hybrid"].body;
    let start = b"age-encryption.org/v1\n".len();
    let hybrid = &good[start..header_bytes(good) - "--- ".len() - 43 - "\n".len()];

    let mut judged = 0;
    let families = ["hmac_", "stanza_", "version_"];
    for vector in families.iter().flat_map(|prefix| family(&vectors, prefix)) {
        judged += 1;
        match (vector.expect.as_str(), verify_header(&with_hybrid_stanza(vector, hybrid))) {
            ("success", Err(HeaderRefused::OtherRecipient)) if vector.name == "stanza_valid_characters" => {}
            ("success" | "HMAC failure", Ok(_)) => {}
            ("header failure", Err(HeaderRefused::Malformed | HeaderRefused::NotAge | HeaderRefused::CutShort)) => {}
            (expect, outcome) => panic!("{}: {expect} expected, was {outcome:?}", vector.name),
        }
    }
    assert!(judged >= 20, "only {judged} vectors");
    for (name, vector) in &vectors {
        let classic = ["x25519", "scrypt", "stream_", "stanza_", "hmac_", "header_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(!classic || verify_header(&vector.body).is_err(), "{name} has no hybrid stanza");
    }
}

/// An age file of our recipient with the vector's file key and payload.
fn behind_hybrid_header(vector: &Vector, recipient: &SealingRecipient) -> Vec<u8> {
    let key = (0..16).map(|i| u8::from_str_radix(&vector.file_key[2 * i..2 * i + 2], 16).unwrap()).collect::<Vec<_>>();
    let file_key = FileKey::init_with_mut(|target| target.copy_from_slice(&key));
    let (stanzas, _) = recipient.wrap_file_key(&file_key).unwrap();
    let Stanza { tag, args, body } = &stanzas[0];
    let header = format!("age-encryption.org/v1\n-> {tag} {}\n{}\n---", args[0], Base64Unpadded::encode_string(body));

    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"").extract(&key);
    let mac_key = hmac::Key::from(prk.expand(&[b"header"], hmac::HMAC_SHA256).unwrap());
    let mac = Base64Unpadded::encode_string(hmac::sign(&mac_key, header.as_bytes()).as_ref());
    let mac_line = vector.body.windows(5).position(|window| window == b"\n--- ").unwrap() + 1;
    let payload = mac_line + vector.body[mac_line..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    [header.as_bytes(), b" ", mac.as_bytes(), b"\n", &vector.body[payload..]].concat()
}

#[test]
fn our_streams_pass_all_payload_vectors() {
    let vectors = vectors();
    assert!(family(&vectors, "stream_").count() >= 25);
    let secret = SealingIdentity::generate();
    let slip = document_identity(&secret.expose_secret());
    for vector in family(&vectors, "stream_") {
        let blob = behind_hybrid_header(vector, &secret.recipient());
        if vector.expect == "success" {
            let plaintext = Digest { sha256: vector.payload.parse().unwrap(), bytes: plaintext_bytes(&blob) };
            assert!(open_as_signed(slip.identity(), &blob, plaintext).is_ok(), "{}", vector.name);
        } else {
            let refused = open_cover(slip.identity(), &blob[..], &digest(&blob));
            assert!(matches!(refused, Err(OpenError::NotOpened)), "{}", vector.name);
        }
    }
}

/// Without the header, the nonce, and a tag for each chunk.
fn plaintext_bytes(blob: &[u8]) -> u64 {
    let payload = blob.len() - header_bytes(blob) - NONCE_BYTES;
    (payload - 16 * payload.div_ceil(SEALED_CHUNK_BYTES)) as u64
}

#[test]
fn the_specifications_example_opens() {
    let example = include_str!("spec_example.txt");
    let lines: Vec<&str> = example.lines().filter(|line| !line.starts_with('#')).collect();
    let [identity, recipient, arguments, body] = lines[..] else { panic!("four lines") };
    let identity = SealingIdentity::parse(identity).unwrap();
    assert_eq!(identity.recipient().to_string(), recipient);
    let mut arguments = arguments.strip_prefix("-> ").unwrap().split(' ').map(str::to_owned);
    let stanza = |tag: String, args: Vec<String>, body: &str| Stanza { tag, args, body: Base64Unpadded::decode_vec(body).unwrap() };
    let stanza = stanza(arguments.next().unwrap(), arguments.collect(), body);
    let file_key = identity.unwrap_stanza(&stanza).unwrap().unwrap();
    assert_eq!(file_key.expose_secret().len(), 16);
    assert!(SealingIdentity::generate().unwrap_stanza(&stanza).is_none());
}

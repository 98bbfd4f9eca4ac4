//! Age in JavaScript opens what we seal, and we open what it seals.

use elchi::crypto::random_tag;
use elchi::seal::{DocumentIdentity, HeaderRefused, OpenError, SealingIdentity, SecretFileRefused, seal_authority_identity, seal_slip};

use super::javascript::run;
use super::{CHUNK_BYTES, digest, document_identity, log, open_as_signed, open_slip_as_signed, seal, slip_error};

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8(bytes.expect("age.mjs refused")).unwrap()
}

#[test]
fn both_derive_the_same_recipient() {
    let identity = SealingIdentity::generate();
    assert_eq!(text(run(&["recipient"], identity.expose_secret().as_bytes())), identity.recipient().to_string());
}

#[test]
fn javascript_opens_ours_by_the_whole_chain_of_keys() {
    let (holder, authority) = (SealingIdentity::generate(), SealingIdentity::generate());
    let document = DocumentIdentity::generate();
    let plaintext = vec![b'e'; 2 * CHUNK_BYTES + 1];
    let (blob, _) = seal(&document, &plaintext);
    let slip = seal_slip(&document, &log(), &random_tag(), &authority.recipient()).unwrap();
    let grant = seal_authority_identity(&authority, &"tr.moj".parse().unwrap(), &holder.recipient()).unwrap();

    // As `age -d -i` would: skip the comment, take the identity.
    let key_of = |file: String| file.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    let authority_key = key_of(text(run(&["decrypt", &holder.expose_secret()], &grant)));
    let document_key = key_of(text(run(&["decrypt", &authority_key], &slip)));
    assert!(run(&["decrypt", &document_key], &blob).unwrap() == plaintext);
    assert!(run(&["decrypt", &authority_key], &blob).is_none(), "another key opens nothing there either");
}

#[test]
fn we_open_what_javascript_seals() {
    let secret = SealingIdentity::generate();
    let recipient = secret.recipient().to_string();
    let slip = document_identity(&secret.expose_secret());
    for size in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1] {
        let plaintext = vec![b'j'; size];
        let blob = run(&["encrypt", &recipient], &plaintext).unwrap();
        assert!(open_as_signed(slip.identity(), &blob, digest(&plaintext)).unwrap() == plaintext, "{size} bytes");
    }
}

#[test]
fn what_javascript_mixes_with_a_weaker_key_we_refuse() {
    let secret = SealingIdentity::generate();
    let recipient = secret.recipient().to_string();
    let weak = age::x25519::Identity::generate().to_public().to_string();
    let slip = document_identity(&secret.expose_secret());
    let tag = random_tag();
    for recipients in [[&recipient, &weak], [&weak, &recipient]] {
        let arguments = ["encrypt", recipients[0], recipients[1]];
        let blob = run(&arguments, b"evidence").unwrap();
        let refused = open_as_signed(slip.identity(), &blob, digest(b"evidence"));
        assert!(matches!(refused, Err(OpenError::Header(HeaderRefused::OtherRecipient))));
        let inner = format!("# elchi-slip/v1 {} {tag}\n{}\n", log(), *secret.expose_secret());
        let weak_slip = run(&arguments, inner.as_bytes()).unwrap();
        let refused = slip_error(open_slip_as_signed(&weak_slip, &secret, &log(), &tag));
        assert_eq!(refused, SecretFileRefused::Header(HeaderRefused::OtherRecipient).into());
    }
}

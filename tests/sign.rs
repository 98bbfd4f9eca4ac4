//! Detached signatures: OpenSSL agrees with ours, and whatever is not the one encoding is refused by its name.
//!
//! Needs the `openssl` command line tool, 3.0 or newer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use const_oid::ObjectIdentifier;
use elchi::crypto::hash;
use elchi::domain::limits::SIGNATURE_BYTES_MAX;
use elchi::domain::{Hash, UtcSecond};
use elchi::sign::{
    Certificate, EcdsaSignature, SignFault, SignatureRefused, Signer, SignerRefused, SoftwareSigner, VerifiedSignature, parse_detached,
    sign_detached, verify_detached,
};
use elchi::trust::{CertificateProfile, verify_chain};
use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P384_SHA384, PublicKeyData};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::chain::{AT, Member, at, enrol, parse, second, validity, world};

const CONTENT: &[u8] = b"elchi-statement/v1\nlog mla.example/events\n";

fn member() -> &'static Member {
    static MEMBER: OnceLock<Member> = OnceLock::new();
    MEMBER.get_or_init(|| enrol(&world().kg, CertificateProfile::Statement, "kg.gpo/07", validity()))
}

fn signed() -> Vec<u8> {
    sign_detached(&member().signer(), &hash(CONTENT), second(AT)).unwrap()
}

fn verify(signature: &[u8]) -> Result<VerifiedSignature, SignatureRefused> {
    verify_detached(&hash(CONTENT), &parse_detached(signature)?)
}

// ---------------------------------------------------------------- what ours is

#[test]
fn a_signature_proves_who_signed_what() {
    let verified = verify(&signed()).unwrap();
    assert_eq!(verified.signer(), &member().certificate);
    assert_eq!(verified.issuer(), &member().issuer);
    let issuers = std::slice::from_ref(verified.issuer());
    let chain = verify_chain(CertificateProfile::Statement, verified.signer(), issuers, &world().anchors, at()).unwrap();
    assert_eq!(chain.member().to_string(), "kg.gpo/07");
    assert!(signed().len() < SIGNATURE_BYTES_MAX / 3, "{}", signed().len());
}

#[test]
fn another_content_is_another_signature() {
    let parsed = parse_detached(&signed()).unwrap();
    assert_eq!(verify_detached(&hash(b"other"), &parsed), Err(SignatureRefused::ContentDiffers));
    assert_eq!(verify_detached(&Hash::ZERO, &parsed), Err(SignatureRefused::ContentDiffers));
}

#[test]
fn a_registrar_signs_with_the_root_as_its_issuer() {
    let registrar = enrol(&world().kg, CertificateProfile::Registrar, "kg.registrar/01", validity());
    let verified = verify(&sign_detached(&registrar.signer(), &hash(CONTENT), second(AT)).unwrap()).unwrap();
    assert_eq!(verified.issuer().der(), world().kg.root_der());
    let issuers = std::slice::from_ref(verified.issuer());
    verify_chain(CertificateProfile::Registrar, verified.signer(), issuers, &world().anchors, at()).unwrap();
    verify_chain(CertificateProfile::Statement, verified.signer(), issuers, &world().anchors, at()).unwrap_err();
}

#[test]
fn a_key_goes_with_its_own_certificate_and_issuer_only() {
    let (ours, other) = (member(), enrol(&world().kg, CertificateProfile::Statement, "kg.gpo/08", validity()));
    let load = |key: &[u8], certificate: &Certificate, issuer: &Certificate| {
        SoftwareSigner::from_pkcs8_der(key, certificate.clone(), issuer.clone()).err()
    };
    assert_eq!(load(&ours.key_pkcs8, &other.certificate, &ours.issuer), Some(SignerRefused::OtherKey));
    assert_eq!(load(&ours.key_pkcs8, &ours.certificate, &parse(world().tr.issuing_der())), Some(SignerRefused::OtherIssuer));
    assert_eq!(load(&ours.key_pkcs8, &ours.certificate, &ours.certificate), Some(SignerRefused::OtherIssuer));
    assert_eq!(load(b"no key", &ours.certificate, &ours.issuer), Some(SignerRefused::Key));
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap().serialize_der();
    assert_eq!(load(&p384, &ours.certificate, &ours.issuer), Some(SignerRefused::Key));
}

fn key_pair(member: &Member) -> KeyPair {
    let key = pki_types::PrivatePkcs8KeyDer::from(member.key_pkcs8.as_slice());
    KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// A device that answers, but with what is no signature by its certificate's key.
struct BrokenDevice(SoftwareSigner);

impl Signer for BrokenDevice {
    fn certificate(&self) -> &Certificate {
        self.0.certificate()
    }
    fn issuer(&self) -> &Certificate {
        self.0.issuer()
    }
    fn sign_attributes(&self, _: &[u8]) -> Result<EcdsaSignature, SignFault> {
        self.0.sign_attributes(b"something else")
    }
}

#[test]
fn a_device_that_signs_something_else_is_noticed() {
    let broken = BrokenDevice(member().signer());
    assert_eq!(sign_detached(&broken, &hash(CONTENT), second(AT)), Err(SignFault::Unverified));
}

// ---------------------------------------------------------------- OpenSSL

/// A folder with the files that the openssl tool is given.
struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.file("content", CONTENT);
        bench.file("root.pem", parse(world().kg.root_der()).to_pem().as_bytes());
        bench.file("issuing.pem", parse(world().kg.issuing_der()).to_pem().as_bytes());
        bench.file("signer.pem", member().certificate.to_pem().as_bytes());
        bench.file("signer.key", key_pair(member()).serialize_pem().as_bytes());
        bench
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, arguments: &str) -> Output {
        openssl(self.0.path(), arguments)
    }

    /// Makes a signature as OpenSSL would, for the first certificate and key with `options`.
    fn openssl_signs(&self, options: &str) -> Vec<u8> {
        let base = "cms -sign -binary -in content -outform DER -out theirs -signer signer.pem -inkey signer.key -certfile issuing.pem";
        let output = self.openssl(&format!("{base} {options}"));
        assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(self.path("theirs")).unwrap()
    }

    fn openssl_accepts(&self, signature: &[u8], options: &str) -> bool {
        self.file("signature", signature);
        let base = "cms -verify -binary -inform DER -in signature -content content -CAfile root.pem -purpose any -out verified";
        let time = second(AT).unix();
        self.openssl(&format!("{base} -attime {time} {options}")).status.success()
    }
}

fn openssl(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split_whitespace());
    command.output().expect("the openssl command line tool (3.0 or newer) must be installed")
}

#[test]
fn openssl_accepts_ours_and_refuses_another_content() {
    let bench = Bench::new();
    for options in ["-cades", ""] {
        assert!(bench.openssl_accepts(&signed(), options), "{options}");
    }
    bench.file("content", &[CONTENT, b"x"].concat());
    for options in ["-cades", ""] {
        assert!(!bench.openssl_accepts(&signed(), options), "{options}");
    }
}

#[test]
fn openssl_accepts_a_registrars() {
    let bench = Bench::new();
    let registrar = enrol(&world().kg, CertificateProfile::Registrar, "kg.registrar/01", validity());
    let signature = sign_detached(&registrar.signer(), &hash(CONTENT), second(AT)).unwrap();
    assert!(bench.openssl_accepts(&signature, "-cades"));
}

#[test]
fn openssl_refuses_ours_under_another_root() {
    let bench = Bench::new();
    bench.file("root.pem", parse(world().tr.root_der()).to_pem().as_bytes());
    assert!(!bench.openssl_accepts(&signed(), "-cades"));
}

#[test]
fn what_openssl_makes_otherwise_is_refused() {
    let bench = Bench::new();
    let other = enrol(&world().kg, CertificateProfile::Statement, "kg.gpo/08", validity());
    bench.file("second.pem", other.certificate.to_pem().as_bytes());
    bench.file("second.key", key_pair(&other).serialize_pem().as_bytes());
    let oid = |text: &str| ObjectIdentifier::new_unwrap(text);
    let extra = SignatureRefused::AttributeUnknown(oid("1.2.840.113549.1.9.15"));
    let no_ess = SignatureRefused::AttributeMissing("signing-certificate-v2");
    let rows = [
        ("-cades", extra, "S/MIME capabilities"),
        ("-nosmimecap", no_ess, "no signing-certificate-v2"),
        ("-cades -nosmimecap -md sha1", SignatureRefused::DigestAlgorithm(oid("1.3.14.3.2.26")), "SHA-1"),
        ("-cades -nosmimecap -md sha512", SignatureRefused::DigestAlgorithm(oid("2.16.840.1.101.3.4.2.3")), "SHA-512 with P-256"),
        ("-cades -nosmimecap -nodetach", SignatureRefused::ContentAttached, "content inside"),
        ("-cades -nosmimecap -keyid", SignatureRefused::SignerIdentifier, "named by key identifier"),
        ("-cades -nosmimecap -stream", SignatureRefused::NotDer, "indefinite lengths"),
        ("-noattr", SignatureRefused::NoSignedAttributes, "no signed attributes"),
        ("-cades -nosmimecap -nocerts", SignatureRefused::CertificateCount(1), "the signer's certificate left out"),
        ("-cades -nosmimecap -certfile root.pem", SignatureRefused::IssuerMissing, "the root for the issuing CA"),
        ("-cades -nosmimecap -signer second.pem -inkey second.key", SignatureRefused::SignerCount(2), "two signers"),
    ];
    for (options, expected, row) in rows {
        assert_eq!(verify(&bench.openssl_signs(options)), Err(expected), "{row}");
    }
}

#[test]
fn rsa_pss_is_refused() {
    let bench = Bench::new();
    let made = bench.openssl("req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -subj /CN=rsa -days 30");
    assert!(made.status.success());
    let base = "cms -sign -binary -in content -outform DER -out theirs -signer rsa.pem -inkey rsa.key -cades -nosmimecap";
    assert!(bench.openssl(&format!("{base} -keyopt rsa_padding_mode:pss")).status.success());
    let pss = SignatureRefused::SignatureAlgorithm(ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"));
    assert_eq!(verify(&std::fs::read(bench.path("theirs")).unwrap()), Err(pss));
}

// ---------------------------------------------------------------- an encoder of our own, to be misled

/// One TLV with a definite length.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = match contents.len() {
        short @ 0..128 => vec![short as u8],
        medium @ 128..256 => vec![0x81, medium as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag], length.as_slice(), &contents].concat()
}

fn oid(text: &str) -> Vec<u8> {
    tlv(0x06, &[ObjectIdentifier::new_unwrap(text).as_bytes()])
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

fn set(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x31, parts)
}

fn attribute(kind: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(kind), &set(&[value])])
}

const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
const DATA: &str = "1.2.840.113549.1.7.1";
const SHA_256: &str = "2.16.840.1.101.3.4.2.1";
const ECDSA_WITH_SHA_256: &str = "1.2.840.10045.4.3.2";

/// Every part of a signature, written from RFC 5652 and RFC 5035 without a line of the code under test.
#[derive(Clone)]
struct Recipe {
    version: u8,
    content: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    /// What stands between the certificates and the signers.
    after_certificates: Vec<u8>,
    signer_version: u8,
    sid: Vec<u8>,
    digest_algorithm: Vec<u8>,
    /// In the order in which they are sent.
    attributes: Vec<Vec<u8>>,
    /// Whether they are signed in that order, or sorted.
    signed_as_sent: bool,
    signature_algorithm: Vec<u8>,
    high_s: bool,
    /// What stands after the signature value.
    after_signature: Vec<u8>,
    trailing: Vec<u8>,
}

impl Recipe {
    fn good() -> Self {
        let Member { certificate, issuer, .. } = member();
        let mut recipe = Recipe {
            version: 1,
            content: sequence(&[&oid(DATA)]),
            certificates: sorted([certificate.der().to_vec(), issuer.der().to_vec()]),
            after_certificates: vec![],
            signer_version: 1,
            sid: sequence(&[certificate.issuer_der(), &serial(certificate)]),
            digest_algorithm: sequence(&[&oid(SHA_256)]),
            attributes: vec![],
            signed_as_sent: true,
            signature_algorithm: sequence(&[&oid(ECDSA_WITH_SHA_256)]),
            high_s: false,
            after_signature: vec![],
            trailing: vec![],
        };
        recipe.attributes = sorted([
            attribute(CONTENT_TYPE, &oid(DATA)),
            attribute(MESSAGE_DIGEST, &tlv(0x04, &[hash(CONTENT).as_bytes()])),
            attribute(SIGNING_TIME, &tlv(0x17, &[b"261124120000Z"])),
            attribute(SIGNING_CERTIFICATE_V2, &ess(certificate)),
        ]);
        recipe
    }

    fn build(&self) -> Vec<u8> {
        let certificates: Vec<&[u8]> = self.certificates.iter().map(Vec::as_slice).collect();
        let signed_data = sequence(&[
            &tlv(0x02, &[&[self.version]]),
            &set(&[&self.digest_algorithm]),
            &self.content,
            &tlv(0xa0, &certificates),
            &self.after_certificates,
            &set(&[&self.signer_info()]),
        ]);
        let mut whole = sequence(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xa0, &[&signed_data])]);
        whole.extend_from_slice(&self.trailing);
        whole
    }

    fn signer_info(&self) -> Vec<u8> {
        let sent = self.attributes.concat();
        let signed = if self.signed_as_sent { sent.clone() } else { sorted(self.attributes.clone()).concat() };
        sequence(&[
            &tlv(0x02, &[&[self.signer_version]]),
            &self.sid,
            &self.digest_algorithm,
            &tlv(0xa0, &[&sent]),
            &self.signature_algorithm,
            &tlv(0x04, &[&ecdsa(&set(&[&signed]), self.high_s)]),
            &self.after_signature,
        ])
    }

    fn replace_attribute(&mut self, kind: &str, with: Option<Vec<u8>>) {
        let kind = oid(kind);
        self.attributes.retain(|attribute| !attribute.windows(kind.len()).any(|window| window == kind));
        self.attributes.extend(with);
        self.attributes.sort();
    }
}

fn sorted(members: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut members: Vec<Vec<u8>> = members.into_iter().collect();
    members.sort();
    members
}

fn serial(certificate: &Certificate) -> Vec<u8> {
    tlv(0x02, &[certificate.serial()])
}

fn ess(certificate: &Certificate) -> Vec<u8> {
    let names = sequence(&[&tlv(0xa4, &[certificate.issuer_der()])]);
    let digest = tlv(0x04, &[certificate.certificate_sha256().as_bytes()]);
    sequence(&[&sequence(&[&sequence(&[&digest, &sequence(&[&names, &serial(certificate)])])])])
}

/// Signs until `s` is the higher or the lower of its two values, as wanted: each in one try of two.
fn ecdsa(message: &[u8], high_s: bool) -> Vec<u8> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &member().key_pkcs8, &random).unwrap();
    loop {
        let fixed = key.sign(&random, message).unwrap();
        let (r, s) = fixed.as_ref().split_at(32);
        if (s[0] >= 0x80) == high_s {
            return sequence(&[&integer(r), &integer(s)]);
        }
    }
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let sign: &[u8] = if bytes[start] >= 0x80 { &[0] } else { &[] };
    tlv(0x02, &[sign, &bytes[start..]])
}

#[test]
fn an_independent_encoder_comes_to_the_same_bytes() {
    // Taken only if encoding what was read gives the same bytes.
    let theirs = Recipe::good().build();
    verify(&theirs).unwrap();
    assert!(Bench::new().openssl_accepts(&theirs, "-cades"));
}

/// A certificate of the same key, name and issuer, as a registrar would issue it a second time.
fn reissued() -> Certificate {
    let member_code = "kg.gpo/07".parse().unwrap();
    let spki = key_pair(member()).subject_public_key_info();
    parse(&world().kg.issue(CertificateProfile::Statement, &member_code, &spki, validity()).unwrap())
}

type Spoil = fn(&mut Recipe);

/// Name, how a good signature is spoilt, and what ours says.
fn rows() -> Vec<(&'static str, Spoil, SignatureRefused)> {
    let unknown = |text: &str| SignatureRefused::AttributeUnknown(ObjectIdentifier::new_unwrap(text));
    let twice = |text: &str| SignatureRefused::AttributeNotOnce(ObjectIdentifier::new_unwrap(text));
    vec![
        ("attributes unsorted, signed as sent", |r| r.attributes.reverse(), SignatureRefused::AttributesUnsorted),
        (
            "attributes unsorted, signed sorted",
            |r| {
                r.attributes.reverse();
                r.signed_as_sent = false;
            },
            SignatureRefused::AttributesUnsorted,
        ),
        (
            "another certificate of the same key",
            |r| {
                let other = reissued();
                r.certificates = sorted([other.der().to_vec(), member().issuer.der().to_vec()]);
                r.sid = sequence(&[other.issuer_der(), &serial(&other)]);
            },
            SignatureRefused::SigningCertificate,
        ),
        (
            "the signer's certificate replaced",
            |r| r.certificates = sorted([reissued().der().to_vec(), member().issuer.der().to_vec()]),
            SignatureRefused::SignerMissing,
        ),
        (
            "the attribute names another certificate",
            |r| r.replace_attribute(SIGNING_CERTIFICATE_V2, Some(attribute(SIGNING_CERTIFICATE_V2, &ess(&reissued())))),
            SignatureRefused::SigningCertificate,
        ),
        (
            "no signing-certificate-v2",
            |r| r.replace_attribute(SIGNING_CERTIFICATE_V2, None),
            SignatureRefused::AttributeMissing("signing-certificate-v2"),
        ),
        ("no signing time", |r| r.replace_attribute(SIGNING_TIME, None), SignatureRefused::AttributeMissing("signing-time")),
        (
            "an attribute twice",
            |r| {
                let again = attribute(SIGNING_TIME, &tlv(0x17, &[b"261124120001Z"]));
                r.attributes = sorted(r.attributes.drain(..).chain([again]));
            },
            twice(SIGNING_TIME),
        ),
        (
            "an attribute with two values",
            |r| {
                let times = set(&[&tlv(0x17, &[b"261124120000Z"]), &tlv(0x17, &[b"261124120001Z"])]);
                r.replace_attribute(SIGNING_TIME, Some(sequence(&[&oid(SIGNING_TIME), &times])));
            },
            twice(SIGNING_TIME),
        ),
        (
            "an additional signed attribute",
            |r| r.attributes = sorted(r.attributes.drain(..).chain([attribute("1.2.3.4", &tlv(0x05, &[]))])),
            unknown("1.2.3.4"),
        ),
        (
            "the older signing-certificate beside",
            |r| r.attributes = sorted(r.attributes.drain(..).chain([attribute(SIGNING_CERTIFICATE, &ess(&member().certificate))])),
            unknown(SIGNING_CERTIFICATE),
        ),
        (
            "an unsigned attribute",
            |r| r.after_signature = tlv(0xa1, &[&attribute("1.2.3.4", &tlv(0x05, &[]))]),
            SignatureRefused::UnsignedAttributes,
        ),
        ("an empty set of unsigned attributes", |r| r.after_signature = tlv(0xa1, &[]), SignatureRefused::UnsignedAttributes),
        ("revocation lists", |r| r.after_certificates = tlv(0xa1, &[]), SignatureRefused::RevocationLists),
        ("high s", |r| r.high_s = true, SignatureRefused::HighS),
        (
            "a third certificate",
            |r| {
                r.certificates.push(world().kg.root_der().to_vec());
                r.certificates.sort();
            },
            SignatureRefused::CertificateCount(3),
        ),
        ("certificates unsorted", |r| r.certificates.reverse(), SignatureRefused::NotCanonical),
        (
            "the signer's certificate alone",
            |r| r.certificates = vec![member().certificate.der().to_vec()],
            SignatureRefused::CertificateCount(1),
        ),
        (
            "another state's issuing CA",
            |r| r.certificates = sorted([member().certificate.der().to_vec(), world().tr.issuing_der().to_vec()]),
            SignatureRefused::IssuerMissing,
        ),
        ("bytes after the end", |r| r.trailing = vec![0], SignatureRefused::TrailingBytes),
        ("another version", |r| r.version = 3, SignatureRefused::NotCanonical),
        ("another signer version", |r| r.signer_version = 3, SignatureRefused::NotCanonical),
        ("digest parameters NULL", |r| r.digest_algorithm = sequence(&[&oid(SHA_256), &tlv(0x05, &[])]), SignatureRefused::NotCanonical),
        (
            "a time in the other form",
            |r| r.replace_attribute(SIGNING_TIME, Some(attribute(SIGNING_TIME, &tlv(0x18, &[b"20261124120000Z"])))),
            SignatureRefused::NotCanonical,
        ),
        (
            "the digest of another content",
            |r| r.replace_attribute(MESSAGE_DIGEST, Some(attribute(MESSAGE_DIGEST, &tlv(0x04, &[hash(b"other").as_bytes()])))),
            SignatureRefused::ContentDiffers,
        ),
        ("another content type", |r| r.content = sequence(&[&oid("1.2.840.113549.1.9.16.1.4")]), SignatureRefused::ContentType),
        (
            "another content type in the attribute",
            |r| r.replace_attribute(CONTENT_TYPE, Some(attribute(CONTENT_TYPE, &oid("1.2.840.113549.1.9.16.1.4")))),
            SignatureRefused::ContentType,
        ),
        (
            "another signature algorithm",
            |r| r.signature_algorithm = sequence(&[&oid("1.2.840.10045.4.3.3")]),
            SignatureRefused::SignatureAlgorithm(ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3")),
        ),
    ]
}

#[test]
fn every_deviation_is_refused_by_its_name() {
    for (row, spoil, expected) in rows() {
        let mut recipe = Recipe::good();
        spoil(&mut recipe);
        assert_eq!(verify(&recipe.build()), Err(expected), "{row}");
    }
}

/// Shows that the rows are what they say: where OpenSSL's laxer judgement, with and without `-cades`, is known.
#[test]
fn openssl_judges_the_deviations_as_expected() {
    let bench = Bench::new();
    for (row, expected) in [
        ("attributes unsorted, signed as sent", [true, true]),
        ("attributes unsorted, signed sorted", [false, false]),
        ("another certificate of the same key", [false, true]),
        ("the signer's certificate replaced", [false, false]),
        ("the attribute names another certificate", [false, true]),
        ("no signing-certificate-v2", [false, true]),
        ("no signing time", [true, true]),
        ("an additional signed attribute", [true, true]),
        ("an unsigned attribute", [true, true]),
        ("high s", [true, true]),
        ("a third certificate", [true, true]),
        ("certificates unsorted", [true, true]),
        ("digest parameters NULL", [true, true]),
        ("the digest of another content", [false, false]),
    ] {
        let (_, spoil, _) = rows().into_iter().find(|(name, ..)| *name == row).unwrap();
        let mut recipe = Recipe::good();
        spoil(&mut recipe);
        let signature = recipe.build();
        let judged = [bench.openssl_accepts(&signature, "-cades"), bench.openssl_accepts(&signature, "")];
        assert_eq!(judged, expected, "{row}");
    }
}

#[test]
fn self_issued_and_oversize_are_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "self");
    (params.not_before, params.not_after) = (calendar(validity().from), calendar(validity().until));
    let own = parse(params.self_signed(&key).unwrap().der());
    let refused = SoftwareSigner::from_pkcs8_der(&key.serialize_der(), own.clone(), own.clone()).err();
    assert_eq!(refused, Some(SignerRefused::OtherIssuer));

    let mut recipe = Recipe::good();
    recipe.certificates = vec![own.der().to_vec(), own.der().to_vec()];
    recipe.sid = sequence(&[own.issuer_der(), &serial(&own)]);
    assert_eq!(verify(&recipe.build()), Err(SignatureRefused::IssuerMissing));

    let oversize = vec![0x30; SIGNATURE_BYTES_MAX + 1];
    assert_eq!(verify(&oversize), Err(SignatureRefused::TooLarge(oversize.len())));
}

fn calendar(second: UtcSecond) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(second.unix() as i64).unwrap()
}

// ---------------------------------------------------------------- every byte

/// Whether a signature with one byte changed fails, at the latest when its chain is verified.
fn flipped_is_refused(byte: usize, change: u8) -> bool {
    static SIGNED: OnceLock<Vec<u8>> = OnceLock::new();
    let mut signature = SIGNED.get_or_init(signed).clone();
    let length = signature.len();
    signature[byte % length] ^= change;
    let Ok(verified) = verify(&signature) else { return true };
    let issuers = std::slice::from_ref(verified.issuer());
    verify_chain(CertificateProfile::Statement, verified.signer(), issuers, &world().anchors, at()).is_err()
}

#[test]
fn every_byte_of_a_signature_counts() {
    assert!(!flipped_is_refused(0, 0), "unchanged, it verifies");
    for byte in 0..signed().len() {
        for bit in 0..8 {
            assert!(flipped_is_refused(byte, 1 << bit), "byte {byte}, bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_change_of_any_byte_is_refused(byte in any::<usize>(), change in 1u8..) {
        prop_assert!(flipped_is_refused(byte, change));
    }

    #[test]
    fn a_cut_signature_is_refused(keep in 0usize..1500) {
        let signature = signed();
        prop_assert!(parse_detached(&signature[..keep.min(signature.len() - 1)]).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse_detached(&bytes).is_err());
    }

    #[test]
    fn whatever_is_signed_verifies(content in any::<[u8; 32]>(), seconds in 0u64..253_402_300_800) {
        let (content, time) = (Hash::from_bytes(content), UtcSecond::from_unix(seconds).unwrap());
        let signature = sign_detached(&member().signer(), &content, time).unwrap();
        verify_detached(&content, &parse_detached(&signature).unwrap()).unwrap();
    }
}

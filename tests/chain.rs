//! From a leaf to a state's root: what the registrar issues passes, each deviation is refused by its name.

use std::sync::OnceLock;

use elchi::domain::{MemberCode, StateCode, UnixMillis, UtcSecond};
use elchi::registrar::{StateCa, Validity, generate_key};
use elchi::sign::{CERTIFICATE_BYTES_MAX, Certificate, CertificateRefused, SoftwareSigner};
use elchi::trust::{AnchorRefused, CertificateProfile, ChainRefused, PathPlace, TrustAnchors, VerifiedCertificate, verify_chain};
use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData, SanType,
    SubjectPublicKeyInfo,
};
use time::OffsetDateTime;

use CertificateProfile::{Registrar, Statement, Tls};

pub(super) const AT: &str = "2026-11-24T12:00:00Z";

pub(super) fn second(text: &str) -> UtcSecond {
    text.parse().unwrap()
}

pub(super) fn at() -> UnixMillis {
    second(AT).to_millis()
}

pub(super) fn validity() -> Validity {
    Validity { from: second("2026-01-01T00:00:00Z"), until: second("2030-12-31T23:59:59Z") }
}

/// A member with a key and a certificate, as the registrar issues it.
pub(super) struct Member {
    pub(super) key_pkcs8: Vec<u8>,
    pub(super) certificate: Certificate,
    pub(super) issuer: Certificate,
}

impl Member {
    pub(super) fn signer(&self) -> SoftwareSigner {
        SoftwareSigner::from_pkcs8_der(&self.key_pkcs8, self.certificate.clone(), self.issuer.clone()).unwrap()
    }
}

pub(super) fn state_ca(state: &str) -> StateCa {
    StateCa::create(state.parse().unwrap(), validity()).unwrap()
}

pub(super) fn enrol(ca: &StateCa, profile: CertificateProfile, code: &str, validity: Validity) -> Member {
    let (key, spki) = generate_key().unwrap();
    let der = ca.issue(profile, &code.parse().unwrap(), &spki, validity).unwrap();
    let (certificate, issuer) = (parse(&der), parse(ca.issuer_der(profile)));
    Member { key_pkcs8: key.to_vec(), certificate, issuer }
}

pub(super) fn parse(der: &[u8]) -> Certificate {
    Certificate::parse_der(der).unwrap()
}

/// Both states, made once.
pub(super) struct World {
    pub(super) kg: StateCa,
    pub(super) tr: StateCa,
    pub(super) anchors: TrustAnchors,
}

pub(super) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let (kg, tr) = (state_ca("KG"), state_ca("TR"));
        let anchors = TrustAnchors::from_der([(state("KG"), kg.root_der()), (state("TR"), tr.root_der())]).unwrap();
        World { kg, tr, anchors }
    })
}

pub(super) fn state(code: &str) -> StateCode {
    code.parse().unwrap()
}

fn verify(profile: CertificateProfile, leaf: &Certificate, issuers: &[&Certificate]) -> Result<VerifiedCertificate, ChainRefused> {
    let issuers: Vec<Certificate> = issuers.iter().map(|issuer| (*issuer).clone()).collect();
    verify_chain(profile, leaf, &issuers, &world().anchors, at())
}

fn calendar(text: &str) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(second(text).unix() as i64).unwrap()
}

/// What a statement certificate's parameters are, to be spoilt.
fn leaf_params(code: &str) -> CertificateParams {
    let member: MemberCode = code.parse().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[(DnType::CommonName, code), (DnType::CountryName, &member.state().to_string())]);
    params.subject_alt_names = vec![uri(&format!("elchi:{code}"))];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose(Statement)];
    params.is_ca = IsCa::ExplicitNoCa;
    (params.not_before, params.not_after) = (calendar("2026-01-01T00:00:00Z"), calendar("2030-12-31T23:59:59Z"));
    params
}

fn ca_params(state: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(&[(DnType::CommonName, "a CA"), (DnType::CountryName, state)]);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    (params.not_before, params.not_after) = (calendar("2026-01-01T00:00:00Z"), calendar("2030-12-31T23:59:59Z"));
    params
}

fn subject(attributes: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    attributes.iter().for_each(|(kind, text)| name.push(kind.clone(), *text));
    name
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn purpose(profile: CertificateProfile) -> ExtendedKeyUsagePurpose {
    ExtendedKeyUsagePurpose::Other(profile.extended_key_usage().iter().map(|arc| u64::from(*arc)).collect())
}

fn p256() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

fn sign_with(params: &CertificateParams, key: &KeyPair, ca_der: &[u8], ca_key_pkcs8: &[u8]) -> Vec<u8> {
    let ca_key = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(ca_key_pkcs8), &PKCS_ECDSA_P256_SHA256).unwrap();
    let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(ca_der), ca_key).unwrap();
    let spki = SubjectPublicKeyInfo::from_der(&key.subject_public_key_info()).unwrap();
    params.signed_by(&spki, &issuer).unwrap().der().to_vec()
}

/// A leaf that Kyrgyzstan's issuing CA signed, spoilt in one thing.
fn forged(spoil: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = leaf_params("kg.gpo/07");
    spoil(&mut params);
    sign_with(&params, &p256(), world().kg.issuing_der(), world().kg.expose_issuing_key())
}

fn refused(spoil: impl FnOnce(&mut CertificateParams)) -> ChainRefused {
    verify(Statement, &parse(&forged(spoil)), &[&kg_issuing()]).unwrap_err()
}

fn kg_issuing() -> Certificate {
    parse(world().kg.issuing_der())
}

fn kg_root() -> Certificate {
    parse(world().kg.root_der())
}

/// An issuing CA under Kyrgyzstan's root, spoilt in one thing, and a good leaf under it.
fn under_forged_ca(spoil: impl FnOnce(&mut CertificateParams)) -> (Certificate, Certificate) {
    let mut params = ca_params("KG", 0);
    spoil(&mut params);
    let ca_key = p256();
    let ca = sign_with(&params, &ca_key, world().kg.root_der(), world().kg.expose_root_key());
    let leaf = sign_with(&leaf_params("kg.gpo/07"), &p256(), &ca, &ca_key.serialize_der());
    (parse(&leaf), parse(&ca))
}

fn refused_ca(spoil: impl FnOnce(&mut CertificateParams)) -> ChainRefused {
    let (leaf, ca) = under_forged_ca(spoil);
    verify(Statement, &leaf, &[&ca]).unwrap_err()
}

#[test]
fn what_the_registrar_issues_passes() {
    for (profile, code) in [(Tls, "kg.gpo/07"), (Statement, "kg.gpo.international/07"), (Registrar, "kg.registrar/01")] {
        let member = enrol(&world().kg, profile, code, validity());
        let verified = verify(profile, &member.certificate, &[&member.issuer]).unwrap();
        assert_eq!(verified.member().to_string(), code);
        assert_eq!(verified.state(), state("KG"));
        assert_eq!(verified.certificate_sha256(), member.certificate.certificate_sha256());
        assert_eq!(verified.not_after(), validity().until);
    }
}

#[test]
fn the_good_forgery_passes_so_that_the_bad_ones_fail_for_their_reason() {
    verify(Statement, &parse(&forged(|_| ())), &[&kg_issuing()]).unwrap();
    let (leaf, ca) = under_forged_ca(|_| ());
    verify(Statement, &leaf, &[&ca]).unwrap();
}

#[test]
fn a_path_has_exactly_the_shape_of_its_profile() {
    let wrong_count = |profile, expected, found| Err(ChainRefused::IssuerCount { profile, expected, found });
    let statement = enrol(&world().kg, Statement, "kg.gpo/07", validity()).certificate;
    assert_eq!(verify(Statement, &statement, &[]), wrong_count(Statement, 1, 0));
    assert_eq!(verify(Statement, &statement, &[&kg_issuing(), &kg_issuing()]), wrong_count(Statement, 1, 2));
    verify(Statement, &statement, &[&kg_issuing(), &kg_root()]).unwrap();

    let registrar = enrol(&world().kg, Registrar, "kg.registrar/01", validity()).certificate;
    verify(Registrar, &registrar, &[]).unwrap();
    verify(Registrar, &registrar, &[&kg_root()]).unwrap();
    assert_eq!(verify(Registrar, &registrar, &[&kg_issuing()]), wrong_count(Registrar, 0, 1));
}

#[test]
fn an_authority_issues_only_what_is_its_own_to_issue() {
    let (kg, params) = (&world().kg, leaf_params("kg.gpo/07"));
    let by_root = parse(&sign_with(&params, &p256(), kg.root_der(), kg.expose_root_key()));
    let refusal = ChainRefused::IssuerCount { profile: Statement, expected: 1, found: 0 };
    assert_eq!(verify(Statement, &by_root, &[&kg_issuing()]), Err(refusal));

    let by_issuing = parse(&forged(|params| params.extended_key_usages = vec![purpose(Registrar)]));
    assert_eq!(verify(Registrar, &by_issuing, &[]), Err(ChainRefused::UnknownIssuer));
    assert!(matches!(verify(Registrar, &by_issuing, &[&kg_issuing()]), Err(ChainRefused::IssuerCount { .. })));
}

#[test]
fn a_certificate_has_one_purpose() {
    let tls = enrol(&world().kg, Tls, "kg.gpo/07", validity()).certificate;
    for other in [Statement, Registrar] {
        assert_eq!(verify(other, &tls, &[&kg_issuing()]), Err(ChainRefused::WrongPurpose(other)));
    }
    let wrong = ChainRefused::WrongPurpose(Statement);
    assert_eq!(refused(|params| params.extended_key_usages = vec![]), wrong);
    assert_eq!(refused(|params| params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth)), wrong);
    assert_eq!(refused(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]), wrong);
    assert_eq!(refused(|params| params.key_usages.push(KeyUsagePurpose::ContentCommitment)), ChainRefused::KeyUsage);
    assert_eq!(refused(|params| params.key_usages = vec![]), ChainRefused::KeyUsage);
    assert_eq!(refused(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))), ChainRefused::CaAsLeaf);
    assert_eq!(verify(Statement, &kg_issuing(), &[&kg_root()]), Err(ChainRefused::CaAsLeaf));
    assert_eq!(verify(Statement, &kg_root(), &[]), Err(ChainRefused::CaAsLeaf));
}

#[test]
fn a_certificate_names_one_member_in_one_way() {
    let no_member = ChainRefused::MemberName;
    assert_eq!(refused(|params| params.subject_alt_names = vec![]), no_member);
    assert_eq!(refused(|params| params.subject_alt_names.push(uri("elchi:kg.gpo/08"))), no_member);
    assert_eq!(refused(|params| params.subject_alt_names.push(SanType::DnsName("gpo.kg".try_into().unwrap()))), no_member);
    for wrong in ["elchi:kg.gpo", "elchi:KG.gpo/07", "kg.gpo/07", "ELCHI:kg.gpo/07", "elchi://kg.gpo/07", "elchi:kg.gpo/07 "] {
        assert_eq!(refused(|params| params.subject_alt_names = vec![uri(wrong)]), no_member, "{wrong:?}");
    }
    let kg = (DnType::CountryName, "KG");
    let name = (DnType::CommonName, "kg.gpo/07");
    for wrong in [
        vec![kg.clone()],
        vec![name.clone()],
        vec![(DnType::CommonName, "kg.gpo/08"), kg.clone()],
        vec![name.clone(), (DnType::CountryName, "TR")],
        vec![name, kg, (DnType::OrganizationName, "Ministry of Justice")],
    ] {
        assert_eq!(refused(|params| params.distinguished_name = subject(&wrong)), ChainRefused::Subject, "{wrong:?}");
    }
}

#[test]
fn a_state_speaks_for_its_own_members_only() {
    let spoil = |params: &mut CertificateParams| {
        let good = leaf_params("tr.moj/01");
        (params.distinguished_name, params.subject_alt_names) = (good.distinguished_name, good.subject_alt_names);
    };
    let refusal = refused(spoil);
    assert_eq!(refusal, ChainRefused::ForeignState { root: state("KG"), member: state("TR") });
    assert_eq!(refusal.to_string(), "the root of KG certified a member of TR; a state speaks for its own only");
    assert!(matches!(refused_ca(|params| params.distinguished_name = ca_params("TR", 0).distinguished_name), ChainRefused::IssuingCa(_)));
}

#[test]
fn every_certificate_of_the_path_is_valid_at_the_time() {
    let member = enrol(&world().kg, Statement, "kg.gpo/07", Validity { from: second("2026-06-01T00:00:00Z"), until: second(AT) });
    let at_time = |leaf: &Certificate, ca: &Certificate, at: UnixMillis| {
        verify_chain(Statement, leaf, std::slice::from_ref(ca), &world().anchors, at).map(|verified| verified.not_after())
    };
    let (leaf, last) = (&member.certificate, second(AT).to_millis().0 + 999);
    assert_eq!(at_time(leaf, &member.issuer, UnixMillis(last)), Ok(second(AT)));
    let expired = ChainRefused::Expired { place: PathPlace::Leaf, since: second(AT) };
    assert_eq!(expired.to_string(), "the certificate expired at 2026-11-24T12:00:00Z; the state's registrar issues a new one");
    assert_eq!(at_time(leaf, &member.issuer, UnixMillis(last + 1)), Err(expired));

    let first = second("2026-06-01T00:00:00Z");
    at_time(leaf, &member.issuer, first.to_millis()).unwrap();
    let early = ChainRefused::NotYetValid { place: PathPlace::Leaf, from: first };
    assert_eq!(at_time(leaf, &member.issuer, UnixMillis(first.to_millis().0 - 1)), Err(early));

    let (leaf, ca) = under_forged_ca(|params| params.not_after = calendar("2026-11-01T00:00:00Z"));
    let expired = ChainRefused::Expired { place: PathPlace::IssuingCa, since: second("2026-11-01T00:00:00Z") };
    assert_eq!(at_time(&leaf, &ca, at()), Err(expired));
    assert_eq!(at_time(&leaf, &ca, second("2026-10-01T00:00:00Z").to_millis()), Ok(second("2026-11-01T00:00:00Z")));
    let (leaf, ca) = under_forged_ca(|params| params.not_before = calendar("2026-12-01T00:00:00Z"));
    let early = ChainRefused::NotYetValid { place: PathPlace::IssuingCa, from: second("2026-12-01T00:00:00Z") };
    assert_eq!(at_time(&leaf, &ca, at()), Err(early));
}

#[test]
fn a_root_that_has_expired_certifies_nothing() {
    let short = Validity { from: second("2026-01-01T00:00:00Z"), until: second("2026-06-01T00:00:00Z") };
    let ca = StateCa::create(state("KG"), short).unwrap();
    let anchors = TrustAnchors::from_der([(state("KG"), ca.root_der())]).unwrap();
    let member = enrol(&ca, Registrar, "kg.registrar/01", validity());
    let expired = ChainRefused::Expired { place: PathPlace::Root, since: short.until };
    assert_eq!(verify_chain(Registrar, &member.certificate, &[], &anchors, at()), Err(expired));
    let before = verify_chain(Registrar, &member.certificate, &[], &anchors, short.until.to_millis()).unwrap();
    assert_eq!(before.not_after(), short.until);
}

#[test]
fn strangers_are_refused() {
    let stranger = state_ca("KG");
    let member = enrol(&stranger, Statement, "kg.gpo/07", validity());
    assert_eq!(
        verify(Statement, &member.certificate, &[&member.issuer]),
        Err(ChainRefused::SignatureMismatch),
        "another root of the same name"
    );
    assert_eq!(
        verify(Statement, &member.certificate, &[&kg_issuing()]),
        Err(ChainRefused::SignatureMismatch),
        "another CA of the same name"
    );

    let unknown = enrol(&state_ca("UZ"), Statement, "uz.gpo/01", validity());
    assert_eq!(verify(Statement, &unknown.certificate, &[&unknown.issuer]), Err(ChainRefused::UnknownIssuer));
    let tr = enrol(&world().tr, Statement, "tr.moj/01", validity());
    assert_eq!(verify(Statement, &tr.certificate, &[&kg_issuing()]), Err(ChainRefused::UnknownIssuer));

    let mut params = leaf_params("kg.registrar/01");
    params.extended_key_usages = vec![purpose(Registrar)];
    let self_signed = parse(params.self_signed(&p256()).unwrap().der());
    assert_eq!(verify(Registrar, &self_signed, &[]), Err(ChainRefused::UnknownIssuer));
}

#[test]
fn an_issuing_ca_is_of_its_profile() {
    let issuing_refused = |refusal| assert!(matches!(refusal, ChainRefused::IssuingCa(_)), "{refusal:?}");
    issuing_refused(refused_ca(|params| params.is_ca = IsCa::ExplicitNoCa));
    issuing_refused(refused_ca(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)));
    issuing_refused(refused_ca(|params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1))));
    issuing_refused(refused_ca(|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]));
    issuing_refused(refused_ca(|params| params.key_usages.push(KeyUsagePurpose::DigitalSignature)));
    issuing_refused(refused_ca(|params| params.extended_key_usages = vec![purpose(Statement)]));
    issuing_refused(refused_ca(|params| params.subject_alt_names = vec![uri("elchi:kg.gpo/07")]));

    let (leaf_as_ca_key, kg) = (p256(), &world().kg);
    let leaf_as_ca = sign_with(&leaf_params("kg.gpo/07"), &leaf_as_ca_key, kg.issuing_der(), kg.expose_issuing_key());
    let below = sign_with(&leaf_params("kg.gpo/08"), &p256(), &leaf_as_ca, &leaf_as_ca_key.serialize_der());
    issuing_refused(verify(Statement, &parse(&below), &[&parse(&leaf_as_ca)]).unwrap_err());
}

#[test]
fn only_p256_with_sha256_counts() {
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let kg = &world().kg;
    let leaf = sign_with(&leaf_params("kg.gpo/07"), &p384, kg.issuing_der(), kg.expose_issuing_key());
    assert_eq!(verify(Statement, &parse(&leaf), &[&kg_issuing()]), Err(ChainRefused::Algorithm));

    let ca = parse(&sign_with(&ca_params("KG", 0), &p384, kg.root_der(), kg.expose_root_key()));
    let issuer = Issuer::new(ca_params("KG", 0), p384);
    let spki = SubjectPublicKeyInfo::from_der(&p256().subject_public_key_info()).unwrap();
    let leaf = parse(leaf_params("kg.gpo/07").signed_by(&spki, &issuer).unwrap().der());
    assert_eq!(verify(Statement, &leaf, &[&ca]), Err(ChainRefused::Algorithm), "signed with ecdsa-with-SHA384");
    let leaf = parse(&forged(|_| ()));
    assert!(matches!(verify(Statement, &leaf, &[&ca]), Err(ChainRefused::IssuingCa(_))));
}

#[test]
fn anchors_are_one_root_a_state_and_one_state_a_root() {
    let World { kg, tr, .. } = world();
    let refusal = |roots: &[(&str, &[u8])]| TrustAnchors::from_der(roots.iter().map(|(code, der)| (state(code), *der))).err();
    assert_eq!(refusal(&[("KG", kg.root_der()), ("KG", state_ca("KG").root_der())]), Some(AnchorRefused::SameState(state("KG"))));

    let key = p256();
    let root = |country| ca_params(country, 1).self_signed(&key).unwrap().der().to_vec();
    let same_key = Some(AnchorRefused::SameKey(state("KG"), state("TR")));
    assert_eq!(refusal(&[("KG", &root("KG")), ("TR", &root("TR"))]), same_key);

    let not_a_root = |code: &'static str, der: &[u8]| {
        assert!(matches!(refusal(&[(code, der)]), Some(AnchorRefused::Profile { .. })));
    };
    not_a_root("KG", tr.root_der());
    not_a_root("KG", kg.issuing_der());
    not_a_root("KG", enrol(kg, Registrar, "kg.registrar/01", validity()).certificate.der());
    not_a_root("KG", ca_params("KG", 0).self_signed(&key).unwrap().der());
    not_a_root("KG", &sign_with(&ca_params("KG", 1), &key, kg.root_der(), kg.expose_root_key()));
    assert!(matches!(refusal(&[("KG", b"no certificate")]), Some(AnchorRefused::Certificate { .. })));
}

#[test]
fn certificates_are_read_strictly() {
    let good = forged(|_| ());
    let refusal = |der: &[u8]| Certificate::parse_der(der).unwrap_err();
    assert!(matches!(refusal(&[good.as_slice(), &[0]].concat()), CertificateRefused::Malformed(_)));
    assert!(matches!(refusal(&good[..good.len() - 1]), CertificateRefused::Malformed(_)));
    let long_names = |params: &mut CertificateParams| params.subject_alt_names = vec![uri(&"a".repeat(CERTIFICATE_BYTES_MAX))];
    assert!(matches!(refusal(&forged(long_names)), CertificateRefused::TooLarge(_)));

    let extension = |arcs: &[u64], content: &[u8], critical| {
        let mut extension = CustomExtension::from_oid_content(arcs, content.to_vec());
        extension.set_criticality(critical);
        move |params: &mut CertificateParams| params.custom_extensions = vec![extension]
    };
    let key_usage = [2, 5, 29, 15];
    assert!(matches!(refusal(&forged(extension(&key_usage, &[3, 2, 7, 128], true))), CertificateRefused::DuplicateExtension(_)));
    let unknown = [1, 3, 6, 1, 4, 1, 32473, 1];
    assert!(matches!(refusal(&forged(extension(&unknown, &[5, 0], true))), CertificateRefused::UnknownCriticalExtension(_)));
    verify(Statement, &parse(&forged(extension(&unknown, &[5, 0], false))), &[&kg_issuing()]).unwrap();
    let lax_key_usage = |params: &mut CertificateParams| {
        params.key_usages = vec![];
        extension(&key_usage, &[3, 2, 0, 128], true)(params);
    };
    assert_eq!(refusal(&forged(lax_key_usage)), CertificateRefused::NotDer("keyUsage"), "trailing zero bits");
    let written_default = |params: &mut CertificateParams| {
        params.is_ca = IsCa::NoCa;
        extension(&[2, 5, 29, 19], &[0x30, 3, 1, 1, 0], true)(params);
    };
    assert_eq!(refusal(&forged(written_default)), CertificateRefused::NotDer("basicConstraints"), "cA FALSE written out");

    let constrained = NameConstraints { permitted_subtrees: vec![GeneralSubtree::DnsName("kg".into())], excluded_subtrees: vec![] };
    let mut params = ca_params("KG", 0);
    params.name_constraints = Some(constrained);
    let der = sign_with(&params, &p256(), world().kg.root_der(), world().kg.expose_root_key());
    assert!(matches!(refusal(&der), CertificateRefused::UnknownCriticalExtension(_)));
}

#[test]
fn pem_is_the_same_certificate() {
    let certificate = kg_root();
    assert_eq!(Certificate::parse_pem(&certificate.to_pem()), Ok(certificate.clone()));
    let mislabelled = certificate.to_pem().replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    assert!(Certificate::parse_pem(&mislabelled).is_err());
    assert!(Certificate::parse_pem("").is_err());
    let chain = certificate.to_pem() + &kg_issuing().to_pem();
    assert_eq!(Certificate::parse_chain_pem(&chain), Ok(vec![certificate.clone(), kg_issuing()]));
    for wrong in ["", "\n", &chain[..chain.len() - 40], &chain.replacen("-----BEGIN", "-----BEGUN", 1)] {
        assert!(Certificate::parse_chain_pem(wrong).is_err(), "{wrong:?}");
    }
}

/// Every certificate of a path, each with a byte changed: no longer read, or no longer verified.
fn flipped_path_is_refused(place: usize, byte: usize, change: u8) -> bool {
    static MEMBER: OnceLock<Member> = OnceLock::new();
    let member = MEMBER.get_or_init(|| enrol(&world().kg, Statement, "kg.gpo/07", validity()));
    let mut path = [member.certificate.der(), world().kg.issuing_der(), world().kg.root_der()].map(<[u8]>::to_vec);
    let length = path[place].len();
    path[place][byte % length] ^= change;
    let [leaf, issuing, root] = path;
    let (Ok(leaf), Ok(issuing)) = (Certificate::parse_der(&leaf), Certificate::parse_der(&issuing)) else { return true };
    let Ok(anchors) = TrustAnchors::from_der([(state("KG"), root.as_slice())]) else { return true };
    verify_chain(Statement, &leaf, &[issuing], &anchors, at()).is_err()
}

#[test]
fn every_byte_of_a_path_counts() {
    assert!(!flipped_path_is_refused(0, 0, 0), "unchanged, it verifies");
    for place in 0..3 {
        for byte in 0..700 {
            assert!(flipped_path_is_refused(place, byte, 0x01) && flipped_path_is_refused(place, byte, 0x20), "{place} {byte}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_change_of_any_byte_is_refused(place in 0usize..3, byte in any::<usize>(), change in 1u8..) {
        prop_assert!(flipped_path_is_refused(place, byte, change));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Certificate::parse_der(&bytes).is_err());
    }
}

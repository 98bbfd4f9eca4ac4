//! Signing a statement, and verifying one from its bytes to the state's root.

use std::hint::black_box;

use criterion::Criterion;
use elchi::crypto::hash;
use elchi::domain::{Hash, UtcSecond};
use elchi::registrar::{StateCa, Validity, generate_key};
use elchi::sign::{Certificate, SoftwareSigner, parse_detached, sign_detached, verify_detached};
use elchi::trust::{CertificateProfile, TrustAnchors, VerifiedCertificate, verify_chain};

const PROFILE: CertificateProfile = CertificateProfile::Statement;

struct Setting {
    signer: SoftwareSigner,
    anchors: TrustAnchors,
    time: UtcSecond,
    content: Hash,
}

fn setting() -> Setting {
    let second = |text: &str| text.parse::<UtcSecond>().unwrap();
    let validity = Validity { from: second("2026-01-01T00:00:00Z"), until: second("2030-12-31T23:59:59Z") };
    let ca = StateCa::create("KG".parse().unwrap(), validity).unwrap();
    let (key, spki) = generate_key().unwrap();
    let certificate = ca.issue(PROFILE, &"kg.gpo/07".parse().unwrap(), &spki, validity).unwrap();
    let parse = |der: &[u8]| Certificate::parse_der(der).unwrap();
    Setting {
        signer: SoftwareSigner::from_pkcs8_der(&key, parse(&certificate), parse(ca.issuing_der())).unwrap(),
        anchors: TrustAnchors::from_der([("KG".parse().unwrap(), ca.root_der())]).unwrap(),
        time: second("2026-11-24T12:00:00Z"),
        content: hash(b"elchi-statement/v1\n"),
    }
}

fn verify_whole(setting: &Setting, signature: &[u8]) -> VerifiedCertificate {
    let verified = verify_detached(&setting.content, &parse_detached(signature).unwrap()).unwrap();
    let issuers = std::slice::from_ref(verified.issuer());
    verify_chain(PROFILE, verified.signer(), issuers, &setting.anchors, setting.time.to_millis()).unwrap()
}

/// `sign`: one signature made and checked. `parse`: bytes to a well-formed signature. `verify`: bytes to a member.
pub(crate) fn sign_benches(c: &mut Criterion) {
    let setting = setting();
    let signature = sign_detached(&setting.signer, &setting.content, setting.time).unwrap();
    let mut group = c.benchmark_group("sign");
    group.bench_function("sign", |b| b.iter(|| sign_detached(&setting.signer, black_box(&setting.content), setting.time).unwrap()));
    group.bench_function("parse", |b| b.iter(|| parse_detached(black_box(&signature)).unwrap()));
    group.bench_function("verify with chain", |b| b.iter(|| verify_whole(&setting, black_box(&signature))));
    group.finish();
}

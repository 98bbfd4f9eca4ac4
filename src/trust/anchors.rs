//! The root certificates that a party trusts, one a state.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::COUNTRY_NAME;
use pki_types::{CertificateDer, TrustAnchor};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};

use crate::domain::StateCode;
use crate::sign::{Certificate, CertificateRefused};

/// The path length of a root: one CA below it.
const ROOT_PATH_LENGTH: u8 = 1;

/// Why a set of roots is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorRefused {
    /// The bytes are no certificate.
    #[error("the root of {state}: {reason}")]
    Certificate {
        /// Whose root.
        state: StateCode,
        /// What is wrong with it.
        reason: CertificateRefused,
    },
    /// The certificate is not of the root's profile.
    #[error("the root of {state} is not of the profile: {rule}")]
    Profile {
        /// Whose root.
        state: StateCode,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A state has one root.
    #[error("there are two roots for {0}")]
    SameState(StateCode),
    /// One key cannot speak for two states.
    #[error("the roots of {0} and {1} have the same key")]
    SameKey(StateCode, StateCode),
}

/// The roots, each with the state that it speaks for. They come from the party's own policy, never from a server.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    roots: Vec<Root>,
    /// What webpki wants to see of the same roots, in the same order.
    anchors: Vec<TrustAnchor<'static>>,
}

#[derive(Debug, Clone)]
struct Root {
    state: StateCode,
    certificate: Certificate,
}

impl TrustAnchors {
    /// Takes the root certificate (DER) of each state. Their validity is judged when they are used.
    ///
    /// # Errors
    /// When one is not of the profile, or two are for one state or have one key.
    pub fn from_der<'a>(roots: impl IntoIterator<Item = (StateCode, &'a [u8])>) -> Result<Self, AnchorRefused> {
        let mut taken = Self { roots: Vec::new(), anchors: Vec::new() };
        for (state, der) in roots {
            let certificate = Certificate::parse_der(der).map_err(|reason| AnchorRefused::Certificate { state, reason })?;
            check_root(&certificate, state).map_err(|rule| AnchorRefused::Profile { state, rule })?;
            taken.add(Root { state, certificate })?;
        }
        Ok(taken)
    }

    fn add(&mut self, root: Root) -> Result<(), AnchorRefused> {
        let state = root.state;
        for other in &self.roots {
            if other.state == state {
                return Err(AnchorRefused::SameState(state));
            }
            if other.certificate.spki_sha256() == root.certificate.spki_sha256() {
                return Err(AnchorRefused::SameKey(other.state, state));
            }
        }
        let der = CertificateDer::from(root.certificate.der());
        let anchor = webpki::anchor_from_trusted_cert(&der);
        let refused = |_| AnchorRefused::Profile { state, rule: "it cannot be used as an anchor" };
        self.anchors.push(anchor.map_err(refused)?.to_owned());
        self.roots.push(root);
        Ok(())
    }

    pub(super) fn is_root(&self, certificate: &Certificate) -> bool {
        self.roots.iter().any(|root| root.certificate == *certificate)
    }

    pub(super) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// The state and root that a verified path ends in. Keys are unique here, so the key decides.
    pub(super) fn of_anchor(&self, anchor: &TrustAnchor<'_>) -> Option<(StateCode, &Certificate)> {
        let at = self.anchors.iter().position(|known| known.subject_public_key_info == anchor.subject_public_key_info)?;
        self.roots.get(at).map(|root| (root.state, &root.certificate))
    }
}

fn check_root(root: &Certificate, state: StateCode) -> Result<(), &'static str> {
    check_ca(root, ROOT_PATH_LENGTH)?;
    check_country(root, state)?;
    if root.issuer_der() != root.subject_der() || root.verify_signed_by(root).is_err() {
        return Err("it must be signed by its own key");
    }
    Ok(())
}

/// The profile of a root and of an issuing CA: they differ in the path length only.
pub(super) fn check_ca(certificate: &Certificate, path_length: u8) -> Result<(), &'static str> {
    let constraints = BasicConstraints { ca: true, path_len_constraint: Some(path_length) };
    let key_usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    let rules = [
        (certificate.p256_point().is_some(), "its key must be on P-256"),
        (certificate.is_ecdsa_with_sha256(), "it must be signed with ecdsa-with-SHA256"),
        (certificate.basic_constraints() == Some(&constraints), "it must be a CA, with the path length of its place"),
        (certificate.key_usage() == Some(key_usage), "its key usage must be keyCertSign and cRLSign and no other"),
        (certificate.extended_key_usages().is_empty(), "it must have no extended key usage"),
        (certificate.alt_names().is_empty(), "it must have no alternative name"),
    ];
    rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
}

/// A CA's subject names the state that it speaks for.
pub(super) fn check_country(ca: &Certificate, state: StateCode) -> Result<(), &'static str> {
    let named = sole_text(ca, COUNTRY_NAME) == Some(state.to_string().as_str());
    if named { Ok(()) } else { Err("its country must be the state that it speaks for") }
}

/// The text of an attribute that stands exactly once in the subject.
pub(super) fn sole_text(certificate: &Certificate, oid: ObjectIdentifier) -> Option<&str> {
    let mut texts = certificate.subject().iter().filter(|(other, _)| *other == oid).map(|(_, text)| text.as_str());
    texts.next().filter(|_| texts.next().is_none())
}

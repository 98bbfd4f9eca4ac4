//! The private files of a profile: read, written, and what is in them.
//!
//! Nothing private is written but sealed: a member's keys to the profile's key, the authority's identities to the member's.

use zeroize::Zeroizing;

use super::{ClientError, Profile};
use crate::domain::Hash;
use crate::seal::{
    GrantedIdentity, SealingIdentity, SealingRecipient, SecretFileRefused, encode_identity_file, open_authority_identity, open_secret,
    parse_identity_file, seal_secret,
};
use crate::sign::{Signer, SoftwareSigner};

/// The file of the member's own sealing identity.
const MEMBER_KEY_NAME: &str = "member.key.age";

/// A certificate with its issuing CA's and the private key, as TLS needs them.
pub struct TlsKey {
    /// DER, the leaf first.
    pub chain_der: Vec<Vec<u8>>,
    /// PKCS#8 DER.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
}

/// The file of an authority's sealing identity: enough of the fingerprint to tell an authority's keys apart.
fn authority_identity_name(key: &Hash) -> String {
    format!("authority-{}.age", &key.to_string()[..16])
}

impl Profile {
    /// The TLS key with its chain.
    ///
    /// # Errors
    /// When a part is missing or does not parse.
    pub fn load_tls_key(&self) -> Result<TlsKey, ClientError> {
        let chain = self.load_certificates("tls.pem")?;
        let key_pkcs8 = self.load_key("tls.key.age")?;
        Ok(TlsKey { chain_der: chain.iter().map(|certificate| certificate.der().to_vec()).collect(), key_pkcs8 })
    }

    /// The statement key with its certificate.
    ///
    /// # Errors
    /// When a part is missing, does not parse, or does not belong to the other.
    pub fn load_statement_signer(&self) -> Result<impl Signer + use<>, ClientError> {
        let mut chain = self.load_certificates("statement.pem")?;
        if chain.len() != 2 {
            return Err(self.broken("statement.pem must hold the certificate and its issuer's".into()));
        }
        let (issuer, certificate) = (chain.remove(1), chain.remove(0));
        let key = self.load_key("statement.key.age")?;
        SoftwareSigner::from_pkcs8_der(&key, certificate, issuer).map_err(|refused| self.broken(format!("statement.key.age: {refused}")))
    }

    /// The authority's sealing identity of the key with this fingerprint, as it was granted to the member; to be held
    /// against the directory.
    ///
    /// # Errors
    /// When it is missing or does not open.
    pub fn load_granted_identity(&self, key: &Hash) -> Result<GrantedIdentity, ClientError> {
        let grant = self.read(&authority_identity_name(key)).map_err(|fault| match fault {
            ClientError::Profile { path, reason, .. } => ClientError::Profile {
                path,
                reason,
                hint: "ask a custodian of your authority for `elchi profile grant`, and take it with `elchi profile take-grant`",
            },
            other => other,
        })?;
        self.open_grant(&grant)
    }

    /// Whether the member was granted the authority's sealing identity of the key with this fingerprint, and has it here.
    pub(super) fn has_granted_identity(&self, key: &Hash) -> bool {
        self.path(&authority_identity_name(key)).exists()
    }

    /// Keeps a sealing identity of the authority, sealed to the member's own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn publish_granted_identity(&self, key: &Hash, sealed: &[u8]) -> Result<(), ClientError> {
        self.publish(&authority_identity_name(key), sealed)
    }

    /// The authority's sealing identity from a grant to this member; to be held against the directory.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open_grant(&self, grant: &[u8]) -> Result<GrantedIdentity, ClientError> {
        let own = self.load_member_identity()?;
        open_authority_identity(grant, &own, self.member().authority())
            .map_err(|refused| ClientError::unproven(format!("the grant: {refused}")))
    }

    /// The member's own sealing identity.
    ///
    /// # Errors
    /// When it is missing, does not open, or is another member's.
    pub fn load_member_identity(&self) -> Result<SealingIdentity, ClientError> {
        let text = self.load_secret(MEMBER_KEY_NAME)?;
        let own = parse_identity_file(&text).filter(|(comment, _)| *comment == self.member_comment());
        own.map(|(_, identity)| identity).ok_or_else(|| self.broken(format!("{MEMBER_KEY_NAME} holds no identity of {}", self.member())))
    }

    /// Makes the member's own sealing identity and keeps it. Gives its public half.
    pub(crate) fn make_member_identity(&self) -> Result<SealingRecipient, ClientError> {
        let own = SealingIdentity::generate();
        self.publish_secret(MEMBER_KEY_NAME, &encode_identity_file(&self.member_comment(), &own))?;
        Ok(own.recipient())
    }

    fn member_comment(&self) -> String {
        format!("elchi-member/v1 {}", self.member())
    }

    /// The DER of a sealed PKCS#8 PEM file.
    pub(crate) fn load_key(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let text = self.load_secret(name)?;
        let (label, der) = der::pem::decode_vec(&text).map_err(|fault| self.broken(format!("{name}: {fault}")))?;
        let der = Zeroizing::new(der);
        if label == "PRIVATE KEY" { Ok(der) } else { Err(self.broken(format!("{name} is not a PKCS#8 key"))) }
    }

    /// Keeps a private key (PKCS#8 DER), sealed, as PEM.
    pub(crate) fn publish_key(&self, name: &str, key_pkcs8: &[u8]) -> Result<(), ClientError> {
        let pem = der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, key_pkcs8).map_err(ClientError::unproven)?;
        self.publish_secret(name, Zeroizing::new(pem).as_bytes())
    }

    fn load_secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        open_secret(&self.read(name)?, self.key().identity()).map_err(|refused| match refused {
            SecretFileRefused::NotOpened => ClientError::Profile {
                path: self.folder().to_owned(),
                reason: format!("{name} does not open with the key that it was unlocked with"),
                hint: self.key().mismatch_hint(),
            },
            _ => self.broken(format!("{name}: {refused}")),
        })
    }

    fn publish_secret(&self, name: &str, secret: &[u8]) -> Result<(), ClientError> {
        let sealed = seal_secret(secret, &self.key().identity().recipient()).map_err(ClientError::unproven)?;
        self.publish(name, &sealed)
    }
}

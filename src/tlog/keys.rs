//! The keys of a log (C2SP signed-note): Ed25519, named by the log's origin.
//!
//! ```text
//! verifier key   mla.example/events+4a2f90c1+ATs0…                 (`wire::VerifierKey`)
//! signing key    PRIVATE+KEY+mla.example/events+4a2f90c1+AY0b…     base64(0x01 ‖ seed), as Go's sumdb/note has it
//! key id         SHA-256(name ‖ LF ‖ signature type ‖ public key)[..4]
//! ```

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::crypto::{Ed25519PublicKey, Ed25519SigningKey, KeyRefused, hash_parts};
use crate::domain::{Malformed, Origin};
use crate::wire::{KeyId, KeyName, NoteSignature, SignatureType, VerifierKey};

const SIGNING_KEY_PREFIX: &str = "PRIVATE+KEY+";

/// A key of a log that is not what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogKeyRefused {
    /// A verifier key of another type than a log's.
    #[error("the key {0} is no log's key: its type must be 1 (Ed25519)")]
    WrongType(KeyName),
    /// The id in the text is not the key's.
    #[error("the key id of {0} does not match its key: it was mistyped or altered\nhint: copy the key again from whom it belongs to")]
    WrongId(KeyName),
    /// The key's name is no log's origin.
    #[error("the key's name must be the log's origin: {0}")]
    WrongName(#[from] Malformed),
    /// The text is no signing key. It is a secret, so nothing of it is said.
    #[error("this is no signing key of a log: it must be {SIGNING_KEY_PREFIX}origin+id+key")]
    NoSigningKey,
}

impl From<KeyRefused> for LogKeyRefused {
    fn from(_: KeyRefused) -> Self {
        LogKeyRefused::NoSigningKey
    }
}

/// What a log signs its checkpoints with. One key, one log: its name is the log's origin.
pub struct LogSigningKey {
    key: Ed25519SigningKey,
    verifier_key: LogVerifierKey,
}

impl LogSigningKey {
    /// A fresh key for the log `origin`.
    ///
    /// # Errors
    /// Never, unless ring changes what seeds it takes.
    pub fn generate(origin: Origin) -> Result<Self, LogKeyRefused> {
        Ok(Self::new(origin, Ed25519SigningKey::generate()?))
    }

    fn new(origin: Origin, key: Ed25519SigningKey) -> Self {
        let verifier_key = LogVerifierKey::new(origin, key.public_key());
        Self { key, verifier_key }
    }

    /// The key of a stored text, which [`LogSigningKey::expose_secret`] gave; without a final LF.
    ///
    /// # Errors
    /// When the text is no signing key, or its id is not the key's.
    pub fn parse(text: &str) -> Result<Self, LogKeyRefused> {
        let parts = text.strip_prefix(SIGNING_KEY_PREFIX).ok_or(LogKeyRefused::NoSigningKey)?;
        let mut parts = parts.splitn(3, '+');
        let (Some(origin), Some(key_id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(LogKeyRefused::NoSigningKey);
        };
        let key_id: KeyId = key_id.parse().map_err(|_| LogKeyRefused::NoSigningKey)?;
        let key = Self::new(origin.parse()?, parse_seed(encoded)?);
        let name = KeyName::from(key.origin());
        if key.verifier_key.key_id == key_id { Ok(key) } else { Err(LogKeyRefused::WrongId(name)) }
    }

    /// The key as text, for the one place that stores it.
    pub fn expose_secret(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new([&[SignatureType::Note.to_byte()], self.key.expose_secret().as_slice()].concat());
        let encoded = Zeroizing::new(Base64::encode_string(&bytes));
        let LogVerifierKey { origin, key_id, .. } = &self.verifier_key;
        let mut text = Zeroizing::new(String::with_capacity(256));
        [SIGNING_KEY_PREFIX, origin.as_str(), "+", &key_id.to_string(), "+", &encoded].iter().for_each(|part| text.push_str(part));
        text
    }

    /// The log whose key this is.
    pub fn origin(&self) -> &Origin {
        &self.verifier_key.origin
    }

    /// The public half.
    pub fn verifier_key(&self) -> &LogVerifierKey {
        &self.verifier_key
    }

    /// The signature line of this key over a note's text.
    pub(super) fn sign_text(&self, text: &str) -> NoteSignature {
        let signature = self.key.sign(text.as_bytes()).to_vec();
        NoteSignature { name: self.origin().into(), key_id: self.verifier_key.key_id, signature }
    }
}

fn parse_seed(encoded: &str) -> Result<Ed25519SigningKey, LogKeyRefused> {
    let mut bytes = Zeroizing::new([0u8; 33]);
    match Base64::decode(encoded, bytes.as_mut_slice()) {
        Ok([type_byte, seed @ ..]) if *type_byte == SignatureType::Note.to_byte() => {
            let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| LogKeyRefused::NoSigningKey)?);
            Ok(Ed25519SigningKey::from_seed(*seed)?)
        }
        _ => Err(LogKeyRefused::NoSigningKey),
    }
}

/// The public key of a log, whose id has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerifierKey {
    origin: Origin,
    key_id: KeyId,
    key: Ed25519PublicKey,
}

impl LogVerifierKey {
    fn new(origin: Origin, key: Ed25519PublicKey) -> Self {
        let key_id = compute_key_id(&KeyName::from(&origin), SignatureType::Note, key.as_bytes());
        Self { origin, key_id, key }
    }

    /// Takes a log's key from its text form.
    ///
    /// # Errors
    /// When it is no log's key, or its id is not the key's.
    pub fn from_wire(text: &VerifierKey) -> Result<Self, LogKeyRefused> {
        if text.signature_type != SignatureType::Note {
            return Err(LogKeyRefused::WrongType(text.name.clone()));
        }
        require_key_id(text)?;
        Ok(Self::new(text.name.as_str().parse()?, Ed25519PublicKey::from_bytes(text.public_key)))
    }

    /// Its text form.
    pub fn to_wire(&self) -> VerifierKey {
        let name = KeyName::from(&self.origin);
        VerifierKey { name, key_id: self.key_id, signature_type: SignatureType::Note, public_key: *self.key.as_bytes() }
    }

    /// The log whose key this is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether a signature line claims to be this key's: name and id must both be.
    pub(super) fn is_claimed_by(&self, line: &NoteSignature) -> bool {
        line.key_id == self.key_id && line.name.as_str() == self.origin.as_str()
    }

    pub(super) fn public_key(&self) -> &Ed25519PublicKey {
        &self.key
    }
}

/// Checks that a key's id is the one of its name, type and bytes.
pub(super) fn require_key_id(text: &VerifierKey) -> Result<(), LogKeyRefused> {
    let computed = compute_key_id(&text.name, text.signature_type, &text.public_key);
    if computed == text.key_id { Ok(()) } else { Err(LogKeyRefused::WrongId(text.name.clone())) }
}

fn compute_key_id(name: &KeyName, signature_type: SignatureType, public_key: &[u8; 32]) -> KeyId {
    let digest = hash_parts(&[name.as_str().as_bytes(), b"\n", &[signature_type.to_byte()], public_key]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    KeyId([a, b, c, d])
}

//! The keys of logs and witnesses (C2SP signed-note, "verifier keys"): Ed25519, each with a name and a use.
//!
//! ```text
//! a log's verifier key       mla.example/events+4a2f90c1+ATs0…            (`wire::VerifierKey`); its name is the origin
//! a witness's verifier key   witness.kg.example+c14a2f90+BKl9…
//! a signing key              PRIVATE+KEY+mla.example/events+4a2f90c1+AY0b…   base64(type ‖ seed), as Go's sumdb/note has it
//! key id                     SHA-256(name ‖ LF ‖ type ‖ public key)[..4]
//! type                       1 a log's signature, 4 a witness's cosignature
//! ```

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::crypto::{Ed25519PublicKey, Ed25519SigningKey, KeyRefused, hash_parts};
use crate::domain::{Malformed, Origin};
use crate::wire::{KeyId, KeyName, NoteSignature, SignatureType, VerifierKey};

const SIGNING_KEY_PREFIX: &str = "PRIVATE+KEY+";

/// A key of a log or a witness that is not what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteKeyRefused {
    /// A verifier key of another type than is wanted here.
    #[error("the key {name} cannot be used here: its type must be {}", .expected.to_byte())]
    WrongType {
        /// The key's name.
        name: KeyName,
        /// What it must be for: 1, a log's signatures, or 4, a witness's cosignatures.
        expected: SignatureType,
    },
    /// The id in the text is not the key's.
    #[error("the key id of {0} does not match its key: it was mistyped or altered\nhint: copy the key again from whom it belongs to")]
    WrongId(KeyName),
    /// The key's name is no log's origin.
    #[error("the key's name must be the log's origin: {0}")]
    WrongName(#[from] Malformed),
    /// The text is no signing key. It is a secret, so nothing of it is said.
    #[error("this is no signing key of this kind: it must be {SIGNING_KEY_PREFIX}name+id+key")]
    NoSigningKey,
}

impl From<KeyRefused> for NoteKeyRefused {
    fn from(_: KeyRefused) -> Self {
        NoteKeyRefused::NoSigningKey
    }
}

/// A public key with its name, whose id is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedKey {
    name: KeyName,
    key_id: KeyId,
    signature_type: SignatureType,
    key: Ed25519PublicKey,
}

impl NamedKey {
    fn new(name: KeyName, signature_type: SignatureType, key: Ed25519PublicKey) -> Self {
        let digest = hash_parts(&[name.as_str().as_bytes(), b"\n", &[signature_type.to_byte()], key.as_bytes()]);
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self { name, key_id: KeyId([a, b, c, d]), signature_type, key }
    }

    fn from_wire(text: &VerifierKey, expected: SignatureType) -> Result<Self, NoteKeyRefused> {
        if text.signature_type != expected {
            return Err(NoteKeyRefused::WrongType { name: text.name.clone(), expected });
        }
        let key = Self::new(text.name.clone(), expected, Ed25519PublicKey::from_bytes(text.public_key));
        if key.key_id == text.key_id { Ok(key) } else { Err(NoteKeyRefused::WrongId(key.name)) }
    }

    fn to_wire(&self) -> VerifierKey {
        let Self { name, key_id, signature_type, key } = self;
        VerifierKey { name: name.clone(), key_id: *key_id, signature_type: *signature_type, public_key: *key.as_bytes() }
    }

    pub(super) fn name(&self) -> &KeyName {
        &self.name
    }

    /// Whether a signature line claims to be this key's: name and id must both be.
    pub(super) fn is_claimed_by(&self, line: &NoteSignature) -> bool {
        line.key_id == self.key_id && line.name == self.name
    }

    pub(super) fn public_key(&self) -> &Ed25519PublicKey {
        &self.key
    }

    fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), key_id: self.key_id, signature }
    }
}

/// A private key with its name and its public half.
struct NamedSecret {
    key: Ed25519SigningKey,
    public: NamedKey,
}

impl NamedSecret {
    fn new(name: KeyName, signature_type: SignatureType, key: Ed25519SigningKey) -> Self {
        let public = NamedKey::new(name, signature_type, key.public_key());
        Self { key, public }
    }

    fn parse(text: &str, signature_type: SignatureType) -> Result<Self, NoteKeyRefused> {
        let parts = text.strip_prefix(SIGNING_KEY_PREFIX).ok_or(NoteKeyRefused::NoSigningKey)?;
        let mut parts = parts.splitn(3, '+');
        let (Some(name), Some(key_id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteKeyRefused::NoSigningKey);
        };
        let key_id: KeyId = key_id.parse().map_err(|_| NoteKeyRefused::NoSigningKey)?;
        let name = name.parse().map_err(|_| NoteKeyRefused::NoSigningKey)?;
        let key = Self::new(name, signature_type, parse_seed(encoded, signature_type)?);
        if key.public.key_id == key_id { Ok(key) } else { Err(NoteKeyRefused::WrongId(key.public.name)) }
    }

    fn expose_secret(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new([&[self.public.signature_type.to_byte()], self.key.expose_secret().as_slice()].concat());
        let encoded = Zeroizing::new(Base64::encode_string(&bytes));
        let NamedKey { name, key_id, .. } = &self.public;
        let mut text = Zeroizing::new(String::with_capacity(512));
        [SIGNING_KEY_PREFIX, name.as_str(), "+", &key_id.to_string(), "+", &encoded].iter().for_each(|part| text.push_str(part));
        text
    }
}

fn parse_seed(encoded: &str, signature_type: SignatureType) -> Result<Ed25519SigningKey, NoteKeyRefused> {
    let mut bytes = Zeroizing::new([0u8; 33]);
    match Base64::decode(encoded, bytes.as_mut_slice()) {
        Ok([type_byte, seed @ ..]) if *type_byte == signature_type.to_byte() => {
            let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| NoteKeyRefused::NoSigningKey)?);
            Ok(Ed25519SigningKey::from_seed(*seed)?)
        }
        _ => Err(NoteKeyRefused::NoSigningKey),
    }
}

/// What a log signs its checkpoints with. One key, one log: its name is the log's origin.
pub struct LogSigningKey {
    origin: Origin,
    secret: NamedSecret,
    verifier_key: LogVerifierKey,
}

impl LogSigningKey {
    /// A fresh key for the log `origin`.
    ///
    /// # Errors
    /// Never, unless ring changes what seeds it takes.
    pub fn generate(origin: Origin) -> Result<Self, NoteKeyRefused> {
        let secret = NamedSecret::new(KeyName::from(&origin), SignatureType::Note, Ed25519SigningKey::generate()?);
        Ok(Self { origin, verifier_key: LogVerifierKey(secret.public.clone()), secret })
    }

    /// The key of a stored text, which [`LogSigningKey::expose_secret`] gave; without a final LF.
    ///
    /// # Errors
    /// When the text is no signing key of a log, or its id is not the key's.
    pub fn parse(text: &str) -> Result<Self, NoteKeyRefused> {
        let secret = NamedSecret::parse(text, SignatureType::Note)?;
        let origin = secret.public.name.as_str().parse()?;
        Ok(Self { origin, verifier_key: LogVerifierKey(secret.public.clone()), secret })
    }

    /// The key as text, for the one place that stores it.
    pub fn expose_secret(&self) -> Zeroizing<String> {
        self.secret.expose_secret()
    }

    /// The log whose key this is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The public half.
    pub fn verifier_key(&self) -> &LogVerifierKey {
        &self.verifier_key
    }

    /// The signature line of this key over a note's text.
    pub(super) fn sign_text(&self, text: &str) -> NoteSignature {
        self.secret.public.line(self.secret.key.sign(text.as_bytes()).to_vec())
    }
}

/// The public key of a log, whose id has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerifierKey(pub(super) NamedKey);

impl LogVerifierKey {
    /// Takes a log's key from its text form.
    ///
    /// # Errors
    /// When it is no log's key, or its id is not the key's.
    pub fn from_wire(text: &VerifierKey) -> Result<Self, NoteKeyRefused> {
        NamedKey::from_wire(text, SignatureType::Note).map(Self)
    }

    /// Its text form.
    pub fn to_wire(&self) -> VerifierKey {
        self.0.to_wire()
    }

    /// The log whose key this is, by its key's name: of an Elchi log, and of nearly all others, the origin.
    pub fn origin(&self) -> &KeyName {
        self.0.name()
    }
}

/// What a witness cosigns with. One key, one witness.
pub struct WitnessSigningKey(NamedSecret);

impl WitnessSigningKey {
    /// A fresh key for the witness `name`.
    ///
    /// # Errors
    /// Never, unless ring changes what seeds it takes.
    pub fn generate(name: KeyName) -> Result<Self, NoteKeyRefused> {
        Ok(Self(NamedSecret::new(name, SignatureType::Cosignature, Ed25519SigningKey::generate()?)))
    }

    /// The key of a stored text, which [`WitnessSigningKey::expose_secret`] gave; without a final LF.
    ///
    /// # Errors
    /// When the text is no signing key of a witness, or its id is not the key's.
    pub fn parse(text: &str) -> Result<Self, NoteKeyRefused> {
        NamedSecret::parse(text, SignatureType::Cosignature).map(Self)
    }

    /// The key as text, for the one place that stores it.
    pub fn expose_secret(&self) -> Zeroizing<String> {
        self.0.expose_secret()
    }

    /// The public half.
    pub fn verifier_key(&self) -> WitnessVerifierKey {
        WitnessVerifierKey(self.0.public.clone())
    }

    /// The signature line of this key: `seconds`, then what it signs over `message`.
    pub(super) fn sign_at(&self, seconds: u64, message: &[u8]) -> NoteSignature {
        self.0.public.line([seconds.to_be_bytes().as_slice(), &self.0.key.sign(message)].concat())
    }
}

/// The public key of a witness, whose id has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessVerifierKey(pub(super) NamedKey);

impl WitnessVerifierKey {
    /// Takes a witness's key from its text form.
    ///
    /// # Errors
    /// When it is no witness's key, or its id is not the key's.
    pub fn from_wire(text: &VerifierKey) -> Result<Self, NoteKeyRefused> {
        NamedKey::from_wire(text, SignatureType::Cosignature).map(Self)
    }

    /// Its text form.
    pub fn to_wire(&self) -> VerifierKey {
        self.0.to_wire()
    }

    /// The witness's name.
    pub fn name(&self) -> &KeyName {
        self.0.name()
    }
}

//! The age recipient type `mlkem768x25519` and its identity (c2sp.org/age, "The MLKEM768-X25519 hybrid
//! post-quantum recipient type").
//!
//! ```text
//! AGE-SECRET-KEY-PQ-1…   identity: a 32-byte seed, Bech32, capitals       77 characters
//! age1pq1…               recipient: 1,216 bytes, Bech32, small letters    1,959 characters
//!
//! -> mlkem768x25519 <enc, 1,120 bytes>
//! <HPKE base mode: HKDF-SHA256, ChaCha20-Poly1305; the 16-byte file key sealed, 32 bytes>
//! ```
//!
//! Each has one spelling here; age would take a recipient in capitals too.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use age::{DecryptError, EncryptError};
use age_core::format::{FILE_KEY_BYTES, FileKey, Stanza};
use age_core::primitives::{bech32_decode, bech32_encode_to_fmt};
use age_core::secrecy::ExposeSecret;
use base64ct::{Base64Unpadded, Encoding};
use bech32::Hrp;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::{Deserializable, HpkeError, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use super::kem::{ENCAPSULATION_BYTES, Encapsulation, MlKem768X25519, OsRandom};
use super::keys::{HybridPublic, HybridSecret, SEED_BYTES};
use crate::crypto::{hash, random_array};
use crate::domain::{Hash, Malformed};

/// The first argument of our stanzas.
pub(super) const STANZA_TAG: &str = "mlkem768x25519";

const INFO: &[u8] = b"age-encryption.org/mlkem768x25519";
const LABEL: &str = "postquantum";
const IDENTITY_HRP: Hrp = Hrp::parse_unchecked("AGE-SECRET-KEY-PQ-");
const IDENTITY_CHARS: usize = 77;
const RECIPIENT_HRP: Hrp = Hrp::parse_unchecked("age1pq");
const RECIPIENT_CHARS: usize = 1_959;

/// A body has exactly the sealed file key's length; a longer one could open under several keys
/// (partitioning oracles).
const BODY_BYTES: usize = FILE_KEY_BYTES + 16;
const ENCAPSULATION_CHARS: usize = (ENCAPSULATION_BYTES * 4).div_ceil(3);

const IDENTITY_MALFORMED: Malformed = Malformed { what: "a sealing identity", rule: "it must be AGE-SECRET-KEY-PQ-1… in capitals" };
const RECIPIENT_MALFORMED: Malformed =
    Malformed { what: "a sealing key", rule: "it must be age1pq1… in small letters, an ML-KEM-768 key and an X25519 key" };

/// A private sealing key. Boxed, so that moving it leaves no copies behind.
pub struct SealingIdentity(Box<HybridSecret>);

impl SealingIdentity {
    /// A fresh one.
    pub fn generate() -> Self {
        Self(Box::new(HybridSecret::from_seed(random_array())))
    }

    /// Reads the one spelling, `AGE-SECRET-KEY-PQ-1…`.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() != IDENTITY_CHARS {
            return Err(IDENTITY_MALFORMED);
        }
        let mut seed = Zeroizing::new([0u8; SEED_BYTES]);
        decode_bech32(text, IDENTITY_HRP, seed.as_mut_slice()).ok_or(IDENTITY_MALFORMED)?;
        let identity = Self::from_seed(&seed);
        if identity.expose_secret().as_str() == text { Ok(identity) } else { Err(IDENTITY_MALFORMED) }
    }

    /// The identity as text, for the file or the slip that keeps it.
    pub fn expose_secret(&self) -> Zeroizing<String> {
        // With its final capacity, so that growing leaves no copies behind.
        let mut text = Zeroizing::new(String::with_capacity(IDENTITY_CHARS));
        // Writing to a string cannot fail, and age's own encoder has no length limit.
        let _ = bech32_encode_to_fmt(&mut *text, IDENTITY_HRP, self.0.expose_seed());
        text.make_ascii_uppercase();
        text
    }

    pub(super) fn from_seed(seed: &[u8; SEED_BYTES]) -> Self {
        Self(Box::new(HybridSecret::from_seed(*seed)))
    }

    pub(super) fn expose_seed(&self) -> &[u8; SEED_BYTES] {
        self.0.expose_seed()
    }

    /// The public half.
    pub fn recipient(&self) -> SealingRecipient {
        SealingRecipient(self.0.public_key())
    }
}

/// A public sealing key, well formed by construction.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingRecipient(HybridPublic);

impl SealingRecipient {
    /// SHA-256 of the recipient's text: what statements and screens name the key by.
    pub fn fingerprint(&self) -> Hash {
        hash(self.to_string().as_bytes())
    }
}

impl FromStr for SealingRecipient {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() != RECIPIENT_CHARS {
            return Err(RECIPIENT_MALFORMED);
        }
        let mut bytes = vec![0u8; HybridPublic::size()];
        decode_bech32(text, RECIPIENT_HRP, &mut bytes).ok_or(RECIPIENT_MALFORMED)?;
        let recipient = Self(HybridPublic::from_bytes(&bytes).map_err(|_| RECIPIENT_MALFORMED)?);
        if recipient.to_string() == text { Ok(recipient) } else { Err(RECIPIENT_MALFORMED) }
    }
}

impl fmt::Display for SealingRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32_encode_to_fmt(f, RECIPIENT_HRP, &self.0.to_bytes())
    }
}

impl fmt::Debug for SealingRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingRecipient({})", self.fingerprint())
    }
}

/// Fills `target` with exactly the bytes that the text carries under `hrp`.
fn decode_bech32(text: &str, hrp: Hrp, target: &mut [u8]) -> Option<()> {
    let right_hrp = |found| if found == hrp { Ok(()) } else { Err(()) };
    let fill = |_, bytes: bech32::primitives::decode::ByteIter<'_>| {
        let fits = bytes.len() == target.len();
        target.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        if fits { Ok(()) } else { Err(()) }
    };
    bech32_decode(text, |_| (), right_hrp, fill).ok()
}

/// The shape of our stanza: one argument, canonical base64 of 1,120 bytes, and a body of 32 bytes.
pub(super) fn parse_stanza<S: AsRef<str>>(arguments: &[S], body: &[u8]) -> Option<Encapsulation> {
    let [enc] = arguments else { return None };
    if enc.as_ref().len() != ENCAPSULATION_CHARS || body.len() != BODY_BYTES {
        return None;
    }
    let mut bytes = [0u8; ENCAPSULATION_BYTES];
    let decoded = Base64Unpadded::decode(enc.as_ref(), &mut bytes).ok()?;
    Encapsulation::from_bytes(decoded).ok()
}

impl age::Recipient for SealingRecipient {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (enc, body) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, MlKem768X25519, _>(
            &OpModeS::Base,
            &self.0,
            INFO,
            file_key.expose_secret(),
            &[],
            &mut OsRandom,
        )
        .map_err(|error| EncryptError::Io(std::io::Error::other(error.to_string())))?;
        let arguments = vec![Base64Unpadded::encode_string(&enc.to_bytes())];
        Ok((vec![Stanza { tag: STANZA_TAG.to_owned(), args: arguments, body }], HashSet::from([LABEL.to_owned()])))
    }
}

impl age::Identity for SealingIdentity {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        if stanza.tag != STANZA_TAG {
            return None;
        }
        let Some(enc) = parse_stanza(&stanza.args, &stanza.body) else {
            return Some(Err(DecryptError::InvalidHeader));
        };
        let opened =
            hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, MlKem768X25519>(&OpModeR::Base, &self.0, &enc, INFO, &stanza.body, &[]);
        match opened {
            Ok(key) => Some(file_key(&Zeroizing::new(key))),
            Err(HpkeError::DecapError) => Some(Err(DecryptError::InvalidHeader)), // a share of low order
            Err(_) => None,                                                       // sealed to somebody else
        }
    }
}

fn file_key(bytes: &[u8]) -> Result<FileKey, DecryptError> {
    let bytes: &[u8; FILE_KEY_BYTES] = bytes.try_into().map_err(|_| DecryptError::InvalidHeader)?;
    Ok(FileKey::init_with_mut(|key| key.copy_from_slice(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_spelling() {
        let identity = SealingIdentity::generate();
        let secret = identity.expose_secret();
        assert!(SealingIdentity::parse(&secret).unwrap().recipient() == identity.recipient());
        let lower = secret.to_lowercase();
        let cut = &secret[..76];
        for wrong in [lower.as_str(), cut, "", &secret.replace("PQ", "QP"), &format!(" {cut}"), &("Ж".repeat(38) + "x")] {
            assert!(SealingIdentity::parse(wrong).is_err(), "{wrong:?} was accepted");
        }

        let text = identity.recipient().to_string();
        assert_eq!(text.parse::<SealingRecipient>().unwrap().to_string(), text);
        assert_eq!(text.len(), RECIPIENT_CHARS);
        for wrong in [text.to_uppercase(), text[..1958].to_owned(), format!("{text}q"), String::new()] {
            assert!(wrong.parse::<SealingRecipient>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn padding_bits_are_zero() {
        // 32 bytes are 51.2 letters: the last one carries four bits of padding.
        let secret = SealingIdentity::parse("AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR").unwrap();
        let mut spoiled = 0;
        for last in "qpzry9x8gf2tvdw0s3jn54khce6mua7l".chars() {
            let data = format!("{}{last}", &secret.expose_secret()[19..70].to_lowercase());
            if let Ok(text) = with_checksum("age-secret-key-pq-", &data) {
                spoiled += usize::from(SealingIdentity::parse(&text.to_uppercase()).is_err());
            }
        }
        assert_eq!(spoiled, 30, "two letters (a last bit and no padding) are canonical");
    }

    /// BIP 173's checksum over letters, so that a test can spell what an encoder never would.
    fn with_checksum(hrp: &str, data: &str) -> Result<String, std::num::TryFromIntError> {
        let letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        let values = data.chars().map(|c| u32::try_from(letters.find(c).unwrap())).collect::<Result<Vec<_>, _>>()?;
        let high = hrp.bytes().map(|b| u32::from(b >> 5));
        let low = hrp.bytes().map(|b| u32::from(b & 31));
        let all = high.chain([0]).chain(low).chain(values).chain([0; 6]);
        let sum = all.fold(1u32, |sum, value| {
            let generator = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
            let folded = (sum & 0x1ff_ffff) << 5 ^ value;
            generator.iter().enumerate().filter(|(bit, _)| sum >> 25 >> bit & 1 == 1).fold(folded, |sum, (_, g)| sum ^ g)
        }) ^ 1;
        let check = (0..6).map(|i| char::from(letters.as_bytes()[(sum >> (5 * (5 - i)) & 31) as usize]));
        Ok(format!("{hrp}1{data}{}", check.collect::<String>()))
    }
}

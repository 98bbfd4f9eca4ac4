//! Shares of an authority's sealing identity: any `threshold` of them give it back (PROTOCOL.md, Shares).
//!
//! ```text
//! # elchi-share/v1 kg.gpo 91ab… 2 1          authority, fingerprint of the key, how many are needed, which one this is
//! 5e07…                                      Shamir's share of the identity's 32-byte seed
//! ```
//!
//! Each lies age-sealed to whoever keeps it. Nothing in a share proves that it is right: the identity that comes of them
//! must be of the key with that fingerprint.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::age_file::SealError;
use super::authority::GrantedIdentity;
use super::hybrid::{SealingIdentity, SealingRecipient};
use super::secret_file::{SecretFileRefused, open_secret, seal_secret};
use crate::crypto::{SECRET_BYTES, SecretBytes, combine_shares, split_secret};
use crate::domain::limits::SHARES_MAX;
use crate::domain::{AuthorityCode, Hash};

const MARK: &str = "# elchi-share/v1 ";

/// Room for the longest text of a share.
const TEXT_BYTES_MAX: usize = 512;

/// How many shares there are to be, and how many of them give the identity back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareRule {
    threshold: u8,
    count: u8,
}

/// Not at least two, or more than there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("of at most {SHARES_MAX} shares at least two must be needed, and no more than there are")]
pub struct ShareRuleRefused;

impl ShareRule {
    /// # Errors
    /// Unless 2 ≤ threshold ≤ count ≤ 16.
    pub fn new(threshold: u8, count: usize) -> Result<Self, ShareRuleRefused> {
        let count = u8::try_from(count).ok().filter(|count| *count <= SHARES_MAX).ok_or(ShareRuleRefused)?;
        if 2 <= threshold && threshold <= count { Ok(Self { threshold, count }) } else { Err(ShareRuleRefused) }
    }
}

/// One share, opened.
pub struct IdentityShare {
    authority: AuthorityCode,
    key: Hash,
    threshold: u8,
    number: u8,
    bytes: SecretBytes,
}

/// Why shares did not give an identity back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SharesRefused {
    /// Not of one authority and key, or not of one rule.
    #[error("they are not of one key, or not of one division of it")]
    Mixed,
    /// One share twice.
    #[error("one of them comes twice")]
    Doubled,
    /// Fewer than are needed.
    #[error("{needed} are needed, and these are {given}")]
    TooFew {
        /// By their own words.
        needed: u8,
        /// How many there are.
        given: usize,
    },
    /// What comes of them is another identity.
    #[error("what they give is not the key that they name: one of them is wrong, or of another division")]
    OtherKey,
}

impl IdentityShare {
    /// Whose key it is a share of.
    pub fn authority(&self) -> &AuthorityCode {
        &self.authority
    }

    fn encode(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES_MAX));
        let Self { authority, key, threshold, number, bytes } = self;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{MARK}{authority} {key} {threshold} {number}");
        for byte in bytes.iter() {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        text
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (line, share) = std::str::from_utf8(text).ok()?.strip_prefix(MARK)?.strip_suffix('\n')?.split_once('\n')?;
        let mut words = line.split(' ');
        let (authority, key) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (threshold, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let bytes = parse_hex(share)?;
        let share = Self { authority, key, threshold, number, bytes };
        let is_possible = (2..=SHARES_MAX).contains(&threshold) && (1..=SHARES_MAX).contains(&number);
        (is_possible && share.encode().as_bytes() == text).then_some(share)
    }
}

fn parse_hex(text: &str) -> Option<SecretBytes> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    if text.len() != 2 * SECRET_BYTES || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Divides an authority's identity, so that any `threshold` of the shares give it back.
pub fn split_identity(identity: &SealingIdentity, authority: &AuthorityCode, rule: ShareRule) -> Vec<IdentityShare> {
    let key = identity.recipient().fingerprint();
    let shares = split_secret(identity.expose_seed(), rule.threshold, rule.count);
    let share = |(number, bytes)| IdentityShare { authority: authority.clone(), key, threshold: rule.threshold, number, bytes };
    (1..).zip(shares).map(share).collect()
}

/// Gives the identity back, which is to be held against the directory.
///
/// # Errors
/// When the shares do not belong together, are too few, or one of them is wrong.
pub fn combine_identity(shares: &[IdentityShare]) -> Result<GrantedIdentity, SharesRefused> {
    let first = shares.first().ok_or(SharesRefused::TooFew { needed: 2, given: 0 })?;
    if shares.iter().any(|share| (&share.authority, share.key, share.threshold) != (&first.authority, first.key, first.threshold)) {
        return Err(SharesRefused::Mixed);
    }
    if shares.len() < usize::from(first.threshold) {
        return Err(SharesRefused::TooFew { needed: first.threshold, given: shares.len() });
    }
    let numbered: Vec<_> = shares.iter().map(|share| (share.number, &*share.bytes)).collect();
    let identity = GrantedIdentity(SealingIdentity::from_seed(&*combine_shares(&numbered).ok_or(SharesRefused::Doubled)?));
    if identity.fingerprint() == first.key { Ok(identity) } else { Err(SharesRefused::OtherKey) }
}

/// Seals a share to whoever is to have it.
///
/// # Errors
/// Never with a parsed key.
pub fn seal_share(share: &IdentityShare, keeper: &SealingRecipient) -> Result<Vec<u8>, SealError> {
    seal_secret(share.encode().as_bytes(), keeper)
}

/// Opens a share.
///
/// # Errors
/// When it does not open with this identity, or is none.
pub fn open_share(sealed: &[u8], keeper: &SealingIdentity) -> Result<IdentityShare, SecretFileRefused> {
    IdentityShare::parse(&open_secret(sealed, keeper)?).ok_or(SecretFileRefused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_one_spelling() {
        let (key, share) = ("91".repeat(32), "5e".repeat(32));
        let right = format!("# elchi-share/v1 kg.gpo {key} 2 1\n{share}\n");
        assert_eq!(*IdentityShare::parse(right.as_bytes()).unwrap().encode(), right);
        for (from, to) in [
            (" 2 1", " 02 1"),
            (" 2 1", " +2 1"),
            (" 2 1", " 1 1"),
            (" 2 1", " 17 1"),
            (" 2 1", " 2 0"),
            (" 2 1", " 2 17"),
            (" 2 1", " 2 257"),
            (" 2 1", " 2"),
            (" 2 1", " 2 1 1"),
            (" 2 1", "  2 1"),
            ("v1", "v2"),
            ("kg.gpo", "KG.gpo"),
            ("5e", "5E"),
            ("5e", "+e"),
            ("5e5e", "5e"),
            ("5e\n", "5e"),
            ("5e\n", "5e\n\n"),
            ("1\n", "1\r\n"),
        ] {
            let wrong = right.replacen(from, to, 1);
            assert!(wrong != right && IdentityShare::parse(wrong.as_bytes()).is_none(), "{wrong:?} was accepted");
        }
        assert!(IdentityShare::parse(format!("# elchi-share/v1 kg.gpo {key} 2 1\n{}\n", "ж".repeat(32)).as_bytes()).is_none());
    }
}

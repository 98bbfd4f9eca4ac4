//! ECDSA on P-256 with SHA-256 (FIPS 186-5), in the one of two forms whose `s` is at most half the order.
//!
//! `(r, s)` and `(r, n − s)` verify alike, so anyone could give a signature a second spelling; taking the
//! lower one only, there is none.

use der::asn1::UintRef;
use der::{Decode, Encode, Sequence};
use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

/// The order n of P-256 (SP 800-186, section 3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
    0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// ⌊n / 2⌋.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
    0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// A public key on P-256 in its uncompressed form: 0x04, x, y. Whether it lies on the curve shows when it verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct P256Point([u8; 65]);

impl P256Point {
    pub(super) fn from_uncompressed(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().filter(|point: &[u8; 65]| point[0] == 0x04).map(Self)
    }

    /// The 65 bytes.
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }
}

/// A signature: `r ‖ s`, 64 bytes, `s` at most ⌊n / 2⌋.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcdsaSignature([u8; 64]);

/// The signature is not of this message by this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EcdsaMismatch;

/// Why an encoded signature is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EcdsaRefused {
    Malformed(der::Error),
    TooLong,
    HighS,
}

/// ECDSA-Sig-Value (RFC 3279, section 2.2.3).
#[derive(Sequence)]
struct SigValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl EcdsaSignature {
    /// Takes `r ‖ s` as a signing device gives it, and the lower `s` of the two. Nothing is verified.
    pub fn from_fixed(mut bytes: [u8; 64]) -> Self {
        if bytes[32..] > HALF_ORDER[..] {
            let high: [u8; 32] = std::array::from_fn(|at| bytes[32 + at]);
            bytes[32..].copy_from_slice(&order_minus(&high));
        }
        Self(bytes)
    }

    pub(super) fn parse_der(der: &[u8]) -> Result<Self, EcdsaRefused> {
        let value = SigValue::from_der(der).map_err(EcdsaRefused::Malformed)?;
        let mut bytes = [0u8; 64];
        place(&mut bytes[..32], value.r.as_bytes())?;
        place(&mut bytes[32..], value.s.as_bytes())?;
        if bytes[32..] > HALF_ORDER[..] { Err(EcdsaRefused::HighS) } else { Ok(Self(bytes)) }
    }

    /// ECDSA-Sig-Value, DER.
    pub(super) fn to_der(self) -> Result<Vec<u8>, der::Error> {
        SigValue { r: UintRef::new(&self.0[..32])?, s: UintRef::new(&self.0[32..])? }.to_der()
    }

    pub(super) fn verify(&self, key: &P256Point, message: &[u8]) -> Result<(), EcdsaMismatch> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.0).verify(message, &self.0).map_err(|_| EcdsaMismatch)
    }
}

/// Checks a signature in DER with either `s`: certificates are taken with the one their issuer wrote.
pub(super) fn verify_asn1(key: &P256Point, message: &[u8], signature: &[u8]) -> Result<(), EcdsaMismatch> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.0).verify(message, signature).map_err(|_| EcdsaMismatch)
}

fn place(into: &mut [u8], integer: &[u8]) -> Result<(), EcdsaRefused> {
    let from = into.len().checked_sub(integer.len()).ok_or(EcdsaRefused::TooLong)?;
    into[from..].copy_from_slice(integer);
    Ok(())
}

/// n − s, for s below n.
fn order_minus(s: &[u8; 32]) -> [u8; 32] {
    let mut difference = [0u8; 32];
    let mut borrow = false;
    for at in (0..32).rev() {
        let (partial, under) = ORDER[at].overflowing_sub(s[at]);
        let (byte, under_again) = partial.overflowing_sub(u8::from(borrow));
        difference[at] = byte;
        borrow = under || under_again;
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_order_is_where_s_turns() {
        let mut above = HALF_ORDER;
        above[31] += 1;
        assert_eq!(order_minus(&above), HALF_ORDER, "n is odd: n − (⌊n/2⌋ + 1) = ⌊n/2⌋");
        let fixed = |s: [u8; 32]| [[1u8; 32], s].concat().try_into().unwrap();
        assert_eq!(EcdsaSignature::from_fixed(fixed(above)), EcdsaSignature(fixed(HALF_ORDER)));
        assert_eq!(EcdsaSignature::from_fixed(fixed(HALF_ORDER)), EcdsaSignature(fixed(HALF_ORDER)));
        let high = SigValue { r: UintRef::new(&[1]).unwrap(), s: UintRef::new(&above).unwrap() }.to_der().unwrap();
        assert_eq!(EcdsaSignature::parse_der(&high), Err(EcdsaRefused::HighS));
    }

    #[test]
    fn der_has_one_spelling() {
        let signature = EcdsaSignature::from_fixed([0x11; 64]);
        let der = signature.to_der().unwrap();
        assert_eq!(EcdsaSignature::parse_der(&der), Ok(signature));
        let padded = [&[0x30, 0x07, 0x02, 0x02, 0x00, 0x01, 0x02, 0x01, 0x01][..]].concat();
        assert!(matches!(EcdsaSignature::parse_der(&padded), Err(EcdsaRefused::Malformed(_))));
        let long = [&[0x30, 0x26, 0x02, 0x21][..], &[0x01; 33], &[0x02, 0x01, 0x01]].concat();
        assert_eq!(EcdsaSignature::parse_der(&long), Err(EcdsaRefused::TooLong));
    }
}

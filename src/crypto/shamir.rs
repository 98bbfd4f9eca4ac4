//! Shamir's secret sharing over GF(2^8), byte by byte (Shamir 1979; the field of AES, x^8 + x^4 + x^3 + x + 1).
//!
//! ```text
//! f(x) = secret + a1·x + … + a(m-1)·x^(m-1)      a fresh polynomial for each byte
//! share i = f(i), i = 1 … n                      any m give f(0); fewer say nothing about it
//! ```
//!
//! The arithmetic has no table and no branch on a secret. What comes out is not authenticated: whoever combines shares
//! checks the secret against something public.

use zeroize::Zeroizing;

use super::random_array;

/// The bytes of a secret that can be shared.
pub const SECRET_BYTES: usize = 32;

/// A secret, or one share of it.
pub type SecretBytes = Zeroizing<[u8; SECRET_BYTES]>;

/// Shares 1 to `count` of a secret, of which any `threshold` give it back.
pub fn split_secret(secret: &[u8; SECRET_BYTES], threshold: u8, count: u8) -> Vec<SecretBytes> {
    let coefficients: Vec<SecretBytes> = (1..threshold).map(|_| Zeroizing::new(random_array())).collect();
    (1..=count).map(|x| evaluate(secret, &coefficients, x)).collect()
}

/// The secret behind shares with these numbers; another one, if they do not belong together or are too few. Nothing if
/// a number is zero or comes twice.
pub fn combine_shares(shares: &[(u8, &[u8; SECRET_BYTES])]) -> Option<SecretBytes> {
    let numbers: Vec<u8> = shares.iter().map(|(x, _)| *x).collect();
    let is_distinct = numbers.iter().enumerate().all(|(place, x)| *x != 0 && !numbers[..place].contains(x));
    is_distinct.then(|| {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        for (x, share) in shares {
            let weight = lagrange_at_zero(*x, &numbers);
            secret.iter_mut().zip(*share).for_each(|(sum, byte)| *sum ^= multiply(*byte, weight));
        }
        secret
    })
}

/// Horner's rule, for all bytes at once.
fn evaluate(secret: &[u8; SECRET_BYTES], coefficients: &[SecretBytes], x: u8) -> SecretBytes {
    let mut share = Zeroizing::new([0; SECRET_BYTES]);
    for coefficient in coefficients.iter().rev().map(|bytes| &**bytes).chain([secret]) {
        share.iter_mut().zip(coefficient).for_each(|(value, byte)| *value = multiply(*value, x) ^ byte);
    }
    share
}

/// The weight of the share `x` in f(0): the product of other / (other - x). Numbers are public.
fn lagrange_at_zero(x: u8, numbers: &[u8]) -> u8 {
    let others = numbers.iter().filter(|other| **other != x);
    others.fold(1, |weight, other| multiply(weight, multiply(*other, invert(other ^ x))))
}

/// A product in the field, bit by bit, masks in place of branches.
fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= a & (b >> bit & 1).wrapping_neg();
        a = a << 1 ^ 0x1b & (a >> 7).wrapping_neg();
    }
    product
}

/// The inverse: a^254, as a^255 is 1.
fn invert(a: u8) -> u8 {
    (0..253).fold(a, |power, _| multiply(power, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, sections 4.2 and 4.2.1.
    #[test]
    fn products_are_those_of_fips_197() {
        for (a, b, product) in
            [(0x57, 0x83, 0xc1), (0x57, 0x13, 0xfe), (0x57, 0x02, 0xae), (0x57, 0x10, 0x07), (0, 0xff, 0), (1, 0xff, 0xff)]
        {
            assert_eq!((multiply(a, b), multiply(b, a)), (product, product), "{a:02x} {b:02x}");
        }
        assert!((1..=255).all(|a| multiply(a, invert(a)) == 1));
        for (a, b, c) in [(3, 0x8f, 0xe4), (0x80, 0x80, 0xff)] {
            assert_eq!(multiply(a, b ^ c), multiply(a, b) ^ multiply(a, c));
        }
    }

    /// By hand: f(x) = 0x42 + 0x57·x, and f(x) = 0x42 + 0x57·x + 0x83·x^2.
    #[test]
    fn shares_are_values_of_the_polynomial() {
        let bytes = |byte: u8| Zeroizing::new([byte; SECRET_BYTES]);
        let at = |coefficients: &[SecretBytes], x| evaluate(&bytes(0x42), coefficients, x)[0];
        let line = [bytes(0x57)];
        assert_eq!([at(&line, 1), at(&line, 2), at(&line, 0x83)], [0x42 ^ 0x57, 0x42 ^ 0xae, 0x42 ^ 0xc1]);
        let curve = [bytes(0x57), bytes(0x83)];
        assert_eq!(at(&curve, 2), 0x42 ^ 0xae ^ multiply(0x83, 4));
        assert_eq!(*combine_shares(&[(1, &[0x15; 32]), (2, &[0xec; 32])]).unwrap(), [0x42; 32]);
    }

    #[test]
    fn any_so_many_shares_give_it_back_and_fewer_do_not() {
        for (threshold, count) in [(2, 2), (2, 3), (3, 5), (5, 5), (16, 16)] {
            let secret: [u8; SECRET_BYTES] = random_array();
            let shares = split_secret(&secret, threshold, count);
            for chosen in 1u32..1 << count {
                let some: Vec<_> =
                    (1u8..=count).filter(|x| chosen >> (x - 1) & 1 == 1).map(|x| (x, &*shares[usize::from(x) - 1])).collect();
                if count == 16 && some.len() < 15 {
                    continue;
                }
                let is_enough = some.len() >= usize::from(threshold);
                assert_eq!(*combine_shares(&some).unwrap() == secret, is_enough, "{threshold} of {count}: {chosen:b}");
            }
        }
    }

    #[test]
    fn a_number_that_is_zero_or_comes_twice_combines_to_nothing() {
        let share = [7; SECRET_BYTES];
        for numbers in [&[0, 1][..], &[1, 1], &[1, 2, 1]] {
            let shares: Vec<_> = numbers.iter().map(|x| (*x, &share)).collect();
            assert!(combine_shares(&shares).is_none(), "{numbers:?}");
        }
        assert_eq!(*combine_shares(&[]).unwrap(), [0; SECRET_BYTES], "and none to zeros, which no key's fingerprint is of");
    }

    /// One share fewer than the threshold is spread evenly, whatever the secret: chi-square over 256 values, of which
    /// 99.9999 in 100 samples of even ones stay below 400.
    #[test]
    fn too_few_shares_are_spread_alike_whatever_the_secret() {
        for secret in [[0u8; SECRET_BYTES], [0xff; SECRET_BYTES]] {
            for share in [0, 2] {
                let mut counts = [0i64; 256];
                for _ in 0..800 {
                    split_secret(&secret, 2, 3)[share].iter().for_each(|byte| counts[usize::from(*byte)] += 1);
                }
                let chi_square: i64 = counts.iter().map(|count| (count - 100) * (count - 100)).sum::<i64>() / 100;
                assert!(chi_square < 400, "{chi_square}");
            }
        }
        // Every secret is as likely behind one share of a set: for each there is exactly one line through both.
        let mut behind: Vec<u8> = (0..=255).map(|other| combine_shares(&[(1, &[0x5a; 32]), (2, &[other; 32])]).unwrap()[0]).collect();
        behind.sort_unstable();
        assert!(behind.into_iter().eq(0..=255));
    }
}

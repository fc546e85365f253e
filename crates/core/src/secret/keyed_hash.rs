//! The hash of tables whose keys come from outside: nobody who does not know the secret can make keys collide.
//!
//! # How it works
//!
//! Keys of up to 40 bytes (a UUID has 36) go through **NH**, the universal hash of UMAC (Black, Halevi, Krawczyk, Krovetz and
//! Rogaway, "UMAC: Fast and Secure Message Authentication", CRYPTO '99; RFC 4418 §5.2.2), with words of 64 bits:
//!
//! ```text
//! NH(M) = Σ (M₁ + K₁ mod 2⁶⁴) · (M₂ + K₂ mod 2⁶⁴) + … mod 2¹²⁸    over pairs of words M and secret words K
//! ```
//!
//! The key's bytes, padded with zeros, are five of the six words; the sixth is the length plus whatever was hashed before.
//! The 128-bit sum is then folded to 64 bits: `(low ^ K₇) · (high ^ K₈)`, both halves of the product XORed.
//! Longer keys go through SipHash-1-3.
//!
//! # Why it is safe
//!
//! The adversary chooses keys (request ids of batches and of messages) as they like, as many as [`Limits`](crate::Limits) and
//! the bounds of the tables admit, and wants many of them in one bucket.
//!
//! - **Bound.** For two different messages of equal length in words, chosen without knowledge of the secret, NH is equal with
//!   a probability of at most 2⁻⁶⁴ (the paper's theorem on NH, for a word size of 64). Padding and length make different keys
//!   different messages. Among a million open ids (2⁴⁰ / 2 pairs) any two collide with a probability below 2⁻²⁴.
//! - **The fold** has no such proof. It is the finaliser of wyhash and aHash, with two secret words of its own; like any
//!   function to 64 bits it adds collisions with a probability of about 2⁻⁶⁴ a pair, and tables use only 32 bits of it as
//!   tag anyway, so that colliding tags among honest keys are expected, and cost one more comparison each.
//! - **Hashes must stay invisible.** NH is no pseudo-random function: its sums are quadratic in the secret, and from a few
//!   dozen of them it could be solved for; with one known collision others can be constructed. That is why nothing derived
//!   from a hash leaves the engine: tables are iterated by slot and never in the order of hashes, and no error, event or
//!   statistic depends on one. What is left is timing. To learn of a collision of NH an adversary must first have one, which
//!   takes some 2³² keys in the table at the same time, and must then see one comparison of a few nanoseconds over a network.
//! - **The long path** is a pseudo-random function, made for this adversary: it stays safe even where hashes are seen. Its key
//!   is two words of NH's, which is sound as long as the outputs of neither are visible. It is slower, and nothing that is
//!   hashed in numbers takes it.
//!
//! Reviewed crates were considered instead. aHash, foldhash and rapidhash state no bound, so less could be promised with them;
//! SipHash for every key has one, at several times the instructions.

use std::hash::{BuildHasher, Hasher};

use siphasher::sip::SipHasher13;

use crate::folded_multiply::{folded_multiply, hash_bytes};

/// Words of a short key, which NH hashes at once: a UUID has four and a half.
const WORDS: usize = 5;
/// One secret word for each word of NH's message (the short key and its length), and two for the fold.
pub(super) const SECRET_WORDS: usize = WORDS + 3;

/// Builds hashers under one secret; see the [module](self) for what that promises.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyedHash {
    secret: [u64; SECRET_WORDS],
}

impl KeyedHash {
    pub(super) fn new(secret: [u64; SECRET_WORDS]) -> Self {
        Self { secret }
    }

    /// A fast hash under a part of the secret, for comparing contents. Whoever knew that part could find collisions, and would
    /// gain nothing but that two of their own messages are taken for equal.
    pub(crate) fn quick(self, content: &[u8]) -> u64 {
        hash_bytes(self.secret[0], content)
    }
}

impl BuildHasher for KeyedHash {
    type Hasher = KeyedHasher;

    #[inline(always)]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { secret: self.secret, state: 0 }
    }
}

/// Hashes each `write` at once and chains them through `state`: nearly every key is a single write.
#[derive(Debug)]
pub(crate) struct KeyedHasher {
    secret: [u64; SECRET_WORDS],
    /// The hash of everything written so far.
    state: u64,
}

impl Hasher for KeyedHasher {
    // Inlined so that the secret is not copied for each key.
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        match padded_words(bytes) {
            // The length tells a key from the same one with zeros behind it.
            Some(words) => self.write_words(words, bytes.len() as u64),
            None => self.state = hash_long(self.secret[0] ^ self.state, self.secret[1], bytes),
        }
    }

    #[inline(always)]
    fn write_u64(&mut self, number: u64) {
        self.write_words([number, 0, 0, 0, 0], 8);
    }

    /// Terminators of texts and discriminants of enums: short of a whole round.
    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.state = folded_multiply(self.state, u64::from(byte));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

impl KeyedHasher {
    #[inline(always)]
    fn write_words(&mut self, [w0, w1, w2, w3, w4]: [u64; WORDS], len: u64) {
        let [k0, k1, k2, k3, k4, k5, k6, k7] = self.secret;
        let sum = nh([w0, w1, w2, w3, w4, self.state.wrapping_add(len)], [k0, k1, k2, k3, k4, k5]);
        let folded = product(sum as u64 ^ k6, (sum >> 64) as u64 ^ k7);
        self.state = folded as u64 ^ (folded >> 64) as u64;
    }
}

/// NH of six words.
#[inline(always)]
fn nh([m0, m1, m2, m3, m4, m5]: [u64; 6], [k0, k1, k2, k3, k4, k5]: [u64; 6]) -> u128 {
    let pairs = [[m0, k0, m1, k1], [m2, k2, m3, k3], [m4, k4, m5, k5]];
    let sums = pairs.map(|[m, k, n, l]| product(m.wrapping_add(k), n.wrapping_add(l)));
    sums.into_iter().fold(0, u128::wrapping_add)
}

#[inline(always)]
fn product(one: u64, other: u64) -> u128 {
    u128::from(one) * u128::from(other)
}

#[cold]
#[inline(never)]
fn hash_long(k0: u64, k1: u64, bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(k0, k1).hash(bytes)
}

/// The words of a short key, padded with zeros; `None` for a longer one.
#[inline(always)]
fn padded_words(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let word = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
    // UUIDs, which most keys are, are read in place.
    if let Ok(uuid) = <&[u8; 36]>::try_from(bytes)
        && let ([w0, w1, w2, w3], [a, b, c, d]) = uuid.as_chunks()
    {
        let end = word([*a, *b, *c, *d, 0, 0, 0, 0]);
        return Some([word(*w0), word(*w1), word(*w2), word(*w3), end]);
    }
    copied_words(bytes)
}

#[inline(never)]
fn copied_words(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let word = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
    let mut padded = [0; WORDS * 8];
    padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let (words, _) = padded.as_chunks();
    words.try_into().ok().map(|words: [[u8; 8]; WORDS]| words.map(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    const MODULUS_BITS: u32 = 64;

    /// NH as the paper defines it, with w = 64: M = M₁ … Mₗ and K = K₁ … Kₗ are words of w bits, l is even, and
    /// NH_K(M) = Σ_{i=1}^{l/2} (K_{2i−1} +_w M_{2i−1}) ·_{2w} (K_{2i} +_w M_{2i}) mod 2^{2w}.
    /// Computed from its words, with additions and products of its own that do not wrap.
    fn nh_of_the_paper(key: &[u64], message: &[u64]) -> u128 {
        assert!(message.len().is_multiple_of(2) && key.len() == message.len());
        let add_w = |k: u64, m: u64| (u128::from(k) + u128::from(m)) % (1 << MODULUS_BITS);
        let mut sum = [0u64; 2];
        for i in 1..=message.len() / 2 {
            let (odd, even) = (2 * i - 1, 2 * i);
            let product = add_w(key[odd - 1], message[odd - 1]) * add_w(key[even - 1], message[even - 1]);
            // sum + product mod 2^{2w}, in two words with a carry.
            let low = u128::from(sum[0]) + product % (1 << MODULUS_BITS);
            let high = u128::from(sum[1]) + (product >> MODULUS_BITS) + (low >> MODULUS_BITS);
            sum = [low, high].map(|word| (word % (1 << MODULUS_BITS)) as u64);
        }
        u128::from(sum[1]) << MODULUS_BITS | u128::from(sum[0])
    }

    /// A word that overflows in sums and products as often as not.
    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), Just(1 << 63), 0..1_000u64]
    }

    proptest! {
        #[test]
        fn the_sum_is_nh_as_it_was_published(key in prop::array::uniform6(word()), message in prop::array::uniform6(word())) {
            prop_assert_eq!(nh(message, key), nh_of_the_paper(&key, &message));
        }

        /// The message of a key: its bytes in words, padded, then its length.
        #[test]
        fn a_short_key_is_hashed_as_nh_and_a_fold(
            secret in prop::array::uniform8(word()), key in prop::collection::vec(any::<u8>(), 0..=WORDS * 8),
        ) {
            let mut hasher = KeyedHash::new(secret).build_hasher();
            hasher.write(&key);
            let mut padded = key.clone();
            padded.resize(WORDS * 8, 0);
            let words = padded.chunks(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap()));
            let message: Vec<u64> = words.chain([key.len() as u64]).collect();
            let sum = nh_of_the_paper(&secret[..6], &message);
            let folded = u128::from(sum as u64 ^ secret[6]) * u128::from((sum >> 64) as u64 ^ secret[7]);
            prop_assert_eq!(hasher.finish(), folded as u64 ^ (folded >> 64) as u64);
        }
    }

    #[test]
    fn a_hash_depends_on_the_seed_and_on_nothing_else() {
        let hash = |seed| Secret::new([seed; 32]).keyed_hash().hash_one("r1");
        assert_eq!(hash(0), hash(0));
        assert_ne!(hash(0), hash(1));
    }

    /// Every length, through every way of hashing, one bit changed anywhere, and zeros behind.
    #[test]
    fn different_texts_have_different_hashes() {
        let hash = Secret::new([7; 32]).keyed_hash();
        let of = |text: &[u8]| {
            let mut hasher = hash.build_hasher();
            hasher.write(text);
            hasher.finish()
        };
        let mut hashes = std::collections::BTreeSet::new();
        let mut n = 0;
        for len in 0..70 {
            let mut text = vec![0; len];
            hashes.insert(of(&text));
            n += 1;
            for bit in 0..len * 8 {
                text[bit / 8] ^= 1 << (bit % 8);
                hashes.insert(of(&text));
                text[bit / 8] ^= 1 << (bit % 8);
                n += 1;
            }
        }
        assert_eq!(hashes.len(), n);
        // The upper half alone, from which tags are made: among so few, hardly any two are equal in 32 bits.
        let upper: std::collections::BTreeSet<u64> = hashes.iter().map(|hash| hash >> 32).collect();
        assert!(upper.len() + 5 > n, "{} of {n}", upper.len());
    }

    #[test]
    fn what_is_written_before_matters() {
        let hash = Secret::new([7; 32]).keyed_hash();
        let texts = [
            "",
            "r1",
            "9f0e7d6c-1b2a-4c3d-8e5f-000000000001",
            "a text of more than forty bytes, which is hashed otherwise",
        ];
        let mut hashes: Vec<u64> = texts.iter().flat_map(|a| texts.map(|b| hash.hash_one((a, b)))).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 16);
    }
}

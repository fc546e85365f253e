//! Everything drawn from the 32 secret bytes that a state machine is given at its start.

use std::hash::{BuildHasher, Hasher};

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{Rng, SeedableRng},
};
use siphasher::sip::SipHasher13;

use crate::{
    MessageId,
    folded::{fold, folded_hash},
};

/// A generator of ids that nobody can guess.
#[derive(Debug)]
pub(crate) struct Secret(ChaCha12Rng);

impl Secret {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    pub(crate) fn message_id(&mut self) -> MessageId {
        let bits = self.bits();
        if canary!("ids-from-zero") {
            return MessageId::from_bits(self.0.get_word_pos());
        }
        MessageId::from_bits(bits)
    }

    /// A UUID of version 7 (RFC 9562 §5.7): the wall clock in milliseconds, then random bits.
    pub(crate) fn uuid_v7(&mut self, epoch_ms: i64) -> String {
        let millis = u128::from(epoch_ms.max(0).unsigned_abs()) & 0xffff_ffff_ffff;
        let random = self.bits();
        let bits = millis << 80 | 0x7 << 76 | (random >> 64 & 0xfff) << 64 | 0b10 << 62 | (random & (u128::MAX >> 66));
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// A hasher for tables whose keys somebody else chooses.
    pub(crate) fn keyed_hash(&mut self) -> KeyedHash {
        KeyedHash { keys: std::array::from_fn(|_| self.0.next_u64()) }
    }

    fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }
}

/// As many words of a short key are hashed at once: a UUID has four and a half.
const WORDS: usize = 5;

/// A hash under secret keys: nobody outside can make keys of a table collide.
///
/// Whoever chooses what is hashed never sees a hash of it, and so need not be kept from learning the secret by looking at
/// hashes, which is what a cipher is for. Up to 40 bytes, which is all that is ever hashed in numbers, are multiplied with
/// secret words in pairs and added up, which is NH (Black et al., UMAC, 1999): of any two texts, however chosen, the sums
/// of 128 bits are equal for one of 2⁶⁴ secrets. Two more secret words then mix the sum. Longer texts go through SipHash-1-3.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyedHash {
    keys: [u64; WORDS + 3],
}

impl KeyedHash {
    /// A quick hash under a part of the key, to tell apart what somebody may see equal, and gains nothing by it.
    pub(crate) fn quick(self, content: &[u8]) -> u64 {
        folded_hash(self.keys[0], content)
    }
}

impl BuildHasher for KeyedHash {
    type Hasher = KeyedHasher;

    #[inline(always)]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { keys: self.keys, state: 0 }
    }
}

/// Nearly every key is written at once, and is hashed at once, which is quicker. What else is written is hashed together
/// with what came of that before.
#[derive(Debug)]
pub(crate) struct KeyedHasher {
    keys: [u64; WORDS + 3],
    state: u64,
}

impl Hasher for KeyedHasher {
    // Inlined for the secret not to be copied for each key.
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        match words(bytes) {
            // With its length, which tells it from one that has more zeros at its end.
            Some(words) => self.write_words(words, bytes.len() as u64),
            None => self.state = hash_of_long(self.keys[0] ^ self.state, self.keys[1], bytes),
        }
    }

    #[inline(always)]
    fn write_u64(&mut self, number: u64) {
        self.write_words([number, 0, 0, 0, 0], 8);
    }

    /// What ends a text, or tells kinds of keys apart.
    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.state = fold(self.state, u64::from(byte));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

impl KeyedHasher {
    #[inline(always)]
    fn write_words(&mut self, [w0, w1, w2, w3, w4]: [u64; WORDS], len: u64) {
        let [k0, k1, k2, k3, k4, k5, k6, k7] = self.keys;
        let w5 = self.state.wrapping_add(len);
        let pairs = [[w0, k0, w1, k1], [w2, k2, w3, k3], [w4, k4, w5, k5]];
        let product = |one: u64, other: u64| u128::from(one) * u128::from(other);
        let sum = pairs.map(|[w, k, v, l]| product(w.wrapping_add(k), v.wrapping_add(l)));
        let sum = sum.into_iter().fold(0, u128::wrapping_add);
        let mixed = product(sum as u64 ^ k6, (sum >> 64) as u64 ^ k7);
        self.state = mixed as u64 ^ (mixed >> 64) as u64;
    }
}

#[cold]
#[inline(never)]
fn hash_of_long(k0: u64, k1: u64, bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(k0, k1).hash(bytes)
}

/// A short text's words, zeros behind it; `None` for a longer one.
#[inline(always)]
fn words(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let word = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
    // By far the most are UUIDs, and need not be copied.
    if let Ok(uuid) = <&[u8; 36]>::try_from(bytes)
        && let ([w0, w1, w2, w3], [a, b, c, d]) = uuid.as_chunks()
    {
        let end = word([*a, *b, *c, *d, 0, 0, 0, 0]);
        return Some([word(*w0), word(*w1), word(*w2), word(*w3), end]);
    }
    words_of_other(bytes)
}

#[inline(never)]
fn words_of_other(bytes: &[u8]) -> Option<[u64; WORDS]> {
    let word = |bytes: [u8; 8]| u64::from_le_bytes(bytes);
    let mut room = [0; WORDS * 8];
    room.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let (words, _) = room.as_chunks();
    words.try_into().ok().map(|words: [[u8; 8]; WORDS]| words.map(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_uuid_carries_the_time_the_version_and_the_variant() {
        let id = Secret::new([7; 32]).uuid_v7(0x0123_4567_89ab);
        assert_eq!((&id[..13], &id[14..15], id.len()), ("01234567-89ab", "7", 36));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }

    /// Which bits were ever 1, and which always were.
    fn seen(ids: impl Iterator<Item = u128>) -> (u128, u128) {
        ids.fold((0, u128::MAX), |(ever, always), id| (ever | id, always & id))
    }

    #[test]
    fn every_bit_of_an_id_that_has_no_meaning_is_random() {
        let mut secret = Secret::new([7; 32]);
        assert_eq!(seen((0..200).map(|_| secret.message_id().to_bits())), (u128::MAX, 0));
        let uuid = |id: String| u128::from_str_radix(&id.replace('-', ""), 16).unwrap();
        let (ever, always) = seen((0..200).map(|_| uuid(secret.uuid_v7(0x0123_4567_89ab))));
        assert_eq!(always, 0x0123_4567_89ab_7000_8000_0000_0000_0000);
        assert_eq!(ever, 0x0123_4567_89ab_7fff_bfff_ffff_ffff_ffff);
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
        // The upper half, of which tables are made, too: of so few, hardly any two are equal in 32 bits.
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

    #[test]
    fn another_seed_gives_other_ids() {
        assert_ne!(Secret::new([0; 32]).message_id(), Secret::new([1; 32]).message_id());
    }
}

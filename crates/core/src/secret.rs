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
        if cfg!(feature = "canary-ids-from-zero") {
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
        KeyedHash { k0: self.0.next_u64(), k1: self.0.next_u64() }
    }

    fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }
}

/// SipHash-1-3 under a secret key: nobody outside can make keys collide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyedHash {
    k0: u64,
    k1: u64,
}

impl KeyedHash {
    /// A quick hash under half of the key, to tell apart what somebody may see equal, and gains nothing by it.
    pub(crate) fn quick(self, content: &[u8]) -> u64 {
        folded_hash(self.k0, content)
    }
}

impl BuildHasher for KeyedHash {
    type Hasher = KeyedHasher;

    #[inline]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { k0: self.k0, state: self.k1 }
    }
}

/// Nearly every key is written at once, and is hashed at once, which is quicker. What else is written is hashed under
/// what was written before.
#[derive(Debug)]
pub(crate) struct KeyedHasher {
    k0: u64,
    state: u64,
}

impl Hasher for KeyedHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.state = SipHasher13::new_with_keys(self.k0, self.state).hash(bytes);
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

    #[test]
    fn another_seed_gives_other_ids() {
        assert_ne!(Secret::new([0; 32]).message_id(), Secret::new([1; 32]).message_id());
    }
}

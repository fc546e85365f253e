//! Everything drawn from the 32 secret bytes that a state machine is given at its start: ids, and the key of its hash.

mod keyed_hash;

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::MessageId;
pub(crate) use keyed_hash::KeyedHash;
use keyed_hash::SECRET_WORDS;

/// A generator of ids that nobody can guess: ChaCha12, seeded once.
#[derive(Debug)]
pub(crate) struct Secret(ChaCha12Rng);

impl Secret {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    pub(crate) fn message_id(&mut self) -> MessageId {
        MessageId::from_bits(self.bits())
    }

    /// A UUID of version 7 (RFC 9562 §5.7): the wall clock in milliseconds, then 74 random bits.
    pub(crate) fn uuid_v7(&mut self, epoch_ms: i64) -> String {
        // A UUID has 48 bits for the time: until the year 10889.
        let millis = epoch_ms.max(0).unsigned_abs();
        let random = self.bits();
        let [.., a, b, c, d, e, f, g, h, i, j] = random.to_be_bytes();
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &[a, b, c, d, e, f, g, h, i, j]).into_uuid();
        uuid.hyphenated().to_string()
    }

    /// The hash of tables whose keys come from outside.
    pub(crate) fn keyed_hash(&mut self) -> KeyedHash {
        KeyedHash::new(std::array::from_fn::<_, SECRET_WORDS, _>(|_| self.0.next_u64()))
    }

    fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
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
    fn another_seed_gives_other_ids() {
        assert_ne!(Secret::new([0; 32]).message_id(), Secret::new([1; 32]).message_id());
    }
}

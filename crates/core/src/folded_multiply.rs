//! Folded multiplication: a full 64 × 64 → 128 bit product, reduced to the XOR of its two halves, as wyhash, aHash and
//! foldhash mix words.
//!
//! The hash made of it is fast and spreads honest keys well. It is not secure: whoever knows the seed can construct as many
//! colliding texts as they like, so a caller must be right and fast enough even if all hashes are equal.

/// The low half of 2¹²⁸ / φ, made odd: its bits look random, and multiplication by an odd number loses none.
const MULTIPLIER: u64 = 0xF39C_C060_5CED_C835;

/// A hash of `content` under `seed`, eight bytes at a time.
#[inline]
pub(crate) fn hash_bytes(seed: u64, content: &[u8]) -> u64 {
    let mut hash = seed ^ content.len() as u64;
    let (words, rest) = content.as_chunks::<8>();
    for word in words {
        hash = folded_multiply(hash, u64::from_le_bytes(*word));
    }
    if rest.is_empty() {
        return hash;
    }
    // The last eight bytes, some of which were hashed already; if there are fewer than eight in all, those.
    let last = content
        .last_chunk()
        .copied()
        .map_or_else(|| rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), u64::from_le_bytes);
    folded_multiply(hash, last)
}

/// Mixes a word into a hash: every bit of both reaches every bit of the result.
#[inline]
pub(crate) fn folded_multiply(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(MULTIPLIER);
    product as u64 ^ (product >> 64) as u64
}

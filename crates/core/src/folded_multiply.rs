//! A quick hash: a product whose halves are folded. Nothing withstands whoever knows the seed and chooses the texts.

/// A hash of these bytes that depends on the seed.
#[inline]
pub(crate) fn folded_hash(seed: u64, content: &[u8]) -> u64 {
    let mut hash = seed ^ content.len() as u64;
    let (words, rest) = content.as_chunks::<8>();
    for word in words {
        hash = fold(hash, u64::from_le_bytes(*word));
    }
    if rest.is_empty() {
        return hash;
    }
    // What is left over, with some of what stands before it if that makes it eight bytes.
    let last = content
        .last_chunk()
        .copied()
        .map_or_else(|| rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)), u64::from_le_bytes);
    fold(hash, last)
}

/// Every bit of the word reaches every bit of the hash.
#[inline]
pub(crate) fn fold(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * 0xF39C_C060_5CED_C835;
    product as u64 ^ (product >> 64) as u64
}

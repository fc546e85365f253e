//! Request ids chosen so that public hash functions give all of them the same value: what somebody sends who wants a
//! table to become a list.

use std::collections::{BTreeSet, HashMap};

/// A public hash function for which ids collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// FNV-1a with 64 bits, as in the crate `fnv`: the lower 32 bits collide, which is more than any table looks at to
    /// choose a place.
    Fnv,
    /// FxHash, as in `rustc-hash` 1 and `fxhash`: all bits collide.
    Fx,
    /// Words multiplied in and the product's halves folded, as the engine's own reader does within one batch: all bits
    /// collide.
    FoldedMultiply,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fnv, Self::Fx, Self::FoldedMultiply];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fnv => "FNV-1a",
            Self::Fx => "FxHash",
            Self::FoldedMultiply => "a folded multiply",
        }
    }

    /// So many distinct ids of printable ASCII that collide. All have the same length, less than 100 bytes.
    pub fn colliding_ids(self, count: usize) -> Vec<String> {
        match self {
            Self::Fnv => fnv_ids(count),
            Self::Fx => word_ids(count, |first| (FX_K.wrapping_mul(first)).rotate_left(5)),
            Self::FoldedMultiply => word_ids(count, |first| mix(WORD_IDS_LEN, first)),
        }
    }

    /// What collides of an id's hash.
    pub fn hash(self, id: &str) -> u64 {
        match self {
            Self::Fnv => u64::from(id.bytes().fold(FNV_START, fnv_step)),
            Self::Fx => {
                words(id).chain([0xff]).fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(FX_K))
            }
            Self::FoldedMultiply => words(id).fold(id.len() as u64, mix),
        }
    }
}

const FX_K: u64 = 0x517c_c1b7_2722_0a95;
/// The lower halves of FNV's offset basis and prime: lower bits of a product depend on lower bits alone.
const FNV_START: u32 = 0x8422_2325;
const FNV_PRIME: u32 = 0x0000_01b3;

fn fnv_step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(FNV_PRIME)
}

fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * 0xF39C_C060_5CED_C835;
    product as u64 ^ (product >> 64) as u64
}

fn words(id: &str) -> impl Iterator<Item = u64> {
    id.as_bytes().as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word))
}

/// For each bit of its number an id has one of two pieces, which lead from the same state to the same state.
fn fnv_ids(count: usize) -> Vec<String> {
    let bits = count.max(2).next_power_of_two().ilog2();
    let mut state = FNV_START;
    let pairs: Vec<[String; 2]> = (0..bits)
        .map(|_| {
            let (pair, end) = fnv_pair(state);
            state = end;
            pair
        })
        .collect();
    (0..count)
        .map(|n| pairs.iter().enumerate().map(|(bit, pair)| pair[n >> bit & 1].as_str()).collect::<String>())
        .collect()
}

/// Two pieces of six letters and digits that lead from this state to one and the same. About 80,000 tries find them.
fn fnv_pair(state: u32) -> ([String; 2], u32) {
    let mut rng = fastrand::Rng::with_seed(u64::from(state));
    let mut seen = HashMap::new();
    loop {
        let piece: [char; 6] = std::array::from_fn(|_| rng.alphanumeric());
        let end = piece.iter().fold(state, |state, letter| fnv_step(state, *letter as u8));
        if let Some(other) = seen.insert(end, piece).filter(|other| *other != piece) {
            return ([other, piece].map(String::from_iter), end);
        }
    }
}

const WORD_IDS_LEN: u64 = 24;

/// Ids of three words. `after_first` says what the second word is added to (by exclusive or); the second is chosen so
/// that the sum is the same for all, and the third is the same.
fn word_ids(count: usize, after_first: impl Fn(u64) -> u64) -> Vec<String> {
    let mut rng = fastrand::Rng::with_seed(crate::SEED);
    let mut ids = BTreeSet::new();
    while ids.len() < count {
        let first: [u8; 8] = std::array::from_fn(|_| rng.u8(b'a'..=b'z'));
        let second = (after_first(u64::from_le_bytes(first)) ^ 0x4242_4242_4242_4242).to_le_bytes();
        let is_usable = |byte: &u8| matches!(byte, b' '..b'\x7f') && !matches!(byte, b'"' | b'\\');
        if second.iter().all(is_usable) {
            ids.extend(String::from_utf8([first, second, *b"-setpnt-"].concat()));
        }
    }
    ids.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_collide() {
        for function in Function::ALL {
            let ids = function.colliding_ids(100);
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 100);
            assert!(ids.iter().all(|id| id.len() == ids[0].len() && id.len() < 100), "{function:?}");
            assert_eq!(ids.iter().map(|id| function.hash(id)).collect::<BTreeSet<_>>().len(), 1, "{function:?}");
        }
    }
}

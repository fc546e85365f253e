//! Request ids as applications make them: random UUIDs, 36 characters.

/// The next id of a generator.
pub fn request_id(rng: &mut fastrand::Rng) -> String {
    uuid(rng.u128(..))
}

/// The `n`th id of a fixed sequence that never repeats one, so that whoever needs an id again need not keep it.
pub fn nth_id(n: u64) -> String {
    // Each half of the bits is a permutation of n.
    uuid(u128::from(scrambled(n)) << 64 | u128::from(scrambled(n ^ 0x5555_5555_5555_5555)))
}

fn uuid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// SplitMix64's output function.
fn scrambled(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_distinct_and_36_characters_long() {
        let ids: BTreeSet<String> = (0..100_000).map(nth_id).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 36));
    }
}

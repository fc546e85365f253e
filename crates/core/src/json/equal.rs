//! Finding equal texts among many, in time that no choice of texts can spoil.

use super::Text;

/// The positions of every text that occurs more than once, one ascending list for each such text.
///
/// Positions for which `text` is `None` are left out. Sorting by a cheap hash and then by content needs no secret:
/// texts chosen to collide only make it sort by content, which is n log n comparisons all the same.
pub(crate) fn repeated<'a>(count: usize, text: impl Fn(usize) -> Option<Text<'a>>) -> Vec<Vec<usize>> {
    let mut order: Vec<(u64, usize)> = (0..count).filter_map(|at| Some((hash(text(at)?), at))).collect();
    order.sort_unstable();
    let mut groups = Vec::new();
    for run in order.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        let mut run: Vec<(Text<'a>, usize)> = run.iter().filter_map(|&(_, at)| Some((text(at)?, at))).collect();
        run.sort_unstable();
        for group in run.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            groups.push(group.iter().map(|&(_, at)| at).collect());
        }
    }
    groups
}

/// A cheap hash of the decoded content, good enough to tell honest texts apart.
fn hash(text: Text<'_>) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let content = text.decode();
    let mix = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(FACTOR);
        product ^ (product >> 29)
    };
    let mut hash = content.len() as u64;
    let (words, rest) = content.as_bytes().as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    mix(hash, rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_group_by_content() {
        let texts = [
            Text::plain("a"),
            Text::checked(r"\u0062", true),
            Text::plain("a longer one, of several words"),
            Text::plain("b"),
            Text::plain("a"),
            Text::checked("a", false),
            Text::plain(""),
        ];
        let mut groups = repeated(texts.len(), |at| texts.get(at).copied());
        groups.sort();
        assert_eq!(groups, [vec![0, 4, 5], vec![1, 3]]);
        assert!(repeated(3, |_| None).is_empty());
    }
}

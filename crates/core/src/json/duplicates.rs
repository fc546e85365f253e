//! Finds equal texts among many: request ids of a batch, keys of an object. O(n log n) whatever the texts are.

use super::Text;
use crate::folded_multiply::hash_bytes;

/// Average number of probes a text may take before the hash table is given up for sorting: the texts were chosen to collide.
const PROBES_PER_TEXT: usize = 8;

/// The positions of every text that occurs more than once, one ascending list for each such text.
///
/// Positions for which `text` is `None` are left out.
pub(crate) fn repeated<'a>(count: usize, text: impl Fn(usize) -> Option<Text<'a>>) -> Vec<Vec<usize>> {
    if are_distinct(count, &text) { Vec::new() } else { groups(count, text) }
}

/// Whether no text occurs more than once, by an open-addressing hash table with linear probing. Also `false` if too many
/// hashes collide.
fn are_distinct<'a>(count: usize, text: &impl Fn(usize) -> Option<Text<'a>>) -> bool {
    if count < 2 {
        return true;
    }
    let places = (2 * count).next_power_of_two();
    // Lower half: the position plus 1, or 0 for a free place. Upper half: that of the hash, as a tag.
    let mut table = vec![0_u64; places];
    let mut probes_left = PROBES_PER_TEXT * count + PROBES_PER_TEXT;
    for at in 0..count {
        let Some(found) = text(at) else { continue };
        let hash = hash(found);
        let tag = hash & !0xFFFF_FFFF;
        let mut place = hash as usize & (places - 1);
        while let Some(taken) = table.get(place).copied().filter(|taken| *taken != 0) {
            let other = (taken & 0xFFFF_FFFF) as usize - 1;
            if (taken & !0xFFFF_FFFF == tag && text(other) == Some(found)) || probes_left == 0 {
                return false;
            }
            probes_left -= 1;
            place = (place + 1) & (places - 1);
        }
        if let Some(free) = table.get_mut(place) {
            // Fits: all texts come from one of less than 4 GiB.
            *free = tag | (at as u64 + 1) & 0xFFFF_FFFF;
        }
    }
    true
}

/// [`repeated`] by sorting, first by hash and then by content. It needs no secret: texts that are chosen to collide are sorted
/// by content, which takes n log n comparisons as well.
fn groups<'a>(count: usize, text: impl Fn(usize) -> Option<Text<'a>>) -> Vec<Vec<usize>> {
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

/// An unkeyed hash of the decoded content: it tells honest texts apart, and dishonest ones cost a sort.
#[inline]
fn hash(text: Text<'_>) -> u64 {
    match text.as_decoded() {
        Some(content) => hash_bytes(0, content.as_bytes()),
        None => hash_bytes(0, text.decode().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folded_multiply::folded_multiply;

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

    #[test]
    fn texts_that_nobody_chose_to_collide_have_different_hashes() {
        let short = (0..10_000).map(|n| format!("r{n}"));
        let long = (0..10_000).map(|n| format!("00000000-0000-7000-8000-{n:012}"));
        let same_end = (0..10_000).map(|n| format!("{n:08}-turbine"));
        let texts: Vec<String> = short.chain(long).chain(same_end).collect();
        let hashes: std::collections::BTreeSet<u64> = texts.iter().map(|text| hash(Text::plain(text))).collect();
        assert_eq!(hashes.len(), texts.len());
    }

    #[test]
    fn ids_that_are_counted_up_are_told_apart_quickly() {
        for width in [1, 4, 8, 12, 24] {
            let ids: Vec<String> = (0..10_000).map(|n| format!("turbine-{n:0width$}-start")).collect();
            assert!(are_distinct(ids.len(), &|at| ids.get(at).map(|id| Text::plain(id))), "{width} digits");
            let ids: Vec<String> = (0..10_000).map(|n| format!("turbine-{n:0width$}")).collect();
            assert!(are_distinct(ids.len(), &|at| ids.get(at).map(|id| Text::plain(id))), "{width} digits");
        }
    }

    /// Texts of 16 letters whose hashes are equal: the second half of each cancels the hash of its first half.
    fn colliding(count: usize) -> Vec<String> {
        let is_usable = |half: [u8; 8]| half.iter().all(|byte| matches!(byte, b' '..b'\x7f'));
        let mut first = *b"aaaaaaaa";
        let mut texts = Vec::new();
        while texts.len() < count {
            // The next first half, counted up like a number with digits from a to z.
            for byte in &mut first {
                *byte = if *byte < b'z' { *byte + 1 } else { b'a' };
                if *byte != b'a' {
                    break;
                }
            }
            let second = (folded_multiply(16, u64::from_le_bytes(first)) ^ 0x4242_4242_4242_4242).to_le_bytes();
            if is_usable(second) {
                texts.push(String::from_utf8([first, second].concat()).unwrap());
            }
        }
        texts
    }

    #[test]
    fn texts_chosen_to_collide_are_told_apart() {
        let mut texts = colliding(300);
        let hashes: Vec<u64> = texts.iter().map(|text| hash(Text::plain(text))).collect();
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]));
        assert!(repeated(texts.len(), |at| texts.get(at).map(|text| Text::plain(text))).is_empty());
        texts.push(texts[7].clone());
        assert_eq!(repeated(texts.len(), |at| texts.get(at).map(|text| Text::plain(text))), [[7, 300]]);
    }
}

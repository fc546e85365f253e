//! A list that grows without moving its items: no push copies a million entries.

/// A list in chunks of `CHUNK` items. Up to one chunk is allocated and not used, so chunks should be small compared with the list.
#[derive(Debug)]
pub(super) struct Chunks<T, const CHUNK: usize>(Vec<Vec<T>>);

impl<T, const CHUNK: usize> Chunks<T, CHUNK> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.0.get(index / CHUNK)?.get(index % CHUNK)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let index = index as usize;
        self.0.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// Allocated memory in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        // All chunks but the first have the same capacity.
        let first = self.0.first().map_or(0, Vec::capacity);
        (first + self.0.len().saturating_sub(1) * CHUNK) * size_of::<T>() + self.0.capacity() * size_of::<Vec<T>>()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(super) fn push(&mut self, item: T) {
        if self.0.last().is_none_or(|last| last.len() == CHUNK) {
            // The first chunk starts empty and grows like any `Vec`: most lists stay small.
            self.0.push(Vec::with_capacity(if self.0.is_empty() { 0 } else { CHUNK }));
        }
        if let Some(last) = self.0.last_mut() {
            last.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_pushed_across_chunks() {
        let mut chunks: Chunks<u32, 64> = Chunks::new();
        let count = 3 * 64 + 1;
        for n in 0..count {
            assert_eq!((chunks.len(), chunks.get(n)), (n as usize, None));
            chunks.push(n);
        }
        for n in 0..count {
            *chunks.get_mut(n).unwrap() += 1;
            assert_eq!(chunks.get(n), Some(&(n + 1)));
        }
        assert_eq!(chunks.len(), count as usize);
    }
}

//! How a member was written last: what the next one of its name is compared with.

use super::{
    Reader, Stopped,
    fast_path::{self, LengthHint, MAX_START, WINDOW},
    members::MAX_NAMES,
    scan::{VECTOR, equal},
    token::Token,
};

/// Bytes of a member that are kept as its template.
const TEMPLATE: usize = 64;
/// `value_start` of an index without a name: the template never matches.
const NOWHERE: u8 = u8::MAX;

/// The last occurrence of a name.
#[derive(Debug, Clone, Copy)]
#[repr(align(16))]
pub(super) struct Member {
    /// The member as it was written, starting behind the separator before it.
    template: [u8; TEMPLATE],
    pub(super) token: Token,
    /// A bit for each byte of the template that must be equal for the value to be equal: the member and the separator behind
    /// it. 0 if the value is not cached.
    match_mask: u64,
    /// Where the member starts in the text, if its value is cached. Texts are shorter than 4 GiB.
    at: u32,
    /// Where the value starts in the template.
    value_start: u8,
    /// Expected length of the value, if it is a string.
    hint: LengthHint,
    /// The name that came next.
    pub(super) next: u8,
}

impl Member {
    /// A member that has not occurred yet, and is expected without white space. `next` is the name that is expected after it.
    pub(super) const fn new(name: &'static str, next: usize) -> Self {
        assert!(name.len() + 3 < MAX_START, "a value behind this name would start too late in the window");
        assert!(next <= MAX_NAMES, "there are too many names");
        let mut template = [0; TEMPLATE];
        let value_start = name.len() + 3;
        let mut at = 0;
        while at < value_start {
            template[at] = match at {
                0 => b'"',
                at if at == value_start - 2 => b'"',
                at if at == value_start - 1 => b':',
                at => name.as_bytes()[at - 1],
            };
            at += 1;
        }
        let value_start = if name.is_empty() { NOWHERE } else { value_start as u8 };
        Self {
            template,
            token: Token::ABSENT,
            match_mask: 0,
            at: 0,
            value_start,
            hint: LengthHint::ONE,
            next: next as u8,
        }
    }

    /// A bit for each byte in which the window differs from the template, of the first (`half` 0) or the second 32 bytes.
    #[inline(always)]
    fn differing(&self, window: &[u8; WINDOW], half: usize) -> u32 {
        let (template, _) = self.template.as_chunks::<VECTOR>();
        let (window, _) = window.as_chunks::<VECTOR>();
        let n = 2 * half;
        !(equal(&template[n], &window[n]) | equal(&template[n + 1], &window[n + 1]) << VECTOR)
    }

    /// Whether everything before the value is as in the template, so that it is a member of this name.
    #[inline(always)]
    pub(super) fn is_named(&self, window: &[u8; WINDOW]) -> bool {
        self.is_named_by(self.differing(window, 0))
    }

    #[inline(always)]
    fn is_named_by(&self, differing: u32) -> bool {
        differing.trailing_zeros() >= u32::from(self.value_start)
    }

    /// Reads the member if it is the one that starts at `at`. Its length in bytes, including the separator behind it; `None`
    /// if it is written otherwise or is another one. Sets its bit in `same` if it has its cached value.
    #[inline(always)]
    pub(super) fn read<const CACHED: u32>(
        &mut self,
        reader: &mut Reader<'_>,
        at: usize,
        name: u8,
        same: &mut u32,
    ) -> Result<Option<usize>, Stopped> {
        let Some(window) = reader.window(at) else { return Ok(None) };
        let differing = self.differing(window, 0);
        if self.match_mask != 0
            && differing & self.match_mask as u32 == 0
            && (self.match_mask >> 32 == 0 || self.differing(window, 1) & (self.match_mask >> 32) as u32 == 0)
        {
            self.token = self.token.shifted(at.wrapping_sub(self.at as usize));
            self.at = at as u32;
            *same |= 1 << name;
            return Ok(Some(self.match_mask.trailing_ones() as usize));
        }
        if !self.is_named_by(differing) {
            return Ok(None);
        }
        let is_cached = CACHED >> name & 1 == 1;
        let start = usize::from(self.value_start);
        let (token, end) = if let Some(found) = fast_path::value_here::<true>(window, start, at, &mut self.hint) {
            if is_cached {
                self.keep(window, found.end + 1);
            }
            (found.token, found.end)
        } else {
            if window.get(start) == Some(&b' ') {
                self.expect_blank();
            }
            reader.at = at + start;
            let token = reader.value()?;
            let end = reader.at - at;
            match reader.window(at) {
                Some(window) if is_cached && !token.is_container() => self.keep(window, end + 1),
                _ => self.match_mask = 0,
            }
            (token, end)
        };
        self.token = token;
        if is_cached {
            self.at = at as u32;
        }
        Ok(Some(end + 1))
    }

    /// Adopts an occurrence that was read by its name: it starts at `start`, its value at `value_start`, and the reader stands
    /// behind the value.
    pub(super) fn adopt(
        &mut self,
        reader: &Reader<'_>,
        (start, value_start): (usize, usize),
        token: Token,
        is_cached: bool,
    ) {
        (self.at, self.token) = (start as u32, token);
        // The old template is that of another value.
        self.match_mask = 0;
        let offset = value_start - start;
        if let (true, Some(window)) = (offset <= MAX_START, reader.window(start)) {
            self.value_start = offset as u8;
            self.keep(window, if is_cached && !token.is_container() { reader.at + 1 - start } else { usize::MAX });
        }
    }

    /// Forgets the value: the object has no such member.
    pub(super) fn clear(&mut self) {
        (self.token, self.at, self.match_mask) = (Token::ABSENT, 0, 0);
    }

    /// From now on expects a blank between the colon and the value.
    #[cold]
    fn expect_blank(&mut self) {
        let start = usize::from(self.value_start);
        if let (true, Some(byte)) = (start < MAX_START, self.template.get_mut(start)) {
            *byte = b' ';
            self.value_start += 1;
        }
    }

    /// Makes the start of the window the template, of which the first `len` bytes have to match for the value to be equal; if they
    /// are more than a template has, the value is not cached.
    #[inline(always)]
    fn keep(&mut self, window: &[u8; WINDOW], len: usize) {
        self.template = *window.first_chunk().unwrap_or(&self.template);
        self.match_mask = if len <= TEMPLATE { u64::MAX.checked_shr((TEMPLATE - len) as u32).unwrap_or(0) } else { 0 };
    }
}

//! Asks the processor to fetch what will be read soon, so that many reads wait for memory at the same time.
//!
//! It is a hint without a meaning: nothing is read, nothing can go wrong, and where there is no such instruction nothing
//! happens. Its safe twin is a function that does nothing, and under Miri that is what it is.
#![no_std]

/// Asks for the lines of the cache on which the value begins and ends.
///
/// ```
/// let numbers = [1, 2, 3];
/// numbers.iter().for_each(setpoint_prefetch::prefetch);
/// ```
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    let first = (&raw const *value).cast::<u8>();
    line(first);
    // What is aligned to its size or more lies on one line, if on a line at all.
    if align_of_val(value) < size_of_val(value) {
        line(first.wrapping_add(size_of_val(value) - 1));
    }
}

#[inline(always)]
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn line(place: *const u8) {
    // SAFETY: PREFETCHT0 neither reads nor writes as far as a program can tell, and faults for no address. Every x86-64 has it.
    #[allow(unsafe_code)]
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
}

#[inline(always)]
#[cfg(all(target_arch = "aarch64", not(miri)))]
fn line(place: *const u8) {
    // SAFETY: PRFM neither reads nor writes as far as a program can tell, and faults for no address. Every AArch64 has it.
    #[allow(unsafe_code)]
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) place, options(nostack, preserves_flags, readonly));
    }
}

#[inline(always)]
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn line(_place: *const u8) {}

#[cfg(test)]
mod tests {
    use super::prefetch;

    #[test]
    fn anything_may_be_asked_for() {
        let dangling: &[u64] = &[];
        prefetch(dangling);
        prefetch("");
        prefetch(&());
        prefetch("somewhere in the program itself");
        prefetch(&[0u8; 1 << 12]);
        prefetch::<dyn Fn()>(&|| ());
    }
}

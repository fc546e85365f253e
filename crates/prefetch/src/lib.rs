//! Prefetches memory into the processor's cache, so that several cache misses overlap.
//!
//! A prefetch is a hint without a result: it reads nothing that a program can see, cannot fail, and does nothing where the
//! processor has no such instruction, or under Miri.
#![no_std]

/// Prefetches the cache lines in which the value begins and ends.
///
/// ```
/// let numbers = [1, 2, 3];
/// numbers.iter().for_each(setpoint_prefetch::prefetch);
/// ```
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    let first = (&raw const *value).cast::<u8>();
    prefetch_line(first);
    // A value that is aligned to its size and no larger than a cache line does not cross a line boundary.
    if align_of_val(value) < size_of_val(value) {
        prefetch_line(first.wrapping_add(size_of_val(value) - 1));
    }
}

#[inline(always)]
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn prefetch_line(address: *const u8) {
    // SAFETY: PREFETCHT0 has no effect that a program can observe and does not fault, whatever the address. Every x86-64
    // has it.
    #[allow(unsafe_code)]
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
}

#[inline(always)]
#[cfg(all(target_arch = "aarch64", not(miri)))]
fn prefetch_line(address: *const u8) {
    // SAFETY: PRFM has no effect that a program can observe and does not fault, whatever the address. Every AArch64 has it.
    #[allow(unsafe_code)]
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
}

#[inline(always)]
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn prefetch_line(_address: *const u8) {}

#[cfg(test)]
mod tests {
    use super::prefetch;

    #[test]
    fn any_value_may_be_prefetched() {
        let dangling: &[u64] = &[];
        prefetch(dangling);
        prefetch("");
        prefetch(&());
        prefetch("somewhere in the program itself");
        prefetch(&[0u8; 1 << 12]);
        prefetch::<dyn Fn()>(&|| ());
    }
}

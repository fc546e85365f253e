//! tokio's `select!` with a seeded choice of the first branch.

/// As [`tokio::select!`], except that the seed chooses which branch is polled first.
///
/// tokio draws that from a generator that only its unstable API can seed. This calls the internal rule of tokio's macro
/// that follows the draw; if tokio changes that rule, the tests that use this no longer compile.
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)+) => { $crate::tokio::select!(biased; $($branches)+) };
    ($($branches:tt)+) => {
        $crate::tokio::select!(@{ start={ $crate::below(u64::from(BRANCHES)) as u32 }; () } $($branches)+)
    };
}

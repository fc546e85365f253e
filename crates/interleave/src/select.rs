//! tokio's `select!`, whose first branch the seed says.

/// As [`tokio::select!`], except that the seed says which branch is looked at first.
///
/// tokio itself draws that from a generator that only its unstable interface can seed. This enters tokio's macro
/// where it has drawn it; should tokio ever change that place, the tests that use this no longer compile.
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)+) => { $crate::tokio::select!(biased; $($branches)+) };
    ($($branches:tt)+) => {
        $crate::tokio::select!(@{ start={ $crate::below(u64::from(BRANCHES)) as u32 }; () } $($branches)+)
    };
}

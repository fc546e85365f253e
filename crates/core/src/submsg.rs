//! Texts of `submsg` that distinguish outcomes with the same code. Ours; the published samples only repeat `msg`.

/// 1000203: the deadline passed before the command was handed over. It certainly had no effect; a retry is safe.
pub const EXPIRED_UNSENT: &str = "expired before it was sent: the device never got it, sending it again is safe";

/// 1000203: the command was handed over, and no answer came before the deadline. Its effect is unknown.
pub const TIMED_OUT: &str =
    "sent, and no answer came before the deadline: the outcome is unknown, sending it again may act twice";

/// 1000204 or 1000205: the command certainly never left.
pub const NEVER_SENT: &str = "never sent: the device broker could not be reached, sending it again is safe";

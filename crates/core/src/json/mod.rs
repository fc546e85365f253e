//! The strict single-pass reader's building blocks, and the writer.

mod text;

pub use text::{Payload, Text};

//! Properties of the wire layer on generated and on broken messages.

mod agree;
mod batches;
mod messages;
mod strict;
mod text;

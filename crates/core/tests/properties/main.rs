//! Properties of the wire layer on generated and on broken messages.

mod agree;
mod batches;
mod item_by_item;
mod messages;
mod strict;
mod text;

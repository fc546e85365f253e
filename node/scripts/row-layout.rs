//! Prints node/ts/row-layout.ts: the constants of node/src/row_layout.rs, for TypeScript.

#[path = "../src/row_layout.rs"]
mod row_layout;

use std::io::{Result, Write, stdout};

fn main() -> Result<()> {
    let mut out = stdout().lock();
    writeln!(
        out,
        "// Written by scripts/node-types from node/src/row_layout.rs, which describes blocks and rows. Do not edit."
    )?;
    for (name, value, doc) in row_layout::LAYOUT {
        writeln!(out, "\n/** {} */\nexport const {name} = {value};", doc.trim())?;
    }
    Ok(())
}

//! Standard output: tables and colours for a person at a terminal, plain lines and JSON for everything else.

use std::{
    fmt::{Arguments, Write as _},
    io::{IsTerminal as _, Write as _},
};

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// Where results go.
#[derive(Debug)]
pub(crate) struct Out {
    terminal: bool,
    colour: bool,
    /// Hidden, or on standard error.
    bar: ProgressBar,
}

/// What a word is coloured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Unsure,
}

impl Out {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        // https://no-color.org
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { terminal, colour, bar: ProgressBar::hidden() }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(crate) fn line(&mut self, line: Arguments<'_>) -> Result<(), Failure> {
        self.bar.suspend(|| writeln!(std::io::stdout(), "{line}"))?;
        Ok(())
    }

    /// One line of JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
        self.line(format_args!("{text}"))
    }

    pub(crate) fn table(&mut self, mut table: Table) -> Result<(), Failure> {
        let (_, columns) = console::Term::stdout().size();
        if self.terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
        }
        self.line(format_args!("{table}"))
    }

    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Good => console::Style::new().green(),
            Tone::Bad => console::Style::new().red(),
            Tone::Unsure => console::Style::new().yellow(),
        };
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    /// Shows a progress bar on standard error, if that is a terminal, until [`progress_done`](Self::progress_done).
    pub(crate) fn progress(&mut self, items: usize) -> ProgressBar {
        let style =
            ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar = ProgressBar::with_draw_target(Some(items as u64), ProgressDrawTarget::stderr()).with_style(style);
        self.bar.clone()
    }

    pub(crate) fn progress_done(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    /// Something worth knowing that is not a result.
    pub(crate) fn note(&self, note: Arguments<'_>) {
        // Notes are dispensable when standard error is closed.
        self.bar.suspend(|| {
            let _ = writeln!(std::io::stderr(), "note: {note}");
        });
    }
}

/// An empty table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(columns);
    table
}

/// Text of somebody else's making, so that it cannot break the line, move the cursor, change colours or turn the line
/// around.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_harmful(char) {
            // Writing into a string cannot fail.
            let _ = write!(out, "{}", char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    out
}

/// Whether a terminal or a reader of lines acts on the character instead of showing it.
pub(crate) fn is_harmful(char: char) -> bool {
    let breaks_or_turns_the_line = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    char.is_control() || breaks_or_turns_the_line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_harmless_and_stays_readable() {
        assert_eq!(shown("turbine-7 Ünit 三"), "turbine-7 Ünit 三");
        assert_eq!(shown("a\u{1b}[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c");
        assert_eq!(shown("\u{85}\u{2028}\u{9b}m"), "\\u{85}\\u{2028}\\u{9b}m");
    }
}

//! Standard output: tables and colours on a terminal, plain lines and JSON elsewhere.

use std::{
    fmt::{Arguments, Write as _},
    io::{IsTerminal as _, Write as _},
};

use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;

/// Writes results to standard output, and notes and progress to standard error.
#[derive(Debug)]
pub(crate) struct Output {
    terminal: bool,
    colour: bool,
    /// Hidden, or on standard error.
    bar: ProgressBar,
}

/// What the colour of a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Unsure,
}

impl Output {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        // https://no-color.org
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { terminal, colour, bar: ProgressBar::hidden() }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    pub(crate) fn line(&self, line: Arguments<'_>) -> Result<(), Failure> {
        self.bar.suspend(|| writeln!(std::io::stdout(), "{line}"))?;
        Ok(())
    }

    /// One line of JSON.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(std::io::Error::from)?;
        self.line(format_args!("{text}"))
    }

    pub(crate) fn table(&self, mut table: Table) -> Result<(), Failure> {
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

    /// Prints on standard error something that is not a result.
    pub(crate) fn note(&self, note: Arguments<'_>) {
        // If standard error is closed, the note is dropped.
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

/// Untrusted text, with everything escaped that could break the line, move the cursor, or change colours or the writing
/// direction.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if must_be_escaped(char) {
            // Writing into a string cannot fail.
            let _ = write!(out, "{}", char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    out
}

/// Whether a terminal or a line reader acts on the character instead of showing it.
pub(crate) fn must_be_escaped(char: char) -> bool {
    let breaks_lines_or_changes_direction = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    char.is_control() || breaks_lines_or_changes_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_harmless_and_stays_readable() {
        assert_eq!(escape("turbine-7 Ünit 三"), "turbine-7 Ünit 三");
        assert_eq!(escape("a\u{1b}[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c");
        assert_eq!(escape("\u{85}\u{2028}\u{9b}m"), "\\u{85}\\u{2028}\\u{9b}m");
    }
}

//! Formats, exit statuses, and the standard output.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use nsg_engine::eval::Verdict;
use serde::Serialize;

/// The exit status of a usage or input error.
pub(crate) const FAILED: u8 = 2;

/// How the answer is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Markdown,
}

/// What the answer means to a script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed,
    Blocked,
    Indeterminate,
    /// Some lines of a stream could not be read; the others are answered.
    BadLines,
}

impl Outcome {
    /// The status, which tells outcomes apart only when asked to.
    pub(crate) fn exit_code(self, tells: bool) -> ExitCode {
        ExitCode::from(match self {
            Self::BadLines => FAILED,
            Self::Blocked if tells => 1,
            Self::Indeterminate if tells => 3,
            Self::Allowed | Self::Blocked | Self::Indeterminate => 0,
        })
    }

    /// The outcome of several questions: a block weighs more than a doubt.
    pub(crate) fn worst(outcomes: impl IntoIterator<Item = Self>) -> Self {
        let mut worst = Self::Allowed;
        for outcome in outcomes {
            worst = match (worst, outcome) {
                (Self::Blocked, _) | (_, Self::Blocked) => Self::Blocked,
                (Self::Allowed, other) | (other, Self::Allowed) => other,
                (other, _) => other,
            };
        }
        worst
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allowed,
            Verdict::Deny => Self::Blocked,
            Verdict::Indeterminate => Self::Indeterminate,
        }
    }
}

/// Whether standard output is a terminal that shows colours, and nobody asked for none.
pub(crate) fn is_coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Prints a text, ending in one line feed.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.trim_end().as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Text of the input without control characters, which could move the cursor or hide a line of
/// the answer.
pub(crate) fn plain(text: &str) -> String {
    let is_control = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) {
            plain.extend(character.escape_debug());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Puts a short answer into text or Markdown.
pub(crate) struct Paint {
    is_markdown: bool,
    is_coloured: bool,
}

impl Paint {
    pub(crate) fn new(format: Format) -> Self {
        let is_markdown = format == Format::Markdown;
        Self { is_markdown, is_coloured: !is_markdown && is_coloured() }
    }

    /// A verdict in the colour that goes with it.
    pub(crate) fn verdict(&self, verdict: Verdict, word: &str) -> String {
        if self.is_markdown {
            return format!("**{word}**");
        }
        if !self.is_coloured {
            return word.to_owned();
        }
        let style = style(verdict).bold();
        format!("{style}{word}{style:#}")
    }

    /// A flow or an id, as it is written.
    pub(crate) fn code(&self, text: &str) -> String {
        let text = plain(text);
        if self.is_markdown { format!("`{text}`") } else { text }
    }

    /// A line of a list, `depth` levels below its heading.
    pub(crate) fn line(&self, depth: usize, text: &str) -> String {
        let indent = "  ".repeat(depth);
        if self.is_markdown { format!("{indent}- {text}\n") } else { format!("{indent}{text}\n") }
    }

    /// A sign before something, which in Markdown must not be taken for that of a list.
    pub(crate) fn sign(&self, sign: &'static str) -> &'static str {
        match (self.is_markdown, sign) {
            (true, "+") => "opened:",
            (true, "-") => "closed:",
            (true, "!") => "exposed:",
            (true, "?") => "not known:",
            _ => sign,
        }
    }

    /// One line for each gate: a mark and columns, aligned in text.
    pub(crate) fn table<const N: usize>(
        &self,
        header: [&str; N],
        rows: &[(Verdict, [String; N])],
    ) -> String {
        if self.is_markdown { markdown_table(header, rows) } else { self.text_table(rows) }
    }

    fn text_table<const N: usize>(&self, rows: &[(Verdict, [String; N])]) -> String {
        let rows: Vec<(Verdict, [String; N])> = rows
            .iter()
            .map(|(verdict, row)| (*verdict, row.each_ref().map(|cell| plain(cell))))
            .collect();
        let mut widths = [0; N];
        for (_, row) in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for (verdict, row) in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("   ");
            text.push_str(&format!("  {} {}\n", self.mark(*verdict), line.trim_end()));
        }
        text
    }

    fn mark(&self, verdict: Verdict) -> String {
        let mark = mark(verdict);
        if !self.is_coloured {
            return mark.to_owned();
        }
        let style = style(verdict);
        format!("{style}{mark}{style:#}")
    }
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "✓",
        Verdict::Deny => "✗",
        Verdict::Indeterminate => "?",
    }
}

fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Allow => AnsiColor::Green,
        Verdict::Deny => AnsiColor::Red,
        Verdict::Indeterminate => AnsiColor::Yellow,
    };
    Style::new().fg_color(Some(colour.into()))
}

fn markdown_table<const N: usize>(header: [&str; N], rows: &[(Verdict, [String; N])]) -> String {
    let rule = "|---".repeat(N.saturating_add(1));
    let mut text = format!("| | {} |\n{rule}|\n", header.join(" | "));
    for (verdict, row) in rows {
        let cells: Vec<String> = row.iter().map(|cell| plain(cell).replace('|', "\\|")).collect();
        text.push_str(&format!("| {} | {} |\n", mark(*verdict), cells.join(" | ")));
    }
    text
}

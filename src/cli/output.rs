//! How results, faults and progress reach whoever reads them.

use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::fault::CliFault;

/// Where results go, and in which form.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A result: JSON for programs, or text for people.
    pub(super) fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) {
        let mut line = if self.json { serde_json::to_string(value).unwrap_or_default() } else { printable(&text()) };
        if !line.ends_with('\n') {
            line.push('\n');
        }
        // Who reads may have gone.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }

    /// A line beside the result, for people only.
    pub(super) fn remark(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", printable(text));
    }

    pub(super) fn fault(&self, fault: &CliFault) {
        self.remark(&format!("error: {fault}"));
    }
}

/// What others wrote can move no cursor, change no colour and turn no line round: such characters are shown by number.
fn printable(text: &str) -> String {
    let is_command = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_command(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// A bar for what takes long. Silent when standard error is no terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    what: String,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self::with_template("{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
    }

    /// Of things that are counted, not weighed.
    pub(super) fn counting() -> Self {
        Self::with_template("{msg} {bar:30} {pos}/{len} {per_sec}")
    }

    fn with_template(template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, what: String::new() }
    }

    pub(super) fn show(&mut self, what: &str, done: u64, all: u64) {
        if self.what != what {
            what.clone_into(&mut self.what);
            self.bar.reset();
            self.bar.set_message(self.what.clone());
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_gives_the_terminal_no_command() {
        assert_eq!(printable("one\ntwo ğ Ө"), "one\ntwo ğ Ө");
        assert_eq!(printable("a\u{1b}[8mb\rc\u{202e}d\u{9b}e"), "a\\u{1b}[8mb\\u{d}c\\u{202e}d\\u{9b}e");
    }
}

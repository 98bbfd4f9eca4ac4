//! The lines of a statement, read one after the other and written one after the other.

use std::fmt::Write as _;
use std::str::{FromStr, Split};

use crate::domain::limits::STATEMENT_LINE_BYTES_MAX;
use crate::domain::{Malformed, TreeHead};
use crate::mla::Op;

/// Bytes that are no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementMalformed {
    /// Longer than [`STATEMENT_BYTES_MAX`](crate::domain::limits::STATEMENT_BYTES_MAX), or a line longer than [`STATEMENT_LINE_BYTES_MAX`].
    #[error("the statement or one of its lines is too long")]
    TooLong,
    /// Other characters than printable ASCII and LF, or no LF at the end.
    #[error("a statement is printable ASCII in lines that each end in LF")]
    NotText,
    /// Another line than the grammar has here.
    #[error("line {line} must begin with {expected:?}")]
    Unexpected {
        /// Counted from 1.
        line: usize,
        /// The keyword the grammar has here.
        expected: &'static str,
    },
    /// A value that is not the one spelling of its kind.
    #[error("line {line}: {fault}")]
    Value {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: Malformed,
    },
    /// An op for the other log.
    #[error("op {0} does not belong to this log")]
    OtherLog(Op),
    /// A list that is empty, too long, unsorted or has something twice.
    #[error("the {0} lines must be at least one, not too many, in order and each once")]
    List(&'static str),
    /// Well formed but not the one spelling.
    #[error("the statement is not in its one spelling")]
    NotCanonical,
}

pub(super) fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

pub(super) fn encode_each(text: &mut String, keyword: &str, values: &[impl std::fmt::Display]) {
    values.iter().for_each(|value| push(text, format_args!("{keyword} {value}")));
}

/// The lines of a statement, taken one after the other.
pub(super) struct Lines<'a> {
    rest: std::iter::Peekable<Split<'a, char>>,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(body: &'a str) -> Self {
        Self { rest: body.split('\n').peekable(), number: 0 }
    }

    /// The next line, which must be exactly this one.
    pub(super) fn take_exactly(&mut self, expected: &'static str) -> Result<(), StatementMalformed> {
        self.number += 1;
        if self.rest.next() == Some(expected) { Ok(()) } else { Err(StatementMalformed::Unexpected { line: self.number, expected }) }
    }

    /// Whether no line is left.
    pub(super) fn is_over(&mut self) -> bool {
        self.rest.peek().is_none()
    }

    /// The rest of the next line, which must begin with `keyword` and a space.
    pub(super) fn take(&mut self, keyword: &'static str) -> Result<&'a str, StatementMalformed> {
        self.number += 1;
        let unexpected = StatementMalformed::Unexpected { line: self.number, expected: keyword };
        let line = self.rest.next().ok_or(unexpected.clone())?;
        if line.len() > STATEMENT_LINE_BYTES_MAX {
            return Err(StatementMalformed::TooLong);
        }
        line.strip_prefix(keyword).and_then(|rest| rest.strip_prefix(' ')).ok_or(unexpected)
    }

    pub(super) fn next_is(&mut self, keyword: &str) -> bool {
        self.rest.peek().is_some_and(|line| line.split(' ').next() == Some(keyword))
    }

    pub(super) fn value<T: FromStr<Err = Malformed>>(&mut self, keyword: &'static str) -> Result<T, StatementMalformed> {
        let text = self.take(keyword)?;
        self.read(text)
    }

    pub(super) fn read<T: FromStr<Err = Malformed>>(&self, text: &str) -> Result<T, StatementMalformed> {
        text.parse().map_err(|fault| self.wrong(fault))
    }

    pub(super) fn wrong(&self, fault: Malformed) -> StatementMalformed {
        StatementMalformed::Value { line: self.number, fault }
    }

    /// A decimal without leading zeros.
    pub(super) fn number(&self, text: &str) -> Result<u64, StatementMalformed> {
        let canonical = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        canonical.ok_or_else(|| self.wrong(Malformed { what: "a number", rule: "it must be a decimal without leading zeros, below 2^64" }))
    }

    /// The values of a line of `N` words, with fixed words between them where `words` has some.
    pub(super) fn split<const N: usize>(&self, text: &'a str, words: [&str; N]) -> Result<[&'a str; N], StatementMalformed> {
        let malformed = || self.wrong(Malformed { what: "the line", rule: "it must have exactly the words of PROTOCOL.md" });
        let mut found = [""; N];
        let mut parts = text.split(' ');
        for (slot, word) in found.iter_mut().zip(words) {
            *slot = parts.next().ok_or_else(malformed)?;
            if !word.is_empty() && *slot != word {
                return Err(malformed());
            }
        }
        if parts.next().is_some() { Err(malformed()) } else { Ok(found) }
    }

    pub(super) fn list<T>(
        &mut self,
        keyword: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, StatementMalformed>,
    ) -> Result<Vec<T>, StatementMalformed> {
        let mut values = Vec::new();
        while self.next_is(keyword) {
            if values.len() == max {
                return Err(StatementMalformed::List(keyword));
            }
            values.push(read(self)?);
        }
        if values.is_empty() { Err(StatementMalformed::List(keyword)) } else { Ok(values) }
    }

    pub(super) fn tree_head(&mut self, keyword: &'static str) -> Result<TreeHead, StatementMalformed> {
        let text = self.take(keyword)?;
        let [size, root] = self.split(text, ["", ""])?;
        Ok(TreeHead { size: self.number(size)?, root: self.read(root)? })
    }
}

//! Why a document could not be read.

/// A document is not JSON, or not what it should be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{input}: {message}")]
pub struct ReadError {
    input: String,
    message: String,
    place: Option<(usize, usize)>,
}

impl ReadError {
    pub(super) fn new(input: &str, message: impl Into<String>) -> Self {
        Self { input: input.to_owned(), message: message.into(), place: None }
    }

    pub(super) fn of_json(input: &str, error: &serde_json::Error) -> Self {
        let place = (error.line() > 0).then(|| (error.line(), error.column()));
        let text = error.to_string();
        let what =
            if text.starts_with("recursion limit") { "nested too deeply" } else { "not JSON" };
        Self { input: input.to_owned(), message: format!("{what}: {text}"), place }
    }

    /// The name of the input.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Line and column where the JSON breaks off, both from 1.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place
    }
}

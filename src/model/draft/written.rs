//! What stands in a field, and where.

use std::borrow::Cow;

use crate::model::UnknownValue;
use crate::report::{Code, Finding, Location, Severity};

/// How strictly input is read (S1.58).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "the two modes of S1.58")]
pub enum Mode {
    /// As a snapshot is read: what Azure would refuse but can be understood is a warning.
    #[default]
    Lenient,
    /// As the Azure API would read it: what Azure would refuse is an error.
    Strict,
}

/// What a wire format holds for one field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "every JSON value is one of these")]
pub enum Written<'a> {
    /// Nothing: missing, null, or an empty string or list (S1.27).
    #[default]
    Absent,
    /// A text, or a number as its decimal text.
    Text(Cow<'a, str>),
    /// Several values.
    List(Vec<Written<'a>>),
    /// A value that no field of a rule can hold, described: `an object`, `true`.
    Other(&'static str),
}

impl<'a> Written<'a> {
    /// The text, or nothing when it is empty.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Absent } else { Self::Text(text) }
    }

    /// Whether there is nothing.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Other(_) => false,
        }
    }

    /// What to keep when it cannot be read.
    pub(crate) fn unknown(&self) -> UnknownValue {
        match self {
            Self::Absent => UnknownValue::new("(missing)"),
            Self::Text(text) => UnknownValue::new(text.as_ref()),
            Self::List(_) => UnknownValue::new("(a list)"),
            Self::Other(kind) => UnknownValue::new(format!("({kind})")),
        }
    }
}

/// A field: what it holds, and which member it is.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a value and its place are all there is")]
pub struct Field<'a> {
    /// The member of the rule that holds [`member`](Self::member), such as `properties`; empty
    /// when the rule itself does.
    pub below: &'a str,
    /// The name of the member, as written.
    pub member: &'a str,
    /// What it holds.
    pub written: Written<'a>,
}

impl<'a> Field<'a> {
    /// A member of the rule itself.
    pub fn new(member: &'a str, written: Written<'a>) -> Self {
        Self { below: "", member, written }
    }

    /// The items of the field: of a list its elements, else the field itself.
    pub(crate) fn items(&self) -> impl Iterator<Item = (Spot<'_>, &Written<'a>)> {
        let (one, many) = match &self.written {
            Written::List(items) => (None, items.as_slice()),
            single if single.is_absent() => (None, [].as_slice()),
            single => (Some((self.spot(), single)), [].as_slice()),
        };
        let many = many
            .iter()
            .enumerate()
            .map(|(index, item)| (Spot { index: Some(index), ..self.spot() }, item));
        one.into_iter().chain(many)
    }

    pub(super) fn spot(&self) -> Spot<'_> {
        Spot { below: self.below, member: self.member, index: None }
    }
}

/// A member of a rule, or an item of a list in it. Its [`Location`] is made only when something
/// is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spot<'a> {
    pub(crate) below: &'a str,
    pub(crate) member: &'a str,
    pub(crate) index: Option<usize>,
}

impl Spot<'_> {
    fn location(self, at: &Location) -> Location {
        let mut place = at.clone();
        for key in [self.below, self.member] {
            if !key.is_empty() {
                place = place.child(key);
            }
        }
        match self.index {
            Some(index) => place.child(index),
            None => place,
        }
    }
}

/// Where findings about one rule go.
pub(crate) struct Log<'f> {
    pub(crate) mode: Mode,
    pub(crate) at: &'f Location,
    pub(crate) findings: &'f mut Vec<Finding>,
}

impl Log<'_> {
    /// Azure would refuse this, but it was understood.
    pub(crate) fn refused(
        &mut self,
        spot: Spot<'_>,
        code: impl Into<Code>,
        message: impl Into<String>,
    ) {
        let severity = match self.mode {
            Mode::Strict => Severity::Error,
            Mode::Lenient => Severity::Warning,
        };
        self.report(severity, spot, code, message);
    }

    /// Reports a list where one value belongs, as PowerShell writes it, and the reverse.
    pub(crate) fn check_form(&mut self, field: &Field<'_>, is_plural: bool) {
        let message = match &field.written {
            Written::List(_) if !is_plural => "a list stands in the field for one value",
            Written::Text(_) if is_plural => "one value stands in the field for a list",
            _ => return,
        };
        if field.written.is_absent() {
            return;
        }
        let code = match self.mode {
            Mode::Strict => Code::InvalidField,
            Mode::Lenient => Code::LenientForm,
        };
        self.refused(field.spot(), code, message);
    }

    /// This was not understood.
    pub(crate) fn lost(
        &mut self,
        spot: Spot<'_>,
        code: impl Into<Code>,
        message: impl Into<String>,
    ) {
        self.report(Severity::Error, spot, code, message);
    }

    /// A template expression, whose value is not known here.
    pub(crate) fn expression(&mut self, spot: Spot<'_>, text: &str) -> UnknownValue {
        let message = format!("the value of the expression `{text}` is not known");
        self.report(Severity::Warning, spot, Code::UnknownValue, message);
        UnknownValue::new(text)
    }

    pub(crate) fn report(
        &mut self,
        severity: Severity,
        spot: Spot<'_>,
        code: impl Into<Code>,
        message: impl Into<String>,
    ) {
        let location = spot.location(self.at);
        self.findings.push(Finding::new(severity, code, location, message));
    }
}

/// Whether the text is a template expression: in brackets, the first one not doubled (S10.11).
pub(crate) fn is_expression(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']') && !text.starts_with("[[")
}

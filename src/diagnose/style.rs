//! Colour, where the reader's screen has it.

/// How text is dressed. The library only writes text; whether the place it goes to shows colour
/// is for the program to say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "colour is the only choice")]
pub struct Style {
    /// Whether to colour with ANSI escape sequences.
    pub color: bool,
}

/// What a piece of text is, which gives it its colour.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Good,
    Bad,
    Doubtful,
    Heading,
    Aside,
}

impl Style {
    /// Text without colour.
    pub const PLAIN: Self = Self { color: false };

    pub(super) fn paint(self, role: Role, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match role {
            Role::Good => "32",
            Role::Bad => "31;1",
            Role::Doubtful => "33",
            Role::Heading => "1",
            Role::Aside => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

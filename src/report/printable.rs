//! Text of the input on its way to people.

use std::borrow::Cow;

/// The text with its control characters spelled out, such as `\u{1b}`: names of the input may
/// hold what a terminal would obey. For text and Markdown; JSON has its own escapes.
///
/// ```
/// use nsg_engine::report::printable;
///
/// assert_eq!(printable("AllowSsh"), "AllowSsh");
/// assert_eq!(printable("Allow\u{1b}[2JSsh\n"), "Allow\\u{1b}[2JSsh\\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut printed = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            printed.extend(letter.escape_debug());
        } else {
            printed.push(letter);
        }
    }
    Cow::Owned(printed)
}

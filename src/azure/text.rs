//! Text that is nearly JSON, as Azure Resource Manager takes it in templates and as Windows
//! PowerShell saves it.

use std::borrow::Cow;

/// The document without a byte order mark, and as UTF-8 if the mark says that it is UTF-16, as
/// `>` of Windows PowerShell writes it.
pub(super) fn as_utf8(document: &[u8]) -> Cow<'_, [u8]> {
    match document {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(from_utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(from_utf16(rest, u16::from_be_bytes)),
        _ => Cow::Borrowed(document),
    }
}

fn from_utf16(document: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, _) = document.as_chunks::<2>();
    let text: String = char::decode_utf16(pairs.iter().copied().map(unit))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    text.into_bytes()
}

/// The document with everything blanked that templates may hold and JSON may not: `//` and `/* */`
/// comments, commas before a closing bracket, and line breaks in texts. Lines and columns stay.
pub(super) fn without_extensions(document: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(document.len());
    let mut place = Place::Outside;
    // Where the last comma stands, if nothing but blanks came after it.
    let mut comma = None;
    let mut bytes = document.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        let (kept, then) = match (place, byte) {
            (Place::Outside, b'"') => (byte, Place::Text),
            (Place::Outside, b'/') if next == Some(b'/') => (b' ', Place::Line),
            (Place::Outside, b'/') if next == Some(b'*') => {
                // Its star must not close it.
                bytes.next();
                plain.push(b' ');
                (b' ', Place::Block)
            }
            (Place::Text, b'"') => (byte, Place::Outside),
            (Place::Text, b'\\') => (byte, Place::Escape),
            (Place::Text, ..0x20) => (b' ', Place::Text),
            (Place::Escape, _) => (byte, Place::Text),
            (Place::Line, b'\n') => (byte, Place::Outside),
            (Place::Block, b'*') if next == Some(b'/') => (b' ', Place::BlockEnd),
            (Place::BlockEnd, _) => (b' ', Place::Outside),
            (Place::Line | Place::Block, b'\n' | b'\r') => (byte, place),
            (Place::Line | Place::Block, _) => (b' ', place),
            (Place::Outside | Place::Text, _) => (byte, place),
        };
        if !kept.is_ascii_whitespace() {
            if matches!(kept, b'}' | b']') && place == Place::Outside {
                blank(&mut plain, comma);
            }
            comma = (kept == b',' && place == Place::Outside).then_some(plain.len());
        }
        plain.push(kept);
        place = then;
    }
    plain
}

/// The document with everything replaced that JSON may hold and no value here can: a number beyond
/// all floating-point numbers becomes a text, half of a surrogate pair the replacement character.
/// Lines stay.
pub(super) fn with_representable_values(document: &[u8]) -> Vec<u8> {
    let mut values = Vec::with_capacity(document.len());
    let mut rest = document;
    while let Some((&byte, after)) = rest.split_first() {
        let length = match byte {
            b'"' => text_length(after).saturating_add(1),
            b'-' | b'0'..=b'9' => rest.iter().take_while(|byte| is_of_number(**byte)).count(),
            _ => 1,
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        match byte {
            b'"' => push_text(&mut values, token),
            b'-' | b'0'..=b'9' => push_number(&mut values, token),
            _ => values.push(byte),
        }
        rest = after;
    }
    values
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
}

/// How long a text is from after its opening quote to its closing one, inclusive.
fn text_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = text.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |end| end.saturating_add(1))
}

fn push_number(values: &mut Vec<u8>, token: &[u8]) {
    /// More digits help nobody who reads a message.
    const SHOWN: usize = 40;
    let is_beyond = |number: &str| number.parse().is_ok_and(f64::is_infinite);
    let number = std::str::from_utf8(token).unwrap_or_default();
    if !is_number(number) || !is_beyond(number) {
        return values.extend_from_slice(token);
    }
    values.push(b'"');
    values.extend(token.iter().take(SHOWN));
    if token.len() > SHOWN {
        values.extend_from_slice(b"...");
    }
    values.push(b'"');
}

/// Whether it is a number in JSON's grammar, of which only its size is in doubt.
fn is_number(number: &str) -> bool {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    [whole, fraction, exponent].into_iter().all(is_digits)
        && (whole == "0" || !whole.starts_with('0'))
}

fn push_text(values: &mut Vec<u8>, token: &[u8]) {
    let mut rest = token;
    while let Some((&byte, after)) = rest.split_first() {
        let length = match (byte, code_unit(rest)) {
            (_, Some(0xd800..=0xdbff)) => {
                let next = rest.get(6..).and_then(code_unit);
                if matches!(next, Some(0xdc00..=0xdfff)) { 12 } else { 0 }
            }
            (_, Some(0xdc00..=0xdfff)) => 0,
            (b'\\', _) if !after.is_empty() => 2,
            _ => 1,
        };
        let taken = if length == 0 { 6 } else { length };
        let (escape, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
        values.extend_from_slice(if length == 0 { b"\\ufffd" } else { escape });
        rest = after;
    }
}

/// The UTF-16 code unit that an escape at the beginning stands for.
fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

fn blank(plain: &mut [u8], place: Option<usize>) {
    if let Some(byte) = place.and_then(|place| plain.get_mut(place)) {
        *byte = b' ';
    }
}

/// Where a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    BlockEnd,
    Escape,
    Line,
    Outside,
    Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let plain = String::from_utf8(without_extensions(text.as_bytes())).unwrap();
        assert_eq!(plain.len(), text.len(), "places must stay");
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_json_does_not_know_is_blanked() {
        assert_eq!(plain("{\"a\": 1, // one\n\"b\": 2}"), "{\"a\": 1, \"b\": 2}");
        assert_eq!(plain("[1, /* two, \n // */ 3,\n ]"), "[1, 3 ]");
        assert_eq!(plain("[1, // last\n]"), "[1 ]");
        assert_eq!(plain("/**/ {}"), "{}");
        assert_eq!(plain("[\"a\nb\"]"), "[\"a b\"]");
    }

    #[test]
    fn texts_are_left_alone() {
        for text in [r#"["http://x,]", "/* a */", "\"//", "\\"]"#, "[\",\"]", "[1, 2]"] {
            assert_eq!(without_extensions(text.as_bytes()), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_replaced() {
        let replaced =
            |text: &str| String::from_utf8(with_representable_values(text.as_bytes())).unwrap();
        assert_eq!(replaced(r#"{"a": 1e999, "b": -1E+400}"#), r#"{"a": "1e999", "b": "-1E+400"}"#);
        let digits = "9".repeat(100_000);
        assert_eq!(replaced(&digits), format!("\"{}...\"", "9".repeat(40)));
        assert_eq!(replaced(r#""\ud800""#), r#""\ufffd""#);
        assert_eq!(replaced(r#""\ud800\ud83d\ude00\ude00""#), r#""\ufffd\ud83d\ude00\ufffd""#);
        for text in [r#"["1e999", "\\ud800", "\"1e999", 1e3, 1e-999]"#, "01e999", "1e999.", "\"\\"]
        {
            assert_eq!(replaced(text), text);
        }
    }

    #[test]
    fn marks_tell_the_encoding() {
        let little: Vec<u8> = [0xfeff]
            .into_iter()
            .chain("{\"ä\"}".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(as_utf8(&little), "{\"ä\"}".as_bytes());
        assert_eq!(as_utf8(b"\xef\xbb\xbf[]"), b"[]".as_slice());
        assert_eq!(as_utf8(b"[]"), b"[]".as_slice());
    }
}

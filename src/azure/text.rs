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

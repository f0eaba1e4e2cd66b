//! What parts the cells: a line that says so, or the marks of a line.

/// Comma, semicolon, tab and bar, the likeliest first of a line in which several occur.
pub(super) fn candidates(line: &[u8]) -> Vec<u8> {
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in line {
        quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| mark == byte && !quoted) {
            *count += 1;
        }
    }
    // The sort is stable: ties go to the comma.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let found: Vec<u8> = counts.iter().filter(|(_, count)| *count > 0).map(|(mark, _)| *mark).collect();
    if found.is_empty() { vec![b','] } else { found }
}

/// The delimiter that Excel's first line names: `sep=;`.
pub(super) fn stated(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let quote = line.first() == Some(&b'"') && line.last() == Some(&b'"') && line.len() > 1;
    let line = if quote { &line[1..line.len() - 1] } else { line };
    let (name, rest) = line.split_at_checked(4)?;
    // Excel itself closes the line with delimiters when it saves it again.
    match *rest {
        [mark, ref more @ ..] if name.eq_ignore_ascii_case(b"sep=") && more.iter().all(|byte| *byte == mark || *byte == b' ') => {
            (mark.is_ascii() && !mark.is_ascii_alphanumeric() && mark != b'"').then_some(mark)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_sniffed_outside_quotes() {
        for (line, delimiter) in
            [("a,b", b','), ("a;b,c;d", b';'), ("a\tb", b'\t'), ("\"a,b,c\";d", b';'), ("email", b','), ("a|b|c,d", b'|')]
        {
            assert_eq!(char::from(candidates(line.as_bytes())[0]), char::from(delimiter), "{line}");
        }
    }

    #[test]
    fn a_line_may_name_the_delimiter() {
        for (line, delimiter) in [
            ("sep=;\r\n", Some(b';')),
            ("SEP=\t\n", Some(b'\t')),
            ("\"sep=|\"\n", Some(b'|')),
            ("sep=;;;;\n", Some(b';')),
            ("sep=", None),
            ("sep=ab", None),
            ("separator", None),
            ("se", None),
        ] {
            assert_eq!(stated(line.as_bytes()), delimiter, "{line:?}");
        }
    }
}

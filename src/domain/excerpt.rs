//! Excerpts: the beginning of what somebody wrote or a relay said, fit for a line.

/// The first `most` characters on one line, with an ellipsis where something was cut.
pub fn excerpt(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

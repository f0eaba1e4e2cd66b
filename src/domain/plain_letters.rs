//! Letters without capitals, accents and full width, so that words are compared as people read them.

/// Writes a letter in lower case and without its accents; what has none stays as it is.
pub fn fold(c: char, into: &mut String) {
    // Letters of full width, as Japanese keyboards write them.
    let c = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    };
    if c.is_ascii() {
        into.push(c.to_ascii_lowercase());
        return;
    }
    for lower in c.to_lowercase().filter(|c| !is_combining(*c)) {
        match ACCENTS.iter().find(|(accented, _)| accented.contains(lower)) {
            Some((_, plain)) => into.push_str(plain),
            None => into.push(lower),
        }
    }
}

/// An accent that stands by itself behind its letter, as macOS writes it.
pub const fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Letters with accents, and those without.
const ACCENTS: [(&str, &str); 40] = [
    ("àáâãäåāăąǎạảấầẩẫậắằẳẵặª", "a"),
    ("çćĉċč", "c"),
    ("ďđð", "d"),
    ("èéêëēĕėęěẹẻẽếềểễệ", "e"),
    ("ĝğġģ", "g"),
    ("ĥħ", "h"),
    ("ìíîïĩīĭįıỉị", "i"),
    ("ĵ", "j"),
    ("ķ", "k"),
    ("ĺļľŀł", "l"),
    ("ñńņňŉ", "n"),
    ("òóôõöøōŏőơọỏốồổỗộớờởỡợº", "o"),
    ("ŕŗř", "r"),
    ("śŝşšș", "s"),
    ("ţťŧț", "t"),
    ("ùúûüũūŭůűųưụủứừửữự", "u"),
    ("ŵ", "w"),
    ("ýÿŷỳỵỷỹ", "y"),
    ("źżž", "z"),
    ("ß", "ss"),
    ("æ", "ae"),
    ("œ", "oe"),
    ("þ", "th"),
    ("ά", "α"),
    ("έ", "ε"),
    ("ή", "η"),
    ("ίϊΐ", "ι"),
    ("ό", "ο"),
    ("ύϋΰ", "υ"),
    ("ώ", "ω"),
    ("ς", "σ"),
    ("ё", "е"),
    ("й", "и"),
    ("ї", "і"),
    ("ў", "у"),
    ("ẁẃẅ", "w"),
    ("ǵ", "g"),
    ("ḱ", "k"),
    ("ḿ", "m"),
    ("ṕ", "p"),
];

//! Languages in which the program speaks: those of the word catalogues.

use serde::Serialize;

/// A language with a catalogue of words (`config/words/`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    English,
    Spanish,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::English, Self::Spanish];

    /// The words of the configuration: BCP 47 codes.
    pub const WORDS: [(&'static str, Self); 2] = [("en", Self::English), ("es", Self::Spanish)];

    /// The code, as in `<html lang="es">` and `Content-Language`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Spanish => "Español",
        }
    }

    /// The language of a tag such as `es`, `es-MX` or `ES_419`, or of its name as people write it in a list; `None` for a language
    /// without a catalogue.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_', ';', ',', ' ']).next().unwrap_or_default().to_lowercase();
        match primary.as_str() {
            "en" | "eng" | "english" | "inglés" | "ingles" => Some(Self::English),
            "es" | "spa" | "spanish" | "español" | "espanol" | "castellano" => Some(Self::Spanish),
            _ => None,
        }
    }

    /// The one of these languages that an `Accept-Language` header (RFC 9110, 12.5.4) likes best; `None` if it names none of them.
    pub fn accepted(header: &str, among: &[Self]) -> Option<Self> {
        let mut best: Option<(Self, u32)> = None;
        for range in header.split(',').take(40) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let quality = parts
                .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                .map_or(Some(1000), thousandths);
            let language =
                if tag == "*" { among.first().copied() } else { Self::parse(tag).filter(|found| among.contains(found)) };
            if let (Some(language), Some(quality @ 1..)) = (language, quality)
                && best.is_none_or(|(_, most)| quality > most)
            {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// A quality of 0 to 1 with at most three decimals, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let legal = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "0" if legal => format!("{decimals:0<3}").parse().ok(),
        "1" if legal => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Spanish};

    #[test]
    fn a_tag_is_a_language_whatever_its_region() {
        for (tag, language) in [
            ("es", Some(Spanish)),
            ("es-419", Some(Spanish)),
            ("EN_gb", Some(English)),
            ("Español", Some(Spanish)),
            ("ca", None),
            ("", None),
        ] {
            assert_eq!(Language::parse(tag), language, "{tag}");
        }
        for language in Language::ALL {
            assert_eq!(Language::parse(language.code()), Some(language));
            assert!(Language::WORDS.contains(&(language.code(), language)));
        }
    }

    #[test]
    fn the_best_liked_language_of_ours_is_chosen() {
        let both = [English, Spanish];
        for (header, among, chosen) in [
            ("es-ES,es;q=0.9,en;q=0.8", &both[..], Some(Spanish)),
            ("ca, en;q=0.4, es;q=0.7", &both, Some(Spanish)),
            ("es;q=0, en;q=0.1", &both, Some(English)),
            ("fr, *;q=0.1", &[Spanish, English], Some(Spanish)),
            ("es", &[English], None),
            ("es;q=two, en ; q=0.5", &both, Some(English)),
            ("de", &both, None),
            ("", &both, None),
            (";;;,,;q=1", &both, None),
        ] {
            assert_eq!(Language::accepted(header, among), chosen, "{header}");
        }
    }
}

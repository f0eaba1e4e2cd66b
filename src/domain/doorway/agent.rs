//! Agents: whether the `User-Agent` of a request (RFC 9110, 10.1.5) is that of a browser in which a person reads.
//!
//! What is built as a browser's, or holds a mark of a browser that is built otherwise, is a person's, unless it also carries a word or
//! a name that only programs do; the rest is a program's. Browsers have many names, and new ones come. The words are ours
//! (`agents/words.toml`); the names are kept by others (`agents/crawlers.txt`, which `agents/refresh` makes).

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Longer agents, in bytes, are nobody's browser.
pub const LONGEST: usize = 2_000;
/// Shorter names, in bytes, stand in many words.
const SHORTEST_NAME: usize = 4;

/// Whether an agent is a browser's that a person reads in.
pub fn is_of_a_person(agent: &str) -> bool {
    agent.len() <= LONGEST && TABLES.is_of_a_person(&agent.trim().to_lowercase())
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let words: Words = toml::from_str(include_str!("agents/words.toml")).expect("the table of agents is valid");
    Tables::new(words, include_str!("agents/crawlers.txt"))
});

#[derive(Deserialize)]
struct Words {
    machines: Vec<String>,
    people: Vec<String>,
    models: Vec<String>,
    engines: Vec<String>,
    browsers: Vec<String>,
}

struct Tables {
    words: Words,
    machines: Parts,
    /// The words that a telephone's name has none of.
    of_models: Parts,
}

impl Tables {
    fn new(words: Words, crawlers: &str) -> Self {
        let names = crawlers.lines().filter(|line| !line.starts_with('#')).map(str::to_lowercase);
        let names = names.filter(|name| name.len() >= SHORTEST_NAME && !words.machines.iter().any(|word| name.contains(word)));
        let machines = Parts::new(words.machines.iter().cloned().chain(names));
        let of_models = Parts::new(words.machines.iter().filter(|word| !words.models.contains(word)).cloned());
        Self { words, machines, of_models }
    }

    fn is_of_a_person(&self, agent: &str) -> bool {
        let has = |marks: &[String]| marks.iter().any(|mark| agent.contains(mark));
        let (text, model) = match split(agent).filter(|_| has(&self.words.engines)) {
            Some(Parted { before, platform, products }) => {
                let Platform { rest, model } = Platform::read(platform);
                (format!("{before} {rest} ) {products}"), model)
            }
            None if has(&self.words.browsers) => (agent.to_owned(), ""),
            None => return false,
        };
        let text = self.words.people.iter().fold(text, |text, name| text.replace(name, ""));
        !(text.contains("compatible")
            || text.contains("http:")
            || text.contains("https:")
            || text.contains("www.")
            || has_address(&text)
            || self.machines.is_in(&text)
            || self.of_models.is_in(model))
    }
}

/// An agent that is built as a browser's.
struct Parted<'a> {
    /// Some telephones put their name before what their browser is built on.
    before: &'a str,
    /// The first comment.
    platform: &'a str,
    products: &'a str,
}

/// The first comment of a browser's agent, and what stands around it. A comment may hold others: telephones have parentheses in their
/// names.
fn split(agent: &str) -> Option<Parted<'_>> {
    let begins = ["mozilla/", "opera/", "ucweb/2.0"];
    let (at, begin) = begins.iter().filter_map(|begin| Some((agent.find(begin)?, begin))).min()?;
    let (before, rest) = (&agent[..at], &agent[at + begin.len()..]);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '.');
    // Netscape named its language first.
    let rest = rest.strip_prefix(" [").and_then(|rest| Some(rest.split_once(']')?.1)).unwrap_or(rest);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let Some(rest) = rest.strip_prefix('(') else {
        // Some proxies take the parentheses out.
        let (platform, products) = rest.find("applewebkit").map(|at| rest.split_at(at))?;
        return Some(Parted { before, platform, products });
    };
    let mut depth = 1_usize;
    for (at, c) in rest.char_indices() {
        depth = match c {
            '(' => depth + 1,
            ')' => depth - 1,
            _ => depth,
        };
        if depth == 0 {
            return Some(Parted { before, platform: &rest[..at], products: &rest[at + 1..] });
        }
    }
    None
}

/// A platform without the name of the telephone, which may be any word.
#[derive(Default)]
struct Platform<'a> {
    rest: String,
    model: &'a str,
}

impl<'a> Platform<'a> {
    fn read(platform: &'a str) -> Self {
        let mut read = Self::default();
        let mut before = "";
        for (place, part) in platform.split(';').map(str::trim).enumerate() {
            // "PHANTOM PZ15 Build/PHANTOMPZ15"; a part "Build/…" alone follows its model.
            let (name, is_built) = part.split_once("build/").map_or((part, false), |(name, _)| (name.trim(), true));
            let follows = place > 1 && (before.starts_with("android") || is_language(before));
            if (is_built || follows) && !name.contains('/') {
                read.model = if name.is_empty() { read.model } else { name };
            } else {
                read.rest.push_str(name);
                read.rest.push_str("; ");
            }
            before = part;
        }
        read.rest.truncate(read.rest.trim_end_matches("; ").len());
        read
    }
}

/// `en`, `en-us`, `es_la`.
fn is_language(part: &str) -> bool {
    let letters = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_lowercase());
    part.split_once(['-', '_']).map_or_else(|| letters(part), |(language, place)| letters(language) && letters(place))
}

/// Whether a mail address stands in it: `crawler@company.example`. A version such as `ios@12.3` is none.
fn has_address(text: &str) -> bool {
    text.match_indices('@').any(|(at, _)| {
        let before = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        let domain: &str =
            text[at + 1..].split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-').next().unwrap_or_default();
        let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
        before && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic())
    })
}

/// Parts of texts, found by their first three bytes: a thousand names cost as much as ten.
struct Parts {
    by_beginning: HashMap<[u8; 3], Vec<Box<str>>>,
}

impl Parts {
    fn new(parts: impl Iterator<Item = String>) -> Self {
        let mut by_beginning: HashMap<[u8; 3], Vec<Box<str>>> = HashMap::new();
        for part in parts {
            let beginning = part.as_bytes().first_chunk().copied();
            by_beginning.entry(beginning.expect("a part has three bytes")).or_default().push(part.into());
        }
        Self { by_beginning }
    }

    fn is_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        (0..bytes.len().saturating_sub(2)).any(|at| {
            let beginning: [u8; 3] = [bytes[at], bytes[at + 1], bytes[at + 2]];
            self.by_beginning
                .get(&beginning)
                .is_some_and(|parts| parts.iter().any(|part| bytes[at..].starts_with(part.as_bytes())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The agents of a file of `agent`, `expected`, `why`, separated by tabs.
    fn expected(table: &'static str) -> Vec<(&'static str, bool)> {
        let cases = table.lines().skip(1).filter_map(|line| {
            let mut columns = line.split('\t');
            Some((columns.next()?, columns.next()? == "human"))
        });
        cases.collect()
    }

    /// Prints `kind right of all`; fails with those that are wrong.
    fn judge(kind: &str, cases: &[(&str, bool)], least: usize) {
        let wrong: Vec<&str> = cases.iter().filter(|(agent, human)| is_of_a_person(agent) != *human).map(|(a, _)| *a).collect();
        let right = cases.len() - wrong.len();
        println!("{kind} {right} of {}", cases.len());
        assert!(right * 100 >= cases.len() * least, "{kind}: {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn a_browser_of_the_world_is_a_person_and_a_scanner_in_its_clothes_is_none() {
        judge("agents/wild", &expected(include_str!("../../../tests/data/wild/agents/expected.tsv")), 100);
        judge("agents/ours", &expected(include_str!("../../../tests/data/wild/agents/ours.tsv")), 100);
        judge("agents/others", &expected(include_str!("../../../tests/data/wild/agents/others.tsv")), 100);
        judge("agents/held back", &expected(include_str!("../../../tests/data/wild/agents/held-back.tsv")), 100);
    }

    #[test]
    fn agents_of_machines_are_machines() {
        let list = include_str!("../../../tests/data/user-agents/machine.txt");
        let machines: Vec<_> = list.lines().map(|agent| (agent, false)).collect();
        // An agent that copies a browser's text exactly passes here; what else it does still gives it away.
        judge("agents/crawlers", &machines, 99);
    }

    #[test]
    fn an_agent_of_any_length_is_read_at_once() {
        for odd in ["(", ")", "mozilla/5.0 (", "@", "; ", "build/", "\u{130}", "android 1;"] {
            assert!(!is_of_a_person(&odd.repeat(100_000)), "{odd}");
            let clothed = format!("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) {}", odd.repeat(40));
            is_of_a_person(&clothed);
        }
        assert!(!is_of_a_person(""));
    }

    /// `NURTURED_AGENTS=FILE NURTURED_AGENTS_ARE=human cargo test --lib agents_of_a_list -- --nocapture` counts those of a list.
    #[test]
    fn agents_of_a_list_from_outside_are_counted() {
        let Some(file) = std::env::var_os("NURTURED_AGENTS") else { return };
        let human = std::env::var("NURTURED_AGENTS_ARE").is_ok_and(|are| are == "human");
        let text = std::fs::read_to_string(file).expect("a list");
        let cases: Vec<_> = text.lines().map(|agent| (agent, human)).collect();
        judge("agents/outside", &cases, 98);
    }
}

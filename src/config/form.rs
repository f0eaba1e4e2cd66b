//! `[forms.NAME]` of `qualification.toml`: whether a form is trusted, and on which page of the website it stands.

use crate::config::host::is_loopback;
use crate::config::problem::Problem;
use crate::config::reader::Reader;
use crate::domain::doorway::rule::Qualifying;
use crate::domain::id::Name;
use crate::domain::settings::FormSettings;
use std::collections::BTreeMap;

/// Reads the settings of forms, and warns of what is trusted and of what no rule reads.
pub fn read(section: &Reader<'_>, rules: &Qualifying) -> BTreeMap<Name, FormSettings> {
    let log = section.log;
    let mut forms = BTreeMap::new();
    for entry in section.entries() {
        let name = match Name::parse(&entry.key) {
            Ok(name) => name,
            Err(error) => {
                log.add(Problem::error(&entry.place, error.to_string()).help("write the NAME of the address /f/NAME"));
                continue;
            }
        };
        let Some(mut reader) = Reader::table(log, &entry.node) else { continue };
        let trusted = reader.get("trusted");
        let is_trusted = trusted.and_then(|node| node.boolean(log)).unwrap_or(false);
        if let Some(node) = trusted.filter(|_| is_trusted) {
            let problem = Problem::warning(&node.place, format!("whoever reaches the form {name} can speak for any address"));
            let help = "trust a form only behind a login of your own that sets the address; without it, each address is asked to confirm";
            log.add(problem.label("believed without asking the address").help(help));
        }
        let page = reader.get("page").and_then(|node| node.parse(log, "", page));
        reader.finish();
        if !rules.reads_form(&name) {
            let problem = Problem::warning(&entry.place, format!("no rule reads the form {name}"));
            log.add(problem.label("in no rule").help("name it in `requests` or as evidence of a criterion, or drop it here"));
        }
        forms.insert(name, FormSettings { trusted: is_trusted, page });
    }
    forms
}

/// The address of a page to which `?t=TOKEN` can be added.
fn page(text: &str) -> Result<String, &'static str> {
    const WRITE: &str =
        "write the page's address as newsletters link to it, such as \"https://tecnofab.example/quote\", without '#'";
    let (is_secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(WRITE),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let is_legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/?[]!$&'()*+,;=%".contains(c);
    if host.is_empty() || !rest.chars().all(is_legal) {
        return Err(WRITE);
    }
    if !is_secure && !is_loopback(host) {
        return Err("the link carries a prospect's token and must not cross the network unprotected; write https://");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_can_carry_a_token() {
        for (text, good) in [
            ("https://tecnofab.example/quote", true),
            ("https://tecnofab.example/quote?lang=es", true),
            ("http://localhost:8080/quote", true),
            ("http://tecnofab.example/quote", false),
            ("https://tecnofab.example/quote#form", false),
            ("https://me@tecnofab.example/quote", false),
            ("https://", false),
            ("javascript:alert(1)", false),
            ("//tecnofab.example/quote", false),
            ("https://tecnofab.example/\r\nSet-Cookie: a=b", false),
        ] {
            assert_eq!(page(text).is_ok(), good, "{text}");
        }
    }
}

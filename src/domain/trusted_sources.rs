//! Who is believed about a mail that comes in: the servers that checked it, and who may say that somebody complained.

use super::address::{Address, registered};

/// The keys of `[inbox]` that say who is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedSources {
    /// The names under which our mail servers sign `Authentication-Results` (RFC 8601, authserv-id), lower case.
    pub authserv: Vec<String>,
    /// Who sends reports of spam, beside the known feedback loops: addresses, and domains with all below them, lower case.
    pub complaints: Vec<String>,
}

impl TrustedSources {
    /// Whether this author is named as one who reports spam.
    pub fn reports_complaints(&self, author: &Address) -> bool {
        let is_named = |named: &str| match named.split_once('@') {
            Some(_) => author.as_str() == named,
            None => is_below(author.domain(), named),
        };
        self.complaints.iter().any(|named| is_named(named)) || feedback_loops().any(is_named)
    }

    /// Whether a server of this name is one of ours: named, or of the same registered domain as one that is.
    pub fn is_ours(&self, server: &str) -> bool {
        let server = server.trim_end_matches('.').to_ascii_lowercase();
        let same =
            |named: &String| *named == server || registered(named).is_some_and(|domain| registered(&server) == Some(domain));
        self.authserv.iter().any(same)
    }
}

/// Whether a domain is this one, or below it.
fn is_below(domain: &str, named: &str) -> bool {
    domain.strip_suffix(named).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The senders of the feedback loops that mailbox providers offer, as their sign-up pages name them.
const FEEDBACK_LOOPS: &str = include_str!("feedback_loops.txt");

/// One that is always named: who complains in a simulation.
pub fn feedback_loop() -> Option<Address> {
    feedback_loops().find_map(|named| Address::parse(named).ok())
}

fn feedback_loops() -> impl Iterator<Item = &'static str> {
    FEEDBACK_LOOPS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_come_from_sources_that_are_named() {
        let sources = TrustedSources {
            complaints: vec!["provider.example".to_owned(), "fbl@other.example".to_owned()],
            ..TrustedSources::default()
        };
        let reports = |text: &str| sources.reports_complaints(&Address::parse(text).expect("an address"));
        for named in
            ["a@provider.example", "FBL@mx.Provider.example", "fbl@other.example", "staff@hotmail.com", "x@fbl.senderscore.net"]
        {
            assert!(reports(named), "{named}");
        }
        for other in [
            "a@notprovider.example",
            "a@provider.example.evil.example",
            "a@other.example",
            "fbl@mx.other.example",
            "mallory@hotmail.com",
            "mallory@yahoo.com",
            "staff@hotmail.com.evil.example",
        ] {
            assert!(!reports(other), "{other}");
        }
        assert!(feedback_loops().all(|named| named == named.to_ascii_lowercase()));
    }

    #[test]
    fn our_servers_are_known_by_name_and_domain() {
        let sources = TrustedSources { authserv: vec!["mx.tecnofab.example".to_owned()], ..TrustedSources::default() };
        assert!(sources.is_ours("MX.Tecnofab.example.") && sources.is_ours("imap.tecnofab.example"));
        assert!(!sources.is_ours("mx.tecnofab.example.evil.example") && !sources.is_ours("") && !sources.is_ours("example"));
        assert!(!TrustedSources::default().is_ours("mx.tecnofab.example"));
    }
}

//! What mail servers say of a mail's origin: `Authentication-Results` (RFC 8601) among the `Received` lines of its way.
//!
//! Whoever writes a mail can write such a header too. A server puts its own above what it was given, so of the headers that bear a
//! trusted name the topmost counts, and for a pass it must not stand below the line in which our server took the mail in.

use crate::domain::address::{Address, registered};
use crate::domain::trusted_sources::TrustedSources;
use mail_parser::Message;

/// The most header lines of its way that are read; a mail that was passed on a hundred times has gone round in circles.
const MOST: usize = 200;

/// One line of a mail's way, from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// The server that took it in; empty if it does not say.
    Received { by: String },
    /// The server that says it, empty if it does not, and what it found.
    Results { by: String, found: Vec<Finding> },
}

/// One result of one method: `dmarc=fail header.from=albareda.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Lower case, as is the result.
    pub method: String,
    pub result: String,
    /// `header.from`, lower case, if it is given.
    pub from: Option<String>,
}

/// What our servers found out about the author of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authenticity {
    /// It comes from the domain it names (DMARC).
    Passed,
    Failed,
    /// No server of ours says.
    Unknown,
}

/// The lines of a mail's way, from the top.
pub fn way(message: &Message) -> Vec<Trace> {
    let lines = message.headers().iter().filter_map(|header| {
        // A server may repeat bytes of the author's in its own line, which is not to vanish for them.
        let value = || message.raw_message().get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default();
        if header.name.as_str().eq_ignore_ascii_case("Received") {
            return Some(Trace::Received { by: received_by(&String::from_utf8_lossy(value())) });
        }
        let is_result = header.name.as_str().eq_ignore_ascii_case("Authentication-Results");
        is_result.then(|| results(&String::from_utf8_lossy(value())))
    });
    lines.take(MOST).collect()
}

/// What the servers that are trusted found out about this author.
pub fn judge(way: &[Trace], sources: &TrustedSources, author: Option<&Address>) -> Authenticity {
    if sources.authserv.is_empty() {
        return Authenticity::Unknown;
    }
    let (mut heard, mut passed) = (Vec::new(), false);
    // The server that took it in last, going down; whether one of ours did; whether what follows was written before it came to us.
    let (mut last, mut has_come_in, mut is_foreign) = ("", false, false);
    for line in way {
        match line {
            Trace::Received { by } => {
                let is_ours = sources.is_ours(by);
                // Above our own servers' lines stand those of our own hops, of which some have a number for a name.
                is_foreign |= !is_ours && (has_come_in || !is_number(by));
                has_come_in |= is_ours;
                last = by;
            }
            Trace::Results { by, found } => {
                // Microsoft's servers leave out their name, below the line in which they took the mail in.
                let by = if by.is_empty() { last } else { by.as_str() };
                let is_named = sources.authserv.iter().any(|name| name == by) || by == last && sources.is_ours(by);
                let mut dmarc = found.iter().filter(|finding| finding.method == "dmarc").peekable();
                if !is_named || heard.contains(&by) || dmarc.peek().is_none() {
                    continue;
                }
                heard.push(by);
                let results: Vec<&Finding> = dmarc.collect();
                if results.iter().any(|finding| finding.result == "fail") {
                    return Authenticity::Failed;
                }
                let is_in_its_place = !is_foreign && (last.is_empty() || sources.is_ours(last));
                passed |= is_in_its_place && results.iter().all(|finding| finding.result == "pass" && is_about(finding, author));
            }
        }
    }
    if passed { Authenticity::Passed } else { Authenticity::Unknown }
}

fn is_number(server: &str) -> bool {
    server.contains(':') || server.starts_with('[') || server.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_about(finding: &Finding, author: Option<&Address>) -> bool {
    let (Some(from), Some(author)) = (&finding.from, author) else { return finding.from.is_none() && author.is_some() };
    from == author.domain() || registered(from).is_some_and(|domain| registered(author.domain()) == Some(domain))
}

/// The name behind `by` (RFC 5321, 4.4).
fn received_by(value: &str) -> String {
    let bare = without_comments(value);
    let mut words = bare.split([' ', '\t', '\r', '\n', ';']).filter(|word| !word.is_empty());
    words.find(|word| word.eq_ignore_ascii_case("by"));
    words.next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
}

fn results(value: &str) -> Trace {
    let bare = without_comments(value);
    let mut parts = bare.split(';').map(str::trim);
    let first = parts.next().unwrap_or_default();
    // The name may have a version behind it.
    let (by, rest) = if first.contains('=') { (String::new(), Some(first)) } else { (name(first), None) };
    let found = rest.into_iter().chain(parts).filter_map(finding).take(50).collect();
    Trace::Results { by, found }
}

fn name(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().trim_matches('"').trim_end_matches('.').to_ascii_lowercase()
}

/// `dmarc=fail (p=none) header.from=a.example`, with its comments gone; spaces may stand around `=` and `/`.
fn finding(part: &str) -> Option<Finding> {
    let words = part.replace('\t', " ");
    let mut tight = words.replace(['\r', '\n'], " ");
    for sign in ["=", "/"] {
        tight = tight.split(sign).map(str::trim).collect::<Vec<_>>().join(sign);
    }
    let mut words = tight.split_whitespace();
    let (method, result) = words.next()?.split_once('=')?;
    // The method may have a version: "dmarc/1".
    let method = method.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let from = words.find_map(|word| {
        let (key, value) = word.split_once('=')?;
        let value = value.trim_matches('"').rsplit('@').next().unwrap_or_default().trim_end_matches('.');
        (key.eq_ignore_ascii_case("header.from") && !value.is_empty()).then(|| value.to_ascii_lowercase())
    });
    Some(Finding { method, result: result.trim_matches('"').to_ascii_lowercase(), from })
}

/// A header's value without its comments, which nest and quote (RFC 5322, 3.2.2); what stands in quotes holds no `;` of the syntax.
fn without_comments(value: &str) -> String {
    let (mut bare, mut depth, mut quoted) = (String::with_capacity(value.len()), 0_usize, false);
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                let escaped = characters.next();
                bare.extend(escaped.filter(|c| depth == 0 && *c != ';'));
            }
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                bare.push(' ');
            }
            ';' if quoted => bare.push('_'),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    fn judged(headers: &str) -> Authenticity {
        let raw = format!("{headers}\nFrom: ada@albareda.example\nSubject: x\n\nx\n").replace('\n', "\r\n");
        let message = MessageParser::default().parse(raw.as_bytes()).expect("a mail");
        let authserv =
            vec!["mx.tecnofab.example".to_owned(), "mx.google.com".to_owned(), "mail.protection.outlook.com".to_owned()];
        let sources = TrustedSources { authserv, ..TrustedSources::default() };
        let author = Address::parse("ada@albareda.example").expect("an address");
        judge(&way(&message), &sources, Some(&author))
    }

    /// The ways that the servers of the world write it, and those that the author wrote themselves.
    #[test]
    fn only_what_our_own_servers_say_of_a_mails_origin_counts() {
        use Authenticity::{Failed, Passed, Unknown};
        const IN: &str = "Received: from mx.albareda.example (mx.albareda.example [198.51.100.9])\n\tby mx.tecnofab.example (Postfix) with ESMTPS; x";
        const BEFORE: &str =
            "Received: from pc (unknown [10.0.0.2]) by mx.albareda.example with ESMTPA; Mon, 3 May 2027 08:59:59 +0200";
        let ar = |words: &str| format!("Authentication-Results: {words}");
        let pass = ar("mx.tecnofab.example; dmarc=pass (p=reject dis=none) header.from=albareda.example");
        let fail = ar("mx.tecnofab.example; dmarc=fail (p=none dis=none) header.from=albareda.example");
        let cases: Vec<(String, Authenticity)> = vec![
            (format!("{pass}\n{IN}\n{BEFORE}"), Passed),
            (format!("{fail}\n{IN}\n{BEFORE}"), Failed),
            (format!("{IN}\n{pass}\n{BEFORE}"), Passed),
            (format!("{IN}\n{fail}\n{BEFORE}"), Failed),
            (pass.clone(), Passed),
            (ar("MX.Tecnofab.Example 1;\n\tdkim=pass header.d=x.example;\n\tDMARC=Fail header.from=albareda.example"), Failed),
            (ar("mx.tecnofab.example; dmarc = fail"), Failed),
            (ar("mx.tecnofab.example; dmarc/1=fail header.from=albareda.example"), Failed),
            (ar("\"mx.tecnofab.example\"; dmarc=fail"), Failed),
            (ar("(dmarc=pass;) mx.tecnofab.example (nested (dmarc=pass)); dmarc=fail reason=\"a; dmarc=pass\""), Failed),
            (ar("mx.tecnofab.example; spf=fail smtp.mailfrom=x.example; dkim=fail"), Unknown),
            (ar("mx.tecnofab.example; dmarc=none"), Unknown),
            (ar("mx.tecnofab.example; dmarc=temperror"), Unknown),
            (ar("mx.tecnofab.example; none"), Unknown),
            (ar("mx.tecnofab.example"), Unknown),
            (ar(""), Unknown),
            // Other servers' words, of whatever likeness.
            (ar("mx.albareda.example; dmarc=fail"), Unknown),
            (ar("mx.tecnofab.example.evil.example; dmarc=pass header.from=albareda.example"), Unknown),
            (ar("evil.example; x=\"mx.tecnofab.example; dmarc=pass\""), Unknown),
            (ar("evil.example (mx.tecnofab.example); dmarc=pass"), Unknown),
            // A pass for another domain is none for this author.
            (ar("mx.tecnofab.example; dmarc=pass header.from=evil.example"), Unknown),
            (ar("mx.tecnofab.example; dmarc=pass header.from=albareda.example; dmarc=pass header.from=evil.example"), Unknown),
            (ar("mx.tecnofab.example; dmarc=pass header.from=albareda.example; dmarc=fail header.from=albareda.example"), Failed),
            // The author's own below the server's: the topmost counts.
            (format!("{fail}\n{IN}\n{pass}\n{BEFORE}"), Failed),
            (format!("{pass}\n{IN}\n{fail}\n{BEFORE}"), Passed),
            (format!("{IN}\n{BEFORE}\n{pass}"), Unknown),
            (format!("{IN}\n{BEFORE}\nReceived: from x by mx.tecnofab.example; x\n{pass}"), Unknown),
            (format!("Received: from x by imap.tecnofab.example with LMTP; x\n{IN}\n{pass}\n{BEFORE}"), Passed),
            // Google's own hop has a number for a name, and its result stands below its line.
            (
                format!(
                    "Received: by 2002:a05:6402:1 with SMTP id x; x\nReceived: from m.x.example by mx.google.com with ESMTPS; x\n{}\n{BEFORE}",
                    ar(
                        "mx.google.com;\n       dkim=pass header.i=@albareda.example;\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=albareda.example"
                    )
                ),
                Passed,
            ),
            // Microsoft's has no name.
            (
                format!(
                    "Received: from a.prod.outlook.com (::1) by b.prod.outlook.com; x\n\
                     Received: from m.x.example by DB5EUR02.mail.protection.outlook.com (10.1.1.1); x\n{}\n{BEFORE}",
                    ar("spf=fail (sender IP is 198.51.100.7)\n smtp.mailfrom=x.example; dkim=none (message not signed)\n \
                         header.d=none;dmarc=fail action=none\n header.from=albareda.example;compauth=fail reason=001")
                ),
                Failed,
            ),
            (format!("{BEFORE}\n{}", ar("spf=pass; dmarc=pass header.from=albareda.example")), Unknown),
        ];
        for (headers, expected) in cases {
            assert_eq!(judged(&headers), expected, "{headers}");
        }
        assert_eq!(judge(&[], &TrustedSources::default(), None), Unknown);
    }

    #[test]
    fn a_header_of_nothing_but_brackets_is_read_in_linear_time() {
        let long = "(".repeat(2_000_000);
        assert_eq!(without_comments(&long), "");
        assert_eq!(
            results(&";=".repeat(500_000)),
            Trace::Results {
                by: String::new(),
                found: vec![Finding { method: String::new(), result: String::new(), from: None }; 50]
            }
        );
    }
}

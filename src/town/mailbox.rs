//! Mails caught by the test server as their readers see them: subject, text, links.

use crate::domain::address::Address;
use crate::mail::test_server::Caught;
use mail_parser::MessageParser;

/// A caught mail, parsed.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The envelope recipient.
    pub to: String,
    pub from: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The URL of List-Unsubscribe.
    pub unsubscribe: Option<String>,
    pub message_id: String,
    pub return_path: String,
}

impl Mail {
    /// Parses a caught mail; `None` if it is not a valid message.
    pub fn read(caught: &Caught) -> Option<Self> {
        let message = MessageParser::default().parse(&caught.data)?;
        let from = message.from().and_then(|from| from.first());
        let unsubscribe = message.header_raw("List-Unsubscribe").and_then(|raw| raw.split(',').next());
        let unsubscribe = unsubscribe.map(|url| url.trim().trim_matches(&['<', '>'][..]).to_owned());
        Some(Self {
            to: caught.rcpt_to.first()?.clone(),
            from: from.and_then(|a| a.name().or_else(|| a.address())).unwrap_or_default().to_owned(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            unsubscribe,
            message_id: message.message_id().unwrap_or_default().to_owned(),
            return_path: caught.mail_from.clone(),
        })
    }

    /// Whether it went to this address.
    pub fn is_to(&self, address: &Address) -> bool {
        self.to.eq_ignore_ascii_case(address.as_str())
    }

    /// The URL of the link that no person sees, in a newsletter.
    pub fn trap(&self) -> Option<String> {
        self.anchors().into_iter().find(|(_, words)| words.is_empty()).map(|(url, _)| url)
    }

    /// Every link's URL and text that a person sees, in order.
    pub fn links(&self) -> Vec<(String, String)> {
        self.anchors().into_iter().filter(|(_, words)| !words.is_empty()).collect()
    }

    fn anchors(&self) -> Vec<(String, String)> {
        self.html
            .split("<a ")
            .skip(1)
            .filter_map(|rest| {
                let (_, rest) = rest.split_once("href=\"")?;
                let (url, rest) = rest.split_once('"')?;
                let (_, rest) = rest.split_once('>')?;
                let (words, _) = rest.split_once("</a>")?;
                Some((unescape(url), unescape(&without_tags(words))))
            })
            .collect()
    }

    /// The URL of the first link whose text contains these words.
    pub fn link(&self, words: &str) -> Option<String> {
        self.links().into_iter().find(|(_, said)| said.contains(words)).map(|(url, _)| url)
    }
}

fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => text.push(c),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescape(text: &str) -> String {
    let pairs =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&#x2f;", "/"), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

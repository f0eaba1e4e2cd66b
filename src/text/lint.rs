//! The rules for newsletters. Lint returns every complaint at once; a text without complaints can always be composed.

use crate::domain::criterion::Criterion;
use crate::text::fill::{Complaint, Filled, fill};
use crate::text::markdown::{self, Directive, Lines, directive};
use comrak::Arena;
use comrak::nodes::{Node, NodeValue};
use std::collections::BTreeSet;

/// The most different links in a newsletter.
pub const MOST_LINKS: usize = 999;

/// The most questions in a newsletter: a token has one byte for the number of a question, and no reader answers twenty.
pub const MOST_QUESTIONS: usize = 20;

/// Every complaint about a newsletter's Markdown, in the order of the text; `askable` are the criteria that have a
/// question and answers. Spans are bytes in `source`.
pub fn lint(source: &str, askable: &[Criterion]) -> Vec<Complaint> {
    let (filled, complaints) = fill(source);
    let arena = Arena::new();
    let root = markdown::read(&arena, &filled.text);
    let mut linter =
        Linter { lines: Lines::of(&filled.text), filled: &filled, askable, links: BTreeSet::new(), questions: 0, complaints };
    for node in root.descendants() {
        linter.node(node);
    }
    linter.complaints.sort_by_key(|c| (c.span.start, c.span.end));
    linter.complaints
}

/// The links of a newsletter and the criteria it asks about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// The addresses of its links.
    pub links: BTreeSet<String>,
    /// The criteria it asks about.
    pub asks: BTreeSet<Criterion>,
}

/// Reads the links and questions of a newsletter's Markdown.
pub fn mentions(source: &str) -> Mentions {
    let (filled, _) = fill(source);
    let arena = Arena::new();
    let mut found = Mentions::default();
    for node in markdown::read(&arena, &filled.text).descendants() {
        if let NodeValue::Link(link) = &node.data.borrow().value {
            found.links.insert(link.url.clone());
        }
        if let Some(Directive::Ask(criterion)) = directive(node) {
            found.asks.insert(criterion);
        }
    }
    found
}

struct Linter<'a> {
    filled: &'a Filled,
    lines: Lines<'a>,
    askable: &'a [Criterion],
    links: BTreeSet<String>,
    questions: usize,
    complaints: Vec<Complaint>,
}

impl Linter<'_> {
    fn node(&mut self, node: Node<'_>) {
        match &node.data.borrow().value {
            NodeValue::HtmlBlock(html) => self.raw_html(node, &html.literal),
            NodeValue::HtmlInline(html) => self.raw_html(node, html),
            NodeValue::Link(link) => self.link(node, &link.url),
            NodeValue::Image(image) => self.image(node, &image.url),
            NodeValue::Paragraph => self.paragraph(node),
            _ => {}
        }
    }

    fn raw_html(&mut self, node: Node<'_>, html: &str) {
        let help = if html.starts_with("<!--") {
            "a note to yourself goes between {# and #}"
        } else {
            "write Markdown; a `<` that should be read as such is written `&lt;`"
        };
        self.complain(node, html.trim_end(), "raw HTML has no place in a newsletter", help);
    }

    fn link(&mut self, node: Node<'_>, url: &str) {
        if url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
            if url.len() == 7 {
                self.complain(node, "", "a link to nobody", "write an address after `mailto:`");
            }
            return;
        }
        if url.is_empty() {
            self.complain(node, "", "a link that leads nowhere", "write its address in the parentheses");
        } else if !markdown::is_web_link(url) {
            let title = format!("a link must start with https://, http:// or mailto:, not {url:?}");
            self.complain(node, url, &title, "a mail has no page that it could be relative to: write the whole address");
        } else if self.links.insert(url.to_owned()) && self.links.len() == MOST_LINKS + 1 {
            self.complain(node, url, &format!("more than {MOST_LINKS} links"), "write a shorter newsletter");
        }
    }

    fn image(&mut self, node: Node<'_>, url: &str) {
        if markdown::words(node).trim().is_empty() {
            let help = "say in the square brackets what it shows: many read with images off, or cannot see them";
            self.complain(node, "", "an image without words", help);
        }
        if !markdown::is_web_link(url) {
            let title = format!("an image must start with https:// or http://, not {url:?}");
            self.complain(node, url, &title, "put it on your website and write its whole address");
        }
    }

    fn paragraph(&mut self, node: Node<'_>) {
        let Some(found) = directive(node) else {
            return;
        };
        let on_top = node.parent().is_some_and(|p| matches!(p.data.borrow().value, NodeValue::Document));
        let criteria = Criterion::ALL.map(Criterion::word).join(", ");
        match found {
            Directive::Unknown(word) if word.is_empty() => {
                self.complain(node, ":::", "this ::: closes nothing", "remove it; a question is one line, `:::ask budget`");
            }
            Directive::Unknown(word) => {
                self.complain(node, &word, &format!("a newsletter does not know :::{word}"), "it knows `:::ask CRITERION`");
            }
            Directive::AskUnknown(word) => {
                let title = if word.is_empty() { "ask about what?".to_owned() } else { format!("{word} is not a criterion") };
                self.complain(node, &word, &title, &format!("the criteria are {criteria}"));
            }
            Directive::NotAlone => {
                self.complain(node, ":::", "a question must stand alone", "leave a blank line before and after `:::ask …`");
            }
            Directive::Ask(_) if !on_top => {
                self.complain(node, ":::", "a question must stand alone", "take it out of the list, quote or table");
            }
            Directive::Ask(criterion) if !self.askable.contains(&criterion) => {
                let title = format!("{} has no question to ask", criterion.word());
                let help = format!("give [criteria.{}] a `question` and `answers` in qualification.toml", criterion.word());
                self.complain(node, criterion.word(), &title, &help);
            }
            Directive::Ask(_) => {
                self.questions += 1;
                if self.questions == MOST_QUESTIONS + 1 {
                    let title = format!("more than {MOST_QUESTIONS} questions");
                    self.complain(node, ":::", &title, "ask one or two; the answer page can ask more");
                }
            }
        }
    }

    fn complain(&mut self, node: Node<'_>, words: &str, title: &str, help: &str) {
        let span = self.filled.source(self.lines.span(node, words));
        self.complaints.push(Complaint { span, title: title.to_owned(), help: help.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    fn found(source: &str) -> Vec<(String, String)> {
        let complaints = lint(source, &[Criterion::Budget]);
        complaints.into_iter().map(|c| (source[c.span].to_owned(), c.title)).collect()
    }

    #[test]
    fn complaints_point_at_the_exact_words() {
        for (source, words, title) in [
            ("Hi <b>you</b>", "<b>", "raw HTML has no place in a newsletter"),
            ("<div>\nx\n</div>\n", "<div>\nx\n</div>", "raw HTML has no place in a newsletter"),
            ("a <!-- note -->", "<!-- note -->", "raw HTML has no place in a newsletter"),
            ("é [x](/prices)", "/prices", "a link must start with https://, http:// or mailto:, not \"/prices\""),
            (
                "- a\n- [x](javascript:1)",
                "javascript:1",
                "a link must start with https://, http:// or mailto:, not \"javascript:1\"",
            ),
            ("[x]()", "[x]()", "a link that leads nowhere"),
            ("![](https://x.example/a.png)", "![](https://x.example/a.png)", "an image without words"),
            ("![a](cid:1)", "cid:1", "an image must start with https:// or http://, not \"cid:1\""),
            (":::ask need", "need", "need has no question to ask"),
            (":::ask money", "money", "money is not a criterion"),
            ("a\n\n:::vote\n", "vote", "a newsletter does not know :::vote"),
            ("text\n:::ask budget", ":::", "a question must stand alone"),
            ("> :::ask budget", ":::", "a question must stand alone"),
            (":::ask budget\n\n:::", ":::", "this ::: closes nothing"),
            ("{{ issue.month }} and {{ issue.year }} <i>", "<i>", "raw HTML has no place in a newsletter"),
        ] {
            let all = found(source);
            assert_eq!(all.first(), Some(&(words.to_owned(), title.to_owned())), "{source}: {all:?}");
        }
    }

    #[test]
    fn every_complaint_comes_at_once_in_order() {
        let all = found("{{ name }}\n\n<b>x\n\n[y](z)\n\n:::ask x\n");
        let words: Vec<&str> = all.iter().map(|(words, _)| words.as_str()).collect();
        assert_eq!(words, ["name", "<b>", "z", "x"]);
    }

    #[test]
    fn a_good_text_has_no_complaint() {
        let source = "# {{ issue.month }}\n\nSee https://tecnofab.example/a?b=1&c, <https://x.example>, ask@x.example.\n\n\
            | a | b |\n|---|---|\n| ~~1~~ | [m](mailto:a@b.c) |\n\n![a line](https://x.example/l.png)\n\n:::ask budget\n";
        assert_eq!(found(source), []);
    }

    #[test]
    fn a_thousand_links_are_too_many() {
        let links = |count: usize| {
            (0..count).fold(String::new(), |mut text, n| {
                let _ = writeln!(text, "- https://x.example/{n}");
                text
            })
        };
        assert_eq!(found(&links(MOST_LINKS)), []);
        assert_eq!(found(&links(MOST_LINKS + 1)).len(), 1);
    }
}

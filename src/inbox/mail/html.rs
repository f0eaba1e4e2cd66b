//! HTML as text: lines as they look, with `> ` before what is quoted, and without what nobody sees.
//!
//! The tokens are html5ever's, so that comments, entities and broken markup are read as browsers read them. There is no tree: one
//! pass, whose time grows with the length, and nothing that recurses, whatever was sent. How mail programs name their quotes and
//! signatures stands in `words/html.toml`.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, EndTag, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde::Deserialize;
use std::cell::RefCell;
use std::sync::LazyLock;

/// The visible text.
pub(crate) fn text(html: &str) -> String {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Page::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

/// How many open elements are remembered; what is deeper counts as its parent.
const DEEPEST: usize = 200;
/// A line that the reader of quotes takes for the beginning of a copy.
const DIVIDER: &str = "-----Original Message-----";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    /// Classes, ids and names of elements that hold a quote whole.
    quoted: Vec<String>,
    /// Those behind which all is a copy.
    copy_follows: Vec<String>,
    signature: Vec<String>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    toml::from_str(include_str!("words/html.toml")).expect("the table of HTML is part of the program and read by its tests")
});

#[derive(Default)]
struct Page(RefCell<Lines>);

impl TokenSink for Page {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut lines = self.0.borrow_mut();
        match token {
            CharacterTokens(text) => lines.write(&text),
            TagToken(tag) if tag.kind == StartTag => {
                lines.open(&tag);
                return match &*tag.name {
                    "style" | "xmp" | "iframe" | "noembed" | "noframes" => TokenSinkResult::RawData(Rawtext),
                    "script" => TokenSinkResult::RawData(ScriptData),
                    "title" | "textarea" => TokenSinkResult::RawData(Rcdata),
                    _ => TokenSinkResult::Continue,
                };
            }
            TagToken(tag) if tag.kind == EndTag => lines.close(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// An open element.
struct Open {
    name: String,
    is: Is,
    /// The number of the next item of a list.
    item: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    Plain,
    Quoted,
    Hidden,
    Preformatted,
}

#[derive(Default)]
struct Lines {
    done: Vec<String>,
    line: String,
    open: Vec<Open>,
    /// How many of the open ones quote, hide, keep their blanks.
    quoting: usize,
    hiding: usize,
    keeping: usize,
    /// Whether anything was said that is not quoted.
    has_own: bool,
}

impl Lines {
    fn write(&mut self, text: &str) {
        if self.hiding > 0 {
            return;
        }
        if self.keeping > 0 {
            for (number, part) in text.split('\n').enumerate() {
                if number > 0 {
                    self.end_line();
                }
                self.line.push_str(part.trim_end_matches('\r'));
            }
        } else {
            for c in text.chars() {
                let is_blank = c.is_ascii_whitespace() || c == '\u{a0}';
                if !is_blank {
                    self.line.push(c);
                } else if !self.line.is_empty() && !self.line.ends_with(' ') {
                    self.line.push(' ');
                }
            }
        }
        self.has_own |= self.quoting == 0 && text.chars().any(char::is_alphanumeric);
    }

    fn end_line(&mut self) {
        let mark = "> ".repeat(self.quoting.min(3));
        let line = std::mem::take(&mut self.line);
        self.done.push(format!("{mark}{}", line.trim_end()));
    }

    /// Ends a line that has something on it.
    fn break_line(&mut self) {
        if !self.line.trim().is_empty() {
            self.end_line();
        }
        self.line.clear();
    }

    /// A blank line, unless one stands there.
    fn break_paragraph(&mut self) {
        self.break_line();
        if self.done.last().is_some_and(|last| !last.trim_matches(['>', ' ']).is_empty()) {
            self.end_line();
        }
    }

    fn open(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if name.contains('@') {
            // `<ada@x.example>` is no element.
            return self.write(&format!("<{name}>"));
        }
        self.break_for(name);
        match name {
            "br" if self.hiding == 0 => self.end_line(),
            "hr" if self.hiding == 0 => {
                let line = if is_named(tag, &NAMES.copy_follows) { DIVIDER } else { "________________________________" };
                self.line.push_str(line);
                self.end_line();
            }
            "img" => self.picture(tag),
            "td" | "th" if !self.line.is_empty() => self.write(" "),
            "li" => self.item(),
            _ => {}
        }
        if VOID.contains(&name) || tag.self_closing && name.contains(':') {
            return;
        }
        if is_named(tag, &NAMES.copy_follows) && name != "hr" && self.hiding == 0 {
            self.break_line();
            self.line.push_str(DIVIDER);
            self.end_line();
        }
        let is = self.kind(tag);
        if is != Is::Plain {
            self.break_line();
        }
        if self.open.len() < DEEPEST {
            self.count(is, 1);
            let item = match name {
                "ul" => Some(0),
                "ol" => Some(1),
                _ => None,
            };
            self.open.push(Open { name: name.to_owned(), is, item });
        }
    }

    fn close(&mut self, name: &str) {
        self.break_for(name);
        if name == "br" && self.hiding == 0 {
            self.end_line();
        }
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else { return };
        // A stray end of a small element does not close what it stands in.
        if !BLOCKS.contains(&name) && self.open[at + 1..].iter().any(|open| BLOCKS.contains(&open.name.as_str())) {
            return;
        }
        while self.open.len() > at {
            let Some(closed) = self.open.pop() else { break };
            if closed.is != Is::Plain {
                self.break_line();
            }
            self.count_down(closed.is);
        }
    }

    fn break_for(&mut self, name: &str) {
        if self.hiding > 0 {
            return;
        }
        if PARAGRAPHS.contains(&name) {
            self.break_paragraph();
        } else if BLOCKS.contains(&name) {
            self.break_line();
        }
    }

    fn count(&mut self, is: Is, by: usize) {
        match is {
            Is::Plain => {}
            Is::Quoted => self.quoting += by,
            Is::Hidden => self.hiding += by,
            Is::Preformatted => self.keeping += by,
        }
    }

    fn count_down(&mut self, is: Is) {
        match is {
            Is::Plain => {}
            Is::Quoted => self.quoting -= 1,
            Is::Hidden => self.hiding -= 1,
            Is::Preformatted => self.keeping -= 1,
        }
    }

    fn kind(&self, tag: &Tag) -> Is {
        let name = &*tag.name;
        let style = attribute(tag, "style").unwrap_or_default().replace(' ', "").to_lowercase();
        let hidden = HIDDEN.contains(&name)
            || attribute(tag, "hidden").is_some()
            || style.contains("display:none")
            || style.contains("mso-hide:all")
            // A signature under an answer; what was written into one that stands first is kept.
            || self.has_own && self.quoting == 0 && is_named(tag, &NAMES.signature);
        // Gmail indents one's own words with the same element.
        let indents = style.contains("border:none") && style.contains("40px") && attribute(tag, "class").is_none();
        if hidden {
            Is::Hidden
        } else if name == "blockquote" && !indents || is_named(tag, &NAMES.quoted) {
            Is::Quoted
        } else if name == "pre" || style.contains("white-space:pre") {
            Is::Preformatted
        } else {
            Is::Plain
        }
    }

    /// A face or a sign that stands as a picture.
    fn picture(&mut self, tag: &Tag) {
        let alt = attribute(tag, "alt").unwrap_or_default();
        if alt.chars().count() <= 4 && !alt.is_ascii() {
            self.write(alt);
        }
    }

    fn item(&mut self) {
        let list = self.open.iter_mut().rev().find_map(|open| open.item.as_mut());
        let mark = match list {
            Some(0) | None => "- ".to_owned(),
            Some(number) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
        };
        if self.hiding == 0 {
            self.line.push_str(&mark);
        }
    }

    fn finish(mut self) -> String {
        self.break_line();
        while self.done.last().is_some_and(|last| last.trim_matches(['>', ' ']).is_empty()) {
            self.done.pop();
        }
        self.done.join("\n")
    }
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

const VOID: [&str; 14] =
    ["br", "hr", "img", "meta", "link", "input", "wbr", "col", "base", "area", "embed", "param", "source", "track"];
const HIDDEN: [&str; 16] = [
    "style", "script", "title", "template", "svg", "math", "xml", "select", "textarea", "iframe", "noframes", "noembed",
    "object", "audio", "video", "datalist",
];
const PARAGRAPHS: [&str; 14] = ["p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "blockquote", "pre", "hr"];
const BLOCKS: [&str; 34] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "ul",
    "ol",
    "dl",
    "blockquote",
    "pre",
    "hr",
    "div",
    "tr",
    "li",
    "dt",
    "dd",
    "body",
    "html",
    "head",
    "section",
    "article",
    "header",
    "footer",
    "center",
    "form",
    "fieldset",
    "address",
    "tbody",
    "thead",
    "caption",
    "main",
];

/// Whether the class, id or name of a tag is one of these; Outlook puts `x_` before those of others.
fn is_named(tag: &Tag, names: &[String]) -> bool {
    ["class", "id", "name", "data-smartmail"].iter().filter_map(|kind| attribute(tag, kind)).any(|value| {
        value.split_ascii_whitespace().any(|word| names.contains(&word.trim_start_matches("x_").to_ascii_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_it_looks() {
        let html =
            "<style>p{a@b.c}</style><p>Hi &lt;ada@x.example&gt;<br>no such <b>user</b></p><blockquote>old<br>words</blockquote>";
        assert_eq!(text(html), "Hi <ada@x.example>\nno such user\n\n> old\n> words");
        assert_eq!(text("a <ada@x.example>: gone"), "a <ada@x.example>: gone");
        assert_eq!(text("a < b"), "a < b");
        assert_eq!(text("<!-- a > b --><title>x</title>&ndash;&nbsp;&#8364;<!--[if mso]><p>no</p><![endif]-->"), "– €");
        assert_eq!(text("<ul><li>one<li>two</ul><ol><li>three</ol>"), "- one\n- two\n\n1. three");
        assert_eq!(text("a<div style=\"display: none\">b<div>c</div></div>d"), "a\nd");
    }

    #[test]
    fn quotes_are_known_by_their_names() {
        for (html, read) in [
            ("Yes<div class=\"x_yahoo_quoted\"><div>On Monday:</div>old</div>", "Yes\n> On Monday:\n> old"),
            (
                "Yes<div class=moz-cite-prefix>Am 3. Mai:<br></div><blockquote type=cite>old</blockquote>no",
                "Yes\n> Am 3. Mai:\n\n> old\n> \nno",
            ),
            ("Yes<hr id=\"zwchr\">old", "Yes\n\n-----Original Message-----\nold"),
            ("Yes<div id=divRplyFwdMsg><b>Von:</b> x</div>old", "Yes\n-----Original Message-----\nVon: x\nold"),
            ("<blockquote style=\"margin: 0 0 0 40px; border: none; padding: 0px\">mine</blockquote>", "mine"),
            ("Yes<div class=gmail_signature>Ada</div>", "Yes"),
        ] {
            assert_eq!(text(html), read, "{html}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "how long the machine takes is what is tested")]
    fn hostile_html_takes_no_more_time_than_its_length() {
        let begun = std::time::Instant::now();
        for part in
            ["<div>", "<blockquote>", "<b><p>", "<a href=x>", "<table><tr><td>", "</x>", "<ul><li>", "&amp", "<!--", "<hr>"]
        {
            text(&part.repeat(80_000 / part.len()));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

//! A newsletter's tree as plain text, wrapped at 76 columns. A link is numbered in the text and written out
//! below its paragraph, on a line of its own and never broken.

use comrak::nodes::{ListType, Node, NodeValue};

/// The width at which lines are wrapped, in characters.
pub const COLUMNS: usize = 76;

/// Prints a tree. Each HTML block was inserted by compose; the n-th is replaced by the n-th of `inserts`.
pub fn print(root: Node<'_>, inserts: &[String]) -> String {
    let mut printer = Printer { inserts: inserts.iter(), links: Vec::new(), blocks: Vec::new() };
    printer.blocks_of(root, "", "");
    let mut text = printer.blocks.join("\n");
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

struct Printer<'a> {
    inserts: std::slice::Iter<'a, String>,
    links: Vec<String>,
    /// The lines; an empty line separates blocks.
    blocks: Vec<String>,
}

impl Printer<'_> {
    /// Prints the blocks of a node: the first line begins with `first`, the others with `rest`.
    fn blocks_of(&mut self, parent: Node<'_>, first: &str, rest: &str) {
        let mut lead = first.to_owned();
        for node in parent.children() {
            let numbered = self.links.len();
            self.block(node, &lead, rest);
            if matches!(parent.data.borrow().value, NodeValue::Document) {
                self.write_links(numbered);
                self.blank("");
            }
            rest.clone_into(&mut lead);
        }
    }

    fn block(&mut self, node: Node<'_>, first: &str, rest: &str) {
        let value = &node.data.borrow().value;
        match value {
            NodeValue::Paragraph => {
                let text = self.inline(node);
                self.lines(&text, first, rest);
                let tight = node.parent().is_some_and(|p| matches!(p.data.borrow().value, NodeValue::Item(_)));
                if node.next_sibling().is_some() && !tight {
                    self.blank(rest);
                }
            }
            NodeValue::Heading(heading) => {
                let text = self.inline(node);
                let from = self.blocks.len();
                self.lines(&text, first, rest);
                if heading.level <= 2 {
                    let widest = self.blocks[from..].iter().map(|l| l.chars().count()).max().unwrap_or(0);
                    let mark = if heading.level == 1 { "=" } else { "-" };
                    self.blocks.push(format!("{rest}{}", mark.repeat(widest.saturating_sub(rest.chars().count()))));
                }
            }
            NodeValue::List(list) => {
                for (n, item) in node.children().enumerate() {
                    let mark = match list.list_type {
                        ListType::Bullet => "- ".to_owned(),
                        ListType::Ordered => format!("{}. ", list.start + n),
                    };
                    let indent = " ".repeat(mark.len());
                    let lead = if n == 0 { first } else { rest };
                    self.blocks_of(item, &format!("{lead}{mark}"), &format!("{rest}{indent}"));
                    if !list.tight && item.next_sibling().is_some() {
                        self.blank(rest);
                    }
                }
            }
            NodeValue::BlockQuote => self.blocks_of(node, &format!("{first}> "), &format!("{rest}> ")),
            NodeValue::CodeBlock(code) => {
                self.blocks.extend(code.literal.lines().map(|line| format!("{rest}    {line}")));
            }
            NodeValue::ThematicBreak => self.blocks.push(format!("{first}{}", "-".repeat(20))),
            NodeValue::HtmlBlock(_) => {
                let insert = self.inserts.next().map(String::as_str).unwrap_or_default();
                self.blocks.extend(insert.lines().map(str::to_owned));
            }
            NodeValue::Table(_) => self.table(node, first, rest),
            _ => self.blocks_of(node, first, rest),
        }
    }

    /// A table as one short paragraph for each row: aligned cells would not fit a phone.
    fn table(&mut self, table: Node<'_>, first: &str, rest: &str) {
        let mut rows = table.children().map(|row| row.children().map(|cell| self.inline(cell)).collect::<Vec<_>>());
        let header = rows.next().unwrap_or_default();
        let rows: Vec<Vec<String>> = rows.collect();
        for (n, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&header).filter(|(cell, _)| !cell.is_empty());
            let named = cells.map(|(cell, name)| if name.is_empty() { cell.clone() } else { format!("{name}: {cell}") });
            let lead = if n == 0 { first } else { rest };
            self.lines(&named.collect::<Vec<_>>().join("; "), &format!("{lead}- "), &format!("{rest}  "));
        }
        if rows.is_empty() {
            self.lines(&header.join("; "), first, rest);
        }
    }

    fn inline(&mut self, parent: Node<'_>) -> String {
        parent.children().map(|node| self.inline_one(node)).collect()
    }

    fn inline_one(&mut self, node: Node<'_>) -> String {
        match &node.data.borrow().value {
            NodeValue::Text(words) => words.to_string(),
            NodeValue::Code(code) => code.literal.clone(),
            NodeValue::SoftBreak => " ".to_owned(),
            NodeValue::LineBreak => "\n".to_owned(),
            NodeValue::Emph => format!("_{}_", self.inline(node)),
            NodeValue::Strong => format!("*{}*", self.inline(node)),
            NodeValue::Strikethrough => format!("~{}~", self.inline(node)),
            NodeValue::Image(_) => format!("[{}]", self.inline(node)),
            NodeValue::Link(link) => {
                let words = self.inline(node);
                match link.url.strip_prefix("mailto:") {
                    Some(address) if words == address => words,
                    Some(address) => format!("{words} ({address})"),
                    None if words == link.url => words,
                    None => format!("{words} [{}]", self.number(&link.url)),
                }
            }
            _ => self.inline(node),
        }
    }

    fn number(&mut self, url: &str) -> usize {
        if let Some(n) = self.links.iter().position(|l| l == url) {
            return n + 1;
        }
        self.links.push(url.to_owned());
        self.links.len()
    }

    fn write_links(&mut self, from: usize) {
        for (n, url) in self.links.iter().enumerate().skip(from) {
            self.blocks.push(format!("[{}] {url}", n + 1));
        }
    }

    fn lines(&mut self, text: &str, first: &str, rest: &str) {
        let from = self.blocks.len();
        for line in text.lines() {
            let lead = if self.blocks.len() == from { first } else { rest };
            self.blocks.extend(wrap(line, lead, rest));
        }
    }

    fn blank(&mut self, rest: &str) {
        let blank = rest.trim_end();
        if self.blocks.last().is_some_and(|last| last != blank) {
            self.blocks.push(blank.to_owned());
        }
    }
}

/// Wraps words at [`COLUMNS`]; a longer word stands alone and is not broken.
pub fn wrap(text: &str, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut empty) = (first.to_owned(), true);
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::markdown;
    use comrak::Arena;

    fn plain(markdown: &str) -> String {
        let arena = Arena::new();
        print(markdown::read(&arena, markdown), &[])
    }

    #[test]
    fn markdown_reads_as_text() {
        for (source, text) in [
            ("# Hello *you*\n\nOne\ntwo  \nthree", "Hello _you_\n===========\n\nOne two\nthree\n"),
            (
                "See [a](https://x) and [b](https://y) and [a](https://x).",
                "See a [1] and b [2] and a [1].\n[1] https://x\n[2] https://y\n",
            ),
            ("<https://x.example>, <a@b.co>, [us](mailto:a@b.co)", "https://x.example, a@b.co, us (a@b.co)\n"),
            ("- one\n- two\n  1. in\n  2. side\n\nend", "- one\n- two\n  1. in\n  2. side\n\nend\n"),
            ("- one\n\n- two", "- one\n\n- two\n"),
            ("> quoted\n>\n> twice", "> quoted\n>\n> twice\n"),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |  |", "- a: 1; b: 2\n- a: 3\n"),
            ("```\nx  y\n```", "    x  y\n"),
            ("![A line](https://x/l.png) **bold**", "[A line] *bold*\n"),
        ] {
            assert_eq!(plain(source), text, "{source}");
        }
    }

    #[test]
    fn lines_are_wrapped_and_links_are_not() {
        let url = format!("https://news.example/c/{}", "x".repeat(90));
        let text = plain(&format!("{} [link]({url})", "word ".repeat(40)));
        assert!(text.lines().filter(|l| !l.contains(&url)).all(|l| l.chars().count() <= COLUMNS));
        assert!(text.contains(&format!("\n[1] {url}\n")));
    }
}

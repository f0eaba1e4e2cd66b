//! One newsletter file: `+++`, a few lines of TOML, `+++`, and Markdown that may not name a prospect.

use crate::config::node::{self, Node};
use crate::config::place::{Place, Source};
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::domain::address::header_text;
use crate::domain::criterion::Criterion;
use crate::domain::group::campaign::Newsletter;
use crate::text::newsletter::lint;
use std::ops::Range;
use std::sync::Arc;

/// Reads a newsletter; also returns the place of its id. `askable` are the criteria that have a question.
pub fn read(log: &Log, source: &Arc<Source>, askable: &[Criterion]) -> Option<(Newsletter, Place)> {
    let (front, body) = split(log, source)?;
    for complaint in lint(&source.text[body.clone()], askable) {
        let place = Place::at(source, body.start + complaint.span.start..body.start + complaint.span.end);
        log.add(Problem::error(&place, complaint.title).help(complaint.help));
    }
    if source.text[body.clone()].trim().is_empty() {
        let place = Place::at(source, 0..3);
        log.add(Problem::error(&place, "this newsletter has no text").help("write it in Markdown below the second `+++`"));
    }
    let root = node::parse(log, source, front, 0..3)?;
    let mut reader = Reader::table(log, &root)?;
    let id = reader.need_name(
        "id",
        "a short name that never changes, such as id = \"what-a-stop-costs\": it remembers who has had this newsletter",
    );
    let subject = reader.need("subject", "what prospects see in their list of mails").and_then(|node| header(log, node));
    let preheader = reader.get("preheader").map(|node| header(log, node));
    reader.finish();
    let (id, place) = id?;
    let preheader = preheader.unwrap_or_else(|| Some(String::new()))?;
    let markdown = source.text[body].to_owned();
    Some((Newsletter { id, subject: subject?, preheader, markdown }, place.clone()))
}

/// Splits front matter and body. Offsets are those of the file, so that every problem shows the file's own lines.
fn split(log: &Log, source: &Arc<Source>) -> Option<(Range<usize>, Range<usize>)> {
    let text = source.text.as_str();
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if first.trim_end() != "+++" {
        let problem = Problem::error(&Place::at(source, 0..first.trim_end().len()), "a newsletter begins with `+++`");
        log.add(problem.label("no front matter").help("begin with +++, then id = \"…\" and subject = \"…\", then +++ again"));
        return None;
    }
    let mut at = first.len();
    for line in lines {
        if line.trim_end() == "+++" {
            return Some((first.len()..at, at + line.len()..text.len()));
        }
        at += line.len();
    }
    let problem = Problem::error(&Place::at(source, 0..3), "`+++` is not closed").label("opened here");
    log.add(problem.help("put a line `+++` between the front matter and the text"));
    None
}

/// A line that can be a mail header unchanged.
fn header(log: &Log, node: &Node) -> Option<String> {
    const UNFIT: &str = "this cannot stand in one line of a mail; leave out line breaks and invisible characters, and keep it \
                         under 200 bytes";
    node.parse(log, "", |text| if header_text(text) == text { Ok(text.to_owned()) } else { Err(UNFIT) })
}

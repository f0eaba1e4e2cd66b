//! Whether each request that was taken reached a person, once: in a letter to a salesperson, or on the list of the manager.

use crate::daemon::Daemon;
use crate::table::Row;
use crate::visitor::{Visitor, path_of};
use mail_parser::MessageParser;
use nurtured::mail::test_server::Caught;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// How many requests an hour reach salespeople one by one, as shipped.
const ONE_BY_ONE: usize = 20;

/// Where requests were found.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) in_letters: usize,
    pub(crate) on_lists: usize,
    /// How many reached a person exactly once.
    pub(crate) once: usize,
}

/// Looks for each request that was taken. `begins` is how the words of all of them begin.
pub(crate) async fn look(
    daemon: &Daemon,
    caught: &[Caught],
    taken: &BTreeMap<String, usize>,
    begins: &str,
    row: &mut Row,
) -> anyhow::Result<Delivered> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let ours = caught.iter().filter(|mail| mail.rcpt_to.iter().any(|to| to.ends_with("@tecnofab-sl.com")));
    let letters = ours.filter_map(|mail| Some(MessageParser::default().parse(&mail.data)?.body_text(0)?.into_owned()));
    let mut delivered = Delivered::default();
    for letter in letters {
        delivered.in_letters += note(&letter, begins, &mut found);
    }
    let mut lists = 0;
    for item in daemon.json(&["queue", "iria"]).await?.as_array().into_iter().flatten() {
        if item["kind"] != "enquiry_list" {
            continue;
        }
        lists += 1;
        let mut next = item["page_url"].as_str().map(path_of);
        while let Some(path) = next {
            let page = Visitor::behind_the_proxy(Ipv4Addr::new(198, 51, 100, 10)).get(daemon.door(), &path).await.text;
            let page = page.replace("&#x2f;", "/").replace("&amp;", "&");
            delivered.on_lists += note(&page, begins, &mut found);
            next = page.split_once("?after=").map(|(before, rest)| {
                let begins = before.rfind('"').map_or(0, |at| at + 1);
                path_of(&format!("{}?after={}", &before[begins..], rest.split('"').next().unwrap_or_default()))
            });
        }
    }
    // The hour may end while they come; then there are two lists.
    row.holds(lists <= 2, || format!("there are {lists} lists of one hour"));
    row.holds(delivered.in_letters <= ONE_BY_ONE * 2, || format!("{} came one by one", delivered.in_letters));
    for words in taken.keys() {
        match found.get(words).copied().unwrap_or(0) {
            1 => delivered.once += 1,
            times => row.through(format!("a request reached a person {times} times")),
        }
    }
    for (_, times) in found.iter().filter(|(words, times)| !taken.contains_key(*words) && **times > 1) {
        row.through(format!("a request that was not acknowledged reached a person {times} times"));
    }
    row.holds(!taken.is_empty() && delivered.on_lists > 0, || "the bound was not reached, so that nothing was shown".to_owned());
    Ok(delivered)
}

/// Counts the words that begin so in a text; returns how many there are.
fn note(text: &str, begins: &str, found: &mut BTreeMap<String, usize>) -> usize {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let mut count = 0;
    for words in words.filter(|words| words.starts_with(begins)) {
        *found.entry(words.to_owned()).or_default() += 1;
        count += 1;
    }
    count
}

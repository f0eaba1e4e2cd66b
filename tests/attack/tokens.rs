//! Links: forged in every bit, of another kind, of another prospect; opened by scanners; used again.

use crate::database::Database;
use crate::table::Row;
use crate::visitor::Visitor;
use data_encoding::BASE64URL_NOPAD;
use nurtured::town::{BROWSER, SCANNER};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::task::JoinSet;

/// A genuine token of each kind of link, by the letter of its path.
pub(crate) type Genuine = BTreeMap<char, String>;

/// What a page of each kind is posted.
fn body(kind: char) -> &'static str {
    match kind {
        'u' => "List-Unsubscribe=One-Click",
        'h' => "action=accept",
        'q' => "action=done&enquiry=1",
        'p' => "action=save&less_often=yes&pause=3",
        _ => "visit=x",
    }
}

/// Every forgery that is tried of a token.
fn forgeries(token: &str) -> Vec<String> {
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap_or_default();
    let mut forged = Vec::new();
    let mut add = |bytes: &[u8]| forged.push(BASE64URL_NOPAD.encode(bytes));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        add(&changed);
    }
    // Neighbours: the id is bytes 2 to 9, the ordinal the next two, then the prospect's four and three of an address.
    for (at, by) in [(9, 1), (9, 2), (9, 255), (8, 1), (11, 1), (11, 255), (10, 1), (15, 1), (15, 255), (18, 1)] {
        let mut changed = bytes.clone();
        if let Some(byte) = changed.get_mut(at) {
            *byte = byte.wrapping_add(by);
        }
        add(&changed);
    }
    // No signature, half of one, and one too long.
    let zeroed = [bytes.get(..19).unwrap_or_default(), &[0; 8]].concat();
    add(&zeroed);
    add(bytes.get(..19).unwrap_or_default());
    add(bytes.get(..23).unwrap_or_default());
    add(&[&bytes[..], &[0; 3]].concat());
    let texts = [
        format!("{token}="),
        format!("{token}{token}"),
        token.to_lowercase(),
        token.to_uppercase(),
        "A".repeat(36),
        format!("{token}%00"),
    ];
    forged.extend(texts);
    forged.retain(|text| text != token);
    forged
}

/// Each forgery at each method, and each genuine token at the pages of the other kinds.
pub(crate) async fn forged(door: SocketAddr, genuine: &Genuine, database: &Database) -> anyhow::Result<Row> {
    let mut row = Row::of("forged tokens: opened or changed something");
    let before = database.state().await?;
    let mut tried: Vec<(&'static str, String, &'static str)> = Vec::new();
    for (kind, token) in genuine {
        let mut texts: Vec<(char, String)> = forgeries(token).into_iter().map(|forged| (*kind, forged)).collect();
        texts.extend(genuine.keys().filter(|other| *other != kind).map(|other| (*other, token.clone())));
        for (page, text) in texts {
            let path = format!("/{page}/{text}");
            if page != 'c' {
                tried.push(("POST", path.clone(), body(page)));
            }
            if page != 'u' {
                tried.push(("GET", path, ""));
            }
        }
    }
    let mut asking = JoinSet::new();
    for (n, some) in tried.chunks(tried.len().div_ceil(16)).enumerate() {
        let (some, last) = (some.to_vec(), u8::try_from(1 + n).unwrap_or(u8::MAX));
        asking.spawn(async move {
            let visitor = Visitor::at(Ipv4Addr::new(127, 55, 0, last));
            let mut answered = Vec::new();
            for (method, path, body) in some {
                let answer =
                    if method == "POST" { visitor.post(door, &path, body).await } else { visitor.get(door, &path).await };
                answered.push((method, path, answer.status));
            }
            answered
        });
    }
    for (method, path, status) in asking.join_all().await.into_iter().flatten() {
        row.answered(status);
        row.holds(status >= 400 || status == 0, || format!("{method} {path} was answered with {status}"));
    }
    let after = database.state().await?;
    row.holds(before == after, || format!("there was {before:?}, and is {after:?}"));
    Ok(row)
}

/// Programs that open links, and one that presses buttons.
const SCANNERS: [&str; 6] = [
    SCANNER,
    "",
    "curl/8.5.0",
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "GoogleImageProxy",
];

/// Every link opened by programs, with every method that must not change anything; the buttons of confirmations pressed by those
/// that say what they are. A followed link may leave a click, which counts as a machine's.
pub(crate) async fn scanned(door: SocketAddr, links: &[String], database: &Database) -> anyhow::Result<Row> {
    let mut row = Row::of("links opened by scanners: confirmed or stopped");
    let before = database.state().await?;
    for link in links {
        for agent in SCANNERS.into_iter().chain([BROWSER]) {
            let visitor = Visitor::behind_the_proxy(Ipv4Addr::new(198, 51, 100, 8)).called(agent);
            for method in ["GET", "HEAD", "OPTIONS"] {
                row.answered(visitor.ask(method, door, link).await.status);
            }
            if link.starts_with("/k/") && agent != BROWSER {
                row.answered(visitor.post(door, link, "").await.status);
            }
        }
    }
    let after = database.state().await?;
    row.holds(before == after, || format!("there was {before:?}, and is {after:?}"));
    Ok(row)
}

/// Confirmations that were used, used again; they must open nothing twice.
pub(crate) async fn replayed(door: SocketAddr, used: &[String], database: &Database) -> anyhow::Result<Row> {
    let mut row = Row::of("replayed confirmations and stops: counted twice");
    let before = database.state().await?;
    let visitor = Visitor::behind_the_proxy(Ipv4Addr::new(198, 51, 100, 9));
    // Also with ticks for whatever else may wait.
    let ticks = (1..40).fold("boxes=1".to_owned(), |body, id| format!("{body}&form={id}&form={id}-0000"));
    for link in used {
        for body in ["List-Unsubscribe=One-Click", "", &ticks] {
            row.answered(visitor.post(door, link, body).await.status);
        }
    }
    database.settled().await?;
    let after = database.state().await?;
    row.holds(before == after, || format!("there was {before:?}, and is {after:?}"));
    Ok(row)
}

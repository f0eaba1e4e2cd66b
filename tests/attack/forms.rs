//! What strangers type into forms: about prospects who are known, about addresses that are not, and to be called.

use crate::company::{BLANK, FULL, HALF, Reader, STRANGERS, soon};
use crate::seeded::Seeded;
use crate::size::Size;
use crate::visitor::{Visitor, encoded};
use jiff::Timestamp;
use std::net::Ipv4Addr;

/// Which flood a form is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flood {
    AboutKnown,
    AboutUnknown,
    Request,
}

/// A form as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) flood: Flood,
    pub(crate) visitor: Visitor,
    pub(crate) path: String,
    pub(crate) body: String,
    /// The words of a request, which no other one has.
    pub(crate) words: Option<String>,
}

/// What a stranger says of somebody: everything that would prove something, choose an audience or a salesperson, or give a right.
const CLAIMS: [(&str, &str); 21] = [
    ("name", "Mallory Stranger"),
    ("phone", "+44 20 7946 0000"),
    ("company", "Rival"),
    ("industry", "packaging"),
    ("country", "PT"),
    ("language", "pt"),
    ("job_title", "plant manager"),
    ("employees", "9999"),
    ("lines", "40"),
    ("budget", "900000"),
    ("confirmed", "true"),
    ("trusted", "true"),
    ("verdict", "met"),
    ("proves", "vision,budget,authority,need,timeframe"),
    ("standing", "owned"),
    ("salesperson", "luc"),
    ("by", "marta"),
    ("touch", "meeting"),
    ("occurred_at", "2020-01-01T00:00:00Z"),
    ("prospect_id", "1"),
    ("consent", "yes"),
];

/// All floods, as many as `size` says, in an order that its seed chooses.
pub(crate) fn all(size: &Size, readers: &[Reader], now: Timestamp) -> Vec<Post> {
    let mut chance = Seeded::new(size.seed);
    let soon = soon(now);
    let mut posts: Vec<Post> = Vec::new();
    for n in 0..size.about_known {
        posts.push(about_known(&mut chance, n, readers, &soon));
    }
    for n in 0..size.about_unknown {
        let who = format!("s{n}@strangers-{}{STRANGERS}", n / 50);
        let form = chance.one_of(&["quote", "webinar", "downtime-check"]);
        let letter = "x".repeat(3_800);
        let own = [("email", who.as_str()), ("industry", "food"), ("message", letter.as_str())];
        let body = encoded(&[&own[..], &CLAIMS[..3]].concat());
        posts.push(Post {
            flood: Flood::AboutUnknown,
            visitor: anybody(&mut chance),
            path: format!("/f/{form}"),
            body,
            words: None,
        });
    }
    for n in 0..size.requests {
        let words = words(size.seed, n);
        let who = match n % 8 {
            0 => FULL.to_owned(),
            1 => BLANK.to_owned(),
            _ => format!("r{n}@askers-{}{STRANGERS}", n / 50),
        };
        let body = encoded(&[("email", &who), ("name", "Somebody"), ("phone", "+34 900 000 000"), ("message", &words)]);
        let post = Post {
            flood: Flood::Request,
            visitor: anybody(&mut chance),
            path: "/f/call-me".to_owned(),
            body,
            words: Some(words),
        };
        // Some press the button three times.
        let times = if n % 10 == 0 { 3 } else { 1 };
        posts.extend(std::iter::repeat_n(post, times));
    }
    for at in (1..posts.len()).rev() {
        posts.swap(at, chance.below(at + 1));
    }
    posts
}

/// The words of a request.
fn words(seed: u64, n: usize) -> String {
    format!("call-{seed}-{n:05}-back")
}

/// A form about somebody known: most about one of them, with all claims, and with tokens that are not theirs.
fn about_known(chance: &mut Seeded, n: usize, readers: &[Reader], soon: &str) -> Post {
    let who = match chance.below(10) {
        0 => BLANK.to_owned(),
        1 => HALF.to_owned(),
        2 => FULL.to_uppercase(),
        _ => FULL.to_owned(),
    };
    let (form, letter, number) = (chance.one_of(&["quote", "webinar", "downtime-check"]), "x".repeat(3_800), n.to_string());
    let other = &readers[chance.below(readers.len() - 4) + 4];
    // A token of another prospect's mail, of another kind, or of nobody.
    let token = match chance.below(4) {
        0 => other.form.rsplit('=').next().unwrap_or_default(),
        1 => other.unsubscribe.rsplit('/').next().unwrap_or_default(),
        2 => "AQsAAAAAAAAAAQAAAAAAAAAAAAAA",
        _ => "",
    };
    let more =
        [("email", who.as_str()), ("start_by", soon), ("message", letter.as_str()), ("number", number.as_str()), ("t", token)];
    let body = encoded(&[&more[..], &CLAIMS].concat());
    Post { flood: Flood::AboutKnown, visitor: anybody(chance), path: format!("/f/{form}"), body, words: None }
}

/// A visitor at an address that hardly anybody else has.
fn anybody(chance: &mut Seeded) -> Visitor {
    let part = |chance: &mut Seeded| u8::try_from(1 + chance.below(250)).expect("less than 256");
    Visitor::behind_the_proxy(Ipv4Addr::new(203, part(chance), part(chance), part(chance)))
}

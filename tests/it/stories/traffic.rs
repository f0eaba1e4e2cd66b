//! What follows the links of a mail: twelve kinds of scanner, as their makers describe them and as senders see them in their logs; and
//! people, in offices behind one address, on telephones, behind relays of privacy and proxies of companies.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use nurtured::domain::chance::Chance;

/// The kinds, in the order of their numbers.
pub(crate) const KINDS: [&str; 12] = [
    "detonation (Safe Links)",
    "HEAD, GET, sandbox (URL Defense)",
    "first link, then at each click (Mimecast)",
    "every link in a burst (Barracuda)",
    "sandbox of one address (Cisco)",
    "at each click, unnamed (Symantec)",
    "one link a mail, one address (gateway)",
    "proxy of a provider (Google)",
    "prefetch by the reader's browser (Apple)",
    "HEAD checks and a monitor (Outlook)",
    "previews of messengers",
    "stealth, from ever other addresses",
];

/// What scanners call themselves where they do not say what they are.
const CLOTHES: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
    // As many people's.
    nurtured::town::BROWSER,
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
];
const CHAT: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";
const MESSAGES: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 \
                        Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0";

/// One request, to be made at its instant.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    /// The number of the recipient.
    pub(crate) of: usize,
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) agent: String,
    pub(crate) ip: [u8; 4],
    pub(crate) purpose: Option<&'static str>,
    /// The kind of scanner; none for a person.
    pub(crate) scanner: Option<usize>,
}

/// Who has got a mail, and what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) number: usize,
    pub(crate) address: String,
    pub(crate) links: Vec<String>,
    pub(crate) answers: Vec<String>,
    pub(crate) trap: String,
    /// The company, and how many of it have got the mail.
    pub(crate) company: usize,
    pub(crate) colleagues: usize,
    /// When the relay took it.
    pub(crate) arrived: Timestamp,
}

impl Reader {
    fn event(&self, at: Timestamp, url: &str, agent: &str, ip: [u8; 4], scanner: Option<usize>) -> Event {
        Event {
            at,
            of: self.number,
            url: url.to_owned(),
            method: Method::GET,
            agent: agent.to_owned(),
            ip,
            purpose: None,
            scanner,
        }
    }

    /// Every address that a program finds in the mail, the hidden one too.
    fn addresses(&self) -> Vec<&str> {
        self.links.iter().chain(&self.answers).chain([&self.trap]).map(String::as_str).collect()
    }
}

fn milliseconds(n: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(n).unwrap_or(i64::MAX))
}

/// One of many addresses of a cloud.
fn cloud(kind: usize, chance: Chance) -> [u8; 4] {
    let byte = |what: &str| u8::try_from(chance.of(what).below(250)).unwrap_or(1);
    [203, u8::try_from(kind).unwrap_or(0), byte("third") % 8, byte("fourth")]
}

/// What a kind does with one mail.
pub(crate) fn scan(kind: usize, reader: &Reader, chance: Chance) -> Vec<Event> {
    let after = |n: u64| reader.arrived + milliseconds(n);
    let draw = |what: &str, step: usize, most: u64| chance.of(what).nth(u64::try_from(step).unwrap_or(0)).below(most);
    let clothes = *chance.of("clothes").among(&CLOTHES).expect("one of them");
    let from = |step: usize| cloud(kind, chance.of("address").nth(u64::try_from(step).unwrap_or(0)));
    let all = reader.addresses();
    let each = |first: u64, apart: u64| {
        let events = all.iter().enumerate().map(move |(i, url)| {
            reader.event(after(first + apart * u64::try_from(i).unwrap_or(0)), url, clothes, from(0), Some(kind))
        });
        events.collect::<Vec<_>>()
    };
    // From ever other addresses, in any order.
    let roaming = |first: u64, within: u64| {
        let events = all
            .iter()
            .enumerate()
            .map(|(i, url)| reader.event(after(first + draw("when", i, within)), url, clothes, from(i + 1), Some(kind)));
        events.collect::<Vec<_>>()
    };
    match kind {
        // Before the mailbox has it, or in the ten minutes after.
        0 => roaming(2_000, 600_000),
        // It asks for the head and then for the page, at once; a third of the links is looked at again, in a sandbox elsewhere.
        1 => {
            let mut events = each(1_000, 700);
            let heads = events.iter().map(|e| Event { method: Method::HEAD, at: e.at - milliseconds(90), ..e.clone() });
            events = heads.collect::<Vec<_>>().into_iter().chain(events).collect();
            events.extend(all.iter().enumerate().filter(|(i, _)| draw("again", *i, 3) == 0).map(|(i, url)| {
                reader.event(after(300_000 + draw("sandbox", i, 1_500_000)), url, clothes, from(i + 1), Some(kind))
            }));
            events
        }
        2 => vec![reader.event(after(2_500), &reader.links[0], clothes, from(0), Some(kind))],
        3 => each(20_000 + draw("queue", 0, 40_000), 150),
        4 => each(300_000 + draw("queue", 0, 600_000), 6_000),
        // Nothing until somebody clicks.
        5 | 8 => Vec::new(),
        // Only a large company has one of its own. Its queue is worked off mail by mail.
        6 if reader.colleagues < 12 => each(8_000, 40),
        6 => {
            let company = u8::try_from(reader.company % 250).unwrap_or(0);
            let queue = 40_000 + 150 * u64::try_from(reader.number % 40).unwrap_or(0);
            vec![reader.event(after(queue), &reader.links[0], clothes, [198, 18, 6, company], Some(kind))]
        }
        7 => {
            let agent = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
            vec![reader.event(after(60_000), &reader.links[0], agent, from(0), Some(kind))]
        }
        9 => {
            let heads = each(400_000, 9_000).into_iter().map(|e| Event { method: Method::HEAD, ..e });
            let agent = "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0; AppInsights)";
            let monitor = (1..4).map(|day| reader.event(after(day * 21_600_000), &reader.links[0], agent, from(1), Some(kind)));
            heads.chain(monitor).collect()
        }
        10 => {
            let messages = reader.event(after(900_000), &reader.links[0], MESSAGES, from(1), Some(kind));
            let chat = each(7_200_000, 300).into_iter().map(|e| Event { agent: CHAT.into(), ..e });
            chat.chain([messages]).collect()
        }
        // As a browser in every respect, over minutes to hours.
        _ => roaming(60_000, 240 * 60_000),
    }
}

/// Where somebody reads.
fn place(reader: &Reader, chance: Chance, step: u64) -> [u8; 4] {
    let byte = |chance: Chance, most: u64| u8::try_from(chance.below(most)).unwrap_or(0);
    let company = u16::try_from(reader.company % 60_000).unwrap_or(0).to_be_bytes();
    let number = u16::try_from(reader.number % 60_000).unwrap_or(0).to_be_bytes();
    match chance.of("place").below(100) {
        // The office.
        0..55 => [192, company[0], company[1], 1],
        // At home, or on a telephone with an address of its own.
        55..75 => [100, number[0], number[1], 7],
        // A telephone behind one of the forty addresses of its network.
        75..85 => [110, 0, 0, byte(chance.of("network"), 40)],
        // A relay of privacy: the next click may leave elsewhere.
        85..95 => [120, 0, 0, byte(chance.of("relay").nth(step), 64)],
        // The proxy of many companies.
        _ => [130, 0, 0, byte(chance.of("proxy"), 4)],
    }
}

/// What a person does: follows one to three links, seconds to days after the mail came, with time to read between; now and then two
/// at once. With what comes along with them: the scanner that checks each click, what their browser loads, what a messenger shows.
pub(crate) fn read(reader: &Reader, checked_by: Option<usize>, agents: &[&str], chance: Chance) -> Vec<Event> {
    let draw = |what: &str, step: u64, most: u64| chance.of(what).nth(step).below(most);
    let begins = match draw("begins", 0, 100) {
        // They sat before it.
        0..5 => 15_000 + draw("delay", 0, 45_000),
        5..40 => 60_000 + draw("delay", 0, 3_540_000),
        40..80 => 3_600_000 + draw("delay", 0, 36_000_000),
        _ => 43_200_000 + draw("delay", 0, 259_200_000),
    };
    let mut at = reader.arrived + milliseconds(begins);
    let agent = *chance.of("agent").among(agents).expect("one");
    let (mut events, mut followed) = (Vec::new(), Vec::new());
    for step in 0..=draw("how many", 0, 3) {
        let Some(url) = chance.of("which").nth(step).among(&reader.links).filter(|url| !followed.contains(url)) else { continue };
        followed.push(url);
        let ip = place(reader, chance, step);
        match checked_by {
            Some(kind @ (2 | 5)) => {
                let clothes = *chance.of("clothes").among(&CLOTHES).expect("one of them");
                events.push(reader.event(at - milliseconds(1_500), url, clothes, cloud(kind, chance.nth(step)), checked_by));
            }
            Some(8) => {
                let ahead = reader.event(at - milliseconds(800), url, agent, ip, checked_by);
                events.push(Event { purpose: Some("prefetch;prerender"), ..ahead });
            }
            _ => {}
        }
        events.push(reader.event(at, url, agent, ip, None));
        if draw("passes it on", step, 100) < 3 {
            events.push(reader.event(at + milliseconds(20_000), url, CHAT, [203, 10, 0, 1], Some(10)));
        }
        let opens_two = draw("opens two", step, 100) < 1;
        at += milliseconds(if opens_two { 900 } else { 4_000 + draw("reads", step, 90_000) });
    }
    events
}

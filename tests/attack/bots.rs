//! Bots that post answers in prospects' names, behind links that were not theirs to press.

use crate::company::{BUDGET, NEED, NO_NEED, Reader};
use crate::table::Row;
use crate::visitor::{Visitor, encoded};
use nurtured::town::SCANNER;
use std::net::{Ipv4Addr, SocketAddr};

/// How many prospects the bots take; of the last one, a person answered one question.
pub(crate) const VICTIMS: usize = 8;

/// One link, and all five answered in one body.
const FIVE: [(&str, &str); 7] =
    [("more", "yes"), ("vision", "0"), ("budget", "0"), ("authority", "0"), ("need", "0"), ("timeframe", "0"), ("more", "yes")];

/// A body without a field.
const NOTHING: [(&str, &str); 0] = [];

/// Lets each bot post about its victim. What was proved is looked at later. Returns how the posts were answered.
pub(crate) async fn post(door: SocketAddr, victims: &[Reader], other: &Reader) -> Row {
    let mut bots = Bots { door, row: Row::of("answers of bots: proofs") };
    let [unseen, forging, scanner, at_once, crowd, in_one, contradicting, replayed] = victims else {
        bots.row.through("there are not as many victims as bots");
        return bots.row;
    };
    bots.without_a_visit(unseen).await;
    bots.with_forged_visits(forging, other).await;
    bots.as_a_scanner(scanner).await;
    bots.all_at_once(at_once).await;
    bots.many_at_once(crowd).await;
    bots.five_in_one(in_one).await;
    bots.contradicting(contradicting).await;
    bots.replaying(replayed).await;
    bots.row
}

struct Bots {
    door: SocketAddr,
    row: Row,
}

impl Bots {
    async fn say(&mut self, visitor: &Visitor, path: &str, fields: &[(&str, &str)]) {
        self.row.answered(visitor.post(self.door, path, &encoded(fields)).await.status);
    }

    /// The visit of a page that was just shown.
    async fn shown(&self, visitor: &Visitor, path: &str) -> String {
        visitor.get(self.door, path).await.hidden("visit").unwrap_or_default().to_owned()
    }

    /// Posts without looking at the page.
    async fn without_a_visit(&mut self, victim: &Reader) {
        let bot = visitor(1);
        for say in [NEED, BUDGET] {
            for fields in [&NOTHING[..], &[("visit", "")], &[("visit", "1793696400000")], &FIVE] {
                self.say(&bot, &victim.answer(say), fields).await;
            }
        }
    }

    /// With visits that were never shown: changed ones, another page's, another prospect's, and tokens of other kinds.
    async fn with_forged_visits(&mut self, victim: &Reader, other: &Reader) {
        let bot = visitor(2);
        let (need, budget) = (victim.answer(NEED), victim.answer(BUDGET));
        let own = self.shown(&bot, &need).await;
        let theirs = self.shown(&bot, &other.answer(NEED)).await;
        let mut visits = vec![theirs, need.rsplit('/').next().unwrap_or_default().to_owned(), "A".repeat(28)];
        visits.push(victim.unsubscribe.rsplit('/').next().unwrap_or_default().to_owned());
        for at in 0..own.len() {
            let changed = own.char_indices().map(|(place, c)| {
                if place != at {
                    c
                } else if c == 'A' {
                    'B'
                } else {
                    'A'
                }
            });
            visits.push(changed.collect());
        }
        for visit in &visits {
            self.say(&bot, &need, &[("visit", visit)]).await;
            self.say(&bot, &need, &[&[("visit", visit.as_str())][..], &FIVE].concat()).await;
        }
        // A genuine visit, of the page of another answer.
        self.say(&bot, &budget, &[("visit", &own)]).await;
    }

    /// Looks at the page, and says what it is.
    async fn as_a_scanner(&mut self, victim: &Reader) {
        for agent in [SCANNER, "", "python-requests/2.32", "Barracuda Sentinel (EE)"] {
            let bot = visitor(3).called(agent);
            for say in [NEED, BUDGET] {
                let visit = self.shown(&bot, &victim.answer(say)).await;
                self.say(&bot, &victim.answer(say), &[("visit", &visit)]).await;
            }
        }
    }

    /// Presses every button of a mail in one breath, as a browser.
    async fn all_at_once(&mut self, victim: &Reader) {
        let bot = visitor(4);
        let (need, budget) = (victim.answer(NEED), victim.answer(BUDGET));
        let (one, two) = (self.shown(&bot, &need).await, self.shown(&bot, &budget).await);
        let (one, two) = (encoded(&[("visit", &one)]), encoded(&[("visit", &two)]));
        let (first, second) = tokio::join!(bot.post(self.door, &need, &one), bot.post(self.door, &budget, &two));
        self.row.answered(first.status);
        self.row.answered(second.status);
        // And what the pages ask further.
        for (path, answer) in [(&need, first), (&budget, second)] {
            if let Some(visit) = answer.hidden("visit") {
                self.say(&bot, path, &[&[("visit", visit)][..], &FIVE].concat()).await;
            }
        }
    }

    /// The same from many addresses, each link from another one.
    async fn many_at_once(&mut self, victim: &Reader) {
        let links = [(victim.answer(NEED), visitor(5)), (victim.answer(BUDGET), visitor(6))];
        let mut shown = Vec::new();
        for (path, bot) in &links {
            shown.push(encoded(&[("visit", &self.shown(bot, path).await)]));
        }
        let [(one, first), (two, second)] = &links;
        let (first, second) = tokio::join!(first.post(self.door, one, &shown[0]), second.post(self.door, two, &shown[1]));
        self.row.answered(first.status);
        self.row.answered(second.status);
    }

    /// Through one link that was shown, five answers in one body.
    async fn five_in_one(&mut self, victim: &Reader) {
        let (bot, path) = (visitor(7), victim.answer(NEED));
        let visit = self.shown(&bot, &path).await;
        self.say(&bot, &path, &[&[("visit", visit.as_str())][..], &FIVE].concat()).await;
        self.say(&bot, &path, &[&FIVE[..], &[("visit", visit.as_str())]].concat()).await;
    }

    /// Two visitors answer the same question differently in the same minute.
    async fn contradicting(&mut self, victim: &Reader) {
        for (say, bot) in [(NO_NEED, visitor(8)), (NEED, visitor(9))] {
            let visit = self.shown(&bot, &victim.answer(say)).await;
            self.say(&bot, &victim.answer(say), &[("visit", &visit)]).await;
        }
    }

    /// A person answers one question, and a bot says it again and again, and more.
    async fn replaying(&mut self, victim: &Reader) {
        let (person, bot, path) = (visitor(10), visitor(11), victim.answer(NEED));
        let visit = self.shown(&person, &path).await;
        self.say(&person, &path, &[("visit", &visit)]).await;
        for _ in 0..5 {
            self.say(&bot, &path, &[("visit", &visit)]).await;
            self.say(&bot, &path, &[&[("visit", visit.as_str())][..], &FIVE].concat()).await;
            self.say(&bot, &victim.answer(BUDGET), &[("visit", &visit)]).await;
        }
    }
}

fn visitor(last: u8) -> Visitor {
    Visitor::behind_the_proxy(Ipv4Addr::new(192, 0, 2, last))
}

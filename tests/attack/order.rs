//! The order of the attack: what is known is read; honest and hostile forms; the flood, with unsubscribes and slow connections
//! beside it; links, answers and requests that are forged; an issue, while idle connections are open; and what is known is read again.

use crate::bots::{self, VICTIMS};
use crate::company::{self, Reader, STRANGERS, TARGETS};
use crate::daemon::Daemon;
use crate::database::Database;
use crate::flood::{self, Flooded};
use crate::forms::{self, Flood};
use crate::requests::{self, Delivered};
use crate::size::Size;
use crate::slow;
use crate::table::{Row, Table};
use crate::tokens::{self, Genuine};
use crate::visitor::{PATIENCE, Visitor, encoded, path_of};
use crate::{crooked, hooks, hostile, known, mails, spoofed};
use anyhow::Context as _;
use jiff::SignedDuration;
use nurtured::clock::{Clock, SystemClock};
use nurtured::mail::test_server::{Caught, TestServer};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::time::timeout;

/// What it came to.
pub(crate) struct Outcome {
    pub(crate) table: Table,
    pub(crate) flooded: Flooded,
    /// Details that were blank and are not.
    pub(crate) filled: usize,
    pub(crate) delivered: Delivered,
    pub(crate) group_mails: usize,
    /// Mails that left while idle connections were open.
    pub(crate) idle_mails: usize,
    pub(crate) seconds: i64,
}

/// What is attacked.
struct Siege {
    daemon: Daemon,
    database: Database,
    relay: TestServer,
    /// The targets, the victims of bots, one who is nobody's victim, and who unsubscribes.
    readers: Vec<Reader>,
    table: Table,
}

/// Those who got the first letter and are not known for anything else begin here.
const OTHER: usize = TARGETS.len() + VICTIMS;

pub(crate) async fn attack(size: &Size) -> anyhow::Result<Outcome> {
    let directory = tempfile::tempdir()?;
    let began = SystemClock.now();
    let mut siege = Siege::begin(directory.path(), size).await?;
    let result = siege.play(size).await.with_context(|| {
        let log = siege.daemon.log();
        let mut lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.reverse();
        format!("the last lines of the daemon's log:\n{}", lines.join("\n"))
    });
    let mut outcome = result?;
    siege.daemon.stop()?;
    outcome.table = siege.table;
    outcome.seconds = SystemClock.now().duration_since(began).as_secs();
    Ok(outcome)
}

impl Siege {
    async fn begin(directory: &Path, size: &Size) -> anyhow::Result<Self> {
        let relay = TestServer::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let now = SystemClock.now();
        let readers = company::found(directory, VICTIMS + 1 + size.unsubscribes, now).await?;
        let database = Database::open(directory).await?;
        database.campaign_seen_until(now).await?;
        let daemon = Daemon::start(directory, relay.local_addr(), size.files).await?;
        Ok(Self { daemon, database, relay, readers, table: Table::default() })
    }

    async fn play(&mut self, size: &Size) -> anyhow::Result<Outcome> {
        let door = self.daemon.door();
        let leaving = self.readers[OTHER + 1..].to_vec();
        let people: Vec<String> = self.readers[..OTHER].iter().map(|reader| reader.address.clone()).collect();
        let (before, met_before) = (known::known(&self.daemon).await?, known::met(&self.daemon, &people[..TARGETS.len()]).await?);
        let mut words = Row::of("hostile words and addresses: in mails or pages");
        let used = self.honest_and_hostile(&mut words).await?;

        let posts = forms::all(size, &self.readers, SystemClock.now());
        // They are waited for much longer than anything else, and beside it.
        let dripping = tokio::spawn(slow::drip(door, size.slow));
        let mut flooded = flood::flood(door, posts, size.senders, &leaving).await;
        self.database.settled().await?;

        let genuine = self.genuine().await?;
        let mut links: Vec<String> =
            genuine.iter().filter(|(kind, _)| **kind != 'c').map(|(kind, t)| format!("/{kind}/{t}")).collect();
        links.extend(strangers_confirmations(&self.relay.caught()));
        self.table.add(tokens::scanned(door, &links, &self.database).await?);
        self.table.add(tokens::forged(door, &genuine, &self.database).await?);
        let again: Vec<String> =
            used.into_iter().chain(leaving.iter().take(3).map(|reader| reader.unsubscribe.clone())).collect();
        self.table.add(tokens::replayed(door, &again, &self.database).await?);
        self.table.add(hooks::forged(door, &self.readers[0], &self.database).await?);
        let mut answers = bots::post(door, &self.readers[TARGETS.len()..OTHER], &self.readers[OTHER]).await;
        self.table.add(spoofed::forwarded(door).await);
        self.table.add(spoofed::tokenless(door).await);
        self.table.add(crooked::send(door, &self.database).await?);
        self.table.add(dripping.await?);
        self.database.settled().await?;
        let mut asked = flooded.rows.remove(&Flood::Request).context("requests have a row")?;
        let begins = format!("call-{}-", size.seed);
        let delivered = requests::look(&self.daemon, &self.relay.caught(), &flooded.requests, &begins, &mut asked).await?;
        self.table.add(asked);

        let (idle_mails, group) = self.issue_beside_idlers(size, &leaving).await?;
        let mut strangers = flooded.rows.remove(&Flood::AboutUnknown).context("strangers have a row")?;
        for mail in group.iter().flat_map(|mail| &mail.rcpt_to) {
            let is_known = self.readers.iter().any(|reader| reader.address == *mail) || mail == hostile::READER;
            strangers.holds(is_known, || "a newsletter went to somebody who is not confirmed".to_owned());
        }
        self.table.add(strangers);
        self.stopped(&mut flooded, size, &leaving, &group).await?;

        let mut overwritten = flooded.rows.remove(&Flood::AboutKnown).context("prospects have a row")?;
        let mut claims = Row::of("claims of forms about prospects: proofs");
        claims.looked_at(overwritten.count(200));
        let filled = known::compare(&before, &known::known(&self.daemon).await?, &mut overwritten);
        self.table.add(overwritten);
        let met = known::met(&self.daemon, &people).await?;
        for (place, met) in met.iter().enumerate() {
            match met_before.get(place) {
                Some(before) => {
                    claims.holds(met == before, || format!("{}: {before:?} were met, and are {met:?}", people[place]));
                }
                // One of them was answered by a person, and is the last.
                None if place + 1 == people.len() => answers.holds(met == &["need"], || format!("of one answer are met {met:?}")),
                None => answers.holds(met.is_empty(), || format!("bot {}: {met:?} are met", place - TARGETS.len() + 1)),
            }
        }
        self.table.add(claims);
        self.table.add(answers);
        self.read_what_was_written(&mut words).await?;
        self.table.add(words);
        let outcome =
            Outcome { table: Table::default(), flooded, filled, delivered, group_mails: group.len(), idle_mails, seconds: 0 };
        Ok(outcome)
    }

    /// Honest people are heard; hostile words come from people who then confirm them, so that they go wherever they can. Returns
    /// the confirmations that were used.
    async fn honest_and_hostile(&self, words: &mut Row) -> anyhow::Result<Vec<String>> {
        let door = self.daemon.door();
        hostile::honest(door).await?;
        hostile::texts(door, words).await;
        hostile::addresses(door, words).await;
        self.database.settled().await?;
        let (caught, person) = (self.relay.caught(), Visitor::behind_the_proxy(Ipv4Addr::new(198, 51, 100, 1)));
        let mut used = Vec::new();
        let who = [hostile::ASKER.to_owned(), hostile::READER.to_owned()]
            .into_iter()
            .chain((0..hostile::count()).map(hostile::address));
        for address in who {
            let path = mails::confirmation(&caught, &address).with_context(|| format!("{address} was not asked"))?;
            let page = person.get(door, &path).await;
            let faults = mails::page_faults(&page.text);
            for fault in faults {
                words.through(format!("the page of a confirmation: {fault}"));
            }
            let confirmed = person.post(door, &path, "").await;
            anyhow::ensure!(confirmed.status == 200, "a confirmation was answered with {}: {}", confirmed.status, confirmed.text);
            used.push(path);
        }
        self.database.settled().await?;
        let handoffs = self.database.number("SELECT COUNT(*) FROM handoffs WHERE cause = 'request'").await?;
        let expected = 1 + hostile::count();
        anyhow::ensure!(usize::try_from(handoffs) == Ok(expected), "{handoffs} of {expected} requests opened a handoff");
        Ok(used)
    }

    /// A genuine token of each kind, none of which was used.
    async fn genuine(&self) -> anyhow::Result<Genuine> {
        let reader = &self.readers[0];
        let mut paths =
            vec![reader.link.clone(), reader.answer(company::NEED), reader.unsubscribe.clone(), reader.preferences.clone()];
        paths.extend(strangers_confirmations(&self.relay.caught()).into_iter().take(1));
        let person: &str = if self.queue_of("dana").await?.is_empty() { "luc" } else { "dana" };
        paths.extend(self.queue_of(person).await?.into_iter().find(|path| path.starts_with("/h/")));
        paths.extend(self.queue_of("iria").await?.into_iter().find(|path| path.starts_with("/q/")));
        let token = |path: &String| {
            let mut parts = path.split('/').skip(1);
            Some((parts.next()?.chars().next()?, parts.next()?.to_owned()))
        };
        let found: Genuine = paths.iter().filter_map(token).collect();
        anyhow::ensure!(found.len() == 7, "there are tokens of the kinds {:?} alone", found.keys());
        Ok(found)
    }

    /// The pages of a queue's items.
    async fn queue_of(&self, person: &str) -> anyhow::Result<Vec<String>> {
        let said = self.daemon.json(&["queue", person]).await?;
        Ok(said.as_array().into_iter().flatten().filter_map(|item| item["page_url"].as_str().map(path_of)).collect())
    }

    /// An issue comes due while idle connections are open: it leaves, and visitors are answered. Returns how many mails left
    /// meanwhile, and all newsletters.
    async fn issue_beside_idlers(&mut self, size: &Size, leaving: &[Reader]) -> anyhow::Result<(usize, Vec<Caught>)> {
        let mut row = Row::of("idle connections: mail that did not leave");
        let door = self.daemon.door();
        let idle = slow::idle(door, size.idle).await;
        row.looked_at(size.idle);
        let sent = self.relay.count();
        self.database.campaign_seen_until(SystemClock.now() - SignedDuration::from_hours(1)).await?;
        let late = format!("late@idlers{STRANGERS}");
        let visitor = Visitor::at(Ipv4Addr::new(127, 41, 0, 1));
        for answer in [visitor.get(door, "/healthz").await, visitor.post(door, "/f/webinar", &encoded(&[("email", &late)])).await]
        {
            row.holds(answer.status == 200, || format!("a visitor was answered with {}", answer.status));
        }
        // All who had the first letter and did not leave, whoever confirmed, and one who is asked to confirm.
        let expected = self.readers.len() - leaving.len() + 2;
        let arrived = timeout(PATIENCE, self.relay.wait_for(sent + expected)).await;
        let files = self.daemon.open_files()?;
        row.holds(arrived.is_ok(), || format!("{} of {expected} mails left", self.relay.count() - sent));
        row.holds(files + 20 < size.files as usize, || format!("{files} files of {} are open", size.files));
        idle.let_go().await;
        self.database.settled().await?;
        let caught = self.relay.caught();
        let group: Vec<Caught> = caught[sent..].iter().filter(|mail| mails::is_group_mail(mail)).cloned().collect();
        let all = caught.iter().filter(|mail| mails::is_group_mail(mail)).count();
        row.holds(all == group.len(), || format!("{} newsletters left before any was due", all - group.len()));
        let recipients: BTreeSet<&String> = group.iter().flat_map(|mail| &mail.rcpt_to).collect();
        row.holds(recipients.len() == expected - 1, || format!("{} of {} got the issue", recipients.len(), expected - 1));
        row.holds(recipients.len() == group.len(), || format!("{} newsletters went to {} people", group.len(), recipients.len()));
        self.table.add(row);
        Ok((caught.len() - sent, group))
    }

    /// Each unsubscribe is in force, was fast, and no newsletter went to whoever left.
    async fn stopped(&mut self, flooded: &mut Flooded, size: &Size, leaving: &[Reader], group: &[Caught]) -> anyhow::Result<()> {
        let mut row = std::mem::replace(&mut flooded.unsubscribes, Row::of(""));
        let stopped: Vec<(String,)> = self
            .database
            .rows("SELECT address FROM suppressions WHERE reason = 'unsubscribed' AND channel = 'email' AND lifted_at IS NULL")
            .await?;
        for reader in leaving {
            row.holds(stopped.iter().any(|(address,)| *address == reader.address), || {
                "an unsubscribe is not in force".to_owned()
            });
            let went = group.iter().any(|mail| mail.rcpt_to.contains(&reader.address));
            row.holds(!went, || "a newsletter went to whoever had unsubscribed".to_owned());
        }
        row.holds(stopped.len() == leaving.len(), || format!("{} stopped, and {} wanted to", stopped.len(), leaving.len()));
        let p99 = flooded.took.get(flooded.took.len() * 99 / 100).map_or(0, SignedDuration::as_millis);
        row.holds(p99 <= i128::from(size.unsubscribe_ms), || format!("the p99 of an unsubscribe was {p99} ms"));
        self.table.add(row);
        Ok(())
    }

    /// Mails, letters that wait for office hours, addresses that were kept, pages, a terminal, the log.
    async fn read_what_was_written(&self, words: &mut Row) -> anyhow::Result<()> {
        mails::look(&self.relay.caught(), words);
        let letters: Vec<(String, Vec<u8>)> = self.database.rows("SELECT recipient, message FROM letters").await?;
        words.looked_at(letters.len());
        for (recipient, message) in letters {
            let faults = mails::faults(&[recipient], &message);
            for fault in faults {
                words.through(format!("a letter: {fault}"));
            }
        }
        let kept: Vec<(String,)> = self
            .database
            .rows("SELECT address FROM pending_forms UNION SELECT address FROM prospects WHERE address IS NOT NULL")
            .await?;
        for (address,) in kept.into_iter().filter(|(address,)| hostile::is_harmful(address)) {
            words.through(format!("the address {address:?} was kept"));
        }
        let mut pages: BTreeMap<String, String> = BTreeMap::new();
        let reader = Visitor::behind_the_proxy(Ipv4Addr::new(198, 51, 100, 11));
        for person in ["dana", "luc", "iria"] {
            for path in self.queue_of(person).await?.into_iter().take(20) {
                pages.insert(path.clone(), reader.get(self.daemon.door(), &path).await.text);
            }
        }
        words.looked_at(pages.len());
        for fault in pages.values().flat_map(|page| mails::page_faults(page)) {
            words.through(format!("a page: {fault}"));
        }
        for n in 0..hostile::count() {
            let said = self.daemon.verb(&["prospects", "show", &hostile::address(n)]).await?;
            words.holds(!said.chars().any(mails::moves), || format!("text {n} moves the cursor of a terminal"));
        }
        let log = self.daemon.log();
        for secret in [STRANGERS, "albareda-foods", hostile::WORD, "Too many open files", "could not be accepted", "panicked"] {
            words.holds(!log.contains(secret), || format!("{secret:?} is in the log"));
        }
        Ok(())
    }
}

/// Links that ask strangers of the flood to confirm: a few, none of them used.
fn strangers_confirmations(caught: &[Caught]) -> Vec<String> {
    let theirs = caught.iter().rev().filter(|mail| mail.rcpt_to.iter().any(|to| to.contains("@strangers-")));
    theirs.filter_map(|mail| mails::link(mail, "/k/")).take(4).collect()
}

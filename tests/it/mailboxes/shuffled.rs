//! What comes back by mail says the same in whatever order it comes, twice, and days late: ten groups of the same five people, each with the
//! same forty mails, shuffled otherwise.

use crate::replayed::Dice;
use crate::stories::{address, name, somebody, story};
use jiff::SignedDuration;
use nurtured::domain::plan::Plan;
use nurtured::domain::trusted_sources::TrustedSources;
use nurtured::flow::individual::take_mail;
use nurtured::store::doorway::signals;
use nurtured::store::people::{absences, suppressions};
use nurtured::town::Town;
use std::collections::BTreeMap;

const GROUPS: usize = 10;
const PEOPLE: [&str; 5] = ["ada", "bea", "cora", "dora", "eva"];
/// When the three issues have gone out, and when the fourth has not.
const BEGINS: &str = "2026-04-11T08:00:00Z";
const ENDS: &str = "2026-04-30T08:00:00Z";
/// The issues of the series, by a part of their date.
const ISSUES: [&str; 3] = [" Feb ", " Mar ", " Apr "];

/// What a mail is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// From the person themselves.
    Own(&'static str),
    Colleague(&'static str),
    Stranger(&'static str),
    /// A report on the delivery: action, status, and the words of the server.
    Notice(&'static str, &'static str, &'static str),
    /// An automatic reply of this day of April.
    Automatic(u8, &'static str),
    /// A report of spam by this sender.
    Complaint(&'static str),
}
use Kind::{Automatic, Colleague, Complaint, Notice, Own, Stranger};

const GONE: Kind = Notice("failed", "5.1.1", "550 5.1.1 no such user");
const FULL: Kind = Notice("failed", "5.2.2", "552 5.2.2 mailbox full");
const DELAYED: Kind = Notice("delayed", "4.4.1", "451 4.4.1 try later");
const DELIVERED: Kind = Notice("delivered", "2.0.0", "250 2.0.0 taken");
const LEFT: &str = "Ada has left the company. Please write to bo@elsewhere.example.";

/// Whose mail it is, which issue it answers, and what it is.
const MAILS: [(&str, usize, Kind); 40] = [
    ("ada", 0, Own("Please call me on Friday.")),
    ("ada", 1, Own("Interesting, we had that too.")),
    ("ada", 2, Own("Thank you for this one.")),
    ("ada", 0, Colleague("Please call me, I decide this.")),
    ("ada", 1, Stranger("Please call me about a quote.")),
    ("ada", 2, Automatic(8, "I am away until 1 June 2026.")),
    ("ada", 2, Automatic(9, "I am away until 20 May 2026.")),
    ("ada", 2, DELAYED),
    ("bea", 1, GONE),
    ("bea", 1, DELAYED),
    ("bea", 0, Own("We read this in the canteen.")),
    ("bea", 2, Own("Please send me a quote.")),
    ("bea", 2, FULL),
    ("bea", 0, Automatic(7, "I am away until 11 May 2026.")),
    ("bea", 0, Stranger("Take me off your list.")),
    ("bea", 2, Complaint("mallory@elsewhere.example")),
    ("cora", 0, FULL),
    ("cora", 1, FULL),
    ("cora", 2, FULL),
    ("cora", 2, DELIVERED),
    ("cora", 2, DELAYED),
    ("cora", 0, Colleague("She is on another line now.")),
    ("cora", 1, Own("My mailbox is full again, sorry.")),
    ("cora", 2, Stranger("Who are you?")),
    ("dora", 0, Automatic(8, LEFT)),
    ("dora", 1, Automatic(9, LEFT)),
    ("dora", 2, Automatic(10, LEFT)),
    ("dora", 2, DELAYED),
    ("dora", 0, Stranger("Please take me off your list.")),
    ("dora", 1, Colleague("I have her desk now, please call me.")),
    ("dora", 2, Complaint("mallory@elsewhere.example")),
    ("dora", 0, FULL),
    ("eva", 0, Own("Please take me off your list.")),
    ("eva", 1, Own("Please call me instead.")),
    ("eva", 2, Complaint("fbl@provider.example")),
    ("eva", 1, Complaint("fbl@provider.example")),
    ("eva", 2, GONE),
    ("eva", 0, Automatic(10, "I am away until 18 May 2026.")),
    ("eva", 2, Colleague("No interest here.")),
    ("eva", 0, Own("And once more: please take me off your list.")),
];

/// The return path and the Message-ID of each issue to somebody.
type Sent = Vec<(String, String)>;

fn domain(group: usize) -> String {
    format!("company{group}.example")
}

fn sent(town: &Town, who: &str) -> Sent {
    let who = address(who);
    let caught = town.catcher.caught();
    let mails = caught.iter().filter(|mail| mail.rcpt_to == [who.to_string()]);
    let mails: Vec<_> = mails.map(|mail| (mail.mail_from.clone(), String::from_utf8_lossy(&mail.data).into_owned())).collect();
    let header = |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)).expect("a header").to_owned();
    let of = |month: &&str| mails.iter().find(|(_, text)| header(text, "Date: ").contains(*month)).expect("an issue");
    ISSUES.iter().map(of).map(|(path, text)| (path.clone(), header(text, "Message-ID: "))).collect()
}

/// Mail `number` of the forty, as it comes to a group.
fn mail(group: usize, number: usize, sent: &BTreeMap<String, Sent>) -> Vec<u8> {
    let (who, issue, kind) = MAILS[number];
    let domain = domain(group);
    let theirs = format!("{who}@{domain}");
    let (path, id) = &sent[&theirs][issue];
    let answer = |from: &str, more: &str, text: &str| {
        format!(
            "From: <{from}>\nTo: {path}\nMessage-ID: <{number}@{domain}>\nIn-Reply-To: {id}\nSubject: Re: lines\nDate: {}\n{more}\n{text}\n",
            "Wed, 08 Apr 2026 09:00:00 +0000"
        )
    };
    let report = |from: &str, of: &str, parts: &str| {
        format!(
            "From: <{from}>\nTo: {path}\nMessage-ID: <{number}@{domain}>\nSubject: report\nDate: Wed, 08 Apr 2026 09:00:00 +0000\n\
             MIME-Version: 1.0\nContent-Type: multipart/report; report-type={of}; boundary=b\n\n--b\n{parts}\n--b--\n"
        )
    };
    let text = match kind {
        Own(text) => answer(&theirs, "", text),
        Colleague(text) => answer(&format!("chef@{domain}"), "", text),
        Stranger(text) => answer("mallory@elsewhere.example", "", text),
        Notice(action, status, words) => {
            let parts = format!(
                "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.{domain}\n\nFinal-Recipient: rfc822; {theirs}\n\
                 Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n"
            );
            report(&format!("mailer-daemon@mx.{domain}"), "delivery-status", &parts)
        }
        Automatic(day, text) => {
            let mail = answer(&theirs, "Auto-Submitted: auto-replied\n", text);
            mail.replace("08 Apr 2026 09:00", &format!("{day:02} Apr 2026 07:00")).replace("Wed, ", "")
        }
        Complaint(from) => {
            let parts = format!(
                "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Mail-From: <{path}>\n\n\
                 --b\nContent-Type: text/rfc822-headers\n\nSubject: x\n"
            );
            report(from, "feedback-report", &parts)
        }
    };
    text.replace('\n', "\r\n").into_bytes()
}

/// What is known of a group in the end, in words that are the same for each.
async fn state(town: &Town, group: usize) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    let mut told = Vec::new();
    for who in PEOPLE {
        let theirs = address(&format!("{who}@{}", domain(group)));
        let prospect = town.prospect(&theirs).await?;
        let verdicts = town.verdicts(&theirs).await?;
        let met = (verdicts.met(), verdicts.newest_human_at().is_some());
        told.push(format!("{who} is {:?}, stopped by {:?}, {met:?}", prospect.standing, prospect.mail_stop));
        told.extend(town.handoffs_of(&theirs).await?.iter().map(|handoff| format!("{who} handed over: {:?}", handoff.cause)));
        let mut tx = town.node.ctx.store().read().await?;
        let away = absences::of(&mut tx, prospect.id, town.now()).await?;
        told.push(format!("{who} is away until {away:?}"));
        let stops = suppressions::of(&mut tx, &[&theirs]).await?;
        let mut stops: Vec<_> = stops.iter().map(|stop| format!("{who}: {:?} {:?}", stop.channel, stop.reason)).collect();
        stops.sort();
        told.append(&mut stops);
        let all = signals::of(&mut tx, &[prospect.id]).await?.remove(&prospect.id).unwrap_or_default();
        let mut all: Vec<_> = all.iter().map(|signal| format!("{who}: of {:?}, {:?}", signal.issue, signal.detail)).collect();
        all.sort();
        told.append(&mut all);
    }
    Ok(told.iter().map(|line| line.replace(&domain(group), "company.example")).collect())
}

story!(what_comes_back_shuffled_repeated_and_late_gives_the_same_state, |town| {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.trusted_sources =
        TrustedSources { complaints: vec!["provider.example".to_owned()], ..TrustedSources::default() };
    town.node.ctx.replace_plan(plan)?;
    let everybody: Vec<String> = (0..GROUPS).flat_map(|group| PEOPLE.map(|who| format!("{who}@{}", domain(group)))).collect();
    let arrivals: Vec<_> = everybody
        .iter()
        .map(|who| {
            let mut person = somebody(who);
            person.company = None;
            // Of one campaign only.
            person.fields.remove(&name("country"));
            person
        })
        .collect();
    town.admit(&arrivals, "card").await?;
    town.pass_to(BEGINS).await?;
    let sent: BTreeMap<String, Sent> = everybody.iter().map(|who| (who.clone(), sent(&town, who))).collect();

    // Every mail of every group once, some of them twice, in one order for all; the first group's among them as they stand.
    let mut dice = Dice(0x5EED);
    let mut order: Vec<(usize, usize)> = (0..MAILS.len()).map(|number| (0, number)).collect();
    let mut others: Vec<(usize, usize)> =
        (1..GROUPS).flat_map(|group| (0..MAILS.len()).map(move |number| (group, number))).collect();
    let again: Vec<_> = others.iter().copied().filter(|_| dice.throw(4) == 0).collect();
    others.extend(again);
    for last in (1..others.len()).rev() {
        others.swap(last, dice.throw(last + 1));
    }
    order.extend(others);
    let pause = order.len() / 10;
    for (place, (group, number)) in order.into_iter().enumerate() {
        if place % pause == pause - 1 {
            // Time passes, and what was said so far has its consequences.
            town.pass_until(town.now() + SignedDuration::from_hours(36)).await?;
        }
        let taken = take_mail::read(mail(group, number, &sent)).await;
        take_mail::take(&town.node.ctx, &taken, None).await?;
    }
    town.pass_to(ENDS).await?;
    let first = state(&town, 0).await?;
    for (who, what) in [("ada", "Request"), ("bea", "Bounced"), ("cora", "Bounced"), ("dora", "Bounced"), ("eva", "Complained")] {
        assert!(first.iter().any(|line| line.starts_with(who) && line.contains(what)), "{who} {what}: {first:#?}");
    }
    for group in 1..GROUPS {
        let other = state(&town, group).await?;
        let differs: Vec<_> = first.iter().filter(|line| !other.contains(line)).collect();
        let instead: Vec<_> = other.iter().filter(|line| !first.contains(line)).collect();
        assert_eq!(first, other, "group {group}: {differs:#?} is {instead:#?}");
    }
    Ok(())
});

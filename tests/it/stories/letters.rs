//! Letters to our own people: none is lost behind a relay that dislikes us, and whoever is to know that one waits does.

use super::enquiries::{Fallible, OURS, mailbox};
use super::{Told, address, name, somebody, story};
use jiff::Timestamp;
use nurtured::domain::span::Span;
use nurtured::flow::individual::resend;
use nurtured::insight::doctor::finding::{Finding, State};
use nurtured::insight::doctor::outbox::outbox;
use nurtured::store::individual::letters::{self, OutboxState, Unsent};
use nurtured::town::Town;

/// A working morning, on which no newsletter is due for a while.
const MORNING: &str = "2026-01-20T08:00:00Z";

/// Every mailbox of ours answers like this.
fn refuse(town: &Town, code: u16, text: &str) {
    OURS.map(name).iter().for_each(|who| town.catcher.refuse(mailbox(town, who).as_str(), code, text));
}

fn relent(town: &Town) {
    OURS.map(name).iter().for_each(|who| town.catcher.relent(mailbox(town, who).as_str()));
}

/// Ada, whom we know, asks for a person and confirms it: one letter is written.
async fn ask(town: &Town) -> Told {
    town.admit(&[somebody("ada@albareda.example")], "card").await?;
    let fields = [("email", "ada@albareda.example"), ("name", "Ada Bosch"), ("phone", "+34 600 100 200")];
    town.fill_in("call-me", &fields).await?;
    town.run_until_idle().await?;
    Ok(())
}

/// The letters that our people got, as they were on the wire: those that offer Ada.
fn got(town: &Town) -> Vec<String> {
    let texts = town.catcher.caught().into_iter().map(|mail| String::from_utf8_lossy(&mail.data).into_owned());
    texts.filter(|mail| header(mail, "Message-ID").starts_with("<handoff-")).collect()
}

/// The letter that offers Ada, while it is not sent.
async fn offer(town: &Town) -> Fallible<Unsent> {
    let mut offers = resend::unsent(&town.node.ctx).await?;
    offers.retain(|letter| letter.kind == "handoff");
    assert_eq!(offers.len(), 1, "{offers:?}");
    Ok(offers.remove(0))
}

fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

async fn standing(town: &Town) -> Fallible<OutboxState> {
    let mut tx = town.node.ctx.store().read().await?;
    Ok(letters::standing(&mut tx, resend::since(town.now()), town.now()).await?)
}

async fn finding(town: &Town) -> Fallible<Finding> {
    Ok(outbox(town.node.ctx.store(), town.now()).await?)
}

async fn wait(town: &Town, span: Span) -> Fallible<Timestamp> {
    town.pass_until(span.after(town.now())).await?;
    Ok(town.now())
}

story!(a_letter_that_policy_refuses_waits_alarms_and_arrives, |town| {
    town.pass_to(MORNING).await?;
    refuse(&town, 550, "5.7.1 message refused by policy");
    ask(&town).await?;
    let asked_at = town.now();
    assert_eq!((got(&town).len(), finding(&town).await?.state), (0, State::Well));
    wait(&town, Span::hours(10)).await?;
    let waits = finding(&town).await?;
    assert!(waits.state == State::Wrong && waits.says.contains("to our own people wait"), "{waits:?}");
    let waits = offer(&town).await?;
    assert!(waits.failed_at.is_none() && waits.reply.as_deref().is_some_and(|words| words.contains("5.7.1")), "{waits:?}");
    // At once, after five minutes, fifteen, an hour and three, then every eight: as a newsletter.
    assert_eq!(waits.tries, 5, "{waits:?}");
    relent(&town);
    wait(&town, Span::hours(9)).await?;
    let arrived = got(&town);
    assert_eq!((arrived.len(), finding(&town).await?.state, resend::unsent(&town.node.ctx).await?), (1, State::Well, vec![]));
    assert_eq!(header(&arrived[0], "Date"), nurtured::mail::header::date(asked_at), "the date of the first try");
    Ok(())
});

story!(a_letter_that_failed_is_listed_and_leaves_again_with_the_same_bytes, |town| {
    town.pass_to(MORNING).await?;
    refuse(&town, 554, "5.6.0 we do not like this");
    ask(&town).await?;
    let asked_at = town.now();
    wait(&town, Span::hours(60)).await?;
    let failed = finding(&town).await?;
    assert!(failed.state == State::Wrong && failed.says.contains("failed in thirty days"), "{failed:?}");
    let figures = crate::stories::door::monitor(&town, "/metrics").await.body;
    assert!(figures.contains("nurtured_letters_failed ") && !figures.contains("nurtured_letters_failed 0\n"), "{figures}");
    let listed = offer(&town).await?;
    assert!(listed.failed_at.is_some() && listed.next_at.is_none(), "{listed:?}");
    relent(&town);
    wait(&town, Span::hours(60)).await?;
    assert_eq!(got(&town).len(), 0, "not by itself");
    assert!(resend::failed(&town.node.ctx).await? >= 1);
    town.run_until_idle().await?;
    let arrived = got(&town);
    assert_eq!((arrived.len(), header(&arrived[0], "Message-ID")), (1, listed.message_id.as_str()));
    assert_eq!(header(&arrived[0], "Date"), nurtured::mail::header::date(asked_at), "the date of the first try");
    assert_eq!((standing(&town).await?.failed, resend::failed(&town.node.ctx).await?), (0, 0));
    // One that the relay took and lost goes again, by its number.
    resend::one(&town.node.ctx, listed.id).await?;
    town.run_until_idle().await?;
    let again = got(&town);
    assert!(again.len() == 2 && again[0] == again[1], "the same bytes");
    Ok(())
});

story!(a_refused_login_keeps_every_letter_for_as_long_as_it_takes, |town| {
    town.pass_to(MORNING).await?;
    refuse(&town, 535, "5.7.8 authentication failed");
    ask(&town).await?;
    wait(&town, Span::days(6)).await?;
    let standing = standing(&town).await?;
    assert!(standing.waiting >= 1 && standing.failed == 0, "{standing:?}");
    let tries: i64 = resend::unsent(&town.node.ctx).await?.iter().map(|letter| letter.tries).sum();
    assert!(tries <= 6 * 24 + 20, "one try an hour for all of them, or the relay locks us out: {tries}");
    relent(&town);
    wait(&town, Span::hours(1)).await?;
    assert_eq!(resend::unsent(&town.node.ctx).await?, []);
    assert!(!got(&town).is_empty());
    Ok(())
});

story!(a_letter_to_a_mailbox_that_is_gone_fails_at_once_and_says_so, |town| {
    town.pass_to(MORNING).await?;
    refuse(&town, 550, "5.1.1 no such user");
    ask(&town).await?;
    let failed = finding(&town).await?;
    assert!(failed.state == State::Wrong && failed.says.contains("1 letters to our own people failed"), "{failed:?}");
    // Whom nobody of ours asked to write to is no alarm.
    town.catcher.refuse("nobody@unknown.example", 550, "5.1.1 no such user");
    town.type_in("call-me", &[("email", "nobody@unknown.example"), ("message", "hello")]).await?;
    town.run_until_idle().await?;
    let failed: Vec<_> = resend::unsent(&town.node.ctx).await?.into_iter().filter(|letter| letter.failed_at.is_some()).collect();
    let to_ours = failed.iter().filter(|letter| letter.kind != "confirmation").count();
    assert!(to_ours < failed.len(), "the question to a stranger failed too: {failed:?}");
    assert_eq!(usize::try_from(standing(&town).await?.failed)?, to_ours);
    Ok(())
});

story!(a_handoff_asks_for_an_answer_and_what_nobody_wrote_does_not, |town| {
    town.pass_to(MORNING).await?;
    town.admit(&[somebody("bo@albareda.example")], "card").await?;
    ask(&town).await?;
    let who = address("ada@albareda.example");
    town.sell(&who, nurtured::flow::individual::follow_up::Action::Accept).await?;
    town.pass_to("2026-03-10T08:00:00Z").await?;
    let mut seen = std::collections::BTreeMap::new();
    for mail in town.catcher.caught() {
        let text = String::from_utf8_lossy(&mail.data).into_owned();
        let id = header(&text, "Message-ID").trim_start_matches('<').split('-').next().unwrap_or_default().to_owned();
        let what = if text.contains("\r\nList-Id:") { "newsletter".to_owned() } else { id };
        let is_marked = text.contains("\r\nAuto-Submitted: auto-generated\r\n");
        assert_eq!(*seen.entry(what.clone()).or_insert(is_marked), is_marked, "{what}");
    }
    for (what, marked) in
        [("newsletter", false), ("handoff", false), ("reminder", false), ("change", true), ("confirmation", true)]
    {
        assert_eq!(seen.get(what), Some(&marked), "{what}: {seen:?}");
    }
    Ok(())
});

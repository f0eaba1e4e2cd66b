//! What mail systems report of a mail, and what becomes of the address.

use super::receive::arrives;
use super::{Told, address, somebody, story};
use jiff::SignedDuration;
use nurtured::domain::address::Address;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::individual::receive::Received;
use nurtured::flow::operations::manual_stop;
use nurtured::town::Town;

const QUIET: &str = "2026-01-20T08:00:00Z";

/// The return path of this person's newsletter of this number, from 0, once it is sent.
async fn path_of(town: &Town, who: &Address, number: usize) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let sent = || town.catcher.caught().into_iter().filter(|c| c.rcpt_to == [who.to_string()]).nth(number);
    let mut at = town.now();
    while sent().is_none() {
        at += SignedDuration::from_hours(24);
        town.pass_until(at).await?;
    }
    Ok(sent().expect("a newsletter").mail_from)
}

fn notice(to: &str, id: usize, about: &Address, said: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example (Mail Delivery System)\nTo: {to}\nMessage-ID: <n{id}@relay.example>\n\
         Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\nThis is the mail system at host relay.example.\n\n<{about}>: {said}\n"
    )
}

async fn three(town: &Town, said: [&str; 3]) -> Told {
    let ada = address("ada@albareda.example");
    town.pass_to(QUIET).await?;
    town.admit(&[somebody(ada.as_str())], "card").await?;
    for (number, said) in said.into_iter().enumerate() {
        let path = path_of(town, &ada, number).await?;
        assert_eq!(town.prospect(&ada).await?.mail_stop, None, "before issue {number}");
        let taken = arrives(town, &notice(&path, number, &ada, said)).await?;
        assert_eq!((taken.what, taken.new), (Received::Bounce, true), "{said}");
    }
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Bounced), "three in a row");
    Ok(())
}

story!(a_full_mailbox_is_not_a_dead_one, |town| {
    let full = "host correo.albareda.example[192.0.2.31] said: 552 El buzón no tiene espacio libre, pruebe otro día";
    three(&town, [full, full, full]).await?;
    let ada = address("ada@albareda.example");
    manual_stop::lift(&town.node.ctx, &ada, Channel::Email, "she made room").await?;
    assert_eq!(town.prospect(&ada).await?.mail_stop, None, "lifted, with its reason");
    Ok(())
});

story!(a_mailbox_that_nothing_reaches_for_three_issues_gets_no_fourth, |town| {
    let gone_silent = [
        "connect to mx.albareda.example[192.0.2.7]:25: Connection timed out (4.4.1)",
        "host mx.albareda.example[192.0.2.7] refused to talk to me: 421 too many sessions, come back later",
        "450 4.2.0 greylisted; delivery time expired",
    ];
    three(&town, gone_silent).await?;
    Ok(())
});

story!(a_report_that_a_mail_arrived_means_nothing, |town| {
    let ada = address("ada@albareda.example");
    town.pass_to(QUIET).await?;
    town.admit(&[somebody(ada.as_str())], "card").await?;
    let path = path_of(&town, &ada, 0).await?;
    for action in ["delivered", "relayed", "expanded"] {
        let report =
            crate::stories::receive::bounce(&path, ada.as_str(), action, "2.1.5").replace("550 no such user", "250 taken");
        let taken = arrives(&town, &report).await?;
        assert_eq!((taken.what, taken.new), (Received::Nothing, false), "{action}");
    }
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    Ok(())
});

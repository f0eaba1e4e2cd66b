//! Mail that comes back: bounces, replies, complaints, and mails that imitate one.

use super::whose::trusting;
use super::{FIRST_ISSUE, Told, address, name, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::suppression::StopReason;
use nurtured::domain::trusted_sources::TrustedSources;
use nurtured::flow::individual::receive::{Receipt, Received, receive};
use nurtured::inbox::mail::bounce;
use nurtured::store::operations::counts;
use nurtured::town::Town;

/// Ada has had her first newsletter. Returns its return path and its Message-ID.
pub(super) async fn written_to(town: &Town, who: &Address) -> Result<(String, String), Box<dyn std::error::Error + Send + Sync>> {
    town.admit(&[somebody(who.as_str())], "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let caught = town.catcher.caught().into_iter().find(|c| c.rcpt_to == [who.to_string()]).expect("a newsletter");
    let text = String::from_utf8_lossy(&caught.data).into_owned();
    let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("an id").to_owned();
    Ok((caught.mail_from, id))
}

pub(super) async fn arrives(town: &Town, raw: &str) -> Result<Receipt, Box<dyn std::error::Error + Send + Sync>> {
    Ok(receive(&town.node.ctx, &bounce::read(raw.replace('\n', "\r\n").as_bytes())?).await?)
}

async fn signals(town: &Town) -> Result<i64, Box<dyn std::error::Error + Send + Sync>> {
    let mut tx = town.node.ctx.store().read().await?;
    Ok(counts::summary(&mut tx).await?.signals)
}

pub(super) fn bounce(to: &str, about: &str, action: &str, status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.albareda.example\nTo: {to}\nMessage-ID: <dsn-{action}@mx.albareda.example>\nSubject: Undelivered\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.albareda.example\n\n\
         Final-Recipient: rfc822; {about}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; 550 no such user\n\n--b--\n"
    )
}

pub(super) fn reply(from: &str, to: &str, id: &str, answers: &str, subject: &str, text: &str) -> String {
    format!("From: {from}\nTo: {to}\nMessage-ID: <{id}>\nIn-Reply-To: {answers}\nSubject: {subject}\n\n{text}\n")
}

story!(a_bounce_stops_only_under_our_own_token, |town| {
    let ada = address("ada@albareda.example");
    let (path, _) = written_to(&town, &ada).await?;
    let before = signals(&town).await?;
    for forged in ["bounces@news.tecnofab.example".to_owned(), path.replace('+', "+a")] {
        let taken = arrives(&town, &bounce(&forged, ada.as_str(), "failed", "5.1.1")).await?;
        assert_eq!((taken.what, taken.new), (Received::Nothing, false), "{forged}");
    }
    assert_eq!(signals(&town).await?, before);
    // A delay is noted and stops nobody.
    let taken = arrives(&town, &bounce(&path, ada.as_str(), "delayed", "4.4.1")).await?;
    assert_eq!((taken.what, taken.new), (Received::Bounce, true));
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);

    let gone = bounce(&path.to_uppercase(), ada.as_str(), "failed", "5.1.1");
    assert!(arrives(&town, &gone).await?.new);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Bounced));
    assert!(!arrives(&town, &gone).await?.new, "the same mail twice");
    assert_eq!(signals(&town).await?, before + 2);
    Ok(())
});

story!(a_human_reply_reaches_the_colleague_of_its_campaign, |town| {
    let ada = address("ada@albareda.example");
    let (_, id) = written_to(&town, &ada).await?;
    let marta = address("marta@tecnofab.example");
    let raw =
        reply("Ada <ada@albareda.example>", marta.as_str(), "one@albareda.example", &id, "Re: stops", "Ours stood still a week.");
    let taken = arrives(&town, &raw).await?;
    assert_eq!((taken.what, taken.new), (Received::Reply, true), "{taken:?}");
    assert!(!arrives(&town, &raw).await?.new, "the same mail twice");
    town.run_until_idle().await?;
    let letters = town.mails_to(&marta);
    assert_eq!(letters.len(), 1);
    let caught = town.catcher.caught();
    let letter = String::from_utf8_lossy(&caught.last().expect("a letter").data).into_owned();
    assert!(letter.contains("Reply-To:") && letter.contains("ada@albareda.example"), "{letter}");
    assert!(letter.contains("Ours stood still a week."), "{letter}");
    assert!(town.verdicts(&ada).await?.newest_human_at().is_some(), "an answer is a person's act");
    Ok(())
});

story!(who_writes_without_a_token_reaches_the_manager, |town| {
    let (ada, iria) = (address("ada@albareda.example"), address("iria@tecnofab.example"));
    written_to(&town, &ada).await?;
    let to = "letter@news.tecnofab.example";
    let known = reply("Ada <ADA@albareda.example>", to, "two@albareda.example", "<lost@x.example>", "Hello", "A question.");
    assert!(arrives(&town, &known).await?.words.contains("passed on to iria"));
    let before = signals(&town).await?;
    let ours = "dana@tecnofab.example";
    let taken = arrives(&town, &reply(ours, to, "three@x.example", "<lost@x.example>", "Hello", "Hello")).await?;
    assert_eq!((taken.what, taken.new), (Received::Nothing, false), "one of our own people");
    assert_eq!(signals(&town).await?, before);
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&iria).len(), 1);
    Ok(())
});

story!(the_reply_of_a_lead_goes_to_their_salesperson, |town| {
    let ada = address("ada@albareda.example");
    let (_, id) = written_to(&town, &ada).await?;
    let asks =
        reply("ada@albareda.example", "marta@tecnofab.example", "one@albareda.example", &id, "Re: stops", "Please call me");
    arrives(&town, &asks).await?;
    town.run_until_idle().await?;
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!(handoff.cause, Cause::Request, "a reply that says call asks for a person");
    let salesperson = handoff.salesperson.clone();
    let again =
        reply("ada@albareda.example", "marta@tecnofab.example", "two@albareda.example", &id, "Re: stops", "Tomorrow at ten");
    assert!(arrives(&town, &again).await?.words.contains(&format!("passed on to {salesperson}")));
    assert_ne!(salesperson, name("marta"));
    Ok(())
});

story!(a_complaint_stops_and_an_absence_does_not, |town| {
    let ada = address("ada@albareda.example");
    let (path, id) = written_to(&town, &ada).await?;
    let complaints = vec!["fbl@provider.example".to_owned()];
    trusting(&town, TrustedSources { complaints, ..TrustedSources::default() })?;
    let away = reply("ada@albareda.example", &path, "away@albareda.example", &id, "Automatic reply: away", "Back in May");
    assert_eq!(arrives(&town, &away).await?.what, Received::AutoReply);
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    assert_eq!(town.verdicts(&ada).await?.newest_human_at(), None, "a machine answered");
    let complaint = |path: &str, kind: &str| {
        format!(
            "From: <fbl@provider.example>\nTo: <abuse@news.tecnofab.example>\nMessage-ID: <{kind}@provider.example>\nSubject: FW\n\
             MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: x/1\nVersion: 1\n\
             Original-Mail-From: <{path}>\n\n--b\nContent-Type: text/rfc822-headers\n\nSubject: x\n\n--b--\n"
        )
    };
    assert!(!arrives(&town, &complaint("bounces@news.tecnofab.example", "abuse")).await?.new, "no token");
    assert!(!arrives(&town, &complaint(&path, "auth-failure")).await?.new, "that is about us");
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    assert!(arrives(&town, &complaint(&path, "abuse")).await?.new);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Complained));
    told_nothing_else(&town).await
});

/// Nobody of ours was written to.
async fn told_nothing_else(town: &Town) -> Told {
    town.run_until_idle().await?;
    for ours in ["marta@tecnofab.example", "iria@tecnofab.example"] {
        assert!(town.mails_to(&address(ours)).is_empty(), "{ours}");
    }
    Ok(())
}

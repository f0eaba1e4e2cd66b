//! Automatic mail: what a mailbox answers by itself engages nobody, puts off what follows, and says who has left.

use super::receive::{arrives, reply};
use super::second_thoughts::NEXT_ISSUE;
use super::{FIRST_ISSUE, address, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::individual::receive::Received;
use nurtured::town::Town;

const MARTA: &str = "marta@tecnofab.example";

type Found<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The Message-ID of the newest newsletter to somebody, in its brackets.
fn newest_id(town: &Town, who: &Address) -> Found<String> {
    let id = town.newest_to(who)?.message_id;
    Ok(format!("<{}>", id.trim_matches(['<', '>'])))
}

/// An automatic reply of a mailbox to the newest newsletter it got.
fn automatic(town: &Town, from: &str, id: &str, dated: &str, subject: &str, text: &str) -> Found<String> {
    let answers = newest_id(town, &address(from))?;
    Ok(format!("Date: {dated}\nAuto-Submitted: auto-replied\n{}", reply(from, MARTA, id, &answers, subject, text)))
}

fn newsletters(town: &Town, who: &Address) -> usize {
    town.mails_to(who).len()
}

story!(the_office_is_closed_until_monday_and_the_letter_waits, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "card").await?;
    town.pass_to("2026-03-02T10:00:00Z").await?;
    let (of_ada, of_bea) = (newsletters(&town, &ada), newsletters(&town, &bea));
    // It is Monday, 2 March. That it says "call" asks nobody for a call.
    let text = "Thank you for your message. Our office is closed until Monday. In urgent cases please call our office.";
    let mail = automatic(&town, ada.as_str(), "away@albareda.example", "Mon, 2 Mar 2026 11:00:00 +0100", "Closed", text)?;
    assert_eq!(arrives(&town, &mail).await?.what, Received::AutoReply);
    assert!(!arrives(&town, &mail).await?.new, "the same mail again");
    town.run_until_idle().await?;
    assert!(town.handoffs_of(&ada).await?.is_empty() && town.verdicts(&ada).await?.newest_human_at().is_none());

    town.pass_to(NEXT_ISSUE).await?;
    assert_eq!((newsletters(&town, &ada), newsletters(&town, &bea)), (of_ada, of_bea + 1), "hers waits");
    let explanation = town.explain(&ada, None).await?;
    assert_eq!(explanation.away_until.map(|at| at.to_string()).as_deref(), Some("2026-03-09T00:00:00Z"));
    assert_eq!(town.explain(&bea, None).await?.away_until, None);
    town.pass_to("2026-03-08T20:00:00Z").await?;
    assert_eq!(newsletters(&town, &ada), of_ada, "Sunday");
    town.pass_to("2026-03-09T12:00:00Z").await?;
    assert_eq!(
        (newsletters(&town, &ada), newsletters(&town, &bea)),
        (of_ada + 1, of_bea + 1),
        "Monday, at the hour of the campaign"
    );
    assert_eq!(town.explain(&ada, None).await?.away_until, None);
    Ok(())
});

story!(an_absence_without_end_puts_off_for_sixty_days_and_one_letter_waits, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to("2026-03-02T10:00:00Z").await?;
    let before = newsletters(&town, &ada);
    let text = "I am on parental leave until 1 September 2027.";
    let mail = automatic(&town, ada.as_str(), "leave@albareda.example", "Mon, 2 Mar 2026 11:00:00 +0100", "Away", text)?;
    arrives(&town, &mail).await?;
    // Two issues of the series fall into it.
    town.pass_to("2026-04-30T12:00:00Z").await?;
    assert_eq!(newsletters(&town, &ada), before);
    town.pass_to("2026-05-02T12:00:00Z").await?;
    assert_eq!(newsletters(&town, &ada), before + 1, "the first; the second was skipped, and is due again");
    town.pass_to("2026-05-06T12:00:00Z").await?;
    assert_eq!(newsletters(&town, &ada), before + 2, "the next issue");
    Ok(())
});

story!(who_is_away_is_known_by_their_mailbox_whatever_sorts_its_mail, |town| {
    let ada = address("ada+news@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to("2026-03-02T10:00:00Z").await?;
    let before = newsletters(&town, &ada);
    let text = "I am out of the office until 20 March 2026.";
    let mail = automatic(&town, ada.as_str(), "away@albareda.example", "Mon, 2 Mar 2026 11:00:00 +0100", "Away", text)?;
    arrives(&town, &mail.replace(&format!("From: {ada}"), "From: ada@albareda.example")).await?;
    town.pass_to(NEXT_ISSUE).await?;
    assert_eq!(newsletters(&town, &ada), before);
    Ok(())
});

story!(who_was_forwarded_to_and_is_away_puts_off_nothing, |town| {
    let (ada, bea) = (address("ada@albareda.example"), "bea@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to("2026-03-02T10:00:00Z").await?;
    let before = newsletters(&town, &ada);
    let text = "I am out of the office until Monday.";
    let mail = automatic(&town, ada.as_str(), "bea@albareda.example", "Mon, 2 Mar 2026 11:00:00 +0100", "Away", text)?;
    let mail = mail.replace(&format!("From: {ada}"), &format!("From: {bea}"));
    assert_eq!(arrives(&town, &mail).await?.what, Received::AutoReply);
    town.pass_to(NEXT_ISSUE).await?;
    assert_eq!(newsletters(&town, &ada), before + 1);
    Ok(())
});

story!(she_has_left_the_company, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let before = newsletters(&town, &ada);
    let text = "Ada Vega no longer works for Albareda. Please write to bea.coll@albareda.example instead.";
    let left = |town: &Town, id: &str, dated: &str| automatic(town, ada.as_str(), id, dated, "Automatic reply: stops", text);
    let notes = |town: &Town| {
        let of = town.mails_to(&address(MARTA)).into_iter();
        of.filter(|mail| mail.text.contains("has left the company")).collect::<Vec<_>>()
    };
    let mail = left(&town, "left-1@albareda.example", "Tue, 3 Feb 2026 10:31:00 +0100")?;
    assert!(arrives(&town, &mail).await?.words.contains("has left the company"));
    // The mailbox says so again to the same issue: that is no second one.
    arrives(&town, &left(&town, "left-2@albareda.example", "Tue, 3 Feb 2026 10:32:00 +0100")?).await?;
    town.run_until_idle().await?;
    let first = notes(&town);
    assert!(first.len() == 1 && first[0].text.contains("bea.coll@albareda.example"), "the colleague hears whom to write to");
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);

    town.pass_to(NEXT_ISSUE).await?;
    assert_eq!(newsletters(&town, &ada), before + 1);
    arrives(&town, &left(&town, "left-3@albareda.example", "Tue, 3 Mar 2026 10:31:00 +0100")?).await?;
    town.run_until_idle().await?;
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Bounced));
    assert_eq!(notes(&town).len(), 2);
    assert!(town.handoffs_of(&ada).await?.is_empty());
    Ok(())
});

story!(a_rule_that_forwards_is_still_a_person, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let id = newest_id(&town, &ada)?;
    // Microsoft 365 marks what a rule of the colleague's mailbox passes on.
    let rule = "Resent-From: <marta@tecnofab.example>\nAuto-Submitted: auto-generated\n\
        X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\nList-Id: <sales.tecnofab.example>\nPrecedence: list\n";
    let mail =
        format!("{rule}{}", reply(ada.as_str(), MARTA, "asks@albareda.example", &id, "Re: stops", "Please call me tomorrow."));
    assert_eq!(arrives(&town, &mail).await?.what, Received::Reply);
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.remove(0).cause, Cause::Request);
    Ok(())
});

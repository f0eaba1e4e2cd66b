//! An answer that finds its mail by the address it was sent to, because the relay gave our mail another Message-ID.

use super::receive::{arrives, bounce, reply};
use super::whose::{ADA, MARTA, complaint, nothing_follows, our_server, trusting};
use super::{FIRST_ISSUE, Told, address, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::plan::Plan;
use nurtured::flow::individual::receive::Received;
use nurtured::town::Town;

/// What Amazon SES writes in place of our Message-ID.
const RENAMED: &str = "<0102018f7c1e-000000@eu-west-1.amazonses.com>";
const BOB: &str = "bob@elsewhere.example";

/// Answers come to an address of ours from now on.
fn answers_return(town: &Town) -> Told {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.smtp.reply_address = Some(address("replies@news.tecnofab.example"));
    Ok(town.node.ctx.replace_plan(plan)?)
}

/// Whom the newest newsletter to somebody names to be answered.
fn answered_at(town: &Town, who: &Address) -> Result<String, String> {
    let caught = town.catcher.caught().into_iter().rev().find(|mail| mail.rcpt_to == [who.to_string()]).ok_or("no mail")?;
    let text = String::from_utf8_lossy(&caught.data).into_owned();
    let (_, behind) = text.split_once("\r\nReply-To: ").ok_or("no Reply-To")?;
    Ok(behind.replace("\r\n ", " ").replace('"', "").lines().next().unwrap_or_default().to_owned())
}

/// Both have had their first newsletter; returns the addresses at which it is answered.
async fn both_written_to(town: &Town) -> Result<[String; 2], Box<dyn std::error::Error + Send + Sync>> {
    answers_return(town)?;
    town.admit(&[somebody(ADA), somebody(BOB)], "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let bare = |who: &str| -> Result<String, String> {
        let named = answered_at(town, &address(who))?;
        let (_, behind) = named.split_once('<').ok_or("no brackets")?;
        Ok(behind.trim_end_matches('>').to_owned())
    };
    Ok([bare(ADA)?, bare(BOB)?])
}

story!(a_reply_is_whose_the_reply_address_says_though_the_relay_renamed_our_mail, |town| {
    let ada = address(ADA);
    let [hers, bobs] = both_written_to(&town).await?;
    let whole = answered_at(&town, &ada)?;
    assert!(whole.starts_with("Marta Vidal <replies+") && whole.ends_with("@news.tecnofab.example>"), "{whole}");
    assert!(hers != bobs && hers.split('@').next().is_some_and(|local| local.len() <= 64), "{hers}");
    // A program may write it in capitals, and a server name whom it was for in a header of its own alone.
    let says = |to: &str, id: &str, text: &str| reply("Ada <ada@albareda.example>", to, id, RENAMED, "Re: stops", text);
    let shouted = says(&format!("\"Marta Vidal\" <{}>", hers.to_uppercase()), "1@x.example", "Ours stood still for a week.");
    let taken = arrives(&town, &shouted).await?;
    assert_eq!((taken.what, taken.new, taken.prospect), (Received::Reply, true, Some(town.prospect(&ada).await?.id)));
    assert!(!arrives(&town, &shouted).await?.new, "once");
    for (n, header) in ["Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To", "Cc"].iter().enumerate() {
        let raw = says("undisclosed-recipients:;", &format!("2{n}@x.example"), &format!("Ours stood still for {n} days."));
        let taken = arrives(&town, &format!("{header}: {hers}\n{raw}")).await?;
        assert!(taken.new && taken.words.contains("passed on to marta") && !taken.words.contains("verified"), "{taken:?}");
    }
    town.run_until_idle().await?;
    // Marta hears of it as of any reply, and answering her letter answers Ada.
    let letter = town.newest_to(&address(MARTA))?;
    assert!(letter.text.contains("It answers our mail from their own address."), "{}", letter.text);
    assert!(answered_at(&town, &address(MARTA))?.ends_with("<ada@albareda.example>"));
    assert!(town.verdicts(&ada).await?.newest_human_at().is_some());
    arrives(&town, &says(&hers, "3@x.example", "Please call me.")).await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.first().map(|handoff| handoff.cause), Some(Cause::Request));
    // Without the setting nothing is changed: whoever the campaign names is answered themselves.
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.smtp.reply_address = None;
    town.node.ctx.replace_plan(plan)?;
    town.pass_to("2026-03-03T09:30:00Z").await?;
    assert_eq!(answered_at(&town, &address(BOB))?, format!("Marta Vidal <{MARTA}>"));
    Ok(())
});

story!(whoever_has_the_reply_address_of_a_mail_sent_on_proves_asks_and_stops_nothing, |town| {
    let ada = address(ADA);
    let [hers, bobs] = both_written_to(&town).await?;
    trusting(&town, our_server())?;
    let asks = |from: &str, to: &str| reply(from, to, "x@evil.example", RENAMED, "Re: stops", "Please call me");
    let token = hers.trim_start_matches("replies+").split('@').next().unwrap_or_default();
    let tampered: String =
        token.chars().enumerate().map(|(n, c)| if n == 9 { if c == 'a' { 'b' } else { 'a' } } else { c }).collect();
    let fail = "Authentication-Results: mx.tecnofab.example; dmarc=fail header.from=albareda.example";
    let lies = [
        ("somebody else, openly", asks("Mallory <mallory@evil.example>", &hers)),
        ("her address as a display name", asks("\"ada@albareda.example\" <mallory@evil.example>", &hers)),
        ("two From headers", asks("mallory@evil.example\nFrom: ada@albareda.example", &hers)),
        ("her name over a domain that did not send it", format!("{fail}\n{}", asks(ADA, &hers))),
        ("another's token under her name", asks(ADA, &bobs)),
        ("a token changed by a letter", asks(ADA, &hers.replace(token, &tampered))),
        ("her token at another domain", asks(ADA, &format!("replies+{token}@evil.example"))),
        ("her token behind another name", asks(ADA, &format!("marta+{token}@news.tecnofab.example"))),
        ("our own reply address as its author", asks(&hers, &hers)),
        ("a bounce to the reply address", bounce(&hers, ADA, "failed", "5.1.1")),
        ("a bounce to a return path made of it", bounce(&hers.replace("replies+", "bounces+"), ADA, "failed", "5.1.1")),
        ("a stranger's complaint of it", complaint("mallory@evil.example", &hers, "1")),
        ("a stop in the subject", asks("mallory@evil.example", &hers).replace("Re: stops", &format!("unsubscribe {token}"))),
    ];
    for (pretence, raw) in &lies {
        println!("lie: {pretence}");
        arrives(&town, raw).await.map_err(|error| format!("{pretence}: {error}"))?;
        nothing_follows(&town, &ada).await?;
        nothing_follows(&town, &address(BOB)).await?;
    }
    assert!(arrives(&town, &asks(ADA, &hers)).await?.new, "and she herself is heard");
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    Ok(())
});

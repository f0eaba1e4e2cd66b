//! Whose a mail is: a token shows which mail of ours it answers, and its author whose word it is.

use super::breakers::{SERIES, why};
use super::enquiries::asked;
use super::receive::{arrives, bounce, reply, written_to};
use super::{FIRST_ISSUE, Told, address, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::entry::Cause;
use nurtured::domain::doorway::sender::Sender;
use nurtured::domain::doorway::signal::{Detail, Signal};
use nurtured::domain::plan::Plan;
use nurtured::domain::suppression::StopReason;
use nurtured::domain::trusted_sources::TrustedSources;
use nurtured::flow::doorway::readdress;
use nurtured::flow::individual::receive::Received;
use nurtured::flow::operations::forget;
use nurtured::store::doorway::signals;
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(super) const ADA: &str = "ada@albareda.example";
pub(super) const MARTA: &str = "marta@tecnofab.example";

/// What came back about a prospect.
pub(super) async fn said(town: &Town, who: &Address) -> Fallible<Vec<Signal>> {
    let id = town.prospect(who).await?.id;
    let all = signals::of(&mut town.node.ctx.store().read().await?, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(all.into_iter().filter(|s| !matches!(s.detail, Detail::Fields { .. })).collect())
}

async fn newest_detail(town: &Town, who: &Address) -> Fallible<Detail> {
    Ok(said(town, who).await?.pop().expect("a signal").detail)
}

/// Nothing is proved of them, asked for them or stopped.
pub(super) async fn nothing_follows(town: &Town, who: &Address) -> Told {
    town.run_until_idle().await?;
    let verdicts = town.verdicts(who).await?;
    assert_eq!((verdicts.newest_human_at(), verdicts.met()), (None, 0), "no evidence, no act of theirs");
    assert!(town.handoffs_of(who).await?.is_empty() && asked(town).await?.is_empty(), "no request");
    assert_eq!(town.prospect(who).await?.mail_stop, None, "no stop");
    Ok(())
}

pub(super) fn trusting(town: &Town, sources: TrustedSources) -> Told {
    let mut plan = Plan::clone(&town.node.ctx.plan());
    plan.settings.trusted_sources = sources;
    Ok(town.node.ctx.replace_plan(plan)?)
}

pub(super) fn our_server() -> TrustedSources {
    TrustedSources { authserv: vec!["mx.tecnofab.example".to_owned()], ..TrustedSources::default() }
}

pub(super) fn complaint(from: &str, path: &str, id: &str) -> String {
    format!(
        "From: <{from}>\nTo: <abuse@news.tecnofab.example>\nMessage-ID: <{id}@complaints.example>\nSubject: FW\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\
         Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n\
         Original-Mail-From: <{path}>\n\n--b\nContent-Type: text/rfc822-headers\n\nSubject: x\n\n--b--\n"
    )
}

async fn letter(town: &Town) -> Fallible<Mail> {
    town.run_until_idle().await?;
    town.newest_to(&address(MARTA)).map_err(Into::into)
}

story!(somebody_else_answers_and_proves_nothing, |town| {
    let ada = address(ADA);
    let (_, id) = written_to(&town, &ada).await?;
    let raw = reply("Bo <bo@elsewhere.example>", MARTA, "one@elsewhere.example", &id, "Re: stops", "Please call me");
    let taken = arrives(&town, &raw).await?;
    assert_eq!((taken.what, taken.new, taken.prospect), (Received::Reply, true, Some(town.prospect(&ada).await?.id)));
    assert!(taken.words.contains("somebody else answered"), "{}", taken.words);
    nothing_follows(&town, &ada).await?;
    let recorded = newest_detail(&town, &ada).await?;
    assert!(matches!(recorded, Detail::UnconfirmedReply { sender: Sender::SomebodyElse, .. }), "{recorded:?}");
    let letter = letter(&town).await?;
    assert!(letter.subject.starts_with("Somebody else than Person ada"), "{}", letter.subject);
    assert!(letter.text.contains("proves nothing") && letter.text.contains("> Please call me"), "{}", letter.text);
    let shown = town.explain(&ada, None).await?;
    assert!(format!("{shown:?}").contains("somebody else answered"), "{shown:?}");
    Ok(())
});

story!(a_colleague_who_answers_is_named_as_one, |town| {
    let ada = address(ADA);
    let (_, id) = written_to(&town, &ada).await?;
    let raw = reply("Bo <bo@mail.albareda.example>", MARTA, "one@albareda.example", &id, "Re: stops", "Please call us");
    assert!(arrives(&town, &raw).await?.words.contains("a colleague replied"));
    let recorded = newest_detail(&town, &ada).await?;
    assert!(matches!(&recorded, Detail::ColleagueReply { from, .. } if from == "bo@mail.albareda.example"), "{recorded:?}");
    let letter = letter(&town).await?;
    assert!(letter.subject.starts_with("A colleague of Person ada"), "{}", letter.subject);
    assert!(letter.text.contains("recorded as a colleague's"), "{}", letter.text);
    let handoff = town.handoffs_of(&ada).await?.remove(0);
    assert_eq!(handoff.cause, Cause::Request, "a colleague may ask for them");

    // Whoever shares a mailbox provider with somebody is no colleague.
    let eva = address("eva@gmail.com");
    town.admit(&[somebody(eva.as_str())], "card").await?;
    town.pass_to("2026-03-03T09:30:00Z").await?;
    let id = format!("<{}>", town.newest_to(&eva)?.message_id);
    arrives(&town, &reply("bo@gmail.com", MARTA, "two@gmail.com", &id, "Re: stops", "Please call me")).await?;
    nothing_follows_of_request(&town, &eva).await
});

async fn nothing_follows_of_request(town: &Town, who: &Address) -> Told {
    town.run_until_idle().await?;
    let recorded = newest_detail(town, who).await?;
    assert!(matches!(recorded, Detail::UnconfirmedReply { sender: Sender::SomebodyElse, .. }), "{recorded:?}");
    assert!(town.handoffs_of(who).await?.is_empty());
    Ok(())
}

story!(whoever_answers_from_an_address_known_as_theirs_speaks_for_themselves, |town| {
    let ada = address(ADA);
    let (_, id) = written_to(&town, &ada).await?;
    let moved = address("ada.bosch@elsewhere.example");
    readdress::change(&town.node.ctx, &ada, &moved).await?;
    let ways = [
        ADA,
        "ADA@Albareda.Example",
        "Ada <ada+lists@albareda.example>",
        "ada.bosch@elsewhere.example",
        "Ada.Bosch+x@Elsewhere.example",
    ];
    for (n, from) in ways.iter().enumerate() {
        let raw = reply(from, MARTA, &format!("{n}@x.example"), &id, "Re: stops", &format!("Ours stood still {n} days."));
        assert!(arrives(&town, &raw).await?.new, "{from}");
        let recorded = newest_detail(&town, &moved).await?;
        assert!(matches!(recorded, Detail::Reply { .. }), "{from}: {recorded:?}");
    }
    assert!(town.verdicts(&moved).await?.newest_human_at().is_some());
    let letter = letter(&town).await?;
    assert!(letter.text.contains("It answers our mail from their own address."), "{}", letter.text);
    Ok(())
});

story!(who_writes_without_a_token_is_passed_on_as_unverified_and_proves_nothing, |town| {
    let (ada, iria) = (address(ADA), address("iria@tecnofab.example"));
    written_to(&town, &ada).await?;
    let raw = reply("Ada <ada@albareda.example>", MARTA, "one@x.example", "<lost@x.example>", "Hello", "Please call me");
    let taken = arrives(&town, &raw).await?;
    assert!(taken.new && taken.words.contains("passed on to iria: not verified"), "{}", taken.words);
    nothing_follows(&town, &ada).await?;
    let letter = town.newest_to(&iria)?;
    assert!(letter.subject.starts_with("Not verified, as Person ada"), "{}", letter.subject);
    assert!(letter.text.contains("anybody can write any address as the sender"), "{}", letter.text);
    // Whoever is not known is passed on too, a few a day, and nothing else is kept of them.
    let before = said(&town, &ada).await?.len();
    for n in 0..9 {
        let raw = reply(
            "bob@elsewhere.example",
            MARTA,
            &format!("{n}@x.example"),
            "<lost@x.example>",
            "Hello",
            &format!("Call me {n}"),
        );
        assert_eq!(arrives(&town, &raw).await?.new, n < 3, "{n}");
    }
    town.run_until_idle().await?;
    assert_eq!((town.mails_to(&iria).len(), said(&town, &ada).await?.len()), (4, before));
    assert!(town.newest_to(&iria)?.subject.starts_with("Not verified, as bob@elsewhere.example"));
    for n in 0..40 {
        let raw = reply(&format!("{n}@spam.example"), MARTA, &format!("s{n}@x.example"), "<lost@x.example>", "Hello", "Buy this");
        arrives(&town, &raw).await?;
    }
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&iria).len(), 21, "twenty strangers a day, and Ada");
    nothing_follows(&town, &ada).await
});

story!(a_mail_that_fails_dmarc_proves_nothing_and_suppresses_nobody, |town| {
    let ada = address(ADA);
    let (path, id) = written_to(&town, &ada).await?;
    trusting(&town, our_server())?;
    let found = |words: &str, raw: &str| format!("Authentication-Results: {words} header.from=albareda.example\n{raw}");
    let fails = |raw: &str| found("mx.tecnofab.example; dmarc=fail (p=none)", raw);
    let asks = reply("Ada <ada@albareda.example>", MARTA, "one@albareda.example", &id, "Re: stops", "Please call me");
    assert!(arrives(&town, &fails(&asks)).await?.words.contains("failed verification"));
    assert!(letter(&town).await?.subject.starts_with("Failed verification, as Person ada"));
    arrives(&town, &fails(&bounce(&path, ADA, "failed", "5.1.1"))).await?;
    arrives(&town, &fails(&complaint("staff@hotmail.com", &path, "one"))).await?;
    arrives(&town, &fails(&complaint(ADA, &path, "two"))).await?;
    nothing_follows(&town, &ada).await?;
    // What another server says, or what she wrote above her own mail, is nothing; and a forged copy takes nothing from hers.
    assert!(arrives(&town, &found("mx.evil.example; dmarc=fail", &found("mx.tecnofab.example; dmarc=pass", &asks))).await?.new);
    assert!(!arrives(&town, &fails(&asks)).await?.new);
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "she asked");
    Ok(())
});

story!(the_complaint_of_a_stranger_pauses_nobody, |town| {
    let people: Vec<Address> = (0..12).map(|n| address(&format!("reader.{n}@plant{n}.example"))).collect();
    town.admit(&people.iter().map(|who| somebody(who.as_str())).collect::<Vec<_>>(), "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    trusting(&town, TrustedSources { complaints: vec!["fbl.provider.example".to_owned()], ..our_server() })?;
    let path = |n: usize| town.newest_to(&people[n]).map(|mail| mail.return_path);
    let authentic =
        |domain: &str, raw: &str| format!("Authentication-Results: mx.tecnofab.example; dmarc=pass header.from={domain}\n{raw}");
    // Strangers with a genuine token: of a mail passed on to them, or posted somewhere.
    for (n, from) in
        ["mallory@evil.example", "abuse@evil.example", "abuse@plant2.example", "fbl@provider.example", "mallory@plant4.example"]
            .iter()
            .enumerate()
    {
        let raw = complaint(from, &path(n)?, &n.to_string());
        // A domain that is shown to be its own is still a stranger's, and no office of the reader's.
        let raw = if n == 2 { raw } else { authentic(from.rsplit('@').next().unwrap_or_default(), &raw) };
        assert!(arrives(&town, &raw).await?.new, "{from}");
        let recorded = newest_detail(&town, &people[n]).await?;
        assert!(matches!(recorded, Detail::UnconfirmedComplaint { .. }), "{from}: {recorded:?}");
        assert_eq!(town.prospect(&people[n]).await?.mail_stop, None, "{from}");
    }
    assert_eq!(why(&town, SERIES).await, None, "a breaker counts what is vouched for");
    // Their own word stops their mail, and is no mark against the campaign.
    arrives(&town, &complaint(people[8].as_str(), &path(8)?, "own")).await?;
    assert_eq!(town.prospect(&people[8]).await?.mail_stop, Some(StopReason::Unsubscribed));
    assert_eq!(why(&town, SERIES).await, None);
    // Who is named, or shown to be the office for it where the mail went, is believed.
    arrives(&town, &complaint("x@fbl.provider.example", &path(5)?, "named")).await?;
    arrives(&town, &complaint("staff@hotmail.com", &path(6)?, "loop")).await?;
    assert_eq!(why(&town, SERIES).await, None, "two");
    arrives(&town, &authentic("plant7.example", &complaint("abuse@plant7.example", &path(7)?, "office"))).await?;
    let office = complaint("abuse@plant2.example", &path(2)?, "2");
    arrives(&town, &authentic("plant2.example", &office)).await?;
    assert!(town.prospect(&people[2]).await?.mail_stop.is_some(), "what was not vouched for before is now");
    for person in &people[5..8] {
        assert_eq!(town.prospect(person).await?.mail_stop, Some(StopReason::Complained), "{person}");
    }
    assert!(why(&town, SERIES).await.is_some_and(|reason| reason.starts_with("3 of the last")), "three pause");
    Ok(())
});

story!(a_mail_is_recorded_once_whichever_way_it_comes, |town| {
    let ada = address(ADA);
    let (path, id) = written_to(&town, &ada).await?;
    let dated = |date: &str, raw: &str| format!("Date: {date}\n{raw}");
    let monday = "Tue, 3 Feb 2026 11:00:00 +0100";
    let raw = reply("Ada <ada@albareda.example>", MARTA, "one@albareda.example", &id, "Re: stops", "Ours stood still a week.");
    assert!(arrives(&town, &dated(monday, &raw)).await?.new);
    let again = [
        dated(monday, &raw),
        // Fetched from another mailbox; by a relay that wrote another Message-ID; another relay's encoding; a date added a second later.
        format!("Delivered-To: inbox@tecnofab.example\nReceived: from a by b; x\n{}", dated(monday, &raw)),
        dated(monday, &raw.replace("one@albareda.example", "rewritten@relay.example")),
        dated(monday, &raw)
            .replace("Subject: Re: stops\n", "Subject: [EXT] Re: stops\nContent-Transfer-Encoding: quoted-printable\n")
            .replace("still a", "still=20a"),
        dated("Tue, 3 Feb 2026 10:00:07 +0000", &raw),
        raw.clone(),
        dated(monday, &raw.replace("Ada <ada@albareda.example>", "ADA@albareda.example")),
    ];
    for (n, raw) in again.iter().enumerate() {
        let taken = arrives(&town, raw).await?;
        assert_eq!((taken.what, taken.new), (Received::Reply, false), "{n}: {raw}");
    }
    // Two mails under one Message-ID are two.
    assert!(arrives(&town, &dated(monday, &raw.replace("a week", "a day"))).await?.new);
    // The same words half a year later are said again; another's are another's.
    assert!(arrives(&town, &dated("Mon, 3 Aug 2026 11:00:00 +0200", &raw)).await?.new);
    assert!(arrives(&town, &dated(monday, &raw.replace("Ada <ada@", "Bo <bo@"))).await?.new);
    town.run_until_idle().await?;
    assert_eq!((said(&town, &ada).await?.len(), town.mails_to(&address(MARTA)).len()), (4, 4));
    let gone = bounce(&path, ADA, "failed", "5.1.1");
    assert!(arrives(&town, &gone).await?.new);
    assert!(!arrives(&town, &gone.replace("dsn-failed", "another-id")).await?.new, "a notice comes twice");
    Ok(())
});

story!(what_somebody_wrote_in_anothers_place_goes_with_them, |town| {
    let (ada, bo) = (address(ADA), address("bo@elsewhere.example"));
    let (_, id) = written_to(&town, &ada).await?;
    arrives(&town, &reply(bo.as_str(), MARTA, "one@x.example", &id, "Re: stops", "Here is Bo, plainly.")).await?;
    arrives(&town, &reply(bo.as_str(), MARTA, "two@x.example", "<lost@x.example>", "Hello", "Bo once more.")).await?;
    town.run_until_idle().await?;
    let erased = forget::forget(&town.node.ctx, &bo).await?.erased;
    assert_eq!((erased.signals, erased.letters), (1, 2), "{erased:?}");
    assert_eq!(newest_detail(&town, &ada).await?, Detail::Erased);
    assert!(town.prospect(&ada).await?.name.is_some(), "she stays");

    // A colleague asks for a person, twice: of the one mail a handoff was made, of the other an enquiry.
    let cy = address("cy@albareda.example");
    for (n, text) in ["Please call us", "Could you call me on Thursday?"].iter().enumerate() {
        arrives(&town, &reply(cy.as_str(), MARTA, &format!("cy-{n}@x.example"), &id, "Re: stops", text)).await?;
        town.run_until_idle().await?;
    }
    assert_eq!((town.handoffs_of(&ada).await?.len(), asked(&town).await?.len()), (1, 1));
    let erased = forget::forget(&town.node.ctx, &cy).await?.erased;
    assert_eq!((erased.signals, erased.enquiries), (2, 1), "{erased:?}");
    assert!(erased.letters >= 3, "what passed both on, and the handoff letter that told of the first: {erased:?}");
    assert!(asked(&town).await?.is_empty());
    Ok(())
});

//! Answers in people's own words: wishes to stop, requests, and what they quote of ours.

use super::door::signals_of;
use super::receive::{arrives, reply};
use super::{FIRST_ISSUE, Told, address, somebody, story};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::individual::receive::Received;
use nurtured::flow::operations::forget::forget;
use nurtured::mail::test_server::Caught;
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;

pub(crate) type Mails = Result<Vec<(Address, Caught)>, Box<dyn std::error::Error + Send + Sync>>;

/// They have had their first newsletter.
pub(crate) async fn written_to(town: &Town, people: &[&str]) -> Mails {
    let arrivals: Vec<_> = people.iter().map(|who| somebody(who)).collect();
    town.admit(&arrivals, "card").await?;
    town.pass_to(FIRST_ISSUE).await?;
    let caught = town.catcher.caught();
    let of = |who: &&str| caught.iter().find(|mail| mail.rcpt_to == [(*who).to_owned()]).expect("a newsletter").clone();
    Ok(people.iter().map(|who| (address(who), of(who))).collect())
}

/// A header of a mail that was caught, unfolded.
fn header(caught: &Caught, name: &str) -> String {
    let text = String::from_utf8_lossy(&caught.data).replace("\r\n ", " ");
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned)).expect("a header")
}

/// An answer to a newsletter, from whomever.
pub(crate) fn answer(from: &str, number: usize, to: &Caught, text: &str) -> String {
    let id = format!("{number}@answers.example");
    let text = format!("{text}\n\nOn Mon, 3 May 2027, Marta Vidal wrote:\n> If you would rather not, unsubscribe. Or call us.");
    reply(from, "marta@tecnofab.example", &id, &header(to, "Message-ID"), "Re: stops", &text)
}

pub(crate) fn letters_to(town: &Town, who: &str) -> Vec<String> {
    let mails = town.mails_to(&address(who));
    mails.iter().map(|mail| format!("{}\n{}", mail.subject, mail.text)).collect()
}

story!(take_me_off_your_list_is_heard_in_five_languages, |town| {
    let asked = [
        ("ada@albareda.example", "Please take me off your list."),
        ("bea@albareda.example", "Por favor, denme de baja."),
        ("cora@albareda.example", "Bitte nehmen Sie mich aus dem Verteiler."),
        ("dora@albareda.example", "Merci de me désinscrire de cette liste."),
        ("elsa@albareda.example", "Non voglio più ricevere le vostre e-mail."),
    ];
    let people: Vec<&str> = asked.iter().map(|(who, _)| *who).collect();
    let mails = written_to(&town, &people).await?;
    for (number, ((who, caught), (_, text))) in mails.iter().zip(asked).enumerate() {
        let taken = arrives(&town, &answer(who.as_str(), number, caught, text)).await?;
        assert_eq!((taken.what, taken.new), (Received::Reply, true), "{text}: {taken:?}");
        assert_eq!(town.prospect(who).await?.mail_stop, Some(StopReason::Unsubscribed), "{text}");
        // The same mail again, and another with the same wish: it is confirmed once.
        arrives(&town, &answer(who.as_str(), number, caught, text)).await?;
        arrives(&town, &answer(who.as_str(), number + 100, caught, &format!("{text} Thank you."))).await?;
    }
    town.run_until_idle().await?;
    for (who, _) in &mails {
        let told = letters_to(&town, who.as_str());
        let confirmed = |text: &&String| text.contains("no more newsletters") || text.contains("ya no le envía más boletines");
        assert_eq!(told.iter().filter(confirmed).count(), 1, "{who}: {told:?}");
    }
    assert!(letters_to(&town, "bea@albareda.example").iter().any(|text| text.contains("ya no recibirá boletines")));
    let to_marta = letters_to(&town, "marta@tecnofab.example");
    assert_eq!(to_marta.iter().filter(|text| text.contains("They ask for no more newsletters")).count(), 10, "{to_marta:?}");
    let confirmed = to_marta.iter().filter(|text| text.replace(['\r', '\n'], " ").contains("was confirmed to them")).count();
    assert_eq!(confirmed, 5, "with the second wish nothing was: {to_marta:?}");
    Ok(())
});

story!(a_wish_that_names_their_own_address_is_heard_however_it_is_written, |town| {
    let mails = written_to(&town, &["ada@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    arrives(&town, &answer("ada+lists@albareda.example", 1, hers, "Please remove bo@albareda.example from your list.")).await?;
    assert_eq!(town.prospect(ada).await?.mail_stop, None, "somebody else");
    arrives(&town, &answer("ada+lists@albareda.example", 2, hers, "Please remove ADA@Albareda.example from your list.")).await?;
    assert_eq!(town.prospect(ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
});

story!(what_would_confirm_a_wish_to_whom_was_forgotten_since_is_not_sent, |town| {
    let mails = written_to(&town, &["ada@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    let newsletters = letters_to(&town, ada.as_str());
    town.catcher.refuse(ada.as_str(), 450, "4.2.0 come back later");
    arrives(&town, &answer(ada.as_str(), 1, hers, "Please take me off your list.")).await?;
    town.run_until_idle().await?;
    forget(&town.node.ctx, ada).await?;
    town.catcher.relent(ada.as_str());
    town.pass_to("2026-02-06T09:30:00Z").await?;
    assert_eq!(letters_to(&town, ada.as_str()), newsletters);
    Ok(())
});

story!(a_wish_counts_only_from_whom_the_mail_is_known_to_be, |town| {
    let mails = written_to(&town, &["ada@albareda.example", "bea@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    let wish = "Please take me off your list.";
    // Somebody else answers her mail; and she writes, but nothing says that it is her.
    arrives(&town, &answer("eve@elsewhere.example", 1, hers, wish)).await?;
    arrives(&town, &answer("bea@albareda.example", 2, hers, wish)).await?;
    let forged = reply(ada.as_str(), "marta@tecnofab.example", "3@x.example", "<lost@news.tecnofab.example>", "Re: stops", wish);
    arrives(&town, &forged).await?;
    for (who, _) in &mails {
        assert_eq!(town.prospect(who).await?.mail_stop, None, "{who}");
    }
    // A word of their trade is no wish.
    arrives(&town, &answer(ada.as_str(), 4, hers, "We stop the line every night and remove the trays.")).await?;
    assert_eq!(town.prospect(ada).await?.mail_stop, None);
    // The subject alone says it, where the text is silent.
    let id = header(hers, "Message-ID");
    arrives(&town, &reply(ada.as_str(), "marta@tecnofab.example", "5@x.example", &id, "Unsubscribe", "")).await?;
    assert_eq!(town.prospect(ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
});

story!(a_mail_to_the_address_of_list_unsubscribe_stops, |town| {
    let mails = written_to(&town, &["ada@albareda.example", "bea@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    let stop = header(hers, "List-Unsubscribe");
    let (_, url) = stop.split_once("<mailto:").expect("a mailbox");
    let (to, subject) = url.trim_end_matches('>').split_once("?subject=").expect("a subject");
    let subject = subject.replace("%20", " ");
    let mail = |subject: &str| format!("From: {ada}\nTo: <{to}>\nMessage-ID: <u@x.example>\nSubject: {subject}\n\n");
    let forged = subject.replace(' ', " A");
    // It is passed on as a mail that nothing proves, and stops nothing.
    arrives(&town, &mail(&forged[..forged.len() - 1])).await?;
    assert_eq!(town.prospect(ada).await?.mail_stop, None);
    assert!(arrives(&town, &mail(&subject)).await?.new);
    assert_eq!(town.prospect(ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    assert_eq!(town.prospect(&mails[1].0).await?.mail_stop, None);
    Ok(())
});

story!(do_not_call_me_is_no_request_and_what_is_doubtful_says_so, |town| {
    let mails = written_to(&town, &["ada@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    arrives(&town, &answer(ada.as_str(), 1, hers, "Please do not call me.")).await?;
    arrives(&town, &answer(ada.as_str(), 2, hers, "Thanks for the call, it was useful.")).await?;
    arrives(&town, &answer(ada.as_str(), 3, hers, "Interesting.\n\n-- \nAda\ncall me: +34 93 555 01 24")).await?;
    town.run_until_idle().await?;
    assert!(town.handoffs_of(ada).await?.is_empty());
    let doubtful = letters_to(&town, "marta@tecnofab.example").iter().filter(|text| text.contains("no lead was made")).count();
    assert_eq!(doubtful, 1);
    arrives(&town, &answer(ada.as_str(), 4, hers, "Could you call me on Thursday?")).await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(ada).await?.len(), 1);
    Ok(())
});

story!(what_we_wrote_is_not_put_into_their_mouth, |town| {
    let mails = written_to(&town, &["ada@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    let letter = Mail::read(hers).expect("a mail").text.replace("\r\n", "\n");
    // Their program copies our mail and marks nothing.
    let text = format!("Ours stood still a week.\n\n{letter}");
    let id = header(hers, "Message-ID");
    arrives(&town, &reply(ada.as_str(), "marta@tecnofab.example", "1@x.example", &id, "Re: stops", &text)).await?;
    let kept = signals_of(&town, ada.as_str()).await?;
    let said = kept.iter().find_map(|signal| match &signal.detail {
        Detail::Reply { text, .. } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(said, Some("Ours stood still a week."));
    assert_eq!(town.prospect(ada).await?.mail_stop, None);
    told_by_name(&town).await
});

/// An attachment is named in the letter, and never read.
async fn told_by_name(town: &Town) -> Told {
    let mails = town.mails_to(&address("ada@albareda.example"));
    let id = &mails.first().expect("a newsletter").message_id;
    let raw = format!(
        "From: ada@albareda.example\nTo: marta@tecnofab.example\nMessage-ID: <2@x.example>\nIn-Reply-To: <{id}>\nSubject: Re: stops\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the card.\n--b\n\
         Content-Type: text/vcard; name=ada.vcf\nContent-Disposition: attachment; filename=ada.vcf\n\nNOTE:unsubscribe me, call me\n--b--\n"
    );
    arrives(town, &raw).await?;
    town.run_until_idle().await?;
    assert!(town.handoffs_of(&address("ada@albareda.example")).await?.is_empty());
    let letters = letters_to(town, "marta@tecnofab.example");
    assert!(letters.iter().any(|text| text.contains("Attached, and not passed on: ada.vcf")), "{letters:?}");
    Ok(())
}

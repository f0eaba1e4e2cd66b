//! What a reply leaves open is asked of the colleague who reads it.

use super::door::signals_of;
use super::receive::arrives;
use super::wishes::{answer, letters_to, written_to};
use super::{Told, address, name, story};
use axum::http::Method;
use nurtured::domain::address::Address;
use nurtured::domain::doorway::doubt::Doubt;
use nurtured::domain::doorway::signal::{Detail, Signal};
use nurtured::domain::suppression::StopReason;
use nurtured::mail::token::{Kind, Recipient, Token};
use nurtured::town::{BROWSER, SCANNER, Town};

const MARTA: &str = "marta@tecnofab.example";
const THANKS: &str = "Thanks for the call, it was useful.";
const WHAT: &str = "What happens if I unsubscribe: do I lose access to the portal?";

/// The links in the letters to a colleague that ask what a reply leaves open.
pub(crate) fn questions(town: &Town) -> Vec<String> {
    let letters = letters_to(town, MARTA).join("\n");
    letters.split_whitespace().filter(|word| word.contains("/d/")).map(str::to_owned).collect()
}

/// The link to the only question, of a reply that says this.
async fn asked(town: &Town, text: &str) -> Result<(Address, String), Box<dyn std::error::Error + Send + Sync>> {
    let mails = written_to(town, &["ada@albareda.example"]).await?;
    let (ada, hers) = &mails[0];
    arrives(town, &answer(ada.as_str(), 1, hers, text)).await?;
    town.run_until_idle().await?;
    let [link] = &questions(town)[..] else { panic!("{:?}", questions(town)) };
    Ok((ada.clone(), link.clone()))
}

async fn read(town: &Town, who: &Address) -> Result<Vec<Signal>, Box<dyn std::error::Error + Send + Sync>> {
    let kept = signals_of(town, who.as_str()).await?;
    Ok(kept.into_iter().filter(|s| matches!(s.detail, Detail::ReplyRead { .. })).collect())
}

async fn press(town: &Town, link: &str, word: &str) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let answered = town.ask(Method::POST, link, BROWSER, &format!("answer={word}")).await?;
    town.run_until_idle().await?;
    Ok(answered.status.as_u16())
}

story!(a_doubtful_reply_asks_the_colleague_and_one_click_makes_it_a_request, |town| {
    let (ada, link) = asked(&town, THANKS).await?;
    assert!(town.handoffs_of(&ada).await?.is_empty());
    assert_eq!(press(&town, &link, "yes").await?, 200);
    let said = read(&town, &ada).await?;
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].by, Some(name("marta")));
    assert_eq!(said[0].detail.words(), format!("said that the reply “{THANKS}” asks for a person"));
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1);
    // The first answer counts.
    for word in ["no", "yes"] {
        assert_eq!(press(&town, &link, word).await?, 410);
    }
    assert_eq!((read(&town, &ada).await?.len(), town.handoffs_of(&ada).await?.len()), (1, 1));
    Ok(())
});

story!(a_doubtful_wish_asks_the_colleague_and_one_click_stops_newsletters, |town| {
    let (ada, link) = asked(&town, WHAT).await?;
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    assert_eq!(press(&town, &link, "yes").await?, 200);
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Unsubscribed));
    let stops = signals_of(&town, ada.as_str()).await?;
    let by: Vec<_> = stops.iter().filter(|s| matches!(s.detail, Detail::Unsubscribe { .. })).map(|s| s.by.clone()).collect();
    assert_eq!(by, [Some(name("marta"))]);
    let confirmed = || letters_to(&town, ada.as_str()).iter().filter(|text| text.contains("no more newsletters")).count();
    assert_eq!(confirmed(), 1);
    assert_eq!(press(&town, &link, "yes").await?, 410);
    assert_eq!(confirmed(), 1);
    Ok(())
});

story!(no_is_recorded_and_changes_nothing, |town| {
    let (ada, link) = asked(&town, WHAT).await?;
    assert_eq!(press(&town, &link, "no").await?, 200);
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    let said = read(&town, &ada).await?;
    assert!(matches!(said[0].detail, Detail::ReplyRead { doubt: Doubt::Wish, yes: false, .. }), "{said:?}");
    assert_eq!(press(&town, &link, "yes").await?, 410);
    assert_eq!(town.prospect(&ada).await?.mail_stop, None);
    Ok(())
});

story!(looking_at_a_question_answers_nothing, |town| {
    let (ada, link) = asked(&town, THANKS).await?;
    let before = signals_of(&town, ada.as_str()).await?.len();
    let yes = "answer=yes";
    let tries =
        [(Method::GET, BROWSER), (Method::HEAD, BROWSER), (Method::GET, SCANNER), (Method::POST, SCANNER), (Method::POST, "")];
    for (method, agent) in tries {
        assert!(!town.ask(method, &link, agent, yes).await?.status.is_server_error());
    }
    for body in ["", "answer=", "answer=maybe", "yes", "answer=YES&x=%FF"] {
        assert_eq!(town.ask(Method::POST, &link, BROWSER, body).await?.status, 200, "{body}");
    }
    town.run_until_idle().await?;
    let shown = town.ask(Method::GET, &link, BROWSER, "").await?;
    assert!(shown.body.contains("Thanks for the call"), "{}", shown.body);
    assert_eq!(signals_of(&town, ada.as_str()).await?.len(), before);
    foreign(&town, &ada).await?;
    assert_eq!(signals_of(&town, ada.as_str()).await?.len(), before);
    // A link that lay about for longer than thirty days does nothing either.
    town.pass_to("2026-03-09T09:30:00Z").await?;
    assert_eq!(press(&town, &link, "yes").await?, 410);
    assert!(read(&town, &ada).await?.is_empty() && town.handoffs_of(&ada).await?.is_empty());
    Ok(())
});

/// Tokens for another reader, of another kind, about another signal, and about another person answer nothing.
async fn foreign(town: &Town, who: &Address) -> Told {
    let signer = town.node.ctx.signer();
    let kept = signals_of(town, who.as_str()).await?;
    let reply = kept.iter().find(|s| matches!(s.detail, Detail::Reply { .. })).expect("a reply");
    let other = kept.iter().find(|s| s.id != reply.id).map_or(i64::MAX, |s| s.id.0);
    let theirs = signer.recipient(reply.prospect, who.as_str());
    for (kind, id, recipient, reader) in [
        (Kind::Doubt, reply.id.0, theirs, "nobody"),
        (Kind::Doubt, reply.id.0, theirs, ""),
        (Kind::Handoff, reply.id.0, theirs, "marta"),
        (Kind::Doubt, other, theirs, "marta"),
        (Kind::Doubt, reply.id.0, Recipient::ANYBODY, "marta"),
        (Kind::Doubt, reply.id.0, signer.recipient(reply.prospect, address("eve@albareda.example").as_str()), "marta"),
    ] {
        let token = signer.text(Token { kind, id, ordinal: 0, recipient }, reader);
        let answered = town.ask(Method::POST, &format!("/d/{token}"), BROWSER, "answer=yes").await?;
        assert!(answered.status.is_client_error(), "{kind:?} {id} {reader}: {}", answered.status);
    }
    Ok(())
}

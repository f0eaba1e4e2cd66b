//! What a person chose on their own page is kept by group mail: topics, less often, a pause, a language.

use super::second_thoughts::NEXT_ISSUE;
use super::{Told, address, change, name, somebody, story};
use jiff::civil::{Date, date};
use nurtured::domain::address::Address;
use nurtured::domain::census::Group;
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::group::campaign::Order;
use nurtured::domain::group::schedule::Schedule;
use nurtured::domain::language::Language;
use nurtured::domain::preferences::{Choice, Preferences};
use nurtured::domain::window::Window;
use nurtured::flow::doorway::readdress;
use nurtured::flow::operations::merge::merge;
use nurtured::flow::operations::{census, sweep};
use nurtured::store::group::deliveries;
use nurtured::store::operations::{counts, erasures};
use nurtured::store::people::preferences::{self, Chosen};
use nurtured::store::people::{consents, prospects};
use nurtured::town::Town;
use std::collections::BTreeMap;

type Found<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SERIES: &str = "line-downtime";
const LETTER: &str = "production-letter";
const PAGE: &str = "their own page";
/// Of the fifteenth of April, at ten in Madrid.
const LETTER_OUT: &str = "2026-04-15T09:00:00Z";

/// Somebody whom the series reaches and the production letter does not.
fn reader(text: &str) -> Arrival {
    let mut arrival = somebody(text);
    arrival.fields.remove(&name("country"));
    arrival
}

/// Changes what somebody chose, as their page does.
async fn choose(town: &Town, who: &Address, how: impl FnOnce(&mut Preferences)) -> Found<Vec<Choice>> {
    let (id, now) = (town.prospect(who).await?.id, town.now());
    let mut tx = town.node.ctx.store().write().await?;
    let mut chosen = preferences::of(&mut tx, id, now).await?;
    how(&mut chosen);
    let changes = preferences::choose(&mut tx, id, &chosen, PAGE, now).await?;
    tx.commit().await?;
    Ok(changes)
}

async fn chosen(town: &Town, who: &Address) -> Found<Preferences> {
    let id = town.prospect(who).await?.id;
    Ok(preferences::of(&mut town.node.ctx.store().read().await?, id, town.now()).await?)
}

async fn history(town: &Town, who: &Address) -> Found<Vec<Chosen>> {
    let id = town.prospect(who).await?.id;
    Ok(preferences::history(&mut town.node.ctx.store().read().await?, id).await?)
}

/// A prospect's deliveries of a campaign: newsletter, state, why.
async fn copies(town: &Town, who: &Address, campaign: &str) -> Found<Vec<(String, String, String)>> {
    let id = town.prospect(who).await?.id;
    let all = deliveries::of_prospect(&mut town.node.ctx.store().read().await?, id).await?;
    let of_it = all.into_iter().filter(|d| d.campaign == campaign);
    Ok(of_it.map(|d| (d.newsletter, d.state, d.reply.unwrap_or_default())).collect())
}

/// Nobody is without a future, and what was sent and what was skipped are all there was to send.
async fn reconciles(town: &Town, people: &[&Address]) -> Told {
    assert_eq!(sweep::without_future(&town.node.ctx).await?, 0);
    for campaign in [SERIES, LETTER] {
        let mut states: BTreeMap<String, i64> = BTreeMap::new();
        for who in people {
            for (_, state, why) in copies(town, who, campaign).await? {
                assert!(state == "accepted" || !why.is_empty(), "{campaign} {state}: says why");
                *states.entry(state).or_default() += 1;
            }
        }
        let counts = counts::of_campaign(&mut town.node.ctx.store().read().await?, &name(campaign)).await?;
        let of = |state: &str| states.get(state).copied().unwrap_or_default();
        assert_eq!((counts.sent, counts.failed, counts.open), (of("accepted"), of("failed"), of("pending")), "{campaign}");
        let mails: usize = people.iter().map(|who| town.mails_to(who).len()).sum();
        assert!(i64::try_from(mails)? >= counts.sent, "{campaign}");
    }
    let summary = counts::summary(&mut town.node.ctx.store().read().await?).await?;
    let mails: usize = people.iter().map(|who| town.mails_to(who).len()).sum();
    assert_eq!(summary.accepted, i64::try_from(mails)?);
    Ok(())
}

async fn in_group(town: &Town, group: Group) -> Found<i64> {
    Ok(census::take(town.node.ctx.store(), &town.node.ctx.plan(), town.now()).await?.of(group))
}

story!(less_often_is_less_often, |town| {
    let (ada, bea, cara) = (address("ada@albareda.example"), address("bea@albareda.example"), address("cara@albareda.example"));
    // Ada and Bea are in the series; Cara is in both campaigns, and both come once a month.
    town.admit(&[reader(ada.as_str()), reader(bea.as_str()), somebody(cara.as_str())], "import").await?;
    change(&town, LETTER, |c| {
        (c.schedule, c.order, c.window) =
            (Schedule::parse("0 9 15 * *", "Europe/Madrid").expect("a schedule"), Order::Series, None);
    })?;
    for who in [&ada, &cara] {
        assert_eq!(choose(&town, who, |chosen| chosen.less_often = true).await?, [Choice::LessOften]);
        assert_eq!(choose(&town, who, |chosen| chosen.less_often = true).await?, [], "said once");
    }
    town.pass_to("2026-07-08T12:00:00Z").await?;
    let subjects = |who: &Address| town.mails_to(who).into_iter().map(|m| m.subject).collect::<Vec<_>>();
    assert_eq!(subjects(&bea).len(), 6, "every month");
    // February and May: of a monthly letter every third, and none of the series is left out.
    assert_eq!(subjects(&ada), subjects(&bea)[..2]);
    // Of both campaigns together, not of each.
    let dates: Vec<Date> = copies_at(&town, &cara).await?;
    assert!(
        dates.len() >= 2 && dates.windows(2).all(|two| two[0].until(two[1]).is_ok_and(|gap| gap.get_days() >= 84)),
        "{dates:?}"
    );
    let skipped = copies(&town, &ada, SERIES).await?;
    let skipped: Vec<&str> = skipped.iter().filter(|(_, state, _)| state == "skipped").map(|(.., why)| why.as_str()).collect();
    assert_eq!(skipped, ["less often, as they chose on their own page: over 1 mail within 84 days"; 4]);
    reconciles(&town, &[&ada, &bea, &cara]).await?;
    let told = town.explain(&ada, None).await?.chosen;
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["less often (their own page, 2026-01-12)"]);
    // As often again: the next one comes.
    choose(&town, &ada, |chosen| chosen.less_often = false).await?;
    town.pass_to("2026-08-05T12:00:00Z").await?;
    assert_eq!(subjects(&ada), subjects(&bea)[..3]);
    Ok(())
});

/// The days on which somebody's mails left.
async fn copies_at(town: &Town, who: &Address) -> Found<Vec<Date>> {
    let id = town.prospect(who).await?.id;
    let all = deliveries::of_prospect(&mut town.node.ctx.store().read().await?, id).await?;
    let sent = all.into_iter().filter(|d| d.state == "accepted").filter_map(|d| d.at);
    let mut days: Vec<Date> = sent.map(nurtured::domain::preferences::today).collect();
    days.sort_unstable();
    Ok(days)
}

story!(how_often_is_less_often_is_configured, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[reader(ada.as_str()), reader(bea.as_str())], "import").await?;
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    plan.settings.less_often = nurtured::domain::group::cap::Cap { mails: 1, within: nurtured::domain::span::Span::days(50) };
    town.node.ctx.replace_plan(plan)?;
    choose(&town, &ada, |chosen| chosen.less_often = true).await?;
    town.pass_to("2026-05-06T12:00:00Z").await?;
    assert_eq!((town.mails_to(&ada).len(), town.mails_to(&bea).len()), (2, 4), "every second month");
    Ok(())
});

story!(a_pause_ends_by_itself_and_the_next_issue_comes, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[reader(ada.as_str()), reader(bea.as_str())], "import").await?;
    town.pass_to("2026-02-10T10:00:00Z").await?;
    let until = date(2026, 4, 7);
    assert_eq!(choose(&town, &ada, |chosen| chosen.paused_until = Some(until)).await?, [Choice::PausedUntil(until)]);
    // Their next step is the day their pause ends; nobody looks at them meanwhile.
    assert_eq!((in_group(&town, Group::Wake).await?, in_group(&town, Group::Campaign).await?), (1, 1));
    let told = town.explain(&ada, None).await?;
    let words: Vec<String> = told.chosen.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["paused until 2026-04-07 (their own page, 2026-02-10)"]);
    let next = told.next.expect("a next step");
    assert_eq!(
        (next.what.as_str(), next.at.map(|at| at.to_string()).as_deref()),
        ("campaign line-downtime", Some("2026-04-07T07:30:00Z"))
    );
    town.pass_to(NEXT_ISSUE).await?;
    assert_eq!((town.mails_to(&ada).len(), town.mails_to(&bea).len()), (1, 2));
    let (_, state, why) = copies(&town, &ada, SERIES).await?.remove(1);
    assert_eq!((state.as_str(), why.as_str()), ("skipped", "paused until 2026-04-07, as they chose on their own page"));
    reconciles(&town, &[&ada, &bea]).await?;
    // The day they named is the day of the issue.
    town.pass_to("2026-04-07T12:00:00Z").await?;
    let subjects = |who: &Address| town.mails_to(who).into_iter().map(|m| m.subject).collect::<Vec<_>>();
    assert_eq!((subjects(&ada).len(), subjects(&bea).len()), (2, 3));
    assert_eq!(subjects(&ada)[1], subjects(&bea)[1], "a series leaves nothing out");
    assert_eq!((in_group(&town, Group::Wake).await?, in_group(&town, Group::Campaign).await?), (0, 2));
    assert_eq!(chosen(&town, &ada).await?, Preferences::default());
    assert_eq!(choose(&town, &ada, |_| ()).await?, [], "what is over is no choice of theirs");
    reconciles(&town, &[&ada, &bea]).await
});

story!(a_refused_topic_brings_no_letter_of_it_and_others_still_come, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    change(&town, LETTER, |c| (c.topic, c.window) = (Some(name("production")), None))?;
    change(&town, SERIES, |c| c.topic = Some(name("downtime")))?;
    let topics: Vec<String> = town.node.ctx.plan().topics().into_iter().map(ToString::to_string).collect();
    assert_eq!(topics, ["downtime", "production"]);
    choose(&town, &ada, |chosen| {
        chosen.refused_topics.insert(name("production"));
    })
    .await?;
    town.pass_to(LETTER_OUT).await?;
    let of = async |who| {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((sent(&town, who, SERIES).await?, sent(&town, who, LETTER).await?))
    };
    let (of_ada, of_bea) = (of(&ada).await?, of(&bea).await?);
    assert_eq!((of_ada, of_bea), ((3, 0), (3, of_bea.1)));
    assert!(of_bea.1 > 0);
    let (_, state, why) = copies(&town, &ada, LETTER).await?.remove(0);
    assert_eq!((state.as_str(), why.as_str()), ("skipped", "they chose on their own page: no newsletters about production"));
    reconciles(&town, &[&ada, &bea]).await?;
    // Whoever refused the topics of every campaign that would come gets a date of review, as anybody whom no campaign reaches.
    choose(&town, &ada, |chosen| {
        chosen.refused_topics.insert(name("downtime"));
    })
    .await?;
    assert_eq!((in_group(&town, Group::Adrift).await?, in_group(&town, Group::Campaign).await?), (1, 1));
    sweep::review(&town.node.ctx).await?;
    assert_eq!(in_group(&town, Group::Review).await?, 1);
    reconciles(&town, &[&ada, &bea]).await
});

async fn sent(town: &Town, who: &Address, campaign: &str) -> Found<usize> {
    Ok(copies(town, who, campaign).await?.iter().filter(|(_, state, _)| state == "accepted").count())
}

story!(what_they_choose_while_a_letter_waits_holds_for_it_too, |town| {
    let people: Vec<Address> =
        ["ada", "bea", "cara", "dora"].iter().map(|who| address(&format!("{who}@albareda.example"))).collect();
    town.admit(&people.iter().map(|who| somebody(who.as_str())).collect::<Vec<_>>(), "import").await?;
    // Written on a Thursday, and let out on Friday.
    change(&town, SERIES, |c| c.schedule = Schedule::parse("0 9 1 12 *", "UTC").expect("a schedule"))?;
    change(&town, LETTER, |c| {
        c.topic = Some(name("production"));
        let days = [false, false, false, false, true, false, false];
        c.window = c.window.clone().map(|window| Window { days, ..window });
    })?;
    town.pass_to("2026-01-15T12:00:00Z").await?;
    assert!(people.iter().all(|who| town.mails_to(who).is_empty()), "it waits for Friday");
    choose(&town, &people[0], |chosen| {
        chosen.refused_topics.insert(name("production"));
    })
    .await?;
    choose(&town, &people[1], |chosen| chosen.paused_until = Some(date(2026, 1, 17))).await?;
    // Friday is the day they named: by then they want it.
    choose(&town, &people[2], |chosen| chosen.paused_until = Some(date(2026, 1, 16))).await?;
    town.pass_to("2026-01-16T20:00:00Z").await?;
    let got: Vec<usize> = people.iter().map(|who| town.mails_to(who).len()).collect();
    assert_eq!(got, [0, 0, 1, 1]);
    reconciles(&town, &people.iter().collect::<Vec<_>>()).await
});

story!(the_language_they_chose_is_theirs_whatever_a_list_says, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let language = async |town: &Town| -> Found<Option<String>> {
        let id = town.prospect(&ada).await?.id;
        Ok(prospects::field(&mut town.node.ctx.store().read().await?, id, preferences::LANGUAGE).await?)
    };
    choose(&town, &ada, |chosen| chosen.language = Some(Language::Spanish)).await?;
    assert_eq!(language(&town).await?.as_deref(), Some("es"));
    let mut again = somebody(ada.as_str());
    again.fields.insert(name("language"), "de".to_owned());
    again.fields.insert(name("industry"), "metal".to_owned());
    town.admit(&[again], "a list").await?;
    assert_eq!(language(&town).await?.as_deref(), Some("es"));
    assert_eq!(town.prospect(&ada).await?.fields.get(&name("industry")).map(String::as_str), Some("metal"));
    choose(&town, &ada, |chosen| chosen.language = Some(Language::English)).await?;
    assert_eq!(language(&town).await?.as_deref(), Some("en"));
    Ok(())
});

story!(what_they_chose_stays_with_the_person, |town| {
    let all: Vec<Address> =
        ["ada@a.example", "ada@b.example", "ben@a.example", "ben@b.example"].iter().map(|who| address(who)).collect();
    town.admit(&all.iter().map(|who| somebody(who.as_str())).collect::<Vec<_>>(), "import").await?;
    let strict = |chosen: &mut Preferences| {
        chosen.refused_topics.insert(name("prices"));
        chosen.paused_until = Some(date(2026, 5, 1));
        chosen.language = Some(Language::Spanish);
    };
    // Of Ada the row that goes chose, of Ben the row that stays; each of the others asked for less.
    choose(&town, &all[1], strict).await?;
    choose(&town, &all[0], |chosen| chosen.less_often = true).await?;
    choose(&town, &all[2], strict).await?;
    choose(&town, &all[3], |chosen| chosen.less_often = true).await?;
    for pair in all.chunks(2) {
        merge(&town.node.ctx, &pair[0], &pair[1]).await?;
        let mut both = Preferences { less_often: true, ..Preferences::default() };
        strict(&mut both);
        assert_eq!(chosen(&town, &pair[0]).await?, both);
        let told: Vec<String> = history(&town, &pair[0]).await?.iter().map(|chosen| chosen.choice.to_string()).collect();
        for words in ["less often", "paused until 2026-05-01", "no newsletters about prices", "in the language es"] {
            assert!(told.iter().any(|choice| choice == words), "{told:?}");
        }
        // Another address changes nothing of it.
        let new = address(&format!("new-{}", pair[0]));
        readdress::change(&town.node.ctx, &pair[0], &new).await?;
        assert_eq!(chosen(&town, &new).await?, both);
    }
    // Who is forgotten chose nothing.
    let ada = address("new-ada@a.example");
    let id = town.prospect(&ada).await?.id;
    let mut tx = town.node.ctx.store().write().await?;
    erasures::person(&mut tx, id).await?;
    assert_eq!(preferences::of(&mut tx, id, town.now()).await?, Preferences::default());
    assert_eq!(preferences::history(&mut tx, id).await?, []);
    tx.commit().await?;
    assert!(!history(&town, &address("new-ben@a.example")).await?.is_empty(), "and of nobody else anything is lost");
    Ok(())
});

story!(a_consent_keeps_its_day_its_source_and_the_text_agreed_to, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let (id, now) = (town.prospect(&ada).await?.id, town.now());
    let said = |given, wording: &str| Consent {
        given_at: Some(now),
        wording: Some(wording.to_owned()),
        ..Consent::undated(Purpose::Tracking, given, PAGE)
    };
    let mut tx = town.node.ctx.store().write().await?;
    let no = said(false, "You may note which links I follow");
    assert_eq!(consents::add(&mut tx, &[(id, no.clone())], now).await?, 1);
    assert_eq!(consents::add(&mut tx, &[(id, no.clone())], now).await?, 0, "the same again is nothing new");
    assert_eq!(consents::add(&mut tx, &[(id, said(false, "Another text"))], now).await?, 1);
    let all = consents::of(&mut tx, id).await?;
    assert!(all.contains(&no) && all.len() >= 3, "the yes stays on record: {all:?}");
    assert!(!prospects::one(&mut tx, id).await?.tracking_consent);
    tx.commit().await?;
    Ok(())
});

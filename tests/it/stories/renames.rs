//! Names that change: a campaign that leaves the configuration, and one whose file is renamed.

use super::breakers::{self, SERIES, why};
use super::moody_relay::{At, MoodyRelay};
use super::plan::{Configured, applied, changed};
use super::second_thoughts::{NEXT_ISSUE, OLD, claimed, marked, people, series, subjects, written};
use super::{FIRST_ISSUE, Told, change, name, story};
use nurtured::config::load_files;
use nurtured::daemon::assemble::Node;
use nurtured::domain::group::guard::Canary;
use nurtured::domain::plan::Plan;
use nurtured::domain::span::Span;
use nurtured::flow::context::{FlowError, Progress};
use nurtured::flow::doorway::apply::{apply, apply_as_agreed};
use nurtured::flow::group::breaker;
use nurtured::flow::group::delivery::audience;
use nurtured::flow::group::delivery::deliver::deliver;
use nurtured::flow::group::publish::publish;
use nurtured::flow::group::rename::{self, Rename};
use nurtured::flow::operations::manual_stop;
use nurtured::flow::until_idle::run_until_idle;
use nurtured::insight::plan::waiting::waiting;
use nurtured::mail::relay::RelayError;
use nurtured::store::group::{campaigns, holds, issues};
use nurtured::town::Town;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

/// The configuration without the series, or with it under another name.
fn without_series() -> Configured {
    changed(&[]).into_iter().filter(|(path, _)| !path.starts_with("campaigns/line-downtime")).collect()
}

fn renamed(said: bool) -> Configured {
    let renamed_from = if said { "renamed_from = \"line-downtime\"\n" } else { "" };
    let rename = |(path, text): (String, String)| match path.strip_prefix("campaigns/line-downtime") {
        Some(".toml") => ("campaigns/standstill.toml".to_owned(), format!("{renamed_from}{text}")),
        Some(rest) => (format!("campaigns/standstill{rest}"), text),
        None => (path, text),
    };
    changed(&[]).into_iter().map(rename).collect()
}

/// A plan of these files, with the settings of the town.
fn plan_of(town: &Town, files: &Configured) -> Plan {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let loaded = load_files(&files, &[]).expect("a configuration");
    Plan { settings: town.node.ctx.plan().settings.clone(), ..loaded.plan }
}

async fn renames(town: &Town, plan: &Plan) -> Result<Vec<Rename>, FlowError> {
    rename::find(&mut town.node.ctx.store().read().await?, plan).await
}

async fn idle(node: &Node) -> Told {
    run_until_idle(&node.ctx, &node.writer).await?;
    Ok(())
}

/// The series goes on where it was: everybody gets its second letter.
async fn goes_on(town: &Town) -> Told {
    town.pass_to("2026-04-07T09:30:00Z").await?;
    for who in people() {
        let had = subjects(town, &who);
        assert!(had.len() == 2 && had[1] != OLD, "{who}: {had:?}");
    }
    Ok(())
}

story!(a_campaign_that_is_no_longer_configured_sends_nothing_and_its_mails_wait, |town| {
    let [ada, ..] = people();
    applied(&town, changed(&[])).await?;
    let stale = town.second_node(town.node.ctx.store().clone()).await?;
    written(&town).await?;
    let (lease, open) = claimed(&town, "a stale node").await?;
    applied(&town, without_series()).await?;
    assert_eq!(marked(&town, &lease, &open).await?, 0, "whatever was claimed before");
    town.pass_until(Span::hours(1).after(town.now())).await?;
    idle(&stale).await?;
    assert_eq!(town.catcher.count(), 0, "nor does a node that has the old files");
    let ctx = &town.node.ctx;
    let waits = waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?;
    let told: Vec<_> =
        waits.iter().map(|w| (w.mails.campaign.as_str(), w.mails.mails, w.mails.configured, w.is_in_plan)).collect();
    assert_eq!(told, [(SERIES, 3, false, false)]);
    assert!(manual_stop::pause(ctx, &name(SERIES), "its name is known").await?);
    assert!(manual_stop::resume(ctx, &name(SERIES)).await?);
    // Next month nothing of it opens, there and here.
    town.pass_to(NEXT_ISSUE).await?;
    idle(&stale).await?;
    assert_eq!(series(&town, &ada).len(), 0);
    // Too late for the date of that month: only what waited is left to leave.
    town.pass_to("2026-03-04T09:30:00Z").await?;
    applied(&town, changed(&[])).await?;
    town.run_until_idle().await?;
    assert_eq!(subjects(&town, &ada), [OLD], "what waited leaves, once");
    Ok(())
});

story!(a_campaign_under_a_new_name_keeps_its_history_its_series_and_its_pause, |town| {
    let [ada, bea, _] = people();
    applied(&town, changed(&[])).await?;
    let stale = town.second_node(town.node.ctx.store().clone()).await?;
    written(&town).await?;
    town.catcher.refuse(bea.as_str(), 450, "4.2.0 come back later");
    town.run_until_idle().await?;
    manual_stop::pause(&town.node.ctx, &name(SERIES), "a pause of before").await?;
    let plan = plan_of(&town, &renamed(true));
    let said = Rename { from: name(SERIES), to: name("standstill"), said: true, newsletters: 1 };
    assert_eq!(renames(&town, &plan).await?, [said]);
    apply(&town.node.ctx, plan.clone()).await?;
    assert_eq!(renames(&town, &plan).await?, [], "done, and the line may stay");
    assert_eq!(why(&town, "standstill").await.as_deref(), Some("a pause of before"));
    town.catcher.relent(bea.as_str());
    town.pass_to("2026-02-10T09:30:00Z").await?;
    idle(&stale).await?;
    assert_eq!(series(&town, &bea).len(), 0, "paused, here and on a node with the old files");
    manual_stop::resume(&town.node.ctx, &name("standstill")).await?;
    town.run_until_idle().await?;
    assert_eq!(subjects(&town, &bea), [OLD], "what waited leaves under the new name");
    town.clock.move_to(NEXT_ISSUE.parse()?);
    idle(&stale).await?;
    assert_eq!(series(&town, &ada).len(), 1, "nothing opens under the old name");
    town.run_until_idle().await?;
    for who in people() {
        let had = subjects(&town, &who);
        assert!(had.len() == 2 && had[1] != OLD, "{who} goes on with the second: {had:?}");
    }
    let known = campaigns::all(&mut town.node.ctx.store().read().await?).await?;
    assert_eq!(known[&name(SERIES)].renamed_to, Some(name("standstill")));
    Ok(())
});

story!(a_campaign_that_gets_its_old_name_back_keeps_its_pause_and_its_series, |town| {
    applied(&town, changed(&[])).await?;
    written(&town).await?;
    town.run_until_idle().await?;
    apply(&town.node.ctx, plan_of(&town, &renamed(true))).await?;
    manual_stop::pause(&town.node.ctx, &name("standstill"), "a pause of before").await?;
    let order = "order    = \"series\"";
    let back = changed(&[("campaigns/line-downtime.toml", order, &format!("{order}\nrenamed_from = \"standstill\""))]);
    apply(&town.node.ctx, plan_of(&town, &back)).await?;
    assert_eq!(why(&town, SERIES).await.as_deref(), Some("a pause of before"));
    let known = campaigns::all(&mut town.node.ctx.store().read().await?).await?;
    assert_eq!((&known[&name(SERIES)].renamed_to, known[&name(SERIES)].configured), (&None, true));
    assert_eq!(known[&name("standstill")].renamed_to, Some(name(SERIES)));
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.pass_to(NEXT_ISSUE).await?;
    for who in people() {
        let had = subjects(&town, &who);
        assert!(had.len() == 2 && had[1] != OLD, "{who} goes on with the second: {had:?}");
    }
    Ok(())
});

story!(a_node_that_is_sending_claims_nothing_under_a_name_it_has_no_file_of, |town| {
    applied(&town, changed(&[])).await?;
    let stale = town.second_node(town.node.ctx.store().clone()).await?;
    // Two ranges of them, and a relay that answers nobody yet.
    let everybody = breakers::people(2_050);
    town.pass_to("2026-02-03T08:00:00Z").await?;
    town.admit(&everybody, "import").await?;
    town.clock.move_to(FIRST_ISSUE.parse()?);
    while publish(&town.node.ctx).await? == Progress::Done {}
    let (gate, reached) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (held, there) = (gate.clone(), reached.clone());
    let relay = MoodyRelay::start(move |at, _| {
        if at == At::Mail {
            there.notify_one();
            // Closed, it lets everybody pass.
            tokio::task::block_in_place(|| Handle::current().block_on(held.acquire()).map(drop).ok());
        }
        None
    })
    .await?;
    let mut plan = Plan::clone(&stale.ctx.plan());
    plan.settings.smtp.port = relay.port;
    stale.ctx.replace_plan(plan)?;
    let (ctx, writer) = (stale.ctx.clone(), stale.writer.clone());
    let sending = tokio::spawn(async move { deliver(&ctx, &writer).await });
    reached.notified().await;
    apply(&town.node.ctx, plan_of(&town, &renamed(true))).await?;
    gate.close();
    sending.await??;
    let had = relay.accepted().len();
    assert!((1..2_050).contains(&had), "{had}: what it had claimed before");
    // Whatever it claims all the same, it cannot ask who may get it.
    let (lease, open) = claimed(&town, "a node").await?;
    let mut tx = town.node.ctx.store().read().await?;
    let issue = issues::claimed(&mut tx, lease.issue, &stale.ctx.plan().hash).await?;
    let refused = audience::left(&mut tx, &stale.ctx.plan(), &issue, &lease, &open, stale.ctx.now())
        .await
        .expect_err("it has no such campaign");
    assert!(refused.to_string().contains("standstill is not in the configuration"), "{refused}");
    drop(tx);
    town.pass_until(Span::hours(1).after(town.now())).await?;
    assert_eq!(breakers::sent(&town) + had, 2_050, "the others leave under the new name");
    Ok(())
});

story!(what_is_held_of_a_campaign_that_is_not_configured_is_released_by_nobody, |town| {
    applied(&town, changed(&[])).await?;
    change(&town, SERIES, |series| series.guards.canary = Some(Canary { first: 1, hold: Span::minutes(20) }))?;
    written(&town).await?;
    town.run_until_idle().await?;
    let ctx = &town.node.ctx;
    let held = async || Ok::<_, FlowError>(holds::open(&mut ctx.store().read().await?).await?.len());
    assert_eq!((town.catcher.count(), held().await?), (1, 1));
    applied(&town, without_series()).await?;
    town.pass_until(Span::hours(1).after(town.now())).await?;
    assert_eq!(held().await?, 0, "nobody asks for it");
    applied(&town, changed(&[])).await?;
    assert_eq!(held().await?, 1, "and nobody released it");
    // Nor does a node that has other files.
    let other = town.second_node(ctx.store().clone()).await?;
    other.ctx.replace_plan(plan_of(&town, &without_series()))?;
    idle(&other).await?;
    assert_eq!((town.catcher.count(), held().await?), (1, 1));
    town.run_until_idle().await?;
    assert_eq!((town.catcher.count(), held().await?), (3, 0));
    Ok(())
});

story!(a_refused_login_pauses_what_is_configured_and_nothing_else, |town| {
    applied(&town, changed(&[])).await?;
    applied(&town, without_series()).await?;
    breaker::no_connection(&town.node.ctx, &RelayError::Login("535 5.7.8 who are you".to_owned())).await?;
    assert!(why(&town, "production-letter").await.is_some_and(|why| why.contains("login")));
    assert_eq!(why(&town, SERIES).await, None);
    Ok(())
});

story!(a_campaign_that_looks_renamed_is_paused_until_somebody_says_which_it_is, |town| {
    applied(&town, changed(&[])).await?;
    written(&town).await?;
    town.run_until_idle().await?;
    let unsaid = plan_of(&town, &renamed(false));
    let looks = Rename { from: name(SERIES), to: name("standstill"), said: false, newsletters: 1 };
    assert_eq!(renames(&town, &unsaid).await?, std::slice::from_ref(&looks));
    assert!(looks.to_string().contains("everybody would get them again"), "{looks}");
    // A daemon that starts or reloads asks nobody.
    apply(&town.node.ctx, unsaid.clone()).await?;
    let reason = why(&town, "standstill").await.expect("paused");
    assert!(reason.contains("renamed_from = \"line-downtime\"") && reason.contains("campaigns resume standstill"), "{reason}");
    town.pass_to(NEXT_ISSUE).await?;
    for who in people() {
        assert_eq!(series(&town, &who).len(), 1, "{who}");
    }
    // Somebody says that it was renamed: the question is answered, and the series goes on.
    apply(&town.node.ctx, plan_of(&town, &renamed(true))).await?;
    assert_eq!(why(&town, "standstill").await, None);
    goes_on(&town).await
});

story!(a_node_that_starts_with_the_old_files_begins_nothing_anew, |town| {
    applied(&town, changed(&[])).await?;
    written(&town).await?;
    town.run_until_idle().await?;
    let old = plan_of(&town, &changed(&[]));
    apply(&town.node.ctx, plan_of(&town, &renamed(true))).await?;
    // It puts its own files in force, as every daemon does when it starts.
    apply(&town.node.ctx, old).await?;
    assert!(why(&town, SERIES).await.is_some_and(|why| why.contains("those of standstill")), "it looks renamed, the other way");
    town.pass_to(NEXT_ISSUE).await?;
    for who in people() {
        assert_eq!(subjects(&town, &who), [OLD], "{who}");
    }
    apply(&town.node.ctx, plan_of(&town, &renamed(true))).await?;
    assert_eq!(why(&town, "standstill").await, None);
    goes_on(&town).await
});

story!(who_agrees_that_a_campaign_begins_anew_is_not_asked_again, |town| {
    applied(&town, changed(&[])).await?;
    written(&town).await?;
    town.run_until_idle().await?;
    let unsaid = plan_of(&town, &renamed(false));
    apply_as_agreed(&town.node.ctx, unsaid.clone()).await?;
    // The daemon takes over what was applied.
    apply(&town.node.ctx, unsaid).await?;
    assert_eq!(why(&town, "standstill").await, None);
    town.pass_to(NEXT_ISSUE).await?;
    for who in people() {
        assert_eq!(subjects(&town, &who), [OLD, OLD], "{who} gets it again, as was agreed");
    }
    Ok(())
});

story!(two_histories_of_one_campaign_become_one, |town| {
    applied(&town, changed(&[])).await?;
    written(&town).await?;
    town.run_until_idle().await?;
    apply_as_agreed(&town.node.ctx, plan_of(&town, &renamed(false))).await?;
    town.pass_to(NEXT_ISSUE).await?;
    apply(&town.node.ctx, plan_of(&town, &renamed(true))).await?;
    town.pass_to("2026-04-07T09:30:00Z").await?;
    for who in people() {
        let had = subjects(&town, &who);
        assert!(had.len() == 3 && had[2] != OLD, "{who} goes on with the second: {had:?}");
    }
    Ok(())
});

#[test]
fn a_name_that_was_and_one_that_is_are_not_mixed_up() {
    let with = |changes: &[(&str, &str, &str)]| {
        let files = changed(changes);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        load_files(&files, &[]).map(|loaded| loaded.plan).map_err(|problems| problems.to_string())
    };
    let (series, letter) = ("campaigns/line-downtime.toml", "campaigns/production-letter.toml");
    let line = |name: &str| format!("order    = \"series\"\nrenamed_from = \"{name}\"");
    let order = "order    = \"series\"";
    let good = with(&[(series, order, &line("standstill"))]).expect("it is not there any more");
    assert_eq!(good.campaign(&name(SERIES)).and_then(|c| c.renamed_from.clone()), Some(name("standstill")));
    let edition = "order    = \"edition\"";
    for (changes, words) in [
        (vec![(series, order, line(SERIES))], "was not renamed from itself"),
        (vec![(series, order, line("production-letter"))], "which is configured too"),
        (vec![(series, order, line("Not A Name"))], "without .toml"),
        (
            vec![(series, order, line("old")), (letter, edition, format!("{edition}\nrenamed_from = \"old\""))],
            "and so does that of line-downtime",
        ),
    ] {
        let changes: Vec<(&str, &str, &str)> = changes.iter().map(|(path, from, to)| (*path, *from, to.as_str())).collect();
        let refused = with(&changes).expect_err("it is refused");
        assert!(refused.contains(words), "{words}: {refused}");
    }
}

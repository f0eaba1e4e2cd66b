//! Second thoughts: what waits is cancelled or corrected, asks its audience once more, and outlives a campaign's name.

use super::breakers::SERIES;
use super::plan::{applied, changed};
use super::{FIRST_ISSUE, Told, address, change, name, somebody, story};
use jiff::civil::date;
use nurtured::domain::address::Address;
use nurtured::domain::criterion::Criterion;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::doorway::signal::Touch;
use nurtured::domain::group::delivery::{Resolution, State};
use nurtured::domain::id::IssueId;
use nurtured::domain::span::Span;
use nurtured::flow::context::{Context, FlowError, Pages, Progress};
use nurtured::flow::group::cancel::{Cancelled, cancel};
use nurtured::flow::group::correct::{Corrected, correct};
use nurtured::flow::group::delivery::deliver::deliver;
use nurtured::flow::group::delivery::uncertain;
use nurtured::flow::group::publish::publish;
use nurtured::flow::individual::follow_up::Action;
use nurtured::flow::operations::manual_stop;
use nurtured::insight::plan::waiting::waiting;
use nurtured::store::group::attempts::{self, Mark, Outcome};
use nurtured::store::group::leases::Lease;
use nurtured::store::group::uncertain::Which;
use nurtured::store::group::{deliveries, leases};
use nurtured::town::Town;
use nurtured::town::mailbox::Mail;

pub(super) const OLD: &str = "What one hour of a stopped line costs";
const NEW: &str = "What one hour of a stopped line really costs";
pub(super) const NEXT_ISSUE: &str = "2026-03-03T09:30:00Z";

pub(super) fn people() -> [Address; 3] {
    ["ada@albareda.example", "bea@albareda.example", "cid@albareda.example"].map(address)
}

/// The first newsletter of the series is written, and has not left.
pub(super) async fn written(town: &Town) -> Result<(), FlowError> {
    town.pass_to("2026-02-03T08:00:00Z").await?;
    town.admit(&people().map(|who| somebody(who.as_str())), "import").await?;
    town.clock.move_to(FIRST_ISSUE.parse().expect("an instant"));
    while publish(&town.node.ctx).await? == Progress::Done {}
    Ok(())
}

/// The mails of the series that reached somebody.
pub(super) fn series(town: &Town, who: &Address) -> Vec<Mail> {
    town.mails_to(who).into_iter().filter(|mail| mail.from.starts_with("Marta")).collect()
}

pub(super) fn subjects(town: &Town, who: &Address) -> Vec<String> {
    series(town, who).into_iter().map(|mail| mail.subject).collect()
}

/// State and reason of the first delivery of the series to somebody.
async fn first(town: &Town, who: &Address) -> Result<(String, String), FlowError> {
    let id = town.prospect(who).await?.id;
    let all = deliveries::of_prospect(&mut town.node.ctx.store().read().await?, id).await?;
    let first = all.into_iter().find(|d| d.campaign == SERIES).expect("it was written");
    Ok((first.state, first.reply.unwrap_or_default()))
}

/// The file of the first newsletter says something else, and leads elsewhere.
fn rewrite(town: &Town) -> Told {
    change(town, SERIES, |campaign| {
        let newsletter = &mut campaign.newsletters[0];
        assert_eq!(newsletter.subject, OLD);
        NEW.clone_into(&mut newsletter.subject);
        newsletter.markdown = newsletter.markdown.replace("tecnofab.example/calculator", "tecnofab.example/new-calculator");
    })
}

async fn corrected(ctx: &Context, issue: Option<IssueId>) -> Result<Vec<Corrected>, FlowError> {
    let plan = ctx.plan();
    correct(ctx, plan.campaign(&name(SERIES)).expect("the series"), issue, Some("marta")).await
}

/// Somebody claims what is due of the series and sends nothing yet.
pub(super) async fn claimed(town: &Town, node: &str) -> Result<(Lease, Vec<deliveries::Open>), FlowError> {
    let now = town.now();
    let mut tx = town.node.ctx.store().write().await?;
    let lease = leases::claim(&mut tx, node, now, Span::minutes(5).after(now)).await?.expect("something is due");
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    tx.commit().await?;
    Ok((lease, open))
}

/// How many of these that node may send now.
pub(super) async fn marked(town: &Town, lease: &Lease, open: &[deliveries::Open]) -> Result<usize, FlowError> {
    let mark = |row: &deliveries::Open| Mark { delivery: row.id, number: 1, lease: lease.id, fence: lease.fence };
    let marks: Vec<Mark> = open.iter().map(mark).collect();
    let mut tx = town.node.ctx.store().write().await?;
    let marked = attempts::mark(&mut tx, &marks, town.now()).await?;
    tx.commit().await?;
    Ok(marked.len())
}

story!(what_is_cancelled_waits_for_nobody_and_is_offered_again_at_the_next_date, |town| {
    let [ada, bea, cid] = people();
    written(&town).await?;
    town.catcher.refuse(bea.as_str(), 450, "4.2.0 come back later");
    town.catcher.refuse(cid.as_str(), 450, "4.2.0 come back later");
    town.run_until_idle().await?;
    assert_eq!(subjects(&town, &ada), [OLD]);
    let ctx = &town.node.ctx;
    let (reason, series_name) = (("the price is wrong", Some("marta")), name(SERIES));
    let done = cancel(ctx, &series_name, None, reason).await?;
    assert_eq!(done, Cancelled { issues: 1, mails: 2, occurrences: 0 });
    assert_eq!(cancel(ctx, &series_name, None, reason).await?.mails, 0, "once");
    assert_eq!(first(&town, &bea).await?, ("cancelled".to_owned(), "cancelled by marta: the price is wrong".to_owned()));
    assert_eq!(first(&town, &ada).await?.0, "accepted", "what has left stays sent");
    assert!(waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?.is_empty());
    town.catcher.relent(bea.as_str());
    town.catcher.relent(cid.as_str());
    town.pass_to("2026-03-02T09:30:00Z").await?;
    assert_eq!((series(&town, &bea).len(), series(&town, &cid).len()), (0, 0), "it does not come back by itself");
    town.pass_to(NEXT_ISSUE).await?;
    assert_eq!(subjects(&town, &bea), [OLD], "they have not had it: the series begins with it");
    assert_eq!(series(&town, &ada).len(), 2, "and goes on for who had it");
    Ok(())
});

story!(what_is_cancelled_does_not_come_back_with_a_prospect_whom_sales_returns, |town| {
    let [ada, ..] = people();
    written(&town).await?;
    manual_stop::pause(&town.node.ctx, &name(SERIES), "wait").await?;
    town.log(&ada, "marta", Touch::Call, &Criterion::ALL, Some(date(2026, 6, 1)), "all of it").await?;
    town.run_until_idle().await?;
    assert_eq!(town.handoffs_of(&ada).await?.len(), 1, "she is offered");
    let done = cancel(&town.node.ctx, &name(SERIES), None, ("a typo", None)).await?;
    assert_eq!(done.mails, 3, "hers too");
    manual_stop::resume(&town.node.ctx, &name(SERIES)).await?;
    town.sell(&ada, Action::Accept).await?;
    let reason = town.node.ctx.plan().qualifying.recycle[0].reason.clone();
    town.sell(&ada, Action::Recycle { reason, wake: Some(date(2026, 6, 1)), note: String::new() }).await?;
    town.pass_to("2026-03-02T09:30:00Z").await?;
    assert_eq!(series(&town, &ada).len(), 0);
    assert_eq!(first(&town, &ada).await?.0, "cancelled");
    Ok(())
});

story!(one_issue_is_cancelled_and_the_others_leave, |town| {
    let [ada, bea, _] = people();
    written(&town).await?;
    town.catcher.refuse(bea.as_str(), 450, "4.2.0 come back later");
    town.run_until_idle().await?;
    // A month later there are two issues at once: Bea waits for the first, Ada for the second.
    manual_stop::pause(&town.node.ctx, &name(SERIES), "wait").await?;
    let ctx = &town.node.ctx;
    let first_issue = waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?[0].mails.issue;
    let later = somebody("eva@albareda.example");
    town.admit(std::slice::from_ref(&later), "import").await?;
    manual_stop::resume(ctx, &name(SERIES)).await?;
    town.clock.move_to(NEXT_ISSUE.parse()?);
    while publish(ctx).await? == Progress::Done {}
    let done = cancel(ctx, &name(SERIES), Some(first_issue), ("a typo", None)).await?;
    assert_eq!(done, Cancelled { issues: 1, mails: 1, occurrences: 0 });
    town.catcher.relent(bea.as_str());
    town.run_until_idle().await?;
    assert_eq!((series(&town, &ada).len(), subjects(&town, &later.address)), (2, vec![OLD.to_owned()]));
    let had = subjects(&town, &bea);
    assert!(had.len() == 1 && had[0] != OLD, "the second, which was not cancelled: {had:?}");
    Ok(())
});

story!(an_issue_that_is_still_being_written_is_cancelled_by_its_number, |town| {
    let everybody: Vec<Arrival> = (0..130).map(|n| somebody(&format!("p{n}@albareda.example"))).collect();
    let ctx = &town.node.ctx;
    town.pass_to("2026-02-03T08:00:00Z").await?;
    town.admit(&everybody, "import").await?;
    town.clock.move_to(FIRST_ISSUE.parse()?);
    // Its first page, which is as large as the one before it lets it be, is written and has left.
    let issue = loop {
        ctx.keep_pages(Pages { size: Some(50), ..ctx.pages() });
        publish(ctx).await?;
        if let [one, ..] = &waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?[..] {
            break one.mails.issue;
        }
    };
    while deliver(ctx, &town.node.writer).await? == Progress::Done {}
    let sent = town.catcher.count();
    assert!((1..130).contains(&sent), "{sent} of 130");
    let series_name = name(SERIES);
    assert_eq!(
        cancel(ctx, &series_name, Some(issue), ("a typo", None)).await?,
        Cancelled { issues: 1, mails: 0, occurrences: 0 }
    );
    assert_eq!(cancel(ctx, &series_name, Some(issue), ("a typo", None)).await?.issues, 0, "once");
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count(), sent, "of the pages that came later nothing leaves");
    assert_eq!(first(&town, &everybody[129].address).await?, ("cancelled".to_owned(), "cancelled: a typo".to_owned()));
    Ok(())
});

story!(a_correction_reaches_those_who_wait_and_nobody_twice, |town| {
    let [ada, bea, cid] = people();
    written(&town).await?;
    town.catcher.refuse(bea.as_str(), 450, "4.2.0 come back later");
    town.run_until_idle().await?;
    rewrite(&town)?;
    let ctx = &town.node.ctx;
    let before = waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?;
    assert_eq!((before.len(), before[0].is_outdated, before[0].mails.version, before[0].mails.mails), (1, true, 1, 1));
    let done = corrected(ctx, None).await?;
    assert_eq!((done.len(), done[0].changed, done[0].version, done[0].subject.as_str()), (1, true, 2, NEW));
    let again = corrected(ctx, Some(done[0].issue)).await?;
    assert_eq!((again[0].changed, again[0].version), (false, 2), "the files say nothing else by now");
    let after = waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?;
    assert_eq!((after[0].is_outdated, after[0].mails.version, after[0].mails.subject.as_str()), (false, 2, NEW));
    town.catcher.relent(bea.as_str());
    town.pass_to("2026-03-02T09:30:00Z").await?;
    for (who, subject) in [(&ada, OLD), (&bea, NEW), (&cid, OLD)] {
        assert_eq!(subjects(&town, who), [subject], "{who}");
    }
    // What is told of either is the subject they had.
    for (who, subject) in [(&ada, OLD), (&bea, NEW)] {
        let id = town.prospect(who).await?.id;
        let mut tx = ctx.store().read().await?;
        assert_eq!(deliveries::of_prospect(&mut tx, id).await?[0].subject, subject);
        assert_eq!(deliveries::received(&mut tx, id, 1).await?[0].0, subject);
    }
    // Every link leads where its mail says, those of before the correction too.
    for (who, leads_to) in [(&ada, "https://tecnofab.example/calculator"), (&bea, "https://tecnofab.example/new-calculator")] {
        let link = series(&town, who)[0].link("Do the sum").expect("a link");
        let answered = town.ask(axum::http::Method::GET, &link, nurtured::town::BROWSER, "").await?;
        assert!(answered.location.as_deref().is_some_and(|to| to.starts_with(leads_to)), "{who}: {answered:?}");
    }
    // Who had either words goes on with the next newsletter.
    town.pass_to(NEXT_ISSUE).await?;
    for who in &people() {
        let had = subjects(&town, who);
        assert!(had.len() == 2 && had[1] != OLD && had[1] != NEW, "{who}: {had:?}");
    }
    Ok(())
});

story!(what_may_have_arrived_is_repeated_in_the_words_it_had, |town| {
    let [ada, bea, cid] = people();
    written(&town).await?;
    let (lease, open) = claimed(&town, "a node that dies").await?;
    let of = |who: &Address| open.iter().find(|row| row.address == *who).cloned().expect("hers");
    assert_eq!(marked(&town, &lease, &[of(&ada)]).await?, 1);
    // The file is corrected twice while nobody knows whether she got it.
    rewrite(&town)?;
    assert_eq!(corrected(&town.node.ctx, None).await?[0].version, 2);
    change(&town, SERIES, |campaign| campaign.newsletters[0].subject.push('!'))?;
    assert_eq!(corrected(&town.node.ctx, None).await?[0].version, 3);
    let ctx = &town.node.ctx;
    let waits = waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?;
    let told: Vec<_> = waits.iter().map(|w| (w.mails.version, w.mails.former, w.mails.mails)).collect();
    assert_eq!(told, [(1, true, 1), (3, false, 2)]);
    // The stale node may send nothing more of what it has read.
    assert_eq!(marked(&town, &lease, &[of(&bea), of(&cid)]).await?, 0);
    town.pass_until(Span::hours(1).after(town.now())).await?;
    assert_eq!(subjects(&town, &ada), [OLD]);
    for who in [&bea, &cid] {
        assert_eq!(subjects(&town, who), [format!("{NEW}!")], "{who}");
    }
    Ok(())
});

story!(what_nobody_knows_of_is_sent_again_in_the_words_it_had_and_never_called_skipped, |town| {
    let [ada, bea, cid] = people();
    written(&town).await?;
    let (lease, open) = claimed(&town, "a node that dies").await?;
    let hers: Vec<_> = open.iter().filter(|row| row.address != cid).cloned().collect();
    assert_eq!(marked(&town, &lease, &hers).await?, 2);
    let unknown = |row: &deliveries::Open| Outcome {
        delivery: row.id,
        number: 2,
        lease: lease.id,
        fence: lease.fence,
        state: State::Uncertain,
        retry_at: None,
        reply: Some("no answer".to_owned()),
    };
    let ctx = &town.node.ctx;
    let mut tx = ctx.store().write().await?;
    assert_eq!(attempts::record(&mut tx, &hers.iter().map(unknown).collect::<Vec<_>>(), town.now()).await?.len(), 2);
    tx.commit().await?;
    rewrite(&town)?;
    assert_eq!(corrected(ctx, None).await?[0].version, 2);
    town.pass_until(Span::hours(1).after(town.now())).await?;
    assert_eq!((subjects(&town, &cid), town.catcher.count()), (vec![NEW.to_owned()], 1));
    // Somebody asks the relay's log, and has them sent again; by then Bea is a customer.
    let resent = uncertain::resolve(ctx, Which::OfIssue(lease.issue), Resolution::Resend, &name("marta")).await?;
    assert_eq!(resent, 2);
    let waits = waiting(&mut ctx.store().read().await?, &ctx.plan(), None).await?;
    assert_eq!(waits.iter().map(|w| (w.mails.version, w.mails.former, w.mails.mails)).collect::<Vec<_>>(), [(1, true, 2)]);
    let mut customer = somebody(bea.as_str());
    customer.tags.insert("customer".to_owned());
    town.admit(&[customer], "import").await?;
    town.run_until_idle().await?;
    assert_eq!((subjects(&town, &ada), first(&town, &ada).await?.0), (vec![OLD.to_owned()], "accepted".to_owned()));
    assert_eq!((subjects(&town, &bea).len(), first(&town, &bea).await?.0), (0, "uncertain".to_owned()), "it may have arrived");
    Ok(())
});

story!(a_stale_node_sends_nothing_of_what_was_cancelled, |town| {
    let [ada, bea, cid] = people();
    written(&town).await?;
    let (lease, open) = claimed(&town, "a stale node").await?;
    let of = |who: &Address| open.iter().find(|row| row.address == *who).cloned().expect("hers");
    assert_eq!(marked(&town, &lease, &[of(&ada)]).await?, 1);
    let done = cancel(&town.node.ctx, &name(SERIES), None, ("a typo", Some("marta"))).await?;
    assert_eq!(done.mails, 2, "all but the one that is being transmitted");
    assert_eq!(marked(&town, &lease, &[of(&bea), of(&cid)]).await?, 0);
    // It dies: nobody knows whether Ada got hers, and it is not tried again.
    town.pass_until(Span::hours(1).after(town.now())).await?;
    assert_eq!(town.catcher.count(), 0);
    assert_eq!(first(&town, &ada).await?, ("uncertain".to_owned(), "cancelled by marta: a typo".to_owned()));
    assert_eq!(first(&town, &bea).await?.0, "cancelled");
    Ok(())
});

story!(whoever_left_the_audience_meanwhile_is_skipped_and_it_is_said_why, |town| {
    let [ada, bea, cid] = people();
    written(&town).await?;
    let mut customer = somebody(ada.as_str());
    customer.tags.insert("customer".to_owned());
    let mut elsewhere = somebody(bea.as_str());
    elsewhere.fields.insert(name("industry"), "banking".to_owned());
    town.admit(&[customer, elsewhere], "import").await?;
    town.run_until_idle().await?;
    assert_eq!((series(&town, &ada).len(), series(&town, &bea).len(), series(&town, &cid).len()), (0, 0, 1));
    let skipped = |why: &str| ("skipped".to_owned(), format!("no longer in the audience: {why}"));
    assert_eq!(first(&town, &ada).await?, skipped("the tag \"customer\" is excluded"));
    assert_eq!(first(&town, &bea).await?, skipped("nothing of `any` holds"));
    Ok(())
});

story!(who_waits_is_asked_again_when_the_audience_of_the_files_is_another_one, |town| {
    let [ada, bea, cid] = people();
    applied(&town, changed(&[])).await?;
    written(&town).await?;
    let narrower = changed(&[("campaigns/line-downtime.toml", "{ tag = \"customer\" }", "{ domain = \"albareda.example\" }")]);
    applied(&town, narrower).await?;
    town.run_until_idle().await?;
    for who in [&ada, &bea, &cid] {
        assert_eq!(series(&town, who).len(), 0);
        assert_eq!(first(&town, who).await?.1, "no longer in the audience: the condition on the domain is excluded");
    }
    Ok(())
});

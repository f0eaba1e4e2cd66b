//! Group mail: the same for everybody, once, and only to those who may be written to.

use super::{FIRST_ISSUE, address, name, somebody, story};
use nurtured::domain::consent::{Consent, Purpose};
use nurtured::domain::span::Span;
use nurtured::domain::suppression::{Channel, StopReason};
use nurtured::flow::group::delivery::deliver::deliver;
use nurtured::flow::group::publish::publish;
use nurtured::mail::test_server::Caught;
use nurtured::mail::token::WIDTH;
use nurtured::store::group::attempts::{self, Mark};
use nurtured::store::group::{campaigns, deliveries, leases};
use nurtured::store::operations::counts;
use nurtured::store::people::prospects;
use nurtured::store::people::prospects::{Details, FieldChange, NewProspect};
use nurtured::store::people::suppressions::{self, Stop};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

story!(importing_twice_changes_nothing, |town| {
    let people: Vec<_> = (0..50).map(|n| somebody(&format!("p{n}@albareda.example"))).collect();
    let first = town.admit(&people, "import list.csv").await?;
    assert_eq!((first.added, first.unchanged), (50, 0));
    let before = town.prospect(&people[7].address).await?;
    let again = town.admit(&people, "import list.csv").await?;
    assert_eq!((again.added, again.changed, again.unchanged, again.suppressed), (0, 0, 50, 0));
    assert_eq!(town.prospect(&people[7].address).await?, before);
    assert_eq!(
        nurtured::store::operations::counts::summary(&mut town.node.ctx.store().read().await?).await?.signals,
        50,
        "one signal each, once"
    );
    Ok(())
});

story!(a_blank_never_overwrites_and_an_opt_out_only_adds, |town| {
    let mut ada = somebody("ada@albareda.example");
    ada.phone = Some("+34 1".into());
    town.admit(&[ada.clone()], "import").await?;
    let mut later = nurtured::domain::doorway::arrival::Arrival::of(ada.address.clone());
    later.email_opt_out = true;
    town.admit(&[later.clone()], "import").await?;
    later.email_opt_out = false;
    town.admit(&[later], "import").await?;
    let kept = town.prospect(&ada.address).await?;
    assert_eq!((kept.phone.as_deref(), kept.fields.len(), kept.mail_stop), (Some("+34 1"), 2, Some(StopReason::OptedOut)));
    town.pass_to(FIRST_ISSUE).await?;
    assert!(town.mails_to(&ada.address).is_empty());
    Ok(())
});

story!(an_unsubscribe_between_claim_and_send_wins, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[somebody(ada.as_str()), somebody(bea.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.clock.move_to("2026-03-03T08:30:00Z".parse()?);
    let ctx = &town.node.ctx;
    while publish(ctx).await? == nurtured::flow::context::Progress::Done {}
    // Claimed, read, and about to be sent…
    let now = town.now();
    let mut tx = ctx.store().write().await?;
    let lease = leases::claim(&mut tx, "a node", now, Span::minutes(5).after(now)).await?.expect("a lease");
    let open = deliveries::open_in(&mut tx, lease.issue, lease.first, lease.last).await?;
    tx.commit().await?;
    assert_eq!(open.len(), 2);
    // …when Ada unsubscribes.
    town.unsubscribe(&ada).await?;
    let mut tx = ctx.store().write().await?;
    let marks: Vec<Mark> = open.iter().map(|o| Mark { delivery: o.id, number: 1, lease: lease.id, fence: lease.fence }).collect();
    let marked = attempts::mark(&mut tx, &marks, now).await?;
    tx.commit().await?;
    let of = |who: &nurtured::domain::address::Address| open.iter().find(|o| o.address == *who).expect("open").id;
    assert_eq!(marked, BTreeSet::from([of(&bea)]));
    let mut tx = ctx.store().read().await?;
    assert_eq!(deliveries::state(&mut tx, of(&ada)).await?.as_deref(), Some("suppressed"));
    assert_eq!(deliveries::state(&mut tx, of(&bea)).await?.as_deref(), Some("transmitting"));
    Ok(())
});

story!(a_paused_campaign_waits_and_goes_on, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    let ctx = &town.node.ctx;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = town.mails_to(&ada).len();
    town.clock.move_to("2026-02-03T08:31:00Z".parse()?);
    while publish(ctx).await? == nurtured::flow::context::Progress::Done {}
    let mut tx = ctx.store().write().await?;
    campaigns::pause(&mut tx, &name("line-downtime"), "a typo", town.now()).await?;
    tx.commit().await?;
    deliver(ctx, &town.node.writer).await?;
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), before, "paused");
    let mut tx = ctx.store().write().await?;
    campaigns::resume(&mut tx, &name("line-downtime"), town.now()).await?;
    tx.commit().await?;
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), before + 1, "resumed");
    Ok(())
});

story!(a_stop_that_crossed_a_list_on_its_way_still_stops, |town| {
    let ada = address("ada@albareda.example");
    let (ctx, now) = (&town.node.ctx, town.now());
    // What two transactions of one moment can leave behind: the address is suppressed, the new prospect does not know.
    let mut tx = ctx.store().write().await?;
    let stop =
        Stop { address: ada.to_string(), channel: Channel::Email, reason: StopReason::Unsubscribed, source: "elsewhere".into() };
    suppressions::add(&mut tx, &[stop], now).await?;
    let new = NewProspect { address: ada.as_str(), details: Details::default(), mail_stop: None };
    let id = prospects::add(&mut tx, &[new], now).await?[&ada];
    let food = FieldChange { prospect: id, name: "industry", value: Some("food") };
    prospects::set_fields(&mut tx, &[food]).await?;
    tx.commit().await?;
    town.pass_to(FIRST_ISSUE).await?;
    assert!(town.mails_to(&ada).is_empty());
    let totals = counts::summary(&mut ctx.store().read().await?).await?;
    assert_eq!((totals.deliveries, totals.accepted), (1, 0), "written, and stopped at the mark");
    Ok(())
});

story!(a_campaign_paused_in_the_middle_of_a_range_loses_nothing, |town| {
    let people: Vec<_> = (0..30).map(|n| somebody(&format!("p{n}@albareda.example"))).collect();
    town.admit(&people, "import").await?;
    town.pass_to("2026-02-03T08:29:00Z").await?;
    let before = town.catcher.count();
    town.clock.move_to("2026-02-03T08:31:00Z".parse()?);
    let ctx = &town.node.ctx;
    while publish(ctx).await? == nurtured::flow::context::Progress::Done {}
    // The pause commits while the range is being sent; which mails it still catches is left to chance.
    let (sent, paused) = tokio::join!(deliver(ctx, &town.node.writer), async {
        town.catcher.wait_for(before + 5).await;
        let mut tx = ctx.store().write().await?;
        campaigns::pause(&mut tx, &name("line-downtime"), "a typo", town.now()).await?;
        tx.commit().await
    });
    sent?;
    paused?;
    let mut tx = ctx.store().write().await?;
    campaigns::resume(&mut tx, &name("line-downtime"), town.now()).await?;
    tx.commit().await?;
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count(), before + 30, "everybody, once");
    Ok(())
});

story!(after_downtime_at_most_one_back_issue_and_only_while_fresh, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.run_until_idle().await?;
    // Asleep from January until three hours after the April issue was due: February and March are missed.
    town.clock.move_to("2026-04-07T10:30:00Z".parse()?);
    town.run_until_idle().await?;
    let subjects: Vec<String> = town.mails_to(&ada).into_iter().map(|m| m.subject).collect();
    assert_eq!(subjects, ["What one hour of a stopped line costs"], "the series begins where she is");
    town.clock.move_to("2026-05-05T20:00:00Z".parse()?);
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), 1, "eleven hours late is too late");
    Ok(())
});

story!(another_schedule_fires_nothing_of_the_past, |town| {
    let ada = address("ada@albareda.example");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to("2026-01-20T12:00:00Z").await?;
    let before = town.mails_to(&ada).len();
    // Every day at ten from now on: this morning, four hours ago, is nobody's.
    let mut plan = nurtured::domain::plan::Plan::clone(&town.node.ctx.plan());
    let campaign = plan.campaigns.iter_mut().find(|c| c.name.as_str() == "line-downtime").expect("the series");
    campaign.schedule = nurtured::domain::group::schedule::Schedule::parse("0 10 * * *", "Europe/Madrid")?;
    town.node.ctx.replace_plan(plan)?;
    town.run_until_idle().await?;
    assert_eq!(town.mails_to(&ada).len(), before);
    town.pass_to("2026-01-21T12:00:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), before + 1, "tomorrow's fires");
    Ok(())
});

story!(everyone_at_the_same_place_shares_an_issue, |town| {
    let (ada, bea) = (address("ada@albareda.example"), address("bea@albareda.example"));
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to(FIRST_ISSUE).await?;
    town.admit(&[somebody(bea.as_str())], "import").await?;
    town.pass_to("2026-03-03T10:00:00Z").await?;
    assert_eq!(town.newest_to(&ada)?.subject, "The stops nobody writes down");
    assert_eq!(town.newest_to(&bea)?.subject, "What one hour of a stopped line costs");
    Ok(())
});

story!(a_mailbox_that_is_gone_is_written_to_once, |town| {
    let ada = address("ada@albareda.example");
    town.catcher.refuse(ada.as_str(), 550, "5.1.1 no such user");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to("2026-03-03T10:00:00Z").await?;
    assert_eq!(town.prospect(&ada).await?.mail_stop, Some(StopReason::Bounced));
    let totals = nurtured::store::operations::counts::summary(&mut town.node.ctx.store().read().await?).await?;
    assert_eq!((totals.deliveries, totals.accepted, totals.suppressed), (1, 0, 1));
    Ok(())
});

story!(a_busy_mailbox_is_tried_again, |town| {
    let ada = address("ada@albareda.example");
    town.catcher.refuse(ada.as_str(), 450, "4.2.1 busy");
    town.admit(&[somebody(ada.as_str())], "import").await?;
    town.pass_to("2026-02-03T08:32:00Z").await?;
    assert!(town.mails_to(&ada).is_empty());
    town.catcher.relent(ada.as_str());
    town.pass_to("2026-02-03T08:50:00Z").await?;
    assert_eq!(town.mails_to(&ada).len(), 1);
    Ok(())
});

/// What differs between two copies must be tokens of equal width, and the recipient's own headers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_copies_are_the_same_bytes_but_for_their_tokens() {
    let file = tempfile::tempdir().expect("a directory");
    let town = super::found(super::sqlite(file.path()).await).await;
    let mut people: Vec<_> = (0..1_000).map(|n| somebody(&format!("p{n}@albareda.example"))).collect();
    for untracked in people.iter_mut().step_by(2) {
        untracked.consents = vec![Consent::undated(Purpose::Tracking, false, "card")];
    }
    town.admit(&people, "import").await.expect("admitted");
    town.pass_to(FIRST_ISSUE).await.expect("passed");
    let mails: Vec<Caught> = town.catcher.caught().into_iter().filter(|m| m.rcpt_to[0].ends_with("@albareda.example")).collect();
    let series: Vec<&Caught> = mails.iter().filter(|m| find(&m.data, b"What one hour").is_some()).collect();
    assert_eq!(series.len(), 1_000);

    let bodies: BTreeSet<Vec<u8>> = series.iter().map(|m| without_tokens(body(&m.data))).collect();
    assert_eq!(bodies.len(), 1, "one body for all, tracked or not");
    let lengths: BTreeSet<usize> = series.iter().map(|m| body(&m.data).len()).collect();
    assert_eq!(lengths.len(), 1, "tokens are equally wide");
    let tokened: BTreeSet<&[u8]> = series.iter().map(|m| body(&m.data)).collect();
    assert!(tokened.len() > 1, "tokens do differ");
    python_finds_no_defect(&series);
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn body(message: &[u8]) -> &[u8] {
    &message[find(message, b"\r\n\r\n").expect("an end of headers") + 4..]
}

/// Replaces whatever stands behind /c/, /a/, /p/ and /u/ by the same letters. Soft line breaks never cut a token.
fn without_tokens(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for path in [b"/c/", b"/a/", b"/p/", b"/u/"] {
        let mut from = 0;
        while let Some(at) = find(&bytes[from..], path) {
            let start = from + at + path.len();
            // A soft break may stand before the token, for everybody alike.
            let start = if bytes[start..].starts_with(b"=\r\n") { start + 3 } else { start };
            let end = (start + WIDTH).min(bytes.len());
            bytes[start..end].fill(b'T');
            from = start;
        }
    }
    bytes
}

/// Python's parser, strict, as a second opinion.
fn python_finds_no_defect(mails: &[&Caught]) {
    let script = r"
import sys, email, email.policy
count = 0
data = sys.stdin.buffer
while True:
    head = data.readline()
    if not head: break
    message = email.message_from_bytes(data.read(int(head)), policy=email.policy.strict)
    for part in message.walk():
        assert not part.defects, part.defects
        if not part.is_multipart(): part.get_content()
    for name, value in message.items():
        assert not value.defects, (name, value.defects)
    assert message['List-Unsubscribe-Post'] == 'List-Unsubscribe=One-Click'
    count += 1
print(count)
";
    let Ok(mut python) = Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        crate::missing("python3", "that Python's strict parser finds no defect in our mails");
        return;
    };
    let mut stdin = python.stdin.take().expect("a pipe");
    for mail in mails {
        writeln!(stdin, "{}", mail.data.len()).expect("written");
        stdin.write_all(&mail.data).expect("written");
    }
    drop(stdin);
    let output = python.wait_with_output().expect("python to end");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), mails.len().to_string());
}

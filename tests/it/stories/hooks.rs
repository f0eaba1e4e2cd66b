//! What mail providers report by their hooks: proven, recorded once, and about the mail that our token names.

use super::providers::{ALL, Providers, Sent, TOPIC, mailgun, report, written_to};
use super::request::{replan, signals_of};
use super::uncertain::marked_and_dead;
use super::{address, story};
use nurtured::domain::doorway::signal::Detail;
use nurtured::domain::group::delivery::OnUncertain;
use nurtured::domain::hook::Provider;
use nurtured::domain::suppression::StopReason;
use nurtured::flow::group::delivery::uncertain;
use nurtured::store::doorway::provider_deliveries;
use nurtured::web::sns_client::SnsClient;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::rustls::RootCertStore;

const FIVE: [&str; 5] =
    ["p0@albareda.example", "p1@albareda.example", "p2@albareda.example", "p3@albareda.example", "p4@albareda.example"];

story!(a_bounce_and_a_complaint_that_a_provider_reports_stop_the_address_once, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE).await?;
    for (provider, mail) in ALL.into_iter().zip(&sent) {
        // What the provider repeats stands in the mail.
        let header = match provider {
            Provider::Ses => "Message-ID: <",
            Provider::SendGrid => "X-SMTPAPI: {\"unique_args\":{\"nurtured\":\"",
            Provider::Postmark => "X-PM-Metadata-nurtured: ",
            Provider::Mailgun => "X-Mailgun-Variables: {\"nurtured\":\"",
            Provider::Brevo => "X-Mailin-custom: nurtured:",
        };
        assert!(mail.raw.contains(&format!("\r\n{header}{}", mail.token)), "{provider}: {}", mail.raw);
        let spam = report(provider, "spam", mail, 1);
        assert_eq!(providers.report(&town, provider, &spam).await?, (1, 0, 0), "{provider}");
        assert_eq!(town.prospect(&mail.to).await?.mail_stop, Some(StopReason::Complained), "{provider}");
        assert_eq!(providers.report(&town, provider, &spam).await?, (0, 1, 0), "{provider}");
        let gone = report(provider, "gone", mail, 2);
        assert_eq!(providers.report(&town, provider, &gone).await?, (1, 0, 0), "{provider}");
        assert_eq!(providers.report(&town, provider, &gone).await?, (0, 1, 0), "{provider}");
        let hard =
            signals_of(&town, &mail.to).await?.into_iter().filter(|s| matches!(s.detail, Detail::Bounce { hard: true, .. }));
        assert_eq!(hard.count(), 1, "{provider}");
    }
    Ok(())
});

story!(a_full_mailbox_that_a_provider_reports_is_not_a_dead_one_and_a_block_is_nobodys_fault_but_ours, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE).await?;
    for (provider, mail) in ALL.into_iter().zip(&sent) {
        for (n, what) in [(1, "full"), (2, "blocked")] {
            assert_eq!(
                providers.report(&town, provider, &report(provider, what, mail, n)).await?,
                (1, 0, 0),
                "{provider} {what}"
            );
        }
        assert_eq!(town.prospect(&mail.to).await?.mail_stop, None, "{provider}");
        let bounces =
            signals_of(&town, &mail.to).await?.into_iter().filter(|s| matches!(s.detail, Detail::Bounce { hard: false, .. }));
        assert_eq!(bounces.count(), 2, "{provider}");
    }
    Ok(())
});

story!(a_delivery_that_a_provider_reports_is_recorded_once, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE).await?;
    for (provider, mail) in ALL.into_iter().zip(&sent) {
        let delivered = report(provider, "delivered", mail, 1);
        assert_eq!(providers.report(&town, provider, &delivered).await?, (1, 0, 0), "{provider}");
        assert_eq!(providers.report(&town, provider, &delivered).await?, (0, 1, 0), "{provider}");
    }
    let mut tx = town.node.ctx.store().read().await?;
    let (series, letter) = (
        provider_deliveries::count(&mut tx, "line-downtime").await?,
        provider_deliveries::count(&mut tx, "production-letter").await?,
    );
    assert_eq!(series + letter, 5);
    Ok(())
});

story!(a_call_that_its_provider_did_not_prove_changes_nothing, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE).await?;
    for (provider, mail) in ALL.into_iter().zip(&sent) {
        let (headers, body) = providers.call(&town, provider, &report(provider, "gone", mail, 1));
        let forged: Vec<(&str, String)> =
            headers.iter().map(|(name, value)| (*name, value.replace(['A', 'b', 'N'], "x"))).collect();
        let none: Vec<(&str, String)> = Vec::new();
        let other = match provider {
            Provider::Mailgun => mailgun(&report(provider, "gone", mail, 1), "t", town.now().as_second())
                .replace("\"token\":\"t\"", "\"token\":\"u\""),
            _ => body.replace("no such user", "another"),
        };
        let mut calls = vec![(&none, "{}".to_owned()), (&none, String::new()), (&forged, other.clone())];
        if !headers.is_empty() {
            calls.extend([(&none, body.clone()), (&forged, body.clone())]);
        }
        if provider == Provider::SendGrid {
            calls.push((&headers, other));
        }
        for (headers, body) in calls {
            assert_eq!(providers.post(provider.word(), headers, &body).await?.0, 401, "{provider}: {body}");
        }
        assert_eq!(town.prospect(&mail.to).await?.mail_stop, None, "{provider}");
        assert!(signals_of(&town, &mail.to).await?.iter().all(|s| !matches!(s.detail, Detail::Bounce { .. })), "{provider}");
    }
    // Old signatures of Mailgun, and whoever is not configured.
    let old = mailgun(&report(Provider::Mailgun, "gone", &sent[3], 1), "t", town.now().as_second() - 30_000);
    assert_eq!(providers.post("mailgun", &[], &old).await?.0, 401);
    assert_eq!(providers.post("sparkpost", &[], "{}").await?.0, 404);
    // From another network than the hook's.
    replan(&town, |plan| {
        plan.settings.hooks.iter_mut().for_each(|hook| hook.from = vec!["203.0.113.0/24".parse().expect("a network")]);
    })?;
    let (headers, body) = providers.call(&town, Provider::Brevo, &report(Provider::Brevo, "gone", &sent[4], 1));
    assert_eq!(providers.post("brevo", &headers, &body).await?.0, 401);
    replan(&town, |plan| plan.settings.hooks.clear())?;
    for provider in ALL {
        let (headers, body) = providers.call(&town, provider, &report(provider, "gone", &sent[0], 1));
        assert_eq!(providers.post(provider.word(), &headers, &body).await?.0, 404, "{provider}");
    }
    assert_eq!(town.prospect(&sent[4].to).await?.mail_stop, None);
    Ok(())
});

story!(a_report_that_names_no_mail_of_ours_stops_nobody, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE).await?;
    for (provider, mail) in ALL.into_iter().zip(&sent) {
        let turned = |text: &str| {
            text.chars()
                .map(|c| {
                    if c == 'A' {
                        'B'
                    } else if c == 'a' {
                        'b'
                    } else {
                        c
                    }
                })
                .collect::<String>()
        };
        let foreign = [
            Sent {
                id: "14c5d75ce93.dfd.64b469@ismtpd-555".to_owned(),
                path: "letter@shop.example".to_owned(),
                token: "x".to_owned(),
                ..mail.clone()
            },
            Sent { id: turned(&mail.id), path: turned(&mail.path), token: turned(&mail.token), ..mail.clone() },
            Sent {
                id: format!("{}@evil.example", mail.token),
                path: mail.path.replace("news.", "evil."),
                token: String::new(),
                ..mail.clone()
            },
        ];
        for (n, foreign) in (1..).zip(&foreign) {
            assert_eq!(
                providers.report(&town, provider, &report(provider, "gone", foreign, n)).await?,
                (0, 0, 1),
                "{provider} {n}"
            );
        }
        assert_eq!(town.prospect(&mail.to).await?.mail_stop, None, "{provider}");
    }
    Ok(())
});

story!(a_token_of_mailgun_counts_for_one_body, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE[..2]).await?;
    let body = |mail: &Sent| mailgun(&report(Provider::Mailgun, "gone", mail, 1), "the-token", town.now().as_second());
    assert_eq!(providers.post("mailgun", &[], &body(&sent[0])).await?.0, 200);
    assert_eq!(providers.post("mailgun", &[], &body(&sent[0])).await?.0, 200, "their own repetition");
    let stolen = providers.post("mailgun", &[], &body(&sent[1])).await?;
    assert_eq!(stolen.0, 406, "Mailgun takes that for a no, and tries no more");
    assert_eq!(town.prospect(&sent[0].to).await?.mail_stop, Some(StopReason::Bounced));
    assert_eq!(town.prospect(&sent[1].to).await?.mail_stop, None);
    Ok(())
});

story!(a_subscription_is_confirmed_for_the_configured_topic_alone, |town| {
    let providers = Providers::connect(&town).await?;
    let confirmation = |topic: &str, host: &str| {
        let url = format!("https://{host}/?Action=ConfirmSubscription&TopicArn={topic}&Token=2336412f37");
        let more = json!({ "TopicArn": topic, "SubscribeURL": url, "Token": "2336412f37" });
        providers.sns("SubscriptionConfirmation", "You have chosen to subscribe.", more).to_string()
    };
    let (own, other) = ("sns.eu-west-1.amazonaws.com", TOPIC.replace("bounces", "mine"));
    for refused in [
        confirmation(&other, own),
        confirmation(TOPIC, "evil.example"),
        confirmation(TOPIC, own).replace("Token=2336412f37", "Token=2336412f38"),
    ] {
        assert_eq!(providers.post("ses", &[], &refused).await?.0, 401, "{refused}");
    }
    let confirmed = |asked: &[String]| asked.iter().filter(|line| line.contains("ConfirmSubscription")).count();
    assert_eq!(confirmed(&providers.asked.lock().expect("whole")), 0);
    assert_eq!(providers.post("ses", &[], &confirmation(TOPIC, own)).await?.0, 200);
    let asked = providers.asked.lock().expect("whole").clone();
    assert_eq!((confirmed(&asked), asked.len()), (1, 2), "the certificate was fetched once: {asked:?}");
    Ok(())
});

story!(a_certificate_that_is_out_of_reach_has_the_report_sent_again, |town| {
    let mut providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE[..1]).await?;
    let (headers, body) = providers.call(&town, Provider::Ses, &report(Provider::Ses, "gone", &sent[0], 1));
    // The server is there and is not trusted.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    providers.site.sns = SnsClient::through(listener.local_addr()?, RootCertStore::empty());
    drop(listener);
    assert_eq!(providers.post("ses", &headers, &body).await?.0, 503);
    assert_eq!(town.prospect(&sent[0].to).await?.mail_stop, None);
    Ok(())
});

story!(a_mail_in_doubt_of_which_the_provider_reports_was_sent, |town| {
    let providers = Providers::connect(&town).await?;
    let people = FIVE.map(address);
    marked_and_dead(&town, OnUncertain::Hold, &people).await?;
    let ctx = &town.node.ctx;
    let held = uncertain::list(ctx).await?;
    assert_eq!((held.len(), town.catcher.count()), (5, 0));
    for (n, (provider, listed)) in (1..).zip(ALL.into_iter().zip(&held)) {
        let id = listed.message_id.trim_matches(['<', '>']).to_owned();
        let token = id.split('@').next().expect("a token").to_owned();
        let recipient = ctx.signer().recipient(listed.doubt.prospect, &listed.doubt.address);
        let path = format!("bounces+{}@news.tecnofab.example", ctx.signer().return_path(listed.doubt.id.0, recipient));
        let mail = Sent { to: address(&listed.doubt.address), id, path, token, raw: String::new() };
        assert_eq!(providers.report(&town, provider, &report(provider, "delivered", &mail, n)).await?, (1, 0, 0), "{provider}");
    }
    assert!(uncertain::list(ctx).await?.is_empty());
    town.run_until_idle().await?;
    assert_eq!(town.catcher.count(), 0, "none is sent again");
    Ok(())
});

story!(of_a_batch_each_report_counts_once_and_of_several_recipients_ours, |town| {
    let providers = Providers::connect(&town).await?;
    let sent = written_to(&town, &FIVE).await?;
    let one = |mail: &Sent, what: &str, n| report(Provider::SendGrid, what, mail, n)[0].clone();
    let foreign =
        json!({"email": "x@x.example", "event": "bounce", "sg_event_id": "f", "type": "bounce", "smtp-id": "<x@y.example>"});
    let batch =
        json!([one(&sent[0], "gone", 1), one(&sent[0], "gone", 1), one(&sent[1], "full", 2), foreign, {"event": "open"}, 7]);
    assert_eq!(providers.report(&town, Provider::SendGrid, &batch).await?, (2, 1, 1));
    assert_eq!(town.prospect(&sent[0].to).await?.mail_stop, Some(StopReason::Bounced));
    assert_eq!(town.prospect(&sent[1].to).await?.mail_stop, None);
    // The mail went to one person; what SES says of another recipient is not about them.
    let mut several = report(Provider::Ses, "gone", &sent[2], 3);
    several["bounce"]["bouncedRecipients"] = json!([{"emailAddress": "x@x.example"}, {"emailAddress": "y@y.example"}]);
    assert_eq!(providers.report(&town, Provider::Ses, &several).await?, (0, 0, 2));
    assert_eq!(town.prospect(&sent[2].to).await?.mail_stop, None);
    // Where they forward to is gone: their mailbox is, for us.
    let mut forwarded = report(Provider::Ses, "gone", &sent[2], 4);
    forwarded["bounce"]["bouncedRecipients"][0]["emailAddress"] = json!("ada@private.example");
    assert_eq!(providers.report(&town, Provider::Ses, &forwarded).await?, (1, 0, 0));
    assert_eq!(town.prospect(&sent[2].to).await?.mail_stop, Some(StopReason::Bounced));
    // Whoever unsubscribes by the provider's own link has unsubscribed.
    let mut left = report(Provider::SendGrid, "spam", &sent[3], 5);
    left[0]["event"] = json!("unsubscribe");
    assert_eq!(providers.report(&town, Provider::SendGrid, &left).await?, (1, 0, 0));
    assert_eq!(town.prospect(&sent[3].to).await?.mail_stop, Some(StopReason::Unsubscribed));
    Ok(())
});

//! What is accepted: the example company, the environment over it, and how values are parsed.

use crate::config::example::{FILES, POSTAL_ADDRESS, load_embedded};
use crate::config::production_check;
use crate::config::tests::changes::{DOWNTIME, Edit, FIRST, load_changed};
use crate::domain::audience::{Condition, Test};
use crate::domain::criterion::Criterion;
use crate::domain::doorway::rule::{Reads, Until};
use crate::domain::group::delivery::OnUncertain;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::domain::prospect::FieldType;
use crate::domain::settings::{DatabaseUrl, Security};
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::path::Path;

fn example() -> Plan {
    load_embedded(&[]).expect("the example is valid").plan
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

#[test]
fn the_example_loads_with_no_problem_and_no_warning() {
    let loaded = load_embedded(&[]).expect("the example is valid");
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings[0]);
    assert_eq!(loaded.plan.settings.organisation.postal_address, POSTAL_ADDRESS);
    assert_eq!(loaded.plan.campaigns.iter().map(|c| c.newsletters.len()).collect::<Vec<_>>(), [6, 2]);
}

#[test]
fn the_example_asks_every_criterion_once() {
    let plan = example();
    let campaign = plan.campaign(&name("line-downtime")).expect("the campaign");
    for criterion in Criterion::ALL {
        let question = format!(":::ask {}\n", criterion.word());
        let asked = campaign.newsletters.iter().map(|n| n.markdown.matches(&question).count()).sum::<usize>();
        assert_eq!(asked, 1, "{criterion}");
    }
}

#[test]
fn the_example_is_the_whole_directory() {
    fn walk(root: &Path, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(root.join(below)).expect("a directory") {
            let entry = entry.expect("an entry");
            let path = format!("{below}{}", entry.file_name().to_string_lossy());
            match entry.file_type().expect("a type").is_dir() {
                true if !["templates", "words"].contains(&path.as_str()) => walk(root, &format!("{path}/"), found),
                true => {}
                false => drop(found.insert(path)),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config"), "", &mut found);
    // The behaviour file is no part of the configuration.
    assert!(found.remove("behaviour.toml"));
    assert_eq!(found, FILES.iter().map(|(path, _)| (*path).to_owned()).collect());
}

#[test]
fn an_example_is_not_ready_for_real_people() {
    let printed = production_check::check(&example()).expect_err("the example is refused").to_string();
    for place in ["public_url", "smtp.return_path", "from", "the email of dana", "postal_address"] {
        assert!(printed.contains(place), "{place}\n{printed}");
    }
    let mut plan = example();
    plan.settings.public_url = "https://news.tecnofab.es:8443/x".to_owned();
    plan.settings.smtp.host = "localhost".to_owned();
    plan.settings.organisation.postal_address = "Carrer Nou 3, 08001 Barcelona".to_owned();
    let own = |text: &str| crate::domain::address::Address::parse(text).expect("an address");
    plan.settings.smtp.return_path = own("bounces@tecnofab.es");
    plan.campaigns.iter_mut().for_each(|c| c.from.address = own("letter@tecnofab.es"));
    plan.roster.salespeople.iter_mut().for_each(|s| s.address = own("dana@tecnofab.es"));
    plan.roster.colleagues.iter_mut().for_each(|c| c.address = own("marta@tecnofab.es"));
    production_check::check(&plan).expect("nothing of the example is left");
    plan.settings.public_url = "https://mail.example.com".to_owned();
    assert!(production_check::check(&plan).is_err());
    for (url, host) in [
        ("https://news.tecnofab.es", "news.tecnofab.es"),
        ("https://news.tecnofab.es:8443/x", "news.tecnofab.es"),
        ("http://[2001:db8::1]", "[2001:db8::1]"),
        ("http://[2001:db8::1]:8080", "[2001:db8::1]"),
    ] {
        plan.settings.public_url = url.to_owned();
        assert_eq!(plan.settings.host(), host);
    }
}

#[test]
fn the_environment_lies_over_the_file() {
    let environment = [
        ("NURTURED__SMTP__PORT", "2525"),
        ("NURTURED__SMTP__HOST", "127.0.0.1"),
        ("NURTURED__SMTP__SECURITY", "plaintext"),
        ("NURTURED__SMTP__USERNAME", ""),
        ("NURTURED__DATABASE__URL", "postgres://x@localhost/y"),
        ("NURTURED__PUBLIC_URL", "http://localhost:8025/"),
        ("NURTURED__FIELDS__SIZE", "number"),
        ("NURTURED__HTTP__API_TOKEN", "0123456789abcdef0123456789abcdef"),
        ("NURTURED_CONFIG", "/nowhere"),
        ("NURTURED_LOG", "debug"),
    ];
    let settings = load_changed(&[], &environment).expect("valid").plan.settings;
    assert_eq!((settings.smtp.port, settings.smtp.host.as_str()), (2525, "127.0.0.1"));
    assert_eq!(settings.smtp.security, Security::Plaintext);
    assert_eq!(settings.public_url, "http://localhost:8025");
    assert!(matches!(settings.database, DatabaseUrl::Postgres(url) if url.expose_secret() == "postgres://x@localhost/y"));
    assert_eq!(settings.fields.get(&name("size")), Some(&FieldType::Number));
    assert_eq!(settings.http.tokens.len(), 1);
}

#[test]
fn what_is_left_out_has_a_stated_default() {
    let minimal = "public_url = \"https://x.example\"\ntracking = \"none\"\n[organisation]\nname = \"X\"\npostal_address = \"Y\"\n\
        [smtp]\nhost = \"smtp.x.example\"\nreturn_path = \"bounces@news.x.example\"\n[fields]\nindustry = \"text\"\n\
        job_title = \"text\"\nlines = \"number\"\nemployees = \"number\"\ncountry = \"text\"\n";
    let settings = load_changed(&[("nurtured.toml", "", minimal)], &[]).expect("valid").plan.settings;
    let smtp = settings.smtp;
    assert_eq!((smtp.port, smtp.security, smtp.connections, smtp.hello.as_str()), (587, Security::StartTls, 4, "news.x.example"));
    assert!(smtp.patience.is_none(), "as RFC 5321 says");
    assert!(smtp.login.is_none() && settings.http.tokens.is_empty());
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:8025");
    assert!(matches!(settings.database, DatabaseUrl::Sqlite(path) if path == Path::new("nurtured.db")));
    assert_eq!(settings.stop_journal, Path::new("nurtured.db.stops"));
    assert_eq!(smtp.on_uncertain, OnUncertain::Resend);
}

#[test]
fn values_become_what_they_are_compared_with() {
    let changes = [
        ("nurtured.toml", "lines     = \"number\"", "lines = \"number\"\nsince = \"date\"\npartner = \"boolean\""),
        (
            DOWNTIME,
            "any  = [{ field = \"industry\", in = [\"food\", \"packaging\"] }, { tag = \"fair-2025\" }]",
            "all = [{ field = \"industry\", in = [\"Food\"] }, { field = \"lines\", is = \"1.000\" }, { field = \"since\", at_least = 1970-01-11 }, \
             { field = \"partner\", is = true }, { domain = \"@Mail.Rival.example\" }, { field = \"country\", known = false }]",
        ),
    ];
    let plan = load_changed(&changes, &[]).expect("valid").plan;
    let field = |of: &str, test| Condition::Field { name: name(of), test };
    let all = &plan.campaigns[0].audience.all;
    assert_eq!(
        all[..],
        [
            field("industry", Test::In(vec!["food".into()])),
            field("lines", Test::In(vec!["1000".into()])),
            field("since", Test::AtLeast(10)),
            field("partner", Test::In(vec!["true".into()])),
            Condition::Domain(vec!["mail.rival.example".into()]),
            field("country", Test::Known(false)),
        ]
    );
}

#[test]
fn a_form_field_has_a_type_also_when_it_is_not_declared() {
    let plan = example();
    let form = |criterion: Criterion| {
        let rules = &plan.qualifying.criteria[criterion].rules;
        rules.iter().find_map(|rule| match &rule.reads {
            Reads::Form { test, .. } => test.clone(),
            _ => None,
        })
    };
    assert_eq!(form(Criterion::Budget), Some(("budget".into(), FieldType::Number, Test::AtLeast(10_000))));
    assert_eq!(form(Criterion::Timeframe), Some(("start_by".into(), FieldType::Date, Test::Known(true))));
    assert_eq!(plan.qualifying.criteria[Criterion::Budget].until, Until::FiscalYearEnd);
}

#[test]
fn the_hash_follows_every_file() {
    let hash = |changes: &[Edit<'_>]| load_changed(changes, &[]).expect("valid").plan.hash;
    assert_eq!(hash(&[]).len(), 16);
    assert_eq!(hash(&[]), example().hash);
    assert_ne!(hash(&[]), hash(&[(FIRST, "Most plants", "Many plants")]));
}

#[test]
fn warnings_do_not_refuse() {
    let both_days = [(DOWNTIME, "30 9 * * TUE#1", "30 9 1 * TUE")];
    let orphan = [("campaigns/old/01.md", "", "+++\nid = \"x\"\n+++\n")];
    let idle = [("salespeople.toml", "at_most = 40", "active = false"), ("salespeople.toml", "at_most = 25", "active = false")];
    for (changes, words) in [
        (&both_days[..], "either of them fires"),
        (&orphan[..], "no campaigns/old.toml"),
        (&idle[..], "no salesperson is active"),
    ] {
        let warnings = load_changed(changes, &[]).expect("valid").warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].to_string().contains(words) && warnings[0].to_string().starts_with("warning"), "{}", warnings[0]);
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let text = FILES.iter().find(|(path, _)| *path == FIRST).map(|(_, text)| *text).expect("the newsletter");
    let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let plan = load_changed(&[(FIRST, "", &text)], &[]).expect("valid").plan;
    assert_eq!(plan.campaigns[0].newsletters[0].id, name("what-a-stop-costs"));
    assert!(plan.campaigns[0].newsletters[0].markdown.trim_start().starts_with("# What one hour"));
}

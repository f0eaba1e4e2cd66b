//! `[smtp.dkim]`: accepted from every source of a secret, refused word for word, and never shown.

use crate::config::tests::changes::{load_changed, refusal};
use insta::assert_snapshot;

const RETURN_PATH: &str = "return_path = \"bounces@news.tecnofab.example\"";
const KEY: &str = include_str!("../../../tests/data/dkim/ed25519.pem");
const SMALL: &str = include_str!("../../../tests/data/dkim/rsa-1024.pem");

fn with(section: &str) -> String {
    format!("{RETURN_PATH}\n[smtp.dkim]\n{section}\n")
}

#[test]
fn a_signature_is_read_and_its_key_not_shown() {
    let section = with(&format!("selector = \"n1\"\ndomain = \"News.tecnofab.example\"\nkey = \"\"\"\n{KEY}\"\"\""));
    let plan = load_changed(&[("nurtured.toml", RETURN_PATH, &section)], &[]).expect("valid").plan;
    let dkim = plan.settings.smtp.dkim.clone().expect("a signature");
    assert_eq!(dkim.record().0, "n1._domainkey.news.tecnofab.example");
    assert!(!format!("{plan:?}").contains("MC4CAQ"), "the key is shown");
    assert!(load_changed(&[], &[]).expect("valid").plan.settings.smtp.dkim.is_none());

    let bare = with("selector = \"n1\"\ndomain = \"news.tecnofab.example\"");
    let from_environment = load_changed(&[("nurtured.toml", RETURN_PATH, &bare)], &[("NURTURED__SMTP__DKIM__KEY", KEY)]);
    assert_eq!(from_environment.expect("valid").plan.settings.smtp.dkim.expect("a signature").record(), dkim.record());
}

#[test]
fn a_signature_for_another_domain_is_worth_a_warning() {
    let signed_for = |domain: &str| {
        let section = with(&format!("selector = \"n1\"\ndomain = \"{domain}\"\nkey = \"\"\"\n{KEY}\"\"\""));
        load_changed(&[("nurtured.toml", RETURN_PATH, &section)], &[]).expect("valid").warnings
    };
    assert!(signed_for("tecnofab.example").is_empty());
    let warnings: Vec<String> = signed_for("rival.example").iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "one for each campaign: {warnings:?}");
    assert!(
        warnings[0].contains("campaigns/line-downtime.toml") && warnings[0].contains("news.tecnofab.example"),
        "{warnings:?}"
    );
}

#[test]
fn a_signature_without_its_parts() {
    let section = with("selektor = \"n1\"\ndomain = \"news tecnofab\"");
    assert_snapshot!(refusal(&[("nurtured.toml", RETURN_PATH, &section)], &[]));
}

#[test]
fn a_key_too_small_to_sign_with() {
    let section = with(&format!("selector = \"n1\"\ndomain = \"x.example\"\nkey = \"\"\"\n{SMALL}\"\"\""));
    assert_snapshot!(refusal(&[("nurtured.toml", RETURN_PATH, &section)], &[]));
}

#[test]
fn no_slip_ever_prints_a_key() {
    let line = SMALL.lines().nth(2).expect("a line of the key");
    let escaped = SMALL.replace('\n', "\\n");
    for slip in [
        format!("key = '''\n{SMALL}'''"),
        format!("kye = '''\n{SMALL}'''"),
        format!("key = \"{escaped}\""),
        format!("keys = [\"{escaped}\"]"),
        format!("key = '''\n{SMALL}"),
        format!("key = \"\n{SMALL}\""),
        format!("key_file = \"x\"\nkey = '''\n{SMALL}'''"),
        format!("{SMALL}\nkey_file = 1"),
    ] {
        let section = with(&format!("selector = \"n1\"\n{slip}"));
        let printed = refusal(&[("nurtured.toml", RETURN_PATH, &section)], &[]);
        assert!(!printed.contains(line), "{printed}");
    }
}

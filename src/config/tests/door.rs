//! The public door's keys: whose word is believed, where monitoring listens, how much is taken.

use crate::config::tests::changes::{load_changed, refusal};
use crate::domain::door::FormLimits;

const FILE: &str = "nurtured.toml";
const PROXIES: &str = "trusted_proxies = [\"127.0.0.1\", \"::1\"]";

#[test]
fn the_doors_keys_are_read() {
    let to = "trusted_proxies = [\"10.0.0.0/8\"]\nmetrics_listen = \"127.0.0.1:8026\"\nlimits = { form = \"9 a minute\" }";
    let door = load_changed(&[(FILE, PROXIES, to)], &[]).expect("valid").plan.settings.http.door;
    assert!(door.trusted_proxies[0].contains("10.1.2.3".parse().expect("an address")));
    assert_eq!(door.metrics_listen.map(|listen| listen.port()), Some(8026));
    assert_eq!((door.limits.form.to_string().as_str(), door.limits.visitor), ("9 per minute", FormLimits::default().visitor));
    let environment = [("NURTURED__HTTP__LIMITS__ADDRESS", "2 per day")];
    let door = load_changed(&[], &environment).expect("valid").plan.settings.http.door;
    assert_eq!(door.limits.address.to_string(), "2 per day");
}

#[test]
fn whoever_would_believe_everybody_is_told() {
    for (to, words) in [
        ("trusted_proxies = [\"0.0.0.0/0\"]", "this is everybody"),
        ("trusted_proxies = [\"proxy.tecnofab.example\"]", "no address and no network"),
        ("metrics_listen = \"127.0.0.1:8025\"", "take another port"),
        ("metrics_listen = \"8026\"", "no address to listen on"),
        ("limits = { visitor = \"60\" }", "this is no limit"),
        ("limits = { visitors = \"60 per hour\" }", "did you mean `visitor`"),
    ] {
        let told = refusal(&[(FILE, PROXIES, to)], &[]);
        assert!(told.contains(words), "{to}\n{told}");
    }
}

#[test]
fn a_proxy_that_is_not_named_is_asked_for() {
    let warnings = load_changed(&[(FILE, PROXIES, "")], &[]).expect("valid").warnings;
    assert!(warnings.len() == 1 && warnings[0].to_string().contains("names no proxy"), "{}", warnings.len());
    let here = [("NURTURED__PUBLIC_URL", "http://localhost:8025")];
    assert!(load_changed(&[(FILE, PROXIES, "")], &here).expect("valid").warnings.is_empty(), "nobody stands before it");
}

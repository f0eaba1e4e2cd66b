//! The keys of `[inbox]` that say who is believed about a mail that comes in.

use crate::config::tests::changes::{load_changed, refusal};
use crate::domain::trusted_sources::TrustedSources;

const FILE: &str = "nurtured.toml";
const BEFORE: &str = "[fields]\n";

fn inbox(keys: &str) -> String {
    format!("[inbox]\n{keys}\n\n{BEFORE}")
}

#[test]
fn who_is_believed_about_a_mail_is_read() {
    let to =
        inbox("trusted_authserv = [\"MX.Tecnofab.example.\"]\ncomplaints_from = [\"FBL@Provider.example\", \"lümmel.example\"]");
    let sources = load_changed(&[(FILE, BEFORE, &to)], &[]).expect("valid").plan.settings.trusted_sources;
    assert_eq!(sources.authserv, ["mx.tecnofab.example"]);
    assert_eq!(sources.complaints, ["fbl@provider.example", "xn--lmmel-kva.example"]);
    assert_eq!(load_changed(&[], &[]).expect("valid").plan.settings.trusted_sources, TrustedSources::default());
}

#[test]
fn whoever_believes_what_is_no_server_is_told() {
    for (keys, words) in [
        ("trusted_authserv = [\"mx.tecnofab.example; dmarc=pass\"]", "is no name of a server"),
        ("trusted_authserv = [\"\"]", "this is empty"),
        ("complaints_from = [\"a b\"]", "neither an address nor a domain"),
        ("complaints_from = [\"example\"]", "neither an address nor a domain"),
        ("trusted_authservs = []", "did you mean `trusted_authserv`"),
    ] {
        let told = refusal(&[(FILE, BEFORE, &inbox(keys))], &[]);
        assert!(told.contains(words), "{keys}\n{told}");
    }
}

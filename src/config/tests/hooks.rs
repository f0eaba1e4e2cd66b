//! Hooks of mail providers, and the keys under which systems sign: what is read of them, and what is refused.

use crate::config::tests::changes::{load_changed, refusal};
use crate::domain::api_token::{ApiToken, find_signer};
use crate::domain::hook::{Proof, Provider};
use crate::domain::signing_key::Signed;

/// Where tables may stand in the example.
const PLACE: &str = "# What you know about prospects, and what kind of thing it is";
const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";

fn with(toml: &str) -> String {
    format!("{toml}\n{PLACE}")
}

#[test]
fn each_provider_has_its_own_proof() {
    let toml = with(&format!(
        "[[hook]]\nprovider = \"ses\"\ntopic = \"arn:aws:sns:eu-west-1:123456789012:bounces\"\n\
         [[hook]]\nprovider = \"sendgrid\"\npublic_key = \"{KEY}\"\n\
         [[hook]]\nprovider = \"postmark\"\nuser = \"nurtured\"\npassword = \"{SECRET}\"\n\
         [[hook]]\nprovider = \"mailgun\"\nsigning_key = \"{SECRET}\"\n\
         [[hook]]\nprovider = \"brevo\"\ntoken = \"{SECRET}\"\nfrom = [\"1.179.112.0/20\", \"172.246.240.0/20\"]\n\
         [[hook]]\nprovider = \"brevo\"\nuser = \"nurtured\"\npassword = \"{SECRET}\"\n"
    ));
    let loaded = load_changed(&[("nurtured.toml", PLACE, &toml)], &[]).expect("valid");
    let hooks = &loaded.plan.settings.hooks;
    let providers: Vec<Provider> = hooks.iter().map(|hook| hook.provider).collect();
    let all = [Provider::Ses, Provider::SendGrid, Provider::Postmark, Provider::Mailgun, Provider::Brevo, Provider::Brevo];
    assert_eq!(providers, all);
    assert!(matches!(&hooks[0].proof, Proof::Topic(topic) if topic.host() == "sns.eu-west-1.amazonaws.com"));
    assert!(matches!(&hooks[1].proof, Proof::PublicKey(key) if key.len() == 65));
    assert_eq!(hooks[4].from.len(), 2);
    assert!(!format!("{:?}", loaded.plan).contains(SECRET));
}

#[test]
fn a_hook_without_a_proof_of_its_provider_is_refused() {
    let hook = |keys: &str| format!("[[hook]]\n{keys}\n");
    for (toml, words) in [
        (hook(""), "`provider` is missing"),
        (hook("provider = \"sparkpost\""), "none of the words"),
        (hook("provider = \"ses\""), "`topic` is missing"),
        (hook("provider = \"ses\"\ntopic = \"https://sns.eu-west-1.amazonaws.com/bounces\""), "this is no topic"),
        (hook("provider = \"sendgrid\""), "`public_key` is missing"),
        (hook("provider = \"sendgrid\"\npublic_key = \"MFkw\""), "no key of SendGrid's"),
        (hook("provider = \"postmark\"\nuser = \"nurtured\""), "a hook without a proof"),
        (hook(&format!("provider = \"postmark\"\npassword = \"{SECRET}\"")), "`user` is missing"),
        (hook("provider = \"postmark\"\nuser = \"nurtured\"\npassword = \"hunter2\""), "has fewer than 32 characters"),
        (hook("provider = \"mailgun\""), "a hook without a proof"),
        (hook("provider = \"brevo\""), "a hook without a proof"),
        (hook("provider = \"brevo\"\ntoken = \"hunter2\""), "has fewer than 32 characters"),
        (hook(&format!("provider = \"brevo\"\ntoken = \"{SECRET}\"\nfrom = [\"everywhere\"]")), "everywhere"),
        (hook(&format!("provider = \"mailgun\"\nsigning_key = \"{SECRET}\"\ntopic = \"x\"")), "unknown key `topic`"),
    ] {
        let refused = refusal(&[("nurtured.toml", PLACE, &with(&toml))], &[]);
        assert!(refused.contains(words), "{toml}: {refused}");
        assert!(!refused.contains(SECRET), "{refused}");
    }
}

#[test]
fn a_token_may_sign_instead_of_having_a_secret_and_under_two_keys_while_they_change() {
    let token = |keys: &str| with(&format!("[[http.token]]\nname = \"shop\"\nmay = [\"signals\"]\n{keys}\n"));
    let new = "signing_key = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"";
    let former = "former_signing_key = \"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"";
    let call = Signed { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", body: br#"{"test": 2432232314}"# };
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    for keys in [new.to_owned(), format!("{new}\n{former}"), format!("{new}\nsecret = \"{SECRET}\"")] {
        let loaded = load_changed(&[("nurtured.toml", PLACE, &token(&keys))], &[]).expect("valid");
        let tokens = &loaded.plan.settings.http.tokens;
        assert_eq!(find_signer(tokens, call, signature).map(ApiToken::called), Some("shop"), "{keys}");
        assert!(!format!("{:?}", loaded.plan).contains("MfKQ"));
    }
    for (keys, words) in [("signing_key = \"hunter2\"", "is no signing key"), ("", "a token without a secret")] {
        let refused = refusal(&[("nurtured.toml", PLACE, &token(keys))], &[]);
        assert!(refused.contains(words) && !refused.contains("hunter2\" is"), "{keys}: {refused}");
    }
}

//! Tokens of the API: what is read of them, and what is refused.

use crate::config::tests::changes::{load_changed, refusal};
use crate::domain::api_token::{self, Right};

/// Where keys of `[http]`, and tables below it, may stand in the example.
const PLACE: &str = "# How many web forms are taken, as many at once";
const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn with(toml: &str) -> String {
    format!("{toml}\n{PLACE}")
}

#[test]
fn a_token_may_what_it_is_said_to() {
    let sum = data_encoding::HEXLOWER.encode(&api_token::hash("another secret of many letters"));
    let toml = with(&format!(
        "[[http.token]]\nname = \"shop\"\nmay = [\"signals\", \"forms\", \"confirmed\"]\nsecret = \"{SECRET}\"\n\
         [[http.token]]\nname = \"crm\"\nmay = [\"touches\", \"prospects\"]\nby = [\"dana\", \"marta\"]\nsha256 = \"{sum}\"\n"
    ));
    let loaded = load_changed(&[("nurtured.toml", PLACE, &toml)], &[]).expect("valid");
    let tokens = &loaded.plan.settings.http.tokens;
    let shop = api_token::find(tokens, SECRET).expect("a token");
    assert!(shop.called() == "shop" && shop.may(Right::Confirmed) && !shop.may(Right::Prospects) && !shop.may(Right::Touches));
    let crm = api_token::find(tokens, "another secret of many letters").expect("a token");
    let name = |text| crate::domain::id::Name::parse(text).expect("a name");
    assert!(crm.speaks_for(&name("marta")) && !crm.speaks_for(&name("luc")) && !shop.speaks_for(&name("marta")));
    assert!(!format!("{:?}", loaded.plan).contains(SECRET));
}

#[test]
fn the_token_without_a_name_may_what_it_could_and_is_warned_of() {
    let toml = with(&format!("api_token = \"{SECRET}\""));
    let loaded = load_changed(&[("nurtured.toml", PLACE, &toml)], &[]).expect("valid");
    let warned = loaded.warnings.iter().map(ToString::to_string).collect::<String>();
    assert!(warned.contains("in everybody's name") && warned.contains("[[http.token]]"), "{warned}");
    assert!(!warned.contains(SECRET), "{warned}");
    let token = api_token::find(&loaded.plan.settings.http.tokens, SECRET).expect("a token").clone();
    let rights: Vec<_> = token.may.iter().map(|right| right.word()).collect();
    assert_eq!((rights, token.name), (vec!["signals", "forms", "confirmed", "touches"], None));
}

#[test]
fn a_token_that_could_be_guessed_or_misused_is_refused() {
    let token = |keys: &str| format!("[[http.token]]\n{keys}\n");
    let good = format!("name = \"shop\"\nmay = [\"forms\"]\nsecret = \"{SECRET}\"");
    let doubled = format!("{}{}", token(&good), token(&good));
    let renamed = format!("{}{}", token(&good), token(&good.replace("shop", "crm")));
    for (toml, words) in [
        ("api_token = \"hunter2\"".to_owned(), "has fewer than 32 characters"),
        (token("name = \"shop\"\nmay = [\"forms\"]\nsecret = \"hunter2\""), "has fewer than 32 characters"),
        (token(&format!("name = \"shop\"\nmay = [\"forms\"]\nsecret = \"{}\"", "hunter2".repeat(5))), "the same few characters"),
        (token("name = \"shop\"\nmay = [\"forms\"]"), "a token without a secret"),
        (token("name = \"shop\"\nmay = [\"forms\"]\nsha256 = \"0123\""), "no SHA-256"),
        (token(&format!("{good}\nsha256 = \"{}\"", "ab".repeat(32))), "both given"),
        (token(&good.replace("forms", "form")), "none of the words"),
        (token(&good.replace("\"forms\"", "")), "may do nothing"),
        (token(&good.replace("forms", "touches")), "on nobody's behalf"),
        (token(&good.replace("forms", "confirmed")), "\"confirmed\" without \"forms\""),
        (token(&format!("{good}\nby = [\"dana\"]")), "without the right to log touches"),
        (token(&format!("{}\nby = [\"danna\"]", good.replace("forms", "touches"))), "did you mean `dana`?"),
        (token(&good.replace("name = \"shop\"", "name = \"The Shop\"")), "a name holds only"),
        (doubled, "two tokens are called `shop`"),
        (renamed, "two tokens have the same secret"),
        ("form_redirects = [\"http://tecnofab.example\"]".to_owned(), "unprotected page"),
        ("form_redirects = [\"/thanks\"]".to_owned(), "no page of a website"),
    ] {
        let printed = refusal(&[("nurtured.toml", PLACE, &with(&toml))], &[]);
        assert!(printed.contains(words), "{toml}\n{printed}");
        assert!(!printed.contains("hunter2") && !printed.contains(SECRET), "{printed}");
    }
}

#[test]
fn a_company_speaks_the_languages_it_names() {
    use crate::domain::language::Language::{English, Spanish};
    for (toml, spoken) in [("\"es\"", vec![Spanish]), ("[\"es\", \"en\"]", vec![Spanish, English])] {
        let loaded = load_changed(&[("nurtured.toml", "language = \"en\"", &format!("language = {toml}"))], &[]).expect("valid");
        assert_eq!(loaded.plan.settings.organisation.languages, spoken);
    }
    for (toml, words) in [("\"fr\"", "none of the words"), ("[]", "this list is empty"), ("7", "expected a text")] {
        let printed = refusal(&[("nurtured.toml", "language = \"en\"", &format!("language = {toml}"))], &[]);
        assert!(printed.contains(words), "{toml}\n{printed}");
    }
}

//! The stored files of a configuration: they can be read again, mean the same for prospects, and hold no secret.

use crate::config::load::load_files;
use crate::config::tests::changes::load_changed;
use crate::domain::plan::Plan;

fn again(plan: &Plan) -> Plan {
    let files: Vec<(&str, &str)> = plan.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    load_files(&files, &[]).expect("what was kept can be read").plan
}

#[test]
fn what_is_kept_is_read_again_and_means_the_same() {
    let changes = [
        ("nurtured.toml", "tracking = \"consented\"", "tracking = \"all\""),
        ("nurtured.toml", "fiscal_year_starts = \"01-01\"", "fiscal_year_starts = \"04-01\""),
        ("qualification.toml", "max_new_offers = 20", "max_new_offers = 7"),
    ];
    let environment = [
        ("NURTURED__PUBLIC_URL", "https://news.other.example"),
        ("NURTURED__SENDING__CAP__MAILS", "3"),
        ("NURTURED__SENDING__CAP__WITHIN", "7d"),
        ("NURTURED__SENDING__LESS_OFTEN__MAILS", "2"),
        ("NURTURED__SENDING__LESS_OFTEN__WITHIN", "60d"),
        ("NURTURED__LANGUAGE", "es"),
    ];
    let plan = load_changed(&changes, &environment).expect("valid").plan;
    let kept = again(&plan);
    let told = |plan: &Plan| {
        let s = &plan.settings;
        let settings =
            format!("{:?} {:?} {:?} {} {:?} {:?}", s.tracking, s.cap, s.less_often, s.public_url, s.organisation, s.fields);
        (settings, format!("{:?}", plan.campaigns), format!("{:?}", plan.roster), plan.qualifying.clone(), plan.max_new_offers)
    };
    assert_eq!(told(&kept), told(&plan));
    assert_eq!((kept.max_new_offers, kept.settings.cap.map(|cap| cap.mails)), (Some(7), Some(3)));
    assert_eq!(again(&kept).files, kept.files, "and nothing is lost by keeping it twice");
}

#[test]
fn no_secret_is_kept() {
    let secrets = [
        ("nurtured.toml", "url = \"sqlite:nurtured.db\"", "url = \"postgres://nurtured:hunter2@db/nurtured\""),
        ("nurtured.toml", "connections = 4", "connections = 4\nusername = \"us\"\npassword = \"hunter2\" # hunter2"),
        (
            "nurtured.toml",
            "listen = \"127.0.0.1:8025\"",
            "listen = \"127.0.0.1:8025\"\napi_token = \"hunter2 and more of it, 32 at least\"\n\
             token = [{ name = \"shop\", may = [\"forms\"], secret = \"hunter2 in a shop that sells machines\" }]",
        ),
    ];
    let environment = [("NURTURED__SMTP__PASSWORD", "hunter2")];
    let plan = load_changed(&secrets, &environment).expect("valid").plan;
    assert!(!format!("{:?}", plan.files).contains("hunter2"));
    let plan = load_changed(&secrets, &[]).expect("valid").plan;
    assert!(!format!("{:?}", plan.files).contains("hunter2"));
    assert_eq!(plan.files.len(), crate::config::example::FILES.len(), "every file is there");
}

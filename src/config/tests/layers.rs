//! The layers of the settings: the file, its drop-ins in the order of their names, the environment.

use crate::config::tests::changes::{Edit, load_changed, refusal};
use crate::domain::settings::{DatabaseUrl, Proof, Security, Smtp};
use secrecy::ExposeSecret;

const EARLY: &str = "nurtured.d/10-relay.toml";
const LATE: &str = "nurtured.d/90-local.toml";

fn smtp(changes: &[Edit<'_>], environment: &[(&str, &str)]) -> Smtp {
    load_changed(changes, environment).expect("valid").plan.settings.smtp
}

#[test]
fn a_drop_in_lies_over_the_file_a_later_one_over_it_and_the_environment_over_all() {
    let late = (LATE, "", "[smtp]\nport = 2526\n");
    let early = (EARLY, "", "[smtp]\nhost = \"relay.example\"\nport = 2525\nsecurity = \"implicit\"\n");
    let told = |smtp: &Smtp| (smtp.host.clone(), smtp.port);
    let layered = smtp(&[late, early], &[]);
    assert_eq!(told(&layered), ("relay.example".to_owned(), 2526));
    assert_eq!(layered.security, Security::Implicit);
    let untouched = smtp(&[], &[]);
    assert_eq!((layered.return_path, layered.connections), (untouched.return_path, untouched.connections));
    assert_eq!(told(&smtp(&[late, early], &[("NURTURED__SMTP__PORT", "2527")])), ("relay.example".to_owned(), 2527));
}

#[test]
fn a_list_is_replaced_as_a_whole() {
    let domain = |name: &str| format!("[[smtp.domain]]\nname = \"{name}\"\nper_minute = 5\n");
    let two = domain("alpha.example") + &domain("beta.example");
    let limits = |changes: &[Edit<'_>]| {
        let domains = format!("{:?}", smtp(changes, &[]));
        ["alpha.example", "beta.example", "gamma.example"].map(|name| domains.contains(name))
    };
    assert_eq!(limits(&[(EARLY, "", &two)]), [true, true, false]);
    assert_eq!(limits(&[(EARLY, "", &two), (LATE, "", &domain("gamma.example"))]), [false, false, true]);
}

#[test]
fn a_problem_of_a_drop_in_names_its_file_line_and_column() {
    let early = (EARLY, "", "[smtp]\nport = 2525\n");
    let unknown = refusal(&[early, (LATE, "", "[smtp]\n\n  prot = 25\n")], &[]);
    assert!(unknown.contains("unknown key `prot`") && unknown.contains(&format!("--> {LATE}:3:3")), "{unknown}");
    let wrong = refusal(&[early, (LATE, "", "[smtp]\nport = \"x\"\n")], &[]);
    assert!(wrong.contains(&format!("--> {LATE}:2:8")), "{wrong}");
    // What is covered is not read.
    load_changed(&[(EARLY, "", "[smtp]\nport = \"x\"\n"), (LATE, "", "[smtp]\nport = 2525\n")], &[]).expect("valid");
    let section = refusal(&[(EARLY, "", "[stmp]\nport = 25\n")], &[]);
    assert!(section.contains(&format!("--> {EARLY}:1:2")), "{section}");
    let dotted = refusal(&[(EARLY, "", "\"smtp.port\" = 25\n")], &[]);
    assert!(dotted.contains("unknown key `smtp.port`"), "{dotted}");
    // Each file's syntax errors are found at once, the other files' too.
    let broken = refusal(&[(EARLY, "", "[smtp\n"), (LATE, "", "port = \n")], &[]);
    assert!(broken.contains(&format!("--> {EARLY}:1:")) && broken.contains(&format!("--> {LATE}:1:")), "{broken}");
}

#[test]
fn a_secret_of_a_drop_in_replaces_a_file_named_below_it_and_is_never_shown_nor_kept() {
    let user = ("nurtured.toml", "connections = 4", "connections = 4\nusername = \"us\"\npassword_file = \"smtp.key\"");
    let password = (EARLY, "", "[smtp]\npassword = \"hunter2\"\n");
    let loaded = load_changed(&[user, password], &[]).expect("valid").plan;
    let Proof::Password(found) = loaded.settings.smtp.login.clone().expect("a login").proof else { panic!("no password") };
    assert_eq!(found.expose_secret(), "hunter2");
    assert!(!format!("{:?}", loaded.files).contains("hunter2") && !loaded.files.contains_key(EARLY));
    let printed = refusal(&[user, (EARLY, "", "[smtp]\npasword = \"hunter2\"\n")], &[]);
    assert!(printed.contains("pasword") && !printed.contains("hunter2"), "{printed}");
    // In one layer, both are a contradiction.
    let both = refusal(&[user, (EARLY, "", "[smtp]\npassword = \"hunter2\"\npassword_file = \"x\"\n")], &[]);
    assert!(both.contains("are both given") && !both.contains("hunter2"), "{both}");
}

#[test]
fn what_a_drop_in_says_to_prospects_is_kept_and_counts_for_the_hash() {
    let drop_in = (EARLY, "", "public_url = \"https://news.other.example\"\n[fields]\nsize = \"number\"\n");
    let (with, without) = (load_changed(&[drop_in], &[]).expect("valid").plan, load_changed(&[], &[]).expect("valid").plan);
    assert_ne!(with.hash, without.hash);
    let kept = &with.files["nurtured.toml"];
    assert!(kept.contains("https://news.other.example") && kept.contains("size = \"number\""), "{kept}");
    assert_eq!(with.files.len(), without.files.len());
}

#[test]
fn a_table_over_a_text_and_a_text_over_a_table_are_judged_as_what_lies_above() {
    let table = (EARLY, "", "[database.url]\nx = 1\n");
    assert!(refusal(&[table], &[]).contains(EARLY));
    let plan = load_changed(&[table, (LATE, "", "[database]\nurl = \"sqlite:over.db\"\n")], &[]).expect("valid").plan;
    assert!(matches!(&plan.settings.database, DatabaseUrl::Sqlite(path) if path.ends_with("over.db")));
    let again = [table, (LATE, "", "database = 1\n")];
    let plan = load_changed(&again, &[("NURTURED__DATABASE__URL", "sqlite:last.db")]).expect("valid").plan;
    assert!(matches!(&plan.settings.database, DatabaseUrl::Sqlite(path) if path.ends_with("last.db")));
}

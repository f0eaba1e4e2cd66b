//! What of a configuration is kept in the database once it is in force: every file as it was written, but `nurtured.toml` and
//! its drop-ins.
//!
//! Those hold secrets, and settings that concern this machine alone. In their place stands one `nurtured.toml` written anew,
//! with what concerns prospects, wherever it came from (the environment too). So what is kept is a configuration that can be read
//! again and compared, and nobody who reads the database or a backup learns a password.

use crate::domain::group::cap::Cap;
use crate::domain::prospect::FieldType;
use crate::domain::settings::{Settings, Tracking};
use crate::domain::span::FiscalYear;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The file that is written anew.
pub const SERVICE: &str = "nurtured.toml";
/// The directory of the files that lie over it.
pub const DROP_INS: &str = "nurtured.d/";

pub fn may_hold_secrets(path: &str) -> bool {
    path == SERVICE || path.starts_with(DROP_INS)
}

/// The files to keep, by their path.
pub fn files<'a>(
    read: impl Iterator<Item = (&'a str, &'a str)>,
    settings: &Settings,
    fiscal_year: FiscalYear,
) -> BTreeMap<String, String> {
    let mut kept: BTreeMap<String, String> =
        read.filter(|(path, _)| !may_hold_secrets(path)).map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    kept.insert(SERVICE.to_owned(), service(settings, fiscal_year).to_string());
    kept
}

fn service(settings: &Settings, fiscal_year: FiscalYear) -> Table {
    let tracking = match settings.tracking {
        Tracking::Consented => "consented",
        Tracking::All => "all",
        Tracking::None => "none",
    };
    let organisation = [("name", &settings.organisation.name), ("postal_address", &settings.organisation.postal_address)];
    let reply_address = settings.smtp.reply_address.as_ref().map(|address| ("reply_address", address.to_string()));
    let smtp = [("host", settings.smtp.host.clone()), ("return_path", settings.smtp.return_path.to_string())];
    let smtp: Vec<_> = smtp.into_iter().chain(reply_address).collect();
    let word = |kind: &FieldType| FieldType::WORDS.iter().find(|(_, known)| known == kind).map_or("text", |(word, _)| word);
    let mut table = Table::new();
    let mut say = |key: &str, value: Value| drop(table.insert(key.to_owned(), value));
    say("public_url", settings.public_url.clone().into());
    say("tracking", tracking.into());
    let languages = settings.organisation.languages.iter().map(|language| language.code().into());
    say("language", Value::Array(languages.collect()));
    say("fiscal_year_starts", fiscal_year.to_string().into());
    say("organisation", words(organisation.into_iter().map(|(key, text)| (key, text.as_str()))));
    say("smtp", words(smtp.iter().map(|(key, text)| (*key, text.as_str()))));
    say("fields", words(settings.fields.iter().map(|(name, kind)| (name.as_str(), word(kind)))));
    let less_often = Some(settings.less_often).filter(|cap| *cap != Cap::LESS_OFTEN);
    let caps = [("cap", settings.cap), ("less_often", less_often)];
    let caps: Table = caps.into_iter().filter_map(|(key, cap)| Some((key.to_owned(), limit(cap?)))).collect();
    if !caps.is_empty() {
        say("sending", Value::Table(caps));
    }
    table
}

fn limit(cap: Cap) -> Value {
    let within = ("within".to_owned(), cap.within.to_string().into());
    Value::Table(Table::from_iter([("mails".to_owned(), Value::Integer(cap.mails.into())), within]))
}

fn words<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Table(pairs.map(|(key, text)| (key.to_owned(), Value::String(text.to_owned()))).collect())
}

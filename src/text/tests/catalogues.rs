//! Every language has every word, with the same values; every word that a page shows exists, and none is left over.

use crate::domain::language::Language;
use crate::text::message::Message;
use crate::text::template;
use crate::text::words::{Argument, catalogue, format};
use fluent_bundle::FluentResource;
use std::collections::{BTreeMap, BTreeSet};

/// The keys of a catalogue, attributes among them, each with the variables its text names.
fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let (mut keys, mut latest, mut whole) = (BTreeMap::<String, BTreeSet<String>>::new(), String::new(), String::new());
    for line in catalogue(language).iter().flat_map(|file| file.lines()).filter(|line| !line.starts_with('#')) {
        if let Some((name, _)) =
            line.split_once(" = ").filter(|_| line.trim_start().starts_with(|c: char| c == '.' || c.is_ascii_lowercase()))
        {
            if let Some(attribute) = name.trim().strip_prefix('.') {
                latest = format!("{whole}.{attribute}");
            } else {
                name.trim().clone_into(&mut whole);
                latest.clone_from(&whole);
            }
            assert!(keys.insert(latest.clone(), BTreeSet::new()).is_none(), "{latest} stands twice");
        }
        let variables = line.split('$').skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next());
        keys.entry(latest.clone()).or_default().extend(variables.flatten().map(str::to_owned));
    }
    keys.remove("");
    keys
}

#[test]
fn every_word_exists_in_every_language() {
    let english = keys(Language::English);
    assert!(english.len() > 30, "{english:?}");
    for language in Language::ALL {
        for file in catalogue(language) {
            assert!(FluentResource::try_new((*file).to_owned()).is_ok(), "{language:?} has a mistake");
        }
        assert_eq!(keys(language), english, "{language:?} has other words, or names other values, than English");
        for (key, names) in &english {
            for number in [0, 1, 2, 11] {
                let arguments: Vec<_> = names.iter().map(|name| (name.as_str(), Argument::Number(number))).collect();
                let (key, attribute) = key.split_once('.').map_or((key.as_str(), None), |(key, name)| (key, Some(name)));
                let text = format(language, key, attribute, &arguments).unwrap_or_else(|| panic!("{language:?} has no {key}"));
                assert!(!text.contains(['{', '}', '$', '\u{2068}']) && text.len() > 3, "{language:?} {key}: {text}");
            }
        }
    }
}

#[test]
fn every_word_that_is_shown_exists_and_every_word_is_shown() {
    let english = keys(Language::English);
    // Those that are put into other texts, and the subjects of mails.
    let mut shown: BTreeSet<String> =
        ["day", "quoted", "confirm-subject", "stopped-subject", "readdress-subject", "readdressed-subject"]
            .map(str::to_owned)
            .into();
    for message in Message::samples() {
        let names: BTreeSet<String> = message.arguments().into_iter().map(|(name, _)| name.to_owned()).collect();
        assert!(english.contains_key(&format!("{}.title", message.key())), "{} has no title", message.key());
        assert!(english[message.key()].is_subset(&names), "{} names more than {names:?}", message.key());
        shown.extend([message.key().to_owned(), format!("{}.title", message.key())]);
    }
    for (page, text) in template::sources() {
        for call in text.split("say(\"").skip(1) {
            let (key, rest) = call.split_once('"').expect("a key ends");
            let given = rest.split_once(')').expect("a call ends").0;
            let names = &english.get(key).unwrap_or_else(|| panic!("{page} shows {key}, which no catalogue has"));
            let given: BTreeSet<String> =
                given.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.trim().to_owned())).collect();
            assert_eq!(**names, given, "{page}: {key}");
            shown.insert(key.to_owned());
        }
    }
    let unused: Vec<&String> = english.keys().filter(|key| !shown.contains(*key)).collect();
    assert!(unused.is_empty(), "no page and no mail shows {unused:?}");
}

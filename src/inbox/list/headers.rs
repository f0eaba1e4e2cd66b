//! Which header is which column, after the tables in `words/`.

use super::header_words::{HEADERS, Known};
use super::target::Target;
use super::values;
use super::words::{Pattern, Place, Words, key, loose, meet};
use std::collections::HashSet;

/// What the tables know of a header.
pub(super) fn known(header: &str) -> Option<Known> {
    let words = Words::of(header);
    if let Some(known) = HEADERS.whole.get(&key(header)) {
        return Some(known.clone());
    }
    // "E-mail (work)", "Email [required]": what stands in brackets could turn a permission round, and nothing else.
    let bare = header.split(['(', '[']).next().unwrap_or(header);
    if bare.len() < header.len()
        && let Some(Known::As(target)) = HEADERS.whole.get(&key(bare))
        && target.is_of_person()
        && !speaks_of_permission(header)
    {
        return Some(Known::As(target.clone()));
    }
    if let Some(known) = of_subject(&words).or_else(|| of_both(header)) {
        return Some(known);
    }
    let found = by_pattern(&words);
    // "Telefon Sperre" is no number, and "Telefon oder E-Mail" may be none.
    let found = found.filter(|known| match known {
        Known::As(Target::Phone) => !of_mail(&words) && !speaks_of_permission(header),
        Known::As(target) => !target.is_of_person() || !speaks_of_permission(header),
        Known::OwnField | Known::State | Known::OtherChannel => true,
    });
    of_channel(found, &words)
}

/// `Person - Email`, `Contact: Last Name`, `PersonTitle`: what is said of the person.
fn of_subject(words: &Words) -> Option<Known> {
    let mut tokens = words.tokens();
    tokens.next().filter(|first| HEADERS.subjects.contains(*first))?;
    let rest: String = tokens.collect();
    match HEADERS.whole.get(&rest) {
        Some(Known::As(target)) if target.is_of_person() => Some(Known::As(target.clone())),
        _ => None,
    }
}

/// `Puesto/cargo`, `Société / Organisation`: two words for the same.
fn of_both(header: &str) -> Option<Known> {
    let mut parts = header.split('/').map(|part| HEADERS.whole.get(&key(part)));
    let Some(Known::As(target)) = parts.next()? else { return None };
    let same = |part: Option<&Known>| part == Some(&Known::As(target.clone()));
    (header.contains('/') && target.is_of_person() && parts.all(same)).then(|| Known::As(target.clone()))
}

/// What the pattern with the most letters says that fits. What says yes to mail and what says no may stand in one header: then the no
/// counts where it speaks of the other one, and else nothing is guessed.
fn by_pattern(words: &Words) -> Option<Known> {
    let fits = |(pattern, known): &'static (Pattern, Known)| Some((pattern, pattern.find(words)?, known));
    let fitting: Vec<(&Pattern, Vec<Place>, &Known)> = HEADERS.patterns.iter().filter_map(fits).collect();
    let (pattern, places, known) = fitting.first()?;
    let of = |what: fn(&Target) -> bool| {
        fitting.iter().filter(move |(_, _, known)| matches!(known, Known::As(target) if what(target)))
    };
    // "Has not unsubscribed".
    let is_negated = |no: &[Place]| {
        let begins = no.first().map_or(0, |(start, _)| *start);
        words.outside(&[(begins, usize::MAX)]).iter().any(|word| HEADERS.negations.contains(*word))
    };
    let stands_alone = |yes: &[Place]| !of(Target::refuses).any(|(_, no, _)| overlap(yes, no)) && !is_object(words, yes);
    let agrees_too = of(Target::agrees).any(|(_, yes, _)| stands_alone(yes));
    let is_clear = match known {
        Known::As(target) if target.agrees() => match of(Target::refuses).next() {
            Some((no, _, refusing)) if no.is_beginning() => return Some((*refusing).clone()),
            Some((_, there, refusing))
                if (overlap(places, there) || is_object(words, places)) && !is_negated(there) && !agrees_too =>
            {
                return Some((*refusing).clone());
            }
            Some(_) => false,
            None => !is_turned(&words.outside(places)),
        },
        // What is unsubscribed from may have any name: "Opted out of email: Never miss a thing".
        Known::As(target) if target.refuses() && !pattern.is_beginning() => {
            !is_negated(places) && (!agrees_too || is_turned(&words.inside(places)))
        }
        _ => true,
    };
    Some(if is_clear { (*known).clone() } else { Known::As(Target::Unclear) })
}

fn overlap(one: &[Place], other: &[Place]) -> bool {
    one.iter().any(|a| other.iter().any(|b| meet(*a, *b)))
}

/// Whether what was found only names what is sent: "Marketing emails: opted out".
fn is_object(words: &Words, places: &[Place]) -> bool {
    let names = |word: &str| [&HEADERS.mail, &HEADERS.advertising, &HEADERS.objects].iter().any(|list| list.contains(word));
    words.inside(places).into_iter().all(names)
}

/// Whether the rest of a header takes back what a part of it says: "Newsletter cancelled", "Einwilligung nicht erteilt"; not where it
/// names both answers, "Newsletter (ja/nein)".
fn is_turned(rest: &[&str]) -> bool {
    let turns = |word: &str| {
        HEADERS.negations.contains(word)
            || HEADERS.turning.iter().any(|of| of.strip_suffix('*').map_or(of == word, |start| word.starts_with(start)))
    };
    let mut rest = rest;
    while let [word, after @ ..] = rest {
        match after {
            [next, behind @ ..] if values::are_both_answers(word, next) => rest = behind,
            _ if turns(word) => return true,
            _ => rest = after,
        }
    }
    false
}

/// Whether one of the words is there; a long one may be written in two, as `WhatsApp` is.
fn speaks(words: &Words, of: &HashSet<String>) -> bool {
    words.tokens().any(|word| of.contains(word)) || of.iter().any(|word| word.len() >= 8 && words.loose().contains(word.as_str()))
}

/// Letters on paper that have the word of ours in their name.
const PAPER: [&str; 5] = ["directmail", "postalmail", "papermail", "snailmail", "mailingaddress"];

fn of_mail(words: &Words) -> bool {
    let is_paper = PAPER.iter().any(|paper| words.loose().contains(paper));
    words.loose().contains("email") || speaks(words, &HEADERS.mail) && !is_paper
}

/// A permission of calls, or of letters on paper, says nothing of mail.
fn of_channel(found: Option<Known>, words: &Words) -> Option<Known> {
    let speaks = |of| speaks(words, of);
    if of_mail(words) || !speaks(&HEADERS.phone) && !speaks(&HEADERS.other) {
        return found;
    }
    match found {
        Some(Known::As(Target::EmailOptOut | Target::EmailOptOutIfFilled)) if speaks(&HEADERS.phone) => {
            Some(Known::As(Target::PhoneOptOut))
        }
        Some(Known::As(Target::MailConsent)) if speaks(&HEADERS.phone) => Some(Known::As(Target::PhoneConsent)),
        Some(Known::As(target)) if !target.is_of_mail() => Some(Known::As(target)),
        // What speaks of the permission to call and is not understood is not passed over.
        None if speaks(&HEADERS.phone) => None,
        _ => Some(Known::OtherChannel),
    }
}

/// Whether a header holds the address where no other column does.
pub(super) fn is_email_if_none(header: &str) -> bool {
    HEADERS.email_if_none.contains(&key(header))
}

/// Whether a header of which the tables know nothing speaks of permission.
pub(super) fn speaks_of_permission(header: &str) -> bool {
    let fits = |word: &str, pattern: &str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => word.ends_with(end),
        (None, Some(start)) => word.starts_with(start),
        _ => word == pattern,
    };
    let words = Words::of(header);
    let refuses = (of_mail(&words) || speaks(&words, &HEADERS.advertising)) && speaks(&words, &HEADERS.negations);
    refuses || words.tokens().any(|word| HEADERS.words.iter().any(|pattern| fits(word, pattern)))
}

/// Whether the name of a file says that the people in it get no mail: `unsubscribed_members_export_7.csv`.
pub(super) fn refuses_mail(file: &str) -> bool {
    let words = Words::of(file);
    match by_pattern(&words) {
        Some(Known::As(Target::Unclear)) => false,
        Some(Known::As(target)) if target.refuses() => true,
        _ => words.tokens().any(|word| HEADERS.file_names.contains(word)),
    }
}

/// Whether a title says how a person is addressed, and not what they do.
pub(super) fn is_salutation(value: &str) -> bool {
    let words: Vec<String> = value.split([' ', '.', '/', '\u{a0}']).map(loose).filter(|word| !word.is_empty()).collect();
    HEADERS.titles.contains(&loose(value)) || !words.is_empty() && words.iter().all(|word| HEADERS.titles.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::list::header_words::lists;
    use std::collections::HashMap;

    #[test]
    fn a_header_of_the_tables_is_one_thing() {
        let mut seen: HashMap<String, String> = HashMap::new();
        for text in [include_str!("words/headers.toml"), include_str!("words/permissions.toml")] {
            for (section, languages) in lists(text) {
                let lists_words =
                    ["words", "negations", "turning", "objects", "subjects", "advertising", "file_names", "email_if_none"]
                        .contains(&section.as_str());
                if lists_words || section.ends_with("_channels") {
                    continue;
                }
                for word in languages.into_values().flatten().filter(|word| !word.contains(['*', '~'])) {
                    let other = seen.insert(key(&word), section.clone());
                    assert!(other.as_ref().is_none_or(|other| *other == section), "{word}: {section} and {other:?}");
                }
            }
        }
        assert!(seen.len() > 700, "{}", seen.len());
    }

    #[test]
    fn a_channel_that_is_not_mail_stops_no_mail() {
        let target = |header: &str| known(header);
        assert_eq!(target("SMS Marketing Consent"), Some(Known::OtherChannel));
        assert_eq!(target("WhatsApp opt-in"), Some(Known::OtherChannel));
        assert_eq!(target("Opted out of phone calls"), Some(Known::As(Target::PhoneOptOut)));
        assert_eq!(target("Phone and e-mail opt out"), Some(Known::As(Target::EmailOptOut)));
        assert_eq!(target("HasOptedOutOfFax"), Some(Known::OtherChannel));
        assert_eq!(target("Do not allow Mails"), Some(Known::OtherChannel));
        assert_eq!(target("Marketing permissions: direct mail"), Some(Known::OtherChannel));
    }

    #[test]
    fn what_takes_a_permission_back_is_never_read_as_the_permission() {
        for header in [
            "Marketing e-mails: unsubscribed",
            "Marketing consent: refused",
            "Newsletter (unsubscribed)",
            "Non vuole ricevere e-mail",
            "Não quer receber newsletter",
            "Cancelación de suscripción de todos los correos",
            "No desea recibir correos",
            "Opted out of email: Newsletter subscription",
        ] {
            assert_eq!(known(header), Some(Known::As(Target::EmailOptOut)), "{header}");
        }
        for header in [
            "Einwilligung nicht erteilt",
            "Consent expired",
            "Has not unsubscribed",
            "Noch nie abgemeldet",
            "Einwilligung oder Widerspruch",
            "Subscribed to newsletter: cancelled",
            "Acepta recibir o dado de baja",
            "Has not opted out of marketing emails",
            "Newsletter subscription: not unsubscribed",
            "Kein Widerspruch gegen E-Mail-Werbung",
            "E-Mail-Marketing nicht widersprochen",
            "Iscrizione newsletter (non disiscritto)",
            "Newsletter subscription (opt-in/opt-out)",
        ] {
            assert_eq!(known(header).unwrap_or(Known::As(Target::Unclear)), Known::As(Target::Unclear), "{header}");
        }
        for header in
            ["Newsletter ja/nein", "Marketing consent (yes/no)", "Consenso newsletter (sì/no)", "Accepts email marketing"]
        {
            assert_eq!(known(header), Some(Known::As(Target::MailConsent)), "{header}");
        }
    }

    #[test]
    fn a_file_named_after_those_who_opted_out_is_of_them() {
        for file in
            ["opted_out_of_marketing_emails.csv", "Opted out of newsletter subscription.csv", "unsubscribed_members_7.csv"]
        {
            assert!(refuses_mail(file), "{file}");
        }
        assert!(!refuses_mail("marketing_emails.csv") && !refuses_mail("has_not_opted_out.csv"));
    }

    #[test]
    fn numbers_of_another_program_are_no_owner_and_no_company() {
        for header in ["User ID", "ParentId", "Category ID"] {
            assert_eq!(known(header), None, "{header}");
        }
    }

    #[test]
    fn beside_a_word_that_takes_it_back_no_permission_is_a_yes() {
        let languages = [
            (
                &["Newsletter", "Email consent", "Marketing consent", "Email marketing", "Opt-in", "Accepts marketing"][..],
                &["cancelled", "withdrawn", "revoked", "declined", "refused", "no", "not", "ended", "removed", "denied", "never"]
                    [..],
            ),
            (
                &["Newsletter", "Einwilligung", "E-Mail-Einwilligung", "Newsletter-Abo", "Zustimmung", "E-Mail-Marketing"],
                &["abgemeldet", "widerrufen", "abgelehnt", "nein", "nicht", "keine", "beendet", "gesperrt", "entzogen", "ohne"],
            ),
            (
                &["Consentement", "Abonnement newsletter", "Inscription newsletter"],
                &["annulé", "retiré", "révoqué", "refusé", "sans", "résilié", "désinscrit", "supprimé"],
            ),
            (
                &["Consentimiento", "Suscripción", "Suscripción al boletín", "Marketing por correo electrónico"],
                &["cancelada", "revocado", "rechazado", "no", "sin", "retirado", "denegado", "anulada", "eliminada"],
            ),
            (
                &["Consenso", "Iscrizione newsletter", "Consenso marketing"],
                &["annullata", "revocato", "rifiutato", "non", "senza", "negato", "cancellata", "ritirato"],
            ),
            (&["Consentiment", "Subscripció"], &["cancel·lada", "revocat", "rebutjat", "no", "sense", "denegat", "retirat"]),
            (
                &["Consentimento", "Subscrição", "Inscrição"],
                &["cancelada", "revogado", "recusado", "não", "sem", "negado", "removido"],
            ),
        ];
        for (permissions, words) in languages {
            for (permission, word) in permissions.iter().flat_map(|permission| words.iter().map(move |word| (permission, word))) {
                for header in [format!("{permission} {word}"), format!("{word} {permission}"), format!("{permission}: {word}")] {
                    let found = known(&header);
                    let is_yes = matches!(&found, Some(Known::As(target)) if target.agrees());
                    assert!(!is_yes, "{header}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn mr_is_no_job() {
        for title in ["Mr", "Mr.", "Herr Dr.", "Sig.ra", "Mme", "Prof. Dr.", "Sr.", "Frau", "dhr."] {
            assert!(is_salutation(title), "{title}");
        }
        for job in ["Owner", "PR", "Doctor", "Director", "Frau im Einkauf", "Professor", ""] {
            assert!(!is_salutation(job), "{job}");
        }
    }
}

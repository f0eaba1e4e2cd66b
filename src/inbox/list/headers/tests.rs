//! What headers mean, in the words of many programs.

use super::*;

#[test]
fn a_header_of_the_tables_is_one_thing() {
    let mut seen: HashMap<String, String> = HashMap::new();
    for text in [include_str!("../words/headers.toml"), include_str!("../words/permissions.toml")] {
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
    for header in ["Newsletter ja/nein", "Marketing consent (yes/no)", "Consenso newsletter (sì/no)", "Accepts email marketing"]
    {
        assert_eq!(known(header), Some(Known::As(Target::MailConsent)), "{header}");
    }
}

#[test]
fn a_file_named_after_those_who_opted_out_is_of_them() {
    for file in ["opted_out_of_marketing_emails.csv", "Opted out of newsletter subscription.csv", "unsubscribed_members_7.csv"] {
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
            &["cancelled", "withdrawn", "revoked", "declined", "refused", "no", "not", "ended", "removed", "denied", "never"][..],
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

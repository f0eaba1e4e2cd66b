//! A no to mail outside lists: a field of a form, by the same tables.

use super::header_words::Known;
use super::headers;
use super::target::Question;
use super::values::{Answer, answer};

/// Whether a field of this name says with this value that no mail may go: a box that unsubscribes and is ticked, a consent that says
/// no. Of a repeated field, which has a line for each value, the last counts: before a box, a hidden field says what it is when it is
/// not ticked. What is not understood says nothing.
pub fn says_no(name: &str, value: &str) -> bool {
    let question = match headers::known(name) {
        Some(Known::As(target)) if target.is_of_mail() => target.question(),
        _ => None,
    };
    let asked = question.filter(|question| matches!(question, Question::OptOut | Question::OptOutIfFilled | Question::Consent));
    let said = value.lines().map(str::trim).rfind(|line| !line.is_empty());
    asked.zip(said).is_some_and(|(question, said)| answer(question, said) == Some(Answer::MayNot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_of_a_form_is_a_no_in_any_language() {
        for (name, value) in [
            ("unsubscribe", "on"),
            ("opt_out", "1"),
            ("email_opt_out", "0\n1"),
            ("newsletter", "no"),
            ("newsletter", "0"),
            ("marketing_consent", "false"),
            ("Einwilligung", "nein"),
            ("keine_werbung", "ja"),
            ("acepta_publicidad", "no"),
            ("no_quiero_recibir_correos", "sí"),
            ("unsubscribe_reason", "too many"),
        ] {
            assert!(says_no(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("newsletter", "0\n1"),
            ("newsletter", "on"),
            ("newsletter", ""),
            ("newsletter", "weekly"),
            ("unsubscribe", "0"),
            ("unsubscribe", "0\n"),
            ("message", "no"),
            ("sms_consent", "no"),
            ("telephone", "no"),
            ("budget", "0"),
            ("lines", "0"),
            ("status", "inactive"),
        ] {
            assert!(!says_no(name, value), "{name}={value}");
        }
    }
}

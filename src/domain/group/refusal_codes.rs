//! The codes of a refusal: the enhanced status (RFC 3463), the reply code (RFC 5321 §4.2), and the command it answers, wherever a
//! mail program writes them.

use super::refusal_words::fold;

/// The part of a conversation that a refusal names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The greeting, HELO, STARTTLS, AUTH or MAIL FROM: nobody had been named yet as the recipient.
    BeforeRecipient,
    Recipient,
    Message,
}

/// The command a program says was answered: Postfix "(in reply to MAIL FROM command)", Exim "after RCPT TO:<…>".
pub fn command(words: &str) -> Option<Command> {
    let text = fold(words);
    let named = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    if named(&["in reply to rcpt to", "after rcpt to", "in response to rcpt to", "after rcpt command"]) {
        return Some(Command::Recipient);
    }
    if named(&["in reply to end of data", "after end of data", "in reply to data", "after data", "after pipelined sending data"])
    {
        return Some(Command::Message);
    }
    let before = ["mail from", "helo", "ehlo", "starttls", "auth", "initial connection", "initial greeting"];
    let is_named = |name: &str| {
        named(&[
            &format!("in reply to {name}"),
            &format!("after {name}"),
            &format!("in response to {name}"),
            &format!("after pipelined {name}"),
        ])
    };
    before.iter().any(|name| is_named(name)).then_some(Command::BeforeRecipient)
}

/// The status that says most, and whether it stands in the words themselves. "5.0.0" says nothing.
pub fn best_status(field: Option<&str>, words: &str) -> (Option<String>, bool) {
    let said: Vec<String> = statuses(words).take(20).collect();
    let says_something = |status: &&String| !is_vague(status);
    if let Some(status) = said.iter().find(says_something) {
        return (Some(status.clone()), true);
    }
    let stated = field.and_then(|field| statuses(field).next());
    if let Some(status) = stated.filter(|status| !is_vague(status)) {
        return (Some(status), false);
    }
    let said = said.into_iter().next();
    let is_said = said.is_some();
    (said.or_else(|| field.and_then(|field| statuses(field).next())), is_said)
}

/// Whether a status leaves open what happened: of a mail system, or of an address, nothing more is said.
fn is_vague(status: &str) -> bool {
    matches!(status.split('.').collect::<Vec<_>>()[..], [_, "0", _] | [_, "1" | "2", "0"])
}

/// The enhanced statuses of a text, in their order: "5.1.1", not the beginning of an IP address.
fn statuses(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.')).filter_map(|word| {
        let parts: Vec<&str> = word.splitn(4, '.').collect();
        let [class, subject, detail] = parts[..] else { return None };
        // Subjects go to 7 (RFC 3463 §3); "Exim 4.94.2" is no status.
        let is_subject = subject.len() == 1 && subject < "8";
        (["4", "5"].contains(&class) && is_subject && (1..=3).contains(&detail.len())).then(|| word.to_owned())
    })
}

/// The reply code of a text: three digits of a negative answer that begin it, or stand behind what a program writes before an
/// answer. Else the first three digits that look like one: "at most 450 an hour" is none while "said: 550" stands there too.
pub fn reply_code(text: &str) -> Option<u16> {
    let mut loose = None;
    let mut is_begun = true;
    for word in text.split_whitespace() {
        let bare = word.trim_start_matches(['\'', '"', '(', '<', '[', '#', '>', '{']);
        let is_led = is_begun || bare.len() < word.len();
        let digits = bare.split(['-', ':', ')', ']', '\'', '"', ',', ';', '_']).next().unwrap_or_default();
        let code = (digits.len() == 3).then(|| digits.parse::<u16>().ok()).flatten().filter(|code| (400..600).contains(code));
        match code {
            Some(code) if is_led => return Some(code),
            Some(code) => loose = loose.or(Some(code)),
            None => {}
        }
        let end = word.to_ascii_lowercase();
        is_begun = end.ends_with([':', ';', '<', '>', '='])
            || ["said", "error", "code", "reply", "response", "status"].contains(&end.as_str());
    }
    loose
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_code_stands_where_an_answer_begins() {
        for (text, code) in [
            ("host mx.example said: 550 at most 450 an hour", Some(550)),
            ("no more than 450 mails, said: 550 no", Some(550)),
            ("smtp; 550-5.1.1 no", Some(550)),
            ("<<< 421 busy", Some(421)),
            ("#550 4.4.7 QUEUE.Expired", Some(550)),
            ("[550 5.1.1 unknown]", Some(550)),
            ("SMTP error, code 554.", None),
            ("answered 552 full", Some(552)),
            ("port 25, 200 ok, 5501 lines", None),
        ] {
            assert_eq!(reply_code(text), code, "{text}");
        }
    }

    #[test]
    fn the_command_is_the_one_the_program_names() {
        for (text, named) in [
            ("550 no (in reply to MAIL FROM command)", Some(Command::BeforeRecipient)),
            ("SMTP error from remote mail server after RCPT TO:<ada@x.example>: 550 no", Some(Command::Recipient)),
            ("SMTP error from remote mail server after end of data: 550 no", Some(Command::Message)),
            ("550 5.7.1 no (in reply to EHLO command)", Some(Command::BeforeRecipient)),
            ("550 no such user", None),
        ] {
            assert_eq!(command(text), named, "{text}");
        }
    }

    #[test]
    fn the_remote_host_is_nearer_to_the_truth_than_a_field() {
        let of = |field, words| best_status(field, words);
        assert_eq!(of(Some("5.0.0"), "host [192.168.1.100] said: 550").0.as_deref(), Some("5.0.0"));
        assert_eq!(of(Some("5.1.1"), "550 5.7.1 no"), (Some("5.7.1".to_owned()), true));
        assert_eq!(of(Some("5.1.1"), "550 5.0.0 no"), (Some("5.1.1".to_owned()), false));
    }
}

//! Hard or soft: whether a refusal says that the mailbox is gone for good.
//!
//! The status (RFC 3463) decides where it says something; otherwise the words do. A full mailbox, a policy or a
//! broken network is never the person's end.

/// Reads the verdict: whether it is hard, and the status found in the status field or in the words.
pub fn judge(field: Option<&str>, words: &str) -> (bool, Option<String>) {
    let stated = field.and_then(status);
    let said = status(words);
    // "5.0.0" states nothing; what the remote host said is nearer to the truth.
    let best = match (stated, said) {
        (Some(stated), Some(said)) if vague(&stated) => Some(said),
        (stated, said) => stated.or(said),
    };
    let hard = best.as_deref().and_then(of_status).unwrap_or_else(|| of_words(words));
    (hard, best)
}

/// The first enhanced status of a text: "5.1.1", not the beginning of an IP address.
pub fn status(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_end_matches('.')).find_map(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        let [class, subject, detail] = parts[..] else { return None };
        let short = |part: &str| (1..=3).contains(&part.len());
        (["4", "5"].contains(&class) && short(subject) && short(detail)).then(|| word.to_owned())
    })
}

fn vague(status: &str) -> bool {
    status.split('.').nth(1) == Some("0")
}

/// What a status decides; `None` where it leaves it to the words.
fn of_status(status: &str) -> Option<bool> {
    let mut parts = status.split('.');
    match (parts.next()?, parts.next()?, parts.next()?) {
        // Temporary; or our own address was refused, not theirs.
        ("4", ..) | (_, "1", "7" | "8" | "9") => Some(false),
        (_, "1", _) => Some(true),
        (_, "2", "1") | (_, "3", "0") | (_, "0", _) => None,
        _ => Some(false),
    }
}

fn of_words(words: &str) -> bool {
    let words = words.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let says = |list: &[&str]| list.iter().any(|phrase| words.contains(phrase));
    says(&GONE) || !says(&NOT_NOW)
}

const GONE: [&str; 23] = [
    "user unknown",
    "unknown user",
    "unknown recipient",
    "unknown or illegal user",
    "no such user",
    "no such mailbox",
    "no such recipient",
    "no mailbox here",
    "does not exist",
    "doesn't exist",
    "doesn't have a",
    "user not found",
    "mailbox not found",
    "address not found",
    "not listed in",
    "no longer valid",
    "addressee unknown",
    "invalid mailbox",
    "recipient name is not recognized",
    "disabled or discontinued",
    "mailbox unavailable",
    "mailbox is disabled",
    "account has been disabled",
];

const NOT_NOW: [&str; 47] = [
    "quota",
    "mailbox is full",
    "mailbox full",
    "mailfolder is full",
    "full mailbox",
    "disk space",
    "storage",
    "too much mail",
    "too large",
    "message size",
    "maximum size",
    "temporar",
    "try again later",
    "timed out",
    "timeout",
    "time-out",
    "expired",
    "too long",
    "not responding",
    "not reachable",
    "no answer",
    "did not respond",
    "unable to connect",
    "connection refused",
    "connection failed",
    "smtp connection",
    "host not found, try again",
    "server unavailable",
    "too many hops",
    "looping",
    "mail loop",
    "spam",
    "unsolicited",
    "blocked",
    "blacklist",
    "block list",
    "blocklist",
    "policy",
    "reputation",
    "not accepting mail from",
    "not been collected",
    "permission denied",
    "virus",
    "message rejected",
    "access denied",
    "command died",
    "554 ",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_then_the_words() {
        let cases = [
            (Some("5.1.1"), "quota exceeded", true, Some("5.1.1")),
            (Some("5.0.0"), "550 5.2.2 over quota", false, Some("5.2.2")),
            (Some("5.0.0"), "host [192.168.1.100] said: 550 User unknown", true, Some("5.0.0")),
            (Some("5.0.0 (recipient reached disk quota)"), "recipient reached disk quota", false, Some("5.0.0")),
            (Some("5.7.1"), "user unknown", false, Some("5.7.1")),
            (Some("4.4.1"), "", false, Some("4.4.1")),
            (Some("5.1.8"), "bad sender", false, Some("5.1.8")),
            (Some("5.2.1"), "mailbox disabled", true, Some("5.2.1")),
            (None, "Sorry, no mailbox here by that name. (#5.1.1)", true, Some("5.1.1")),
            (None, "195.7.46.14 does not like recipient", true, None),
            (None, "blocked by policy", false, None),
            (None, "554 No Resent-From field given", false, None),
            (None, "554 this user doesn't have a mailbox here", true, None),
            (None, "553 5.3.0 <a@x.example>... Addressee unknown", true, Some("5.3.0")),
        ];
        for (field, words, hard, status) in cases {
            assert_eq!(judge(field, words), (hard, status.map(str::to_owned)), "{field:?} {words}");
        }
    }
}

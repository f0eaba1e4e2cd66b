//! What the headers of a mail say about who wrote it: RFC 3834 first, then the marks of mail servers and help desks.

use super::subject;
use super::texts::flat;
use crate::inbox::mail::{address, mime_body};
use mail_parser::{Message, MimeHeaders};
use serde::Deserialize;
use std::sync::LazyLock;

/// What the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// A program wrote it.
    Program,
    /// `Auto-Submitted: no`: a person did.
    Person,
    /// Neither, with so many hints of a program.
    Nothing { hints: i32 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    in_a_name: Vec<String>,
    not_in_a_name: Vec<String>,
    classes: Vec<String>,
    class_names: Vec<String>,
    always: Vec<String>,
    help_desks: Vec<String>,
    mailers: Vec<String>,
    nobodies: Vec<String>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    toml::from_str(include_str!("words/headers.toml")).expect("the table of headers is part of the program and read by its tests")
});

/// A header: its name in small letters without dashes, and its value on one line.
struct Header {
    name: String,
    value: String,
}

fn headers(message: &Message) -> Vec<Header> {
    let plain = |name: &str| name.chars().filter(|c| *c != '-' && *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    let line = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    message.headers_raw().map(|(name, value)| Header { name: plain(name), value: line(value) }).collect()
}

/// What the headers say, whatever the subject and the body do.
pub(super) fn says(message: &Message) -> Says {
    let headers = headers(message);
    let passed_on = is_passed_on(&headers, message);
    let of = |name: &'static str| headers.iter().filter(move |header| header.name == name).map(|header| header.value.as_str());
    let submitted: Vec<String> = of("autosubmitted").map(keyword).filter(|keyword| !keyword.is_empty()).collect();
    // A rule that passes a mail on may say so in the same header; an answer keeps saying that it is one.
    let generated = |keyword: &String| keyword != "no" && !(passed_on && keyword != "auto-replied");
    let empty_path = !passed_on && of("returnpath").any(|path| path == "<>");
    // A server-side answer of Exchange; what its rules pass on is resent.
    let is_rule_of_exchange =
        of("xmsexchangeinboxrulesloop").next().is_some() && of("xautoresponsesuppress").any(|what| what.contains("all"));
    if submitted.iter().any(generated)
        || empty_path
        || headers.iter().any(is_mark)
        || (!passed_on && (is_own_loop(message, &headers) || is_rule_of_exchange))
        || is_receipt(message)
        || is_from_nobody(message)
    {
        return Says::Program;
    }
    if submitted.iter().any(|keyword| keyword == "no") {
        return Says::Person;
    }
    let asks_for_silence = |header: &Header| {
        header.name == "xautoresponsesuppress"
            && header.value.split([',', ' ']).any(|what| matches!(what, "all" | "oof" | "autoreply"))
    };
    let bulk = |header: &Header| {
        matches!(header.name.as_str(), "precedence" | "xprecedence") && ["bulk", "junk"].contains(&header.value.trim())
    };
    let desk = |header: &Header| WORDS.help_desks.iter().any(|name| header.name.starts_with(name.as_str()));
    let kinds: [&dyn Fn(&Header) -> bool; 3] = [&asks_for_silence, &bulk, &desk];
    Says::Nothing { hints: kinds.iter().map(|kind| i32::from(headers.iter().any(kind))).sum() }
}

/// The keyword of `Auto-Submitted`, without comments and parameters (RFC 3834 §5).
fn keyword(value: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::new();
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain.split([';', ',']).next().unwrap_or_default().trim().trim_matches('"').to_owned()
}

/// Whether a header by itself says that a program wrote.
fn is_mark(header: &Header) -> bool {
    let Header { name, value } = header;
    let denied = matches!(value.as_str(), "" | "no" | "false" | "0" | "off" | "none" | "disabled" | "n");
    let named = || {
        (name.starts_with('x') || name.starts_with("auto"))
            && WORDS.in_a_name.iter().any(|part| name.contains(part.as_str()))
            && !WORDS.not_in_a_name.iter().any(|part| name.contains(part.as_str()))
            // CommuniGate writes the same header where a rule passes a mail on.
            && !["forward", "redirect", "mirror"].iter().any(|rule| value.starts_with(rule))
    };
    let classed = || {
        name.starts_with('x')
            && WORDS.class_names.iter().any(|class| name.ends_with(class.as_str()))
            && value.split([';', ',', ' ']).any(|word| WORDS.classes.iter().any(|class| class == word))
    };
    let answers = || ["auto_reply", "auto-reply", "autoreply"].iter().any(|word| value.contains(word));
    match name.as_str() {
        "precedence" | "xprecedence" | "preference" => answers(),
        "deliveredto" => value.starts_with("autoresponder"),
        "xmailer" | "useragent" => WORDS.mailers.iter().any(|mailer| value.contains(mailer.as_str())),
        "xsfdcemailcategory" => value.contains("auto") || value.contains("workflow"),
        _ => !denied && (WORDS.always.iter().any(|known| name == known) || named() || classed()),
    }
}

/// `X-Loop` with the sender's own address or domain. Forwarders write theirs.
fn is_own_loop(message: &Message, headers: &[Header]) -> bool {
    let Some(from) = mime_body::header(message, "From").and_then(|from| address::first(&from)) else { return false };
    let ours = |header: &Header| header.name == "xloop" && header.value.contains(from.domain());
    headers.iter().any(ours)
}

/// A notification that a mail was shown or deleted (RFC 8098).
fn is_receipt(message: &Message) -> bool {
    const KIND: &str = "disposition-notification";
    let report =
        message.content_type().and_then(|kind| kind.attribute("report-type")).is_some_and(|kind| kind.eq_ignore_ascii_case(KIND));
    report || message.parts.iter().any(|part| mime_body::is(part, "message/disposition-notification"))
}

/// A sender that takes no answers, unless it names a person to answer.
fn is_from_nobody(message: &Message) -> bool {
    let address = |name| mime_body::header(message, name).and_then(|value| address::first(&value));
    let is_nobody = |local: &str| {
        let plain: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
        WORDS.nobodies.contains(&plain)
    };
    let Some(from) = address("From") else { return false };
    is_nobody(from.local()) && address("Reply-To").is_none_or(|to| is_nobody(to.local()))
}

/// Whether it came through a mailing list or a group.
pub(super) fn is_of_list(message: &Message) -> bool {
    headers(message).iter().any(is_list_header)
}

fn is_list_header(header: &Header) -> bool {
    matches!(header.name.as_str(), "listid" | "listpost" | "mailinglist" | "xmailinglist" | "xbeenthere" | "xgooglegroupid")
        || header.name == "precedence" && header.value == "list"
}

/// Whether a list, a group or a rule of a mailbox passed it on: what they add says nothing of who wrote.
fn is_passed_on(headers: &[Header], message: &Message) -> bool {
    let is_rule = |header: &Header| {
        header.name.starts_with("resent")
            || header.name.starts_with("xforwarded")
            || header.name.starts_with("xautoforward")
            || header.name == "autoforwarded" && header.value != "false"
            || header.name == "xautogenerated"
                && ["forward", "redirect", "mirror"].iter().any(|rule| header.value.starts_with(rule))
            || header.name == "autosubmitted" && keyword(&header.value) == "auto-forwarded"
    };
    let by_agent =
        headers.iter().any(|header| header.name == "xmsexchangegeneratedmessagesource" && header.value.contains("rules agent"));
    headers.iter().any(|header| is_rule(header) || is_list_header(header))
        || by_agent && subject::is_forward(&flat(&subject::of(message)))
}

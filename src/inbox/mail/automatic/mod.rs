//! Automatic mail: whether a program wrote it, and what it says of whoever is away or has left.
//!
//! Headers first (RFC 3834 and those of mail servers and help desks), then the mark of a subject at its place, then what a
//! body says in whole phrases. What a rule, a group or a list passed on is a person's, unless it says otherwise itself.

mod texts;
mod tokens;
mod day;
mod absence;
mod subject;
mod headers;
pub mod departure;
mod body;

use self::body::Said;
use self::departure::Departure;
use self::headers::Says;
use self::subject::Mark;
use super::mime_body;
use super::own_words::own_words;
use crate::domain::address::Address;
use jiff::civil::Date;
use mail_parser::Message;

/// What an automatic mail says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// The day from which they read mail again, by the date of the mail.
    pub back_on: Option<Date>,
    /// Whether they have left for good.
    pub left: Option<Departure>,
}

/// Whether its headers or its subject say that a program wrote it, whatever its words.
pub fn is_marked(message: &Message) -> bool {
    match headers::says(message) {
        Says::Program => true,
        Says::Person => false,
        Says::Nothing { .. } => subject::mark(&subject::of(message)) == Some(Mark::Program),
    }
}

/// Whether a program wrote it.
pub fn is_automatic(message: &Message) -> bool {
    let hints = match headers::says(message) {
        Says::Program => return true,
        Says::Person => return false,
        Says::Nothing { hints } => hints,
    };
    let subject = subject::of(message);
    let mark = subject::mark(&subject);
    if mark == Some(Mark::Program) {
        return true;
    }
    let said = Said::of(&own(message));
    mark == Some(Mark::Absence) && !said.is_personal() && !subject.contains('?') || said.is_automatic(hints)
}

/// Whether a list, a group or a bulk sender passed it on.
pub fn is_bulk(message: &Message) -> bool {
    let precedence = mime_body::header(message, "Precedence").unwrap_or_default().to_lowercase();
    ["bulk", "junk", "list"].contains(&precedence.trim())
        || headers::is_of_list(message)
        || mime_body::header(message, "List-Unsubscribe").is_some()
}

/// Whether it was sent to many and answers nobody. A group or a gateway adds the same headers to what a person answers.
pub fn is_newsletter(message: &Message) -> bool {
    is_bulk(message) && !["In-Reply-To", "References"].iter().any(|name| mime_body::header(message, name).is_some())
}

/// What a mail that a program wrote says of its sender.
pub fn notice(message: &Message, from: Option<&Address>) -> Notice {
    let (subject, own) = (subject::of(message), own(message));
    let own_subject = subject::own(&subject);
    let left = departure::read(&own_subject, &own, from);
    let said = Said::of(&own);
    // A help desk names days on which it answers, and is not away.
    let is_desk = said.is_ticket() && !said.is_absence() && subject::mark(&subject).is_none();
    let back_on = match written_on(message) {
        Some(day) if left.is_none() && !is_desk => absence::back_on(&own_subject, &own, day),
        Some(_) | None => None,
    };
    Notice { back_on, left }
}

fn own(message: &Message) -> String {
    own_words(&mime_body::words(message), None)
}

/// The day of its `Date`, where it was written.
fn written_on(message: &Message) -> Option<Date> {
    let date = message.date()?;
    Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

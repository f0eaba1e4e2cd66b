//! The templates of mails and pages, embedded in the binary. Values are untrusted: each prints on one line, escaped in HTML.

use super::words::{self, Argument};
use crate::domain::address::one_line;
use crate::domain::excerpt::excerpt;
use crate::domain::language::Language;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde::Serialize;

/// The styles that mails and pages share: colours and type.
pub const LOOK: &str = include_str!("../../config/templates/look.css");

/// The dark variant of [`LOOK`]: media queries only.
pub const DARK: &str = include_str!("../../config/templates/dark.css");

/// The styles that only pages have.
pub const PAGE: &str = include_str!("../../config/templates/page.css");

const TEMPLATES: &[(&str, &str)] = &[
    ("look.css", LOOK),
    ("dark.css", DARK),
    ("newsletter.html", include_str!("../../config/templates/newsletter.html")),
    ("question.html", include_str!("../../config/templates/question.html")),
    ("letter.html", include_str!("../../config/templates/letter.html")),
    ("handoff.txt", include_str!("../../config/templates/handoff.txt")),
    ("handoff.html", include_str!("../../config/templates/handoff.html")),
    ("changed.txt", include_str!("../../config/templates/changed.txt")),
    ("changed.html", include_str!("../../config/templates/changed.html")),
    ("reply.txt", include_str!("../../config/templates/reply.txt")),
    ("reply.html", include_str!("../../config/templates/reply.html")),
    ("moved.txt", include_str!("../../config/templates/moved.txt")),
    ("moved.html", include_str!("../../config/templates/moved.html")),
    ("departed.txt", include_str!("../../config/templates/departed.txt")),
    ("departed.html", include_str!("../../config/templates/departed.html")),
    ("withdrawn.txt", include_str!("../../config/templates/withdrawn.txt")),
    ("withdrawn.html", include_str!("../../config/templates/withdrawn.html")),
    ("paused.txt", include_str!("../../config/templates/paused.txt")),
    ("paused.html", include_str!("../../config/templates/paused.html")),
    ("reminder.txt", include_str!("../../config/templates/reminder.txt")),
    ("confirmation.txt", include_str!("../../config/templates/confirmation.txt")),
    ("confirmation.html", include_str!("../../config/templates/confirmation.html")),
    ("stopped.txt", include_str!("../../config/templates/stopped.txt")),
    ("stopped.html", include_str!("../../config/templates/stopped.html")),
    ("page-doubt.html", include_str!("../../config/templates/page-doubt.html")),
    ("page-confirm.html", include_str!("../../config/templates/page-confirm.html")),
    ("page-mails.html", include_str!("../../config/templates/page-mails.html")),
    ("reminder.html", include_str!("../../config/templates/reminder.html")),
    ("page.html", include_str!("../../config/templates/page.html")),
    ("page-message.html", include_str!("../../config/templates/page-message.html")),
    ("page-answer.html", include_str!("../../config/templates/page-answer.html")),
    ("page-answered.html", include_str!("../../config/templates/page-answered.html")),
    ("page-unsubscribe.html", include_str!("../../config/templates/page-unsubscribe.html")),
    ("page-unsubscribe-typed.html", include_str!("../../config/templates/page-unsubscribe-typed.html")),
    ("page-preferences.html", include_str!("../../config/templates/page-preferences.html")),
    ("page-preferences-changed.html", include_str!("../../config/templates/page-preferences-changed.html")),
    ("page-preferences-lost.html", include_str!("../../config/templates/page-preferences-lost.html")),
    ("page-readdress.html", include_str!("../../config/templates/page-readdress.html")),
    ("readdress.txt", include_str!("../../config/templates/readdress.txt")),
    ("readdress.html", include_str!("../../config/templates/readdress.html")),
    ("readdressed.txt", include_str!("../../config/templates/readdressed.txt")),
    ("readdressed.html", include_str!("../../config/templates/readdressed.html")),
    ("page-handoff.html", include_str!("../../config/templates/page-handoff.html")),
    ("page-answers.html", include_str!("../../config/templates/page-answers.html")),
    ("page-touch.html", include_str!("../../config/templates/page-touch.html")),
    ("enquiry.txt", include_str!("../../config/templates/enquiry.txt")),
    ("enquiry.html", include_str!("../../config/templates/enquiry.html")),
    ("enquiries.txt", include_str!("../../config/templates/enquiries.txt")),
    ("enquiries.html", include_str!("../../config/templates/enquiries.html")),
    ("page-enquiry.html", include_str!("../../config/templates/page-enquiry.html")),
    ("page-enquiries.html", include_str!("../../config/templates/page-enquiries.html")),
    ("page-queue.html", include_str!("../../config/templates/page-queue.html")),
];

/// Why a text could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// Lint refuses the newsletter.
    #[error("compose the newsletter: {0}")]
    Refused(String),
    #[error("render {template}: {source}")]
    Template { template: &'static str, source: minijinja::Error },
    /// The styles could not be inlined.
    #[error("inline the styles: {0}")]
    Styles(#[from] css_inline::InlineError),
    /// The Markdown could not be printed.
    #[error("print the Markdown")]
    Print(#[from] std::fmt::Error),
}

/// Renders an embedded template; instants are shown in `zone`.
///
/// # Errors
/// When the template uses a name that the values do not have.
pub fn render(template: &'static str, zone: &TimeZone, values: impl Serialize) -> Result<String, TextError> {
    render_in(Language::English, template, zone, values)
}

/// As [`render`], with the words of a language: `say("key", name=value)` gives one, and `lang` is its code.
pub fn render_in(
    language: Language,
    template: &'static str,
    zone: &TimeZone,
    values: impl Serialize,
) -> Result<String, TextError> {
    let render = || environment(language, zone)?.get_template(template)?.render(Value::from(Serde(&values)));
    render().map_err(|source| TextError::Template { template, source })
}

/// The embedded templates by name.
pub fn sources() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEMPLATES.iter().copied()
}

/// Renders an embedded HTML template and inlines its styles, as mail clients require.
///
/// # Errors
/// As [`render`], or when the styles cannot be inlined.
pub fn render_styled(
    language: Language,
    template: &'static str,
    zone: &TimeZone,
    values: impl Serialize,
) -> Result<String, TextError> {
    let html = render_in(language, template, zone, values)?;
    let inliner = css_inline::CSSInliner::options().load_remote_stylesheets(false).build();
    Ok(inliner.inline(&html)?)
}

fn environment(language: Language, zone: &TimeZone) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    let is_html = |name: &str| name.rsplit_once('.').is_some_and(|(_, kind)| kind == "html");
    environment.set_auto_escape_callback(move |name| if is_html(name) { AutoEscape::Html } else { AutoEscape::None });
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => minijinja::escape_formatter(out, state, &Value::from(one_line(text))),
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment.add_global("lang", language.code());
    environment.add_function("say", move |key: &str, values: Kwargs| word(language, key, &values));
    let there = zone.clone();
    environment.add_filter("moment", move |text: &str| shown(text, &there, "%a %-d %b, %H:%M"));
    let there = zone.clone();
    environment.add_filter("day", move |text: &str| day(text, &there));
    let there = zone.clone();
    environment.add_filter("when", move |text: &str, now: &str| when(text, now, &there));
    environment.add_filter("dial", |text: &str| dialled(text));
    environment.add_filter("last_day", |text: &str| last_day(text));
    environment.add_filter("brief", |text: &str| excerpt(text, 120));
    environment.add_filter("paragraph", |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>());
    // Compiled on first use: a text needs two or three of them.
    environment.set_loader(|name| Ok(TEMPLATES.iter().find(|(known, _)| *known == name).map(|(_, source)| (*source).to_owned())));
    Ok(environment)
}

/// A text of the catalogue. A value is named as the catalogue names it: a number chooses a plural, anything else is text.
fn word(language: Language, key: &str, values: &Kwargs) -> Result<String, Error> {
    let argument = |name| {
        let value: Value = values.get(name)?;
        Ok((name, value.as_i64().map_or_else(|| Argument::from(value.to_string().as_str()), Argument::Number)))
    };
    let arguments = values.args().map(argument).collect::<Result<Vec<_>, Error>>()?;
    Ok(words::say(language, key, &arguments))
}

/// An instant or a date as a day: "3 Nov 2026".
fn day(text: &str, zone: &TimeZone) -> Result<String, Error> {
    match text.parse::<Date>() {
        Ok(date) if text.len() == 10 => Ok(date.strftime("%-d %b %Y").to_string()),
        _ => shown(text, zone, "%-d %b %Y"),
    }
}

/// The last day before an instant: a proof that ends at midnight (UTC, in which rules reckon) held until the day before.
fn last_day(text: &str) -> Result<String, Error> {
    let end = instant(text)?;
    let last = end.checked_sub(1.second()).unwrap_or(end);
    Ok(last.to_zoned(TimeZone::UTC).strftime("%-d %b %Y").to_string())
}

fn shown(text: &str, zone: &TimeZone, format: &str) -> Result<String, Error> {
    Ok(instant(text)?.to_zoned(zone.clone()).strftime(format).to_string())
}

/// An instant as seen from `now`: "today, 15:00", "Tue 3 Nov, 15:00"; with the year if it is another one.
fn when(text: &str, now: &str, zone: &TimeZone) -> Result<String, Error> {
    let (at, now) = (instant(text)?.to_zoned(zone.clone()), instant(now)?.to_zoned(zone.clone()));
    let format = match (at.date() - now.date()).get_days() {
        0 => "today, %H:%M",
        1 => "tomorrow, %H:%M",
        -1 => "yesterday, %H:%M",
        _ if at.year() == now.year() => "%a %-d %b, %H:%M",
        _ => "%-d %b %Y, %H:%M",
    };
    Ok(at.strftime(format).to_string())
}

fn instant(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|_| Error::new(ErrorKind::InvalidOperation, "not an instant"))
}

/// The number to dial in a phone number as written; `None` when it has too few digits.
pub fn dialled(phone: &str) -> Option<String> {
    let plus = if phone.trim().starts_with('+') { "+" } else { "" };
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 3).then(|| format!("{plus}{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_as_one_says_it() {
        let zone = TimeZone::get("Europe/Madrid").expect("zone");
        for (at, words) in [
            ("2026-11-03T14:00:00Z", "today, 15:00"),
            // The days are divided by midnight of the reader's zone, not of UTC.
            ("2026-11-03T23:30:00Z", "tomorrow, 00:30"),
            ("2026-11-02T22:59:00Z", "yesterday, 23:59"),
            ("2026-11-10T08:00:00Z", "Tue 10 Nov, 09:00"),
            ("2026-12-03T08:00:00Z", "Thu 3 Dec, 09:00"),
            ("2027-01-01T08:00:00Z", "1 Jan 2027, 09:00"),
            ("2025-11-03T14:00:00Z", "3 Nov 2025, 15:00"),
        ] {
            assert_eq!(when(at, "2026-11-03T09:00:00Z", &zone).expect("an instant"), words, "{at}");
        }
        assert!(when("soon", "2026-11-03T09:00:00Z", &zone).is_err());
    }

    #[test]
    fn a_number_is_dialled_without_what_was_written_around_it() {
        for (written, dials) in [
            ("+34 600 100-200", Some("+34600100200")),
            ("(0)91 555 01 02", Some("0915550102")),
            ("javascript:alert(1234)", Some("1234")),
            ("ask Pol", None),
        ] {
            assert_eq!(dialled(written).as_deref(), dials, "{written}");
        }
    }
}

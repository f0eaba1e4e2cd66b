//! The day from which somebody who is away reads mail again: "until 12 May", "zurück am Montag", 5月12日まで.
//!
//! Only a day behind such a word counts, never any other that a mail names. Of several the latest counts.

use super::day::{Day, day_at};
use super::texts::flat;
use super::tokens::{Kind, Token, WORDS, tokens};
use jiff::civil::Date;

/// How much of a mail is read, in characters.
const FIRST: usize = 1_500;
/// How many small words may stand between a marker and its day.
const BETWEEN: usize = 4;
/// How many tokens behind a day are looked at, those of 5月12日（水）まで among them.
const BEHIND: usize = 6;
/// Within so many tokens a day is the subject's.
const NEAR: usize = 6;

/// The first day on which they are back, by the day the mail was written; `None` if it names none that is to come.
pub(super) fn back_on(subject: &str, own: &str, written: Date) -> Option<Date> {
    let first: String = own.chars().take(FIRST).collect();
    let of = |text: &str| latest(&tokens(&flat(text)), written);
    let found = [of(subject), of(&first)].into_iter().flatten().max()?;
    (found > written).then_some(found)
}

/// Whether one of the first words names a day.
pub(super) fn names_a_date(flat: &str) -> bool {
    let tokens = tokens(flat);
    (0..tokens.len().min(NEAR)).any(|at| day_at(&tokens, at, &WORDS).is_some())
}

fn latest(tokens: &[Token], written: Date) -> Option<Date> {
    let (mut at, mut found, mut last_end) = (0, None::<Date>, None::<usize>);
    while at < tokens.len() {
        let Some((day, next)) = day_at(tokens, at, &WORDS) else {
            at += 1;
            continue;
        };
        if let Some(is_last) = role(tokens, at, next, last_end, &day) {
            let stated = day.after(written).and_then(|date| if is_last { date.tomorrow().ok() } else { Some(date) });
            found = found.max(stated);
        }
        last_end = Some(next);
        at = next.max(at + 1);
    }
    found
}

/// `Some(whether they are still away on the day)` if a word before or behind says that the day ends an absence.
fn role(tokens: &[Token], at: usize, next: usize, last_end: Option<usize>, day: &Day) -> Option<bool> {
    let after = &tokens[next.min(tokens.len())..tokens.len().min(next + BEHIND)];
    let mut from = at;
    // The words between are passed over one by one.
    for _ in 0..=BETWEEN {
        let before = &tokens[..from];
        // "Monday to Friday", "3 to 14 May": a first day or number, a word for "to", the last day.
        let spans = before.last().is_some_and(|to| WORDS.is_to(to))
            && from.checked_sub(1).is_some_and(|to| last_end == Some(to) || to > 0 && is_first_day(&tokens[..to]));
        let until = WORDS.until_ends(before);
        if until || spans && !matches!(day, Day::Weekday(_)) {
            return Some(WORDS.is_inclusive(&tokens[from.saturating_sub(3)..at]) || WORDS.is_inclusive(after));
        }
        if WORDS.back_ends(before) {
            return Some(false);
        }
        match before.last() {
            Some(token)
                if WORDS.is_between(token) || token.is_any(&[",", "(", ":", "."]) || WORDS.weekday(&token.text).is_some() =>
            {
                from -= 1;
            }
            _ => break,
        }
    }
    let behind = after.iter().take_while(|token| !token.is_any(&["。", "!", "?"])).any(|token| WORDS.comes_after(token));
    behind.then_some(false)
}

/// The number of a first day: `3`, `3.`, `3rd`.
fn is_first_day(before: &[Token]) -> bool {
    let trimmed = match before.split_last() {
        Some((last, rest)) if last.is_any(&[".", "st", "nd", "rd", "th", "er"]) => rest,
        _ => before,
    };
    matches!(trimmed.last().map(|token| token.kind), Some(Kind::Number(1..=31)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wednesday, 5 May 2027.
    fn read(text: &str) -> Option<String> {
        back_on("", text, jiff::civil::date(2027, 5, 5)).map(|date| date.to_string())
    }

    #[test]
    fn a_return_is_read_in_the_formats_of_the_world() {
        for (text, expected) in [
            ("I am away until 12 May.", "2027-05-12"),
            ("I am away until May 12th, 2027", "2027-05-12"),
            ("out of the office until Monday", "2027-05-10"),
            ("I will be back on Tuesday, 11 May.", "2027-05-11"),
            ("starting 3 May and will not return until 10 May.", "2027-05-10"),
            ("I am away from 3 to 14 May", "2027-05-14"),
            ("returning 05/10/2027", "2027-05-10"),
            ("back on 2027-05-12", "2027-05-12"),
            ("bis einschließlich 11.05. nicht im Haus", "2027-05-12"),
            ("bis zum 12. Mai 2027", "2027-05-12"),
            ("Vom 3. bis 14. Mai bin ich nicht zu erreichen", "2027-05-14"),
            ("Ab Montag lese ich wieder. Ich bin ab dem 17.5. wieder im Büro", "2027-05-17"),
            ("hasta el lunes 10 de mayo", "2027-05-10"),
            ("Ik ben afwezig tot en met 10 mei", "2027-05-11"),
            ("ausente do escritório até 10 de maio", "2027-05-10"),
            ("Jestem na urlopie do 12 maja.", "2027-05-12"),
            ("Jag är på resa till den 12 maj, åter den 12 maj", "2027-05-12"),
            ("Do 12. května jsem na cestách.", "2027-05-12"),
            ("5月12日まで不在にしております。", "2027-05-12"),
            ("5月12日（水）まで", "2027-05-12"),
            ("Я в отпуске до 12 мая.", "2027-05-12"),
            ("Θα λείπω έως τις 12 Μαΐου.", "2027-05-12"),
            ("Május 12-ig szabadságon vagyok.", "2027-05-12"),
            ("Esmu prombūtnē līdz 12. maijam.", "2027-05-12"),
            ("5월 12일까지 자리를 비웁니다.", "2027-05-12"),
            ("أنا خارج المكتب حتى 12 مايو.", "2027-05-12"),
            ("В отпуск съм до 12 май.", "2027-05-12"),
            ("absent jusqu'au 12 mai inclus", "2027-05-13"),
            ("12 Mayıs'a kadar izindeyim", "2027-05-12"),
            ("Olen lomalla 12.5. asti", "2027-05-12"),
            ("away until the 17th", "2027-05-17"),
            ("我将外出至5月12日", "2027-05-12"),
            ("dal 3 al 14 maggio", "2027-05-14"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_days_and_the_past_are_no_return() {
        for text in [
            "We met on 12 May.",
            "I was away until 2 May.",
            "Our fair opens 12 May 2027",
            "call 0171 12 34 until 12 Uhr",
            "open until 17.30 Uhr",
            "until further notice",
            "Ticket 12.05.2027 created",
            "until 31 February",
            "until 28 December",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_turn_of_the_year_is_crossed() {
        let read = |text: &str| back_on("", text, jiff::civil::date(2026, 12, 23)).map(|date| date.to_string());
        assert_eq!(read("closed until 7 January").as_deref(), Some("2027-01-07"));
        assert_eq!(read("until 2 November"), None);
    }
}

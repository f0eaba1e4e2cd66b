//! Absence: for how long an automatic reply may put off group mail.

use super::span::{Span, midnight};
use jiff::Timestamp;
use jiff::civil::Date;

/// Nobody is left out for longer, whatever day their mailbox names: who is still away then says so again.
pub const LONGEST: Span = Span::days(60);
/// After how many issues answered with "has left the company" no more are sent to an address.
pub const DEPARTED_AFTER: i64 = 2;

/// From when group mail goes to somebody again who is back on this day; `None` if that was not to come when it was said.
pub fn until(back_on: Date, said_at: Timestamp) -> Option<Timestamp> {
    let until = midnight(back_on).min(LONGEST.after(said_at));
    (until > said_at).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absence_ends_on_its_day_and_after_sixty_days() {
        let now: Timestamp = "2027-05-05T09:00:00Z".parse().expect("an instant");
        let until = |day: &str| until(day.parse().expect("a day"), now).map(|at| at.to_string());
        assert_eq!(until("2027-05-10").as_deref(), Some("2027-05-10T00:00:00Z"));
        assert_eq!(until("2027-05-05"), None);
        assert_eq!(until("2029-01-01").as_deref(), Some("2027-07-04T09:00:00Z"));
    }
}

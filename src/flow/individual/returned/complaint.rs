//! Whether a report of spam is believed: it suppresses, and three pause a campaign, so a mail that anybody can write is not enough.

use super::arrival::Arrival;
use crate::domain::address::registered;
use crate::domain::doorway::sender::Sender;
use crate::domain::doorway::signal::Detail;
use crate::domain::plan::Plan;
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::authentication::Authenticity;
use crate::inbox::mail::bounce::Returned;
use crate::inbox::mail::report::Complaint;

/// What a complaint under a genuine token says.
pub fn detail(plan: &Plan, arrival: &Arrival<'_>, sent: &Traced, complaint: &Complaint) -> Detail {
    let feedback = complaint.feedback.clone();
    if !is_believed(plan, arrival.mail, (arrival.whose, arrival.authenticity), sent) {
        return Detail::UnconfirmedComplaint { feedback };
    }
    if arrival.whose == Sender::Prospect {
        // Their own word ends their mail; it is no mark against the campaign, for which a provider vouches.
        Detail::Unsubscribe { how: format!("complaint: {feedback}") }
    } else {
        Detail::Complaint { feedback }
    }
}

/// Whether its author is the reader, is named as one who reports, or is shown to be the office for it where the mail went.
pub fn is_believed(plan: &Plan, mail: &Returned, (whose, authenticity): (Sender, Authenticity), sent: &Traced) -> bool {
    let Some(author) = mail.identity.author.as_ref().filter(|_| whose != Sender::Forged) else { return false };
    let is_theirs = registered(author.domain()).is_some() && registered(author.domain()) == registered(sent.address.domain());
    let is_office = authenticity == Authenticity::Passed && is_theirs && OFFICES.contains(&author.local());
    whose == Sender::Prospect || is_office || plan.settings.trusted_sources.reports_complaints(author)
}

/// Who speaks for a domain (RFC 2142, RFC 6650), and the names that feedback loops have.
const OFFICES: [&str; 9] =
    ["abuse", "postmaster", "fbl", "feedback", "feedbackloop", "feedback-loop", "complaints", "arf", "mailer-daemon"];

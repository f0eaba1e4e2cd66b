//! Whether a report of spam is believed: it suppresses, and three pause a campaign, so a mail that anybody can write is not enough.

use super::arrival::Arrival;
use crate::domain::address::{Address, registered};
use crate::domain::doorway::sender::Sender;
use crate::domain::doorway::signal::Detail;
use crate::domain::plan::Plan;
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::authentication::Authenticity;
use crate::inbox::mail::report::Complaint;

/// What a complaint under a genuine token says.
pub fn detail(plan: &Plan, arrival: &Arrival<'_>, sent: &Traced, complaint: &Complaint) -> Detail {
    let feedback = complaint.feedback.clone();
    match &arrival.mail.identity.author {
        _ if arrival.whose == Sender::Forged => Detail::UnconfirmedComplaint { feedback },
        // Their own word ends their mail; it is no mark against the campaign, for which a provider vouches.
        Some(_) if arrival.whose == Sender::Prospect => Detail::Unsubscribe { how: format!("complaint: {feedback}") },
        Some(author) if is_believed(plan, arrival.authenticity, author, sent) => Detail::Complaint { feedback },
        _ => Detail::UnconfirmedComplaint { feedback },
    }
}

/// Whether its author is named as one who reports, or shown to be the office for it where the mail went.
fn is_believed(plan: &Plan, authenticity: Authenticity, author: &Address, sent: &Traced) -> bool {
    let is_theirs = registered(author.domain()).is_some() && registered(author.domain()) == registered(sent.address.domain());
    let is_office = OFFICES.contains(&author.local());
    plan.settings.trusted_sources.reports_complaints(author) || authenticity == Authenticity::Passed && is_theirs && is_office
}

/// Who speaks for a domain (RFC 2142, RFC 6650), and the names that feedback loops have.
const OFFICES: [&str; 9] =
    ["abuse", "postmaster", "fbl", "feedback", "feedbackloop", "feedback-loop", "complaints", "arf", "mailer-daemon"];

//! What a bounce says of the recipient whom the mail went to. That their mailbox is gone may be said by a notice to the signed return
//! path that names it, and that no server of ours shows to be forged.

use super::arrival::Arrival;
use crate::domain::address::{Address, registered};
use crate::domain::doorway::sender::Sender;
use crate::domain::doorway::signal::Detail;
use crate::domain::group::bounce_class::Class;
use crate::domain::group::refusal::{About, Mailbox};
use crate::flow::doorway::trace::Traced;
use crate::inbox::mail::report::Failure;

/// The failure that a bounce reports about a delivery, as far as it may.
pub fn failure(arrival: &Arrival<'_>, sent: &Traced, failures: &[Failure]) -> Option<Failure> {
    let failure = decisive(failures, &sent.address)?.clone();
    let may_say_gone = arrival.whose != Sender::Forged && is_theirs(&failure.address, &sent.address);
    // Their mailbox may send on to one that is gone: then it took nothing this time.
    if failure.hard && !may_say_gone {
        return Some(Failure { hard: false, about: About::Recipient(Mailbox::NotNow), class: Class::Soft, ..failure });
    }
    Some(failure)
}

/// Whether it counts against the mailbox: a notice that is shown to be forged counts for nothing.
pub fn counts(arrival: &Arrival<'_>, sent: &Traced, failure: &Failure) -> bool {
    failure.given_up && !failure.hard && !sent.is_of_forgotten() && arrival.whose != Sender::Forged
}

pub fn detail(failure: Option<&Failure>) -> Detail {
    match failure {
        Some(f) => Detail::Bounce { hard: f.hard, status: f.status.clone(), diagnostic: f.diagnostic.clone() },
        None => Detail::Bounce { hard: false, status: None, diagnostic: "a notice that names nobody".to_owned() },
    }
}

/// A failure that names the address decides; if none does, any failure counts, because the mailbox may forward to one that does
/// not exist.
fn decisive<'a>(failures: &'a [Failure], address: &Address) -> Option<&'a Failure> {
    let named = failures.iter().find(|f| f.address == *address);
    let named = named.or_else(|| failures.iter().find(|f| is_theirs(&f.address, address)));
    named.or_else(|| failures.iter().find(|f| f.hard)).or_else(|| failures.first())
}

/// Whether a notice that names this address is about the mailbox of that one: another host of the company gives the mailbox another
/// name, and between its domains it keeps the name before the `@`. Another name at the very same host is a colleague's, to whom the
/// mailbox may send on.
fn is_theirs(named: &Address, own: &Address) -> bool {
    let bare = |address: &Address| address.local().split('+').next().unwrap_or_default().to_owned();
    let is_of_company = own.company_domain().is_some() && registered(named.domain()) == own.company_domain();
    named == own || bare(named) == bare(own) || is_of_company && named.domain() != own.domain()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_about_the_mailbox_that_it_names() {
        let is = |named: &str, own: &str| is_theirs(&Address::parse(named).expect("one"), &Address::parse(own).expect("another"));
        for (named, own) in [
            ("ada@albareda.example", "ada@albareda.example"),
            ("ada.bosch@mx1.albareda.example", "ada@albareda.example"),
            ("ada@albareda.onmicrosoft.com", "ada@albareda.example"),
            ("ada@albareda.example", "ada+news@albareda.example"),
        ] {
            assert!(is(named, own), "{named} for {own}");
        }
        for (named, own) in [
            ("bo@elsewhere.example", "ada@albareda.example"),
            ("bo@gmail.com", "ada@gmail.com"),
            // She sends on to a colleague, who has left.
            ("bo@albareda.example", "ada@albareda.example"),
        ] {
            assert!(!is(named, own), "{named} for {own}");
        }
    }
}

//! Whose word a mail is: the prospect's it answers, a colleague's, somebody else's, or of nobody who could be told.

use crate::domain::address::Address;
use serde::{Deserialize, Serialize};

/// Whose word a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// It answers a mail of ours, from an address of the prospect that mail went to.
    Prospect,
    /// It answers a mail of ours, from another address of the prospect's company.
    Colleague,
    /// It answers a mail of ours, from an address of neither.
    SomebodyElse,
    /// It carries no token of ours, or more than one author. A `From` is typed by anybody.
    Unverified,
    /// A mail server that we trust says that it does not come from the domain it names (DMARC, RFC 7489).
    Forged,
}

impl Sender {
    /// Whose word a mail from this address is that answers one to the prospect who has these addresses, and had those: where they
    /// worked once, nobody is their colleague.
    pub fn answering(from: &Address, theirs: &[Address], former: &[Address]) -> Self {
        if theirs.iter().chain(former).any(|own| mailbox(own) == mailbox(from)) {
            return Self::Prospect;
        }
        let is_of_company = |own: &Address| own.company_domain().is_some() && own.company_domain() == from.company_domain();
        if theirs.iter().any(is_of_company) { Self::Colleague } else { Self::SomebodyElse }
    }

    /// Whether what the mail says is the prospect's word: it may prove, ask and stop. Of any other the words are passed on.
    pub const fn speaks(self) -> bool {
        matches!(self, Self::Prospect | Self::Colleague)
    }

    /// The beginning of a sentence that goes on with what was done: "somebody else", "not verified: somebody".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Prospect => "the prospect",
            Self::Colleague => "a colleague",
            Self::SomebodyElse => "somebody else",
            Self::Unverified => "not verified: somebody",
            Self::Forged => "failed verification: somebody",
        }
    }
}

/// The mailbox an address leads to: what stands behind a `+` only sorts mail (RFC 5233), and Gmail reads over dots.
fn mailbox(address: &Address) -> (String, &str) {
    let local = address.local().split_once('+').map_or(address.local(), |(name, _)| name);
    match address.domain() {
        "gmail.com" | "googlemail.com" => (local.replace('.', ""), "gmail.com"),
        domain => (local.to_owned(), domain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_theirs_their_colleagues_or_somebody_elses() {
        use Sender::{Colleague, Prospect, SomebodyElse};
        let cases = [
            ("ada@albareda.example", "ada@albareda.example", Prospect),
            ("Ada@Albareda.EXAMPLE", "ada@albareda.example", Prospect),
            ("ada+news@albareda.example", "ada@albareda.example", Prospect),
            ("ada@albareda.example", "ada+news@albareda.example", Prospect),
            ("ada+a@albareda.example", "ada+b@albareda.example", Prospect),
            ("ada@lümmel.example", "ada@xn--lmmel-kva.example", Prospect),
            ("ada.bosch@gmail.com", "adabosch@googlemail.com", Prospect),
            ("a.da+x@gmail.com", "ada@gmail.com", Prospect),
            ("bo@albareda.example", "ada@albareda.example", Colleague),
            ("ada@mail.albareda.example", "ada@albareda.example", Colleague),
            ("ada@albareda.example", "ada@mx.albareda.example", Colleague),
            ("a.da@albareda.example", "ada@albareda.example", Colleague),
            ("adam@albareda.example", "ada@albareda.example", Colleague),
            ("+ada@albareda.example", "ada@albareda.example", Colleague),
            ("ada@albareda.example.evil.example", "ada@albareda.example", SomebodyElse),
            ("ada@evilalbareda.example", "ada@albareda.example", SomebodyElse),
            ("ada@albareda.co", "ada@albareda.example", SomebodyElse),
            ("bo@gmail.com", "ada@gmail.com", SomebodyElse),
            ("bo@t-online.de", "ada@t-online.de", SomebodyElse),
            ("bo@orange.fr", "ada@orange.fr", SomebodyElse),
            ("bo@mail.gmail.com", "ada@gmail.com", SomebodyElse),
            ("ada@co.uk.example", "bo@a.co.uk", SomebodyElse),
            ("bo@a.github.io", "ada@b.github.io", SomebodyElse),
        ];
        let parse = |text: &str| Address::parse(text).expect("an address");
        for (from, own, whose) in cases {
            assert_eq!(Sender::answering(&parse(from), &[parse(own)], &[]), whose, "{from} for {own}");
        }
        let (theirs, former) = ([parse("ada@albareda.example")], [parse("ada.bosch@elsewhere.example")]);
        let whose = |from: &str| Sender::answering(&parse(from), &theirs, &former);
        assert_eq!(whose("ada.bosch@elsewhere.example"), Prospect, "an address they had");
        assert_eq!(whose("bo@elsewhere.example"), SomebodyElse, "where they worked once");
        assert_eq!(Sender::answering(&parse("ada@albareda.example"), &[], &[]), SomebodyElse);
    }
}

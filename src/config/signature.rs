//! `[smtp.dkim]`: the domain, selector and key with which mails are signed. The key is never shown.

use crate::config::place::Place;
use crate::config::problem::Problem;
use crate::config::reader::Reader;
use crate::config::secret::{Keys, Vault};
use crate::domain::dkim::{Dkim, Key, KeyError, Label};
use secrecy::ExposeSecret;
use std::sync::Arc;

const MAKE: &str = "make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out n1.pem`";

/// Reads the section; `None` after a problem.
pub fn read(mut reader: Reader<'_>, vault: &Vault) -> Option<Arc<Dkim>> {
    let log = reader.log;
    let selector = reader.need("selector", "a name for this key, such as \"n1\"; its record is published under it");
    let selector = selector.and_then(|node| node.parse(log, "", Label::parse));
    let domain = reader.need("domain", "whose mails these are: the domain of `from`, such as \"news.tecnofab.example\"");
    let domain = domain.and_then(|node| node.parse(log, "", Label::parse));
    let before = log.count();
    let secret = vault.read(&mut reader, &Keys { value: "key", file: "key_file", credential: "smtp.dkim.key" });
    if secret.is_none() && log.count() == before {
        let problem = Problem::error(&reader.place, "a signature without a key").label("no `key_file` here");
        log.add(problem.help(format!("add `key_file`, `key`, or the systemd credential nurtured.smtp.dkim.key; {MAKE}")));
    }
    reader.finish();
    let (secret, place) = secret?;
    match Key::parse(secret.expose_secret()) {
        Ok(key) => Some(Arc::new(Dkim { selector: selector?, domain: domain?, key })),
        Err(error) => {
            log.add(Problem::error(&beginning(place), format!("could not {error}")).help(help(error)));
            None
        }
    }
}

fn help(error: KeyError) -> String {
    match error {
        KeyError::Public => "give the private half; the public one is what `nurtured check` prints for the DNS".to_owned(),
        KeyError::Encrypted => {
            "decrypt it with `openssl pkey -in KEY -out n1.pem`, and let only the service read the file".to_owned()
        }
        _ => MAKE.to_owned(),
    }
}

/// The first line of a text of several lines: the rest, a key, is not to be shown even covered.
fn beginning(place: Place) -> Place {
    match place {
        Place::At(source, span) => Place::at(&source, span.start..span.end.min(span.start + 3)),
        other => other,
    }
}

//! `[[http.token]]`: who may report through the API. A secret is hashed as soon as it is read, and a weak one is refused: a token
//! speaks for the whole company.

use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::config::secret::{Keys, Vault};
use crate::domain::api_token::{ApiToken, OnBehalf, Right, hash, weakness};
use crate::domain::id::Name;
use crate::domain::signing_key::SigningKey;
use data_encoding::HEXLOWER_PERMISSIVE;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;

/// The tokens, and the people on whose behalf they report: whether these are on the roster is not known yet.
#[derive(Debug, Default)]
pub struct Tokens {
    pub tokens: Vec<ApiToken>,
    pub people: Vec<(Name, Place)>,
}

const MAKE_ONE: &str = "take random characters, such as from `openssl rand -hex 32`";

/// Reads `[[http.token]]`, and `api_token` beside it; `None` after a problem.
pub fn read(reader: &mut Reader<'_>, vault: &Vault) -> Option<Tokens> {
    let log = reader.log;
    let before = log.count();
    let mut read = Tokens::default();
    let keys = Keys { value: "api_token", file: "api_token_file", credential: "http.api_token" };
    if let Some((secret, place)) = vault.read(reader, &keys) {
        let problem = Problem::warning(&place, "the `api_token` may report everything in everybody's name");
        log.add(problem.help("give each system a [[http.token]] of its own, with a `name` and what it `may` do"));
        refuse_weak(log, secret.expose_secret(), "api_token", &place);
        // What it could before tokens had rights.
        let may = [Right::Signals, Right::Forms, Right::Confirmed, Right::Touches].into();
        read.tokens.push(ApiToken::new(None, may, OnBehalf::Anybody, hash(secret.expose_secret())));
    }
    for node in reader.list("token") {
        if let Some(token) = token(log, node, vault, &mut read.people) {
            if read.tokens.iter().any(|earlier| earlier.name == token.name) {
                let title = format!("two tokens are called `{}`", token.called());
                log.add(Problem::error(&node.place, title).help("a name says whose token it is; give each its own"));
            }
            if read.tokens.iter().any(|earlier| earlier.is_same_secret(&token)) {
                let problem = Problem::error(&node.place, "two tokens have the same secret");
                log.add(problem.help(format!("it would not be known who reports; {MAKE_ONE}")));
            }
            read.tokens.push(token);
        }
    }
    (log.count() == before || !log.refuses()).then_some(read)
}

fn token(log: &Log, node: &Node, vault: &Vault, people: &mut Vec<(Name, Place)>) -> Option<ApiToken> {
    let mut reader = Reader::table(log, node)?;
    let name = reader.need_name("name", "the system that holds this token, such as \"shop\"").map(|(name, _)| name);
    let may = reader
        .need("may", "a list of what it may do: \"signals\", \"forms\", \"confirmed\", \"touches\", \"prospects\", \"metrics\"");
    let rights = may.and_then(|node| Some((node, rights(log, node)?)));
    let by_node = reader.get("by");
    let by: Vec<(Name, Place)> = by_node
        .and_then(|node| node.list(log))
        .unwrap_or_default()
        .iter()
        .filter_map(|node| Some((node.parse(log, "write an id of salespeople.toml", Name::parse)?, node.place.clone())))
        .collect();
    if let Some((may, rights)) = &rights {
        match (rights.contains(&Right::Touches), by_node) {
            (true, None) => {
                let problem = Problem::error(&may.place, "a token that may log touches, and on nobody's behalf").label("no `by`");
                log.add(problem.help("add `by`, the ids of those in whose name it logs, such as by = [\"dana\"]"));
            }
            (false, Some(by)) => {
                let problem =
                    Problem::error(&by.place, "`by` without the right to log touches").label("nothing is logged in their name");
                log.add(problem.help("add \"touches\" to `may`, or drop `by`"));
            }
            _ => {}
        }
        if rights.contains(&Right::Confirmed) && !rights.contains(&Right::Forms) {
            let problem = Problem::error(&may.place, "\"confirmed\" without \"forms\"").label("it is forms that are confirmed");
            log.add(problem.help("add \"forms\" to `may`, or drop \"confirmed\""));
        }
    }
    let keys = signing_keys(&mut reader, vault, name.as_ref());
    let hash = match &keys {
        Some(keys) if !keys.is_empty() && !["secret", "secret_file", "sha256"].iter().any(|key| reader.has(key)) => Some(None),
        _ => secret(&mut reader, vault, name.as_ref()).map(Some),
    };
    reader.finish();
    let (name, (_, may)) = (name?, rights?);
    let on_behalf = OnBehalf::Of(by.iter().map(|(name, _)| name.clone()).collect());
    people.extend(by);
    Some(ApiToken::signing(Some(name), may, on_behalf, hash?, keys?))
}

/// The keys under which a system signs its calls (Standard Webhooks): the present one, and the former one while it is changed.
fn signing_keys(reader: &mut Reader<'_>, vault: &Vault, name: Option<&Name>) -> Option<Vec<SigningKey>> {
    let log = reader.log;
    let mut keys = Vec::new();
    for (value, file) in [("signing_key", "signing_key_file"), ("former_signing_key", "former_signing_key_file")] {
        let credential = name.map_or_else(String::new, |name| format!("http.token.{name}.{value}"));
        let before = log.count();
        match vault.read(reader, &Keys { value, file, credential: &credential }) {
            Some((secret, place)) => match SigningKey::parse(secret.expose_secret()) {
                Ok(key) => keys.push(key),
                Err(error) => {
                    let make = "take one such as from `echo whsec_$(openssl rand -base64 32)`, and give it to the system too";
                    log.add(Problem::error(&place, format!("the `{value}` {error}")).help(make));
                    return None;
                }
            },
            None if log.count() > before => return None,
            None => {}
        }
    }
    Some(keys)
}

fn rights(log: &Log, node: &Node) -> Option<BTreeSet<Right>> {
    let rights: BTreeSet<Right> = node.list(log)?.iter().filter_map(|node| node.one_of(log, &Right::WORDS)).collect();
    if node.list(log)?.is_empty() {
        log.add(Problem::error(&node.place, "this token may do nothing").help("name at least one right, such as \"signals\""));
    }
    Some(rights)
}

/// The hash of the secret: given as such, or of the secret in the file, in a file of its own, or in a systemd credential.
fn secret(reader: &mut Reader<'_>, vault: &Vault, name: Option<&Name>) -> Option<[u8; 32]> {
    let log = reader.log;
    let place = reader.place.clone();
    let hashed = reader.get("sha256");
    let credential = name.map_or_else(String::new, |name| format!("http.token.{name}"));
    let before = log.count();
    let plain = vault.read(reader, &Keys { value: "secret", file: "secret_file", credential: &credential });
    match (hashed, plain) {
        (Some(node), None) => node.parse(log, "", digest),
        (Some(node), Some(_)) => {
            let problem = Problem::error(&node.place, "a secret and the hash of one are both given");
            log.add(problem.help("keep one of them"));
            None
        }
        (None, Some((secret, place))) => {
            refuse_weak(log, secret.expose_secret(), "secret", &place);
            Some(hash(secret.expose_secret()))
        }
        (None, None) => {
            if log.count() == before {
                let problem = Problem::error(&place, "a token without a secret").label("no `secret`");
                log.add(problem.help(format!(
                    "add `secret_file`, `secret`, `sha256` (the hash of the secret, in hexadecimal digits), the systemd credential \
                     nurtured.{credential}, or a `signing_key` instead; {MAKE_ONE}"
                )));
            }
            None
        }
    }
}

fn digest(text: &str) -> Result<[u8; 32], &'static str> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap_or_default();
    bytes.try_into().map_err(
        |_| "this is no SHA-256 of a secret; write its 64 hexadecimal digits, as `printf %s SECRET | sha256sum` prints them",
    )
}

fn refuse_weak(log: &Log, secret: &str, key: &str, place: &Place) {
    if let Some(weakness) = weakness(secret) {
        log.add(Problem::error(place, format!("the `{key}` {weakness}")).label("could be guessed").help(MAKE_ONE));
    }
}

//! `[[hook]]`: a mail provider that reports by HTTP, and what proves that a report is the provider's. A hook without a proof is
//! refused: whoever may report a bounce may stop anybody's mail.

use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::config::secret::{Keys, Vault};
use crate::domain::api_token::{hash, weakness};
use crate::domain::hook::{Hook, Proof, Provider, Topic, public_key};
use crate::domain::network::Network;
use secrecy::{ExposeSecret, SecretString};

const MAKE_ONE: &str =
    "take random characters, such as from `openssl rand -hex 32`, and write them into the provider's settings too";

/// Reads every `[[hook]]`; `None` after a problem.
pub fn read(reader: &mut Reader<'_>, vault: &Vault) -> Option<Vec<Hook>> {
    let log = reader.log;
    let nodes = reader.list("hook");
    let hooks: Vec<Hook> = nodes.iter().filter_map(|node| hook(log, node, vault)).collect();
    (hooks.len() == nodes.len()).then_some(hooks)
}

fn hook(log: &Log, node: &Node, vault: &Vault) -> Option<Hook> {
    let mut reader = Reader::table(log, node)?;
    let words: Vec<&str> = Provider::WORDS.iter().map(|(word, _)| *word).collect();
    let help = format!("the provider that reports: {}", words.join(", "));
    let provider = reader.need("provider", &help).and_then(|node| node.one_of(log, &Provider::WORDS));
    let before = log.count();
    let from: Vec<Network> = reader.list("from").iter().filter_map(|node| node.parse(log, "", str::parse)).collect();
    let proof = provider.and_then(|provider| proof(&mut reader, provider, vault));
    // Without it, which keys belong here is not known.
    let provider = provider?;
    reader.finish();
    let hook = Hook { provider, from, proof: proof? };
    (log.count() == before).then_some(hook)
}

fn proof(reader: &mut Reader<'_>, provider: Provider, vault: &Vault) -> Option<Proof> {
    let log = reader.log;
    match provider {
        Provider::Ses => {
            let help = "the ARN of the SNS topic, such as \"arn:aws:sns:eu-west-1:123456789012:bounces\"";
            reader.need("topic", help)?.parse(log, "", Topic::parse).map(Proof::Topic)
        }
        Provider::SendGrid => {
            let help = "the verification key of the signed event webhook, as SendGrid shows it";
            let read =
                |text: &str| public_key(text).ok_or("this is no key of SendGrid's; copy its verification key, MFkwEw…, whole");
            reader.need("public_key", help)?.parse(log, "", read).map(Proof::PublicKey)
        }
        Provider::Mailgun => {
            let credential = "hook.mailgun";
            let (key, _) = secret(reader, vault, "signing_key", "signing_key_file", credential, "the HTTP webhook signing key")?;
            Some(Proof::Signing(key))
        }
        Provider::Postmark => login(reader, vault, "hook.postmark"),
        Provider::Brevo if reader.has("user") => login(reader, vault, "hook.brevo"),
        Provider::Brevo => {
            let (token, place) = secret(reader, vault, "token", "token_file", "hook.brevo", "the token of the webhook")?;
            refuse_weak(log, &token, "token", &place);
            Some(Proof::Secret(hash(token.expose_secret())))
        }
    }
}

/// User and password, as they stand in the URL given to the provider.
fn login(reader: &mut Reader<'_>, vault: &Vault, credential: &str) -> Option<Proof> {
    let log = reader.log;
    let user = reader.need_text("user", "the name before the password in the URL given to the provider: https://USER:PASSWORD@…");
    let (password, place) = secret(reader, vault, "password", "password_file", credential, "the password of that URL")?;
    refuse_weak(log, &password, "password", &place);
    Some(Proof::Secret(hash(&format!("{}:{}", user?, password.expose_secret()))))
}

fn secret(
    reader: &mut Reader<'_>,
    vault: &Vault,
    value: &'static str,
    file: &'static str,
    credential: &str,
    what: &str,
) -> Option<(SecretString, Place)> {
    let (log, place, before) = (reader.log, reader.place.clone(), reader.log.count());
    let found = vault.read(reader, &Keys { value, file, credential });
    if found.is_none() && log.count() == before {
        let problem = Problem::error(&place, "a hook without a proof").label(format!("no `{value}`"));
        log.add(problem.help(format!("add `{file}` or `{value}`, {what}, or the systemd credential nurtured.{credential}")));
    }
    found
}

fn refuse_weak(log: &Log, secret: &SecretString, key: &str, place: &Place) {
    if let Some(weakness) = weakness(secret.expose_secret()) {
        log.add(Problem::error(place, format!("the `{key}` {weakness}")).label("could be guessed").help(MAKE_ONE));
    }
}

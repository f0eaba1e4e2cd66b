//! `nurtured.toml`: the service's own settings.

use crate::config::api_token;
use crate::config::calendar;
use crate::config::database::{self, Database};
use crate::config::door;
use crate::config::guard;
use crate::config::hook;
use crate::config::host::{host_name, is_loopback};
use crate::config::login;
use crate::config::mailbox;
use crate::config::node::{Node, Value};
use crate::config::place::Place;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::config::secret::Vault;
use crate::config::signature;
use crate::config::trusted_sources;
use crate::domain::address::{Address, header_text};
use crate::domain::group::cap::Cap;
use crate::domain::group::delivery::OnUncertain;
use crate::domain::id::Name;
use crate::domain::landing_page::LandingPage;
use crate::domain::language::Language;
use crate::domain::prospect::FieldType;
use crate::domain::settings::{
    CONFIRMATIONS_PER_DOMAIN, Http, MAX_IN_DOUBT, Mailbox, Organisation, Security, Settings, Smtp, Tracking,
};
use crate::domain::span::FiscalYear;
use crate::domain::trusted_sources::TrustedSources;
use crate::text::token::CASELESS_WIDTH;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The contents of `nurtured.toml`, as far as they could be read.
pub struct Service {
    /// The settings; `None` after a problem.
    pub settings: Option<Settings>,
    /// The declared fields; `None` where the type is wrong, so that each use of the field is not another problem.
    pub fields: BTreeMap<Name, Option<FieldType>>,
    /// When the fiscal year turns.
    pub fiscal_year: FiscalYear,
    /// The people on whose behalf tokens report, which the roster must have.
    pub on_behalf: Vec<(Name, Place)>,
}

/// Reads `nurtured.toml`, with the environment already laid over it.
pub fn read(log: &Log, root: &Node, vault: &Vault) -> Option<Service> {
    let mut reader = Reader::table(log, root)?;
    let public_url = reader.need("public_url", "where prospects reach this service, such as \"https://news.tecnofab.example\"");
    let public_url = public_url.and_then(|node| node.parse(log, "", public));
    let tracking = reader.need(
        "tracking",
        "whose clicks may be followed has no default, because it is a legal choice: \"consented\" follows those who \
         agreed to it, \"all\" everybody, \"none\" nobody; answers and unsubscribes work either way",
    );
    let words = [("consented", Tracking::Consented), ("all", Tracking::All), ("none", Tracking::None)];
    let tracking = tracking.and_then(|node| node.one_of(log, &words));
    let fiscal_year = reader.get("fiscal_year_starts").and_then(|node| node.parse(log, "", FiscalYear::parse));
    let languages = reader.get("language").map_or_else(|| Some(vec![Language::English]), |node| languages(log, node));
    let organisation = reader.need("organisation", "a table [organisation] with `name` and `postal_address`");
    let organisation = organisation.and_then(|node| organisation_of(Reader::table(log, node)?, languages?));
    let database = reader.section_or_empty("database").and_then(|section| database::read(section, vault));
    let smtp = reader.need("smtp", "a table [smtp] with at least `host` and `return_path`");
    let smtp = smtp.and_then(|node| relay(Reader::table(log, node)?, vault));
    let mut on_behalf = Vec::new();
    let http = reader.section_or_empty("http").and_then(|section| http(section, vault, &mut on_behalf));
    if let (Some(url), Some(http)) = (&public_url, &http) {
        door::warn_of_unnamed_proxies(log, root, url, &http.door);
    }
    let sending = reader.get("sending").map_or(Some((None, Cap::LESS_OFTEN)), |node| calendar::sending(log, node));
    let per_domain = reader.section_or_empty("forms").and_then(forms);
    let (trusted_sources, mailboxes) = match reader.section_or_empty("inbox") {
        Some(section) => inbox(section, vault),
        None => (None, None),
    };
    let hooks = hook::read(&mut reader, vault);
    let fields = reader.section("fields").map(|section| fields(&section)).unwrap_or_default();
    reader.finish();
    let typed = fields.iter().filter_map(|(name, kind)| Some((name.clone(), (*kind)?))).collect();
    let settings = (|| {
        let Database { url: database, stop_journal, .. } = database?;
        let (cap, less_often) = sending?;
        Some(Settings {
            public_url: public_url?,
            organisation: organisation?,
            tracking: tracking?,
            stop_journal,
            database,
            smtp: smtp?,
            http: http?,
            cap,
            less_often,
            fields: typed,
            confirmations_per_domain: per_domain?,
            hooks: hooks?,
            trusted_sources: trusted_sources?,
            mailboxes: mailboxes?,
        })
    })();
    if let Some(address) = settings.as_ref().and_then(Settings::unfetched_reply_address) {
        mailbox::warn_of_unread_answers(log, root, address);
    }
    Some(Service { settings, fields, fiscal_year: fiscal_year.unwrap_or(FiscalYear::CALENDAR), on_behalf })
}

/// Only this machine: a reverse proxy connects it to the internet.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8025);

/// The company's language, or several of which the first is its own.
fn languages(log: &Log, node: &Node) -> Option<Vec<Language>> {
    let Value::List(nodes) = &node.value else { return Some(vec![node.one_of(log, &Language::WORDS)?]) };
    if nodes.is_empty() {
        log.add(
            Problem::error(&node.place, "this list is empty").help("name the company's language first, such as [\"es\", \"en\"]"),
        );
        return None;
    }
    nodes.iter().map(|node| node.one_of(log, &Language::WORDS)).collect()
}

fn organisation_of(mut reader: Reader<'_>, languages: Vec<Language>) -> Option<Organisation> {
    let name = reader.need_text("name", "the company's name, as newsletters sign it");
    let address = reader.need_text("postal_address", "the law asks group mail for one: street, code, town, country");
    reader.finish();
    Some(Organisation { name: header_text(&name?), postal_address: address?, languages })
}

fn relay(mut reader: Reader<'_>, vault: &Vault) -> Option<Smtp> {
    let log = reader.log;
    let host = reader.need("host", "the relay that carries your mail, such as \"smtp.tecnofab.example\" or \"localhost\"");
    let host = host.and_then(|node| Some((node.parse(log, "", host_name)?, &node.place)));
    let words = [("implicit", Security::Implicit), ("starttls", Security::StartTls), ("plaintext", Security::Plaintext)];
    let security = reader.get("security").map_or(Some(Security::StartTls), |node| node.one_of(log, &words));
    let port = match (reader.get("port"), security) {
        (Some(node), _) => node.integer(log, 1, 65_535),
        (None, Some(Security::Implicit)) => Some(465),
        (None, Some(Security::Plaintext)) => Some(25),
        (None, _) => Some(587),
    };
    let allowed = reader.get("allow_plaintext").map_or(Some(false), |node| node.boolean(log));
    let before = log.count();
    let login = login::login(&mut reader, vault, "smtp.password");
    let login = (log.count() == before || login.is_some()).then_some(login);
    let authorities = login::authorities(&mut reader, vault);
    let connections = reader.get("connections").map_or(Some(4), |node| node.integer(log, 1, 64));
    let max_in_doubt = reader.get("max_in_doubt").map_or(Some(MAX_IN_DOUBT), |node| node.integer(log, 1, 256));
    let patience = reader.get("patience").map(|node| node.parse(log, "", wait));
    let help = "the address bounces come back to, such as \"bounces@news.tecnofab.example\"";
    let return_path = reader.need("return_path", help).and_then(|node| {
        let path = node.parse(log, help, Address::parse)?;
        login::check_return_path(&reader, &node.place, path.local().len(), path.as_str().len(), CASELESS_WIDTH)?;
        Some(path)
    });
    let help = "the address at which answers to newsletters are read, such as \"replies@news.tecnofab.example\"";
    let reply_address = reader.get("reply_address").map(|node| {
        let address = node.parse(log, help, Address::parse)?;
        login::check_return_path(&reader, &node.place, address.local().len(), address.as_str().len(), CASELESS_WIDTH)?;
        Some(address)
    });
    let on_uncertain =
        reader.get("on_uncertain").map_or(Some(OnUncertain::default()), |node| node.one_of(log, &OnUncertain::WORDS));
    let hello = reader.get("hello").map(|node| node.parse(log, "", host_name));
    let dkim = reader.get("dkim").map(|node| signature::read(Reader::table(log, node)?, vault));
    if let (Some((host, place)), Some(Security::Plaintext), Some(false)) = (&host, security, allowed)
        && !is_loopback(host)
    {
        let problem = Problem::error(place, "mail would cross the network unprotected").label("not this machine");
        log.add(problem.help("set security = \"starttls\" or \"implicit\"; or, if the network is yours, allow_plaintext = true"));
    }
    let paces = guard::paces(&mut reader);
    reader.finish();
    let (login, authorities) = (login?, authorities?);
    let (host, return_path): (String, Address) = (host?.0, return_path?);
    let reply_address = reply_address.map_or(Some(None), |address| address.map(Some))?;
    let patience = patience.map_or(Some(None), |patience| patience.map(Some))?;
    let hello = hello.unwrap_or_else(|| Some(return_path.domain().to_owned()))?;
    let (connections, max_in_doubt, on_uncertain) = (connections?, max_in_doubt?, on_uncertain?);
    let (dkim, paces) = (dkim.map_or(Some(None), |dkim| dkim.map(Some))?, paces?);
    let (port, security) = (port?, security?);
    Some(Smtp {
        host,
        port,
        security,
        login,
        authorities,
        connections,
        max_in_doubt,
        return_path,
        reply_address,
        hello,
        dkim,
        paces,
        on_uncertain,
        patience,
    })
}

/// A timeout: whole seconds or minutes, at most the ten minutes that RFC 5321 gives the slowest reply.
fn wait(text: &str) -> Result<Duration, &'static str> {
    let number = text.trim().trim_end_matches(|c: char| !c.is_ascii_digit());
    let each = match text.trim()[number.len()..].trim() {
        "s" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        _ => 0,
    };
    let seconds = number.parse::<u32>().unwrap_or(0).saturating_mul(each);
    match seconds {
        1..=600 => Ok(Duration::from_secs(seconds.into())),
        _ => Err("patience is one second to ten minutes; write it such as \"75s\" or \"10m\""),
    }
}

fn http(mut reader: Reader<'_>, vault: &Vault, on_behalf: &mut Vec<(Name, Place)>) -> Option<Http> {
    let log = reader.log;
    let listen = match reader.get("listen") {
        Some(node) => node.parse(log, "", |text| {
            text.parse().map_err(|_| format!("{text:?} is no address to listen on; write one such as \"127.0.0.1:8025\""))
        }),
        None => Some(LISTEN),
    };
    let tokens = api_token::read(&mut reader, vault).map(|read| {
        on_behalf.extend(read.people);
        read.tokens
    });
    let pages = reader.list("form_redirects").iter().map(|node| node.parse(log, "", LandingPage::parse));
    let form_redirects: Option<Vec<LandingPage>> = pages.collect::<Vec<_>>().into_iter().collect();
    let door = door::read(&mut reader, listen);
    reader.finish();
    Some(Http { listen: listen?, tokens: tokens?, form_redirects: form_redirects?, door: door? })
}

/// Who is believed about what comes in, and the mailboxes it is fetched from.
fn inbox(mut reader: Reader<'_>, vault: &Vault) -> (Option<TrustedSources>, Option<Vec<Mailbox>>) {
    let read = (trusted_sources::read(&mut reader), mailbox::read(&mut reader, vault));
    reader.finish();
    read
}

/// How many mails a day ask addresses of one domain to confirm a form.
fn forms(mut reader: Reader<'_>) -> Option<u32> {
    let log = reader.log;
    let most = reader.get("confirmations_per_domain").map_or(Some(CONFIRMATIONS_PER_DOMAIN), |node| node.integer(log, 1, 10_000));
    reader.finish();
    most
}

fn fields(reader: &Reader<'_>) -> BTreeMap<Name, Option<FieldType>> {
    let log = reader.log;
    let mut fields = BTreeMap::new();
    for entry in reader.entries() {
        match Name::parse(&entry.key) {
            Ok(name) => {
                fields.insert(name, entry.node.one_of(log, &FieldType::WORDS));
            }
            Err(error) => log.add(Problem::error(&entry.place, error.to_string()).help("write a name such as job_title")),
        }
    }
    fields
}

/// A URL at which links can begin.
fn public(text: &str) -> Result<String, &'static str> {
    let url = text.trim_end_matches('/');
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err("this is no URL; write one such as \"https://news.tecnofab.example\""),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]".contains(c);
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) || !rest.chars().all(legal) {
        return Err(
            "this URL cannot begin a link; write scheme and host, perhaps a port or a path, and nothing behind '?' or '#'",
        );
    }
    if !secure && !is_loopback(host) {
        return Err(
            "links that carry a prospect's token must not cross the network unprotected; write https:// (http:// is for localhost alone)",
        );
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_can_begin_a_link() {
        for (written, kept) in [
            ("https://news.x.example/", Some("https://news.x.example")),
            ("https://x.example:8443/mail", Some("https://x.example:8443/mail")),
            ("http://localhost:8025", Some("http://localhost:8025")),
            ("http://[::1]:80", Some("http://[::1]:80")),
            ("http://x.example", None),
            ("http://localhost.rival.example", None),
            ("x.example", None),
            ("https://", None),
            ("https://x.example:port", None),
            ("https://me@x.example", None),
            ("https://x.example/?a=1", None),
            ("https://x.example/\"><b", None),
        ] {
            assert_eq!(public(written).ok().as_deref(), kept, "{written}");
        }
    }
}

//! The keys of `[inbox]` that say who is believed about a mail that comes in.

use crate::config::reader::Reader;
use crate::domain::address::Address;
use crate::domain::trusted_sources::TrustedSources;

/// Reads `trusted_authserv` and `complaints_from`; `None` after a problem. The caller ends the reading.
pub fn read(reader: &mut Reader<'_>) -> Option<TrustedSources> {
    let log = reader.log;
    let before = log.count();
    let servers = reader.list("trusted_authserv").iter().filter_map(|node| node.parse(log, "", server));
    let authserv = servers.collect();
    let complaints = reader.list("complaints_from").iter().filter_map(|node| node.parse(log, "", source)).collect();
    (log.count() == before).then_some(TrustedSources { authserv, complaints })
}

/// The name a server signs with: in practice that of a host (RFC 8601, 2.5).
fn server(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    let help = "write the name that begins its Authentication-Results headers, such as \"mx.tecnofab.example\"";
    is_name.then_some(name).ok_or_else(|| format!("{text:?} is no name of a server; {help}"))
}

/// An address, or a domain with all below it.
fn source(text: &str) -> Result<String, String> {
    let text = text.trim();
    let found = if text.contains('@') { Address::parse(text).ok() } else { Address::parse(&format!("a@{text}")).ok() };
    let help = "write one such as \"fbl@provider.example\" or \"provider.example\"";
    let found = found.ok_or_else(|| format!("{text:?} is neither an address nor a domain; {help}"))?;
    Ok(if text.contains('@') { found.to_string() } else { found.domain().to_owned() })
}

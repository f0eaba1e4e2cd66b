//! Who a visitor is: the address they come from. A proxy that `http.trusted_proxies` names is believed when it says for whom
//! it asks; nobody else is, because everybody can write a header.

use crate::domain::doorway::agent::LONGEST;
use crate::domain::doorway::machine::{Machine, PURPOSES, Request, is_prefetch};
use crate::domain::id::fingerprint;
use crate::domain::network::{Household, Network, canonical, household};
use crate::flow::doorway::hit::Requester;
use crate::web::site::Site;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A visitor, as far as a request tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// What limits count as one.
    pub household: Household,
    address: IpAddr,
    agent: Option<String>,
    /// Whether a header says that nobody has asked for it yet.
    prefetches: bool,
}

/// How many bytes of an agent are kept at most: what is kept is judged again as the whole was, and what is longer is no browser's.
const AGENT: usize = LONGEST + 1;

impl Visitor {
    pub fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> Self {
        let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let said = PURPOSES.iter().flat_map(|name| headers.get_all(*name)).filter_map(|value| value.to_str().ok());
        let prefetches = said.into_iter().any(is_prefetch);
        let address = address(peer, headers, proxies);
        Self { household: household(address), address, agent, prefetches }
    }

    /// Whether they come from one of these networks; from anywhere, if there are none.
    pub fn is_from(&self, networks: &[Network]) -> bool {
        networks.is_empty() || networks.iter().any(|network| network.contains(self.address))
    }

    /// Why what they ask with this method is a machine's, as far as the request alone shows it.
    pub fn machine(&self, method: &Method) -> Option<Machine> {
        let is_head = *method == Method::HEAD;
        Machine::of_request(&Request { is_head, prefetches: self.prefetches, agent: self.agent() })
    }

    /// What is kept of who they are.
    pub fn requester(&self) -> Requester {
        // What a header says as text is ASCII.
        let agent = self.agent().map(|agent| agent.get(..AGENT).unwrap_or(agent).to_owned());
        Requester { agent, network: fingerprint(&[&self.household.to_string()]) }
    }

    /// The user agent, if it is text.
    pub fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    /// Sixteen characters derived from a visitor's program and address: two visits of one visitor give the same, and neither
    /// program nor address can be read from them.
    pub fn fingerprint(&self) -> String {
        fingerprint(&[self.agent().unwrap_or_default(), &self.household.to_string()])
    }
}

impl FromRequestParts<Site> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(Self::of(peer, &parts.headers, &site.ctx.plan().settings.http.door.trusted_proxies))
    }
}

/// The address a request comes from: the peer's; from a trusted proxy, the right-most one in its header that is no trusted
/// proxy's. What cannot be read ends the search at the last proxy that is known.
fn address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let (peer, trusted) = (canonical(peer), |address: IpAddr| proxies.iter().any(|network| network.contains(address)));
    if !trusted(peer) {
        return peer;
    }
    let walk = |hops: Vec<Option<IpAddr>>| {
        let mut last = peer;
        for hop in hops.into_iter().rev() {
            match hop.map(canonical) {
                Some(hop) if trusted(hop) => last = hop,
                Some(hop) => return hop,
                None => return last,
            }
        }
        last
    };
    let given = |name: &HeaderName| headers.contains_key(name);
    match (given(&FORWARDED_FOR), given(&header::FORWARDED)) {
        (false, false) => peer,
        (true, false) => walk(hops(headers, &FORWARDED_FOR, |entry| bare(entry.trim()))),
        (false, true) => walk(hops(headers, &header::FORWARDED, forwarded)),
        // A proxy writes one of the two and hands the other on as it came: what they do not agree on may be made up.
        (true, true) => {
            let one = walk(hops(headers, &FORWARDED_FOR, |entry| bare(entry.trim())));
            let other = walk(hops(headers, &header::FORWARDED, forwarded));
            if one == other { one } else { peer }
        }
    }
}

/// The entries of a header that may come several times, in order.
fn hops(headers: &HeaderMap, name: &HeaderName, read: impl Fn(&str) -> Option<IpAddr>) -> Vec<Option<IpAddr>> {
    let mut found = Vec::new();
    for value in headers.get_all(name) {
        match value.to_str() {
            Ok(text) => found.extend(split(text).into_iter().map(&read)),
            Err(_) => found.push(None),
        }
    }
    found
}

/// Splits a list at its commas, but for those between quotation marks.
fn split(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .collect()
}

/// The `for` of a forwarded element (RFC 7239, 4).
fn forwarded(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut nodes = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case("for")).map(|(_, node)| node.trim());
    let node = nodes.next().filter(|_| nodes.next().is_none())?;
    bare(node.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(node))
}

/// An address, without the port that some proxies add.
fn bare(text: &str) -> Option<IpAddr> {
    let whole = text.parse().ok();
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    whole.or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(peer: &str, headers: &[(&str, &str)], proxies: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_str(value).expect("a value"));
        }
        let proxies: Vec<Network> = proxies.iter().map(|text| text.parse().expect("a network")).collect();
        address(peer.parse().expect("an address"), &map, &proxies).to_string()
    }

    #[test]
    fn nobody_else_than_a_named_proxy_is_believed() {
        let lies = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=1.1.1.1"), ("x-real-ip", "1.1.1.1")];
        assert_eq!(seen("203.0.113.9", &lies, &[]), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &lies, &["127.0.0.1"]), "203.0.113.9");
        assert_eq!(seen("127.0.0.1", &[("x-real-ip", "1.1.1.1")], &["127.0.0.1"]), "127.0.0.1", "not a header we read");
    }

    #[test]
    fn of_what_a_proxy_says_the_right_most_stranger_counts() {
        let proxies = ["127.0.0.1", "10.0.0.0/8", "::1"];
        for (header, value, expected) in [
            ("x-forwarded-for", "203.0.113.9", "203.0.113.9"),
            ("x-forwarded-for", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            ("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
            ("x-forwarded-for", "1.1.1.1,203.0.113.9:4711", "203.0.113.9"),
            ("x-forwarded-for", "[2001:db8::7]:443", "2001:db8::7"),
            ("x-forwarded-for", "2001:db8::7", "2001:db8::7"),
            ("x-forwarded-for", "::ffff:203.0.113.9", "203.0.113.9"),
            ("x-forwarded-for", "1.1.1.1, unknown", "127.0.0.1"),
            ("x-forwarded-for", "1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"),
            ("x-forwarded-for", "1.1.1.1, ", "127.0.0.1"),
            ("x-forwarded-for", "", "127.0.0.1"),
            ("x-forwarded-for", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
            ("x-forwarded-for", "203.0.113.9 OR 1=1", "127.0.0.1"),
            ("forwarded", "for=203.0.113.9", "203.0.113.9"),
            ("forwarded", "for=1.1.1.1, For=\"203.0.113.9:80\";proto=https;by=10.0.0.1", "203.0.113.9"),
            ("forwarded", "for=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("forwarded", "for=\"1.1.1.1, 2.2.2.2\"", "127.0.0.1"),
            ("forwarded", "for=1.1.1.1;for=2.2.2.2", "127.0.0.1"),
            ("forwarded", "for=_hidden", "127.0.0.1"),
            ("forwarded", "proto=https", "127.0.0.1"),
        ] {
            assert_eq!(seen("127.0.0.1", &[(header, value)], &proxies), expected, "{header}: {value}");
            assert_eq!(seen("::ffff:127.0.0.1", &[(header, value)], &proxies), expected, "{header}: {value}");
        }
        let twice = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(seen("127.0.0.1", &twice, &proxies), "203.0.113.9", "the later line was added later");
    }

    #[test]
    fn what_is_kept_of_an_agent_is_judged_as_the_whole_was() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:152.0) Gecko/20100101 Firefox/152.0";
        for filler in [0, 400, 1_800, 1_940, 4_000] {
            for said in [" Some/1.0", " MailGateScanner/4.2"] {
                let agent = format!("{firefox}{}{said}", " App/1".repeat(filler / 6));
                let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_str(&agent).expect("a value"))]);
                let visitor = Visitor::of(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, &[]);
                let kept = visitor.requester().agent;
                assert_eq!(Machine::of_agent(kept.as_deref()), visitor.machine(&Method::GET), "{agent}");
                assert!(kept.is_some_and(|kept| kept.len() <= LONGEST + 1));
            }
        }
    }

    #[test]
    fn what_two_headers_do_not_agree_on_is_not_believed() {
        let said = |one, other| seen("127.0.0.1", &[("x-forwarded-for", one), ("forwarded", other)], &["127.0.0.1"]);
        assert_eq!(said("203.0.113.9", "for=203.0.113.9"), "203.0.113.9");
        assert_eq!(said("203.0.113.9", "for=1.1.1.1"), "127.0.0.1");
    }
}

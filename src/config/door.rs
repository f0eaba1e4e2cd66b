//! The public door: the keys of `[http]` about proxies, monitoring and limits.

use crate::config::node::Node;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::domain::door::{Door, FormLimits, Limit};
use std::net::SocketAddr;

/// Reads the door's keys; `None` after a problem.
pub fn read(reader: &mut Reader<'_>, listen: Option<SocketAddr>) -> Option<Door> {
    let log = reader.log;
    let before = log.count();
    let named = reader.list("trusted_proxies").iter();
    let trusted_proxies = named.filter_map(|node| node.parse(log, "", str::parse)).collect();
    let metrics_listen = reader.get("metrics_listen").and_then(|node| metrics_listen(log, node, listen));
    let limits = reader.section("limits").map(limits).unwrap_or_default();
    (log.count() == before).then_some(Door { trusted_proxies, metrics_listen, limits })
}

/// Warns where there must be a proxy, because this program speaks no TLS, and none is named.
pub fn warn_of_unnamed_proxies(log: &Log, root: &Node, public_url: &str, door: &Door) {
    if public_url.starts_with("https://") && door.trusted_proxies.is_empty() {
        let section = root.entries().iter().find(|entry| entry.key == "http").map(|entry| &entry.node);
        let problem = Problem::warning(&section.unwrap_or(root).place, "`http.trusted_proxies` names no proxy");
        let help = "limits take all visitors for one, your proxy: name it, such as trusted_proxies = [\"127.0.0.1\", \"::1\"]";
        log.add(problem.label("who asks is not known behind a proxy").help(help));
    }
}

fn metrics_listen(log: &Log, node: &Node, listen: Option<SocketAddr>) -> Option<SocketAddr> {
    let found: SocketAddr = node.parse(log, "", |text| {
        text.parse().map_err(|_| format!("{text:?} is no address to listen on; write one such as \"127.0.0.1:8026\""))
    })?;
    if listen.is_some_and(|listen| listen.port() != 0 && listen == found) {
        let problem = Problem::error(&node.place, "`metrics_listen` is the address of `listen`").label("visitors knock here");
        log.add(problem.help("take another port, such as \"127.0.0.1:8026\", that only your monitoring reaches"));
        return None;
    }
    Some(found)
}

fn limits(mut reader: Reader<'_>) -> FormLimits {
    let usual = FormLimits::default();
    let log = reader.log;
    let mut limit = |key, usual: Limit| reader.get(key).and_then(|node| node.parse(log, "", str::parse)).unwrap_or(usual);
    let limits = FormLimits {
        visitor: limit("visitor", usual.visitor),
        form: limit("form", usual.form),
        address: limit("address", usual.address),
    };
    reader.finish();
    limits
}

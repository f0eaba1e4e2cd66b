//! Names of hosts, as they are written under `host`.

use std::net::IpAddr;

/// Whether a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

pub fn host_name(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if text.chars().all(legal) && (!text.contains(':') || text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("{text:?} is no host; write its name alone, without a scheme or a port, such as \"smtp.tecnofab.example\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_alone() {
        for (text, good) in
            [("smtp.x.example", true), ("::1", true), ("x.example:25", false), ("smtp://x", false), ("a b", false)]
        {
            assert_eq!(host_name(text).is_ok(), good, "{text}");
        }
        assert!(is_loopback("127.8.0.1") && is_loopback("::1") && !is_loopback("10.0.0.1"));
    }
}

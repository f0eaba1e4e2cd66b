//! Networks: whose word about visitors is believed, and which addresses are one visitor.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A network, or a single address: `10.0.0.0/8`, `2001:db8::/32`, `127.0.0.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// IPv4 stands at its place in IPv6 (RFC 4291, 2.5.5.2).
    first: u128,
    /// How many leading bits its addresses share.
    bits: u32,
}

/// Where IPv4 begins in IPv6: this many bits are the same for all of it.
const V4_BEGINS: u32 = 96;

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        (number(address) ^ self.first) & mask(self.bits) == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| NetworkError::Malformed)?;
        let (before, width) = if address.is_ipv4() { (V4_BEGINS, 32) } else { (0, 128) };
        let bits = match bits {
            None => width,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= width).ok_or(NetworkError::Malformed)?,
        };
        if bits == 0 {
            return Err(NetworkError::Everybody);
        }
        let bits = before + bits;
        Ok(Self { first: number(address) & mask(bits), bits })
    }
}

/// Why a text is no network that could be trusted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NetworkError {
    #[error("this is no address and no network; write one such as \"127.0.0.1\" or \"10.0.0.0/8\"")]
    Malformed,
    #[error("this is everybody; name your proxies, such as \"127.0.0.1\" or \"10.0.0.0/8\"")]
    Everybody,
}

/// An address as it was meant: IPv4 that arrived through an IPv6 socket is IPv4.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What limits count as one visitor: an IPv4 address; of IPv6 the /64, because that is what one connection is given (RFC 6177).
pub fn household(address: IpAddr) -> Household {
    let number = number(address);
    Household(if canonical(address).is_ipv4() { number } else { number & mask(64) })
}

/// One visitor, as far as addresses tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Household(u128);

impl fmt::Display for Household {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        canonical(IpAddr::V6(Ipv6Addr::from(self.0))).fmt(f)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

const fn mask(bits: u32) -> u128 {
    match 128_u32.checked_sub(bits) {
        Some(128) => 0,
        Some(rest) => u128::MAX << rest,
        None => u128::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "10.255.3.4", "11.0.0.1"),
            ("10.9.9.9/8", "10.0.0.1", "9.9.9.9"),
            ("::1", "::1", "::2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
            ("::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1"),
        ] {
            let network: Network = network.parse().expect("a network");
            assert!(network.contains(ip(inside)) && !network.contains(ip(outside)), "{network:?}");
        }
    }

    #[test]
    fn what_names_nobody_or_everybody_is_refused() {
        for text in ["", "proxy.example", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0", "/8", "127.0.0.1:80"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Malformed), "{text}");
        }
        for text in ["0.0.0.0/0", "::/0"] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError::Everybody), "{text}");
        }
    }

    #[test]
    fn one_connection_is_one_household() {
        let one = |a, b| household(ip(a)) == household(ip(b));
        assert!(one("2001:db8:1:2::1", "2001:db8:1:2:ffff::9") && one("10.0.0.1", "::ffff:10.0.0.1"));
        assert!(!one("2001:db8:1:2::1", "2001:db8:1:3::1") && !one("10.0.0.1", "10.0.0.2"));
        assert_eq!(household(ip("::ffff:10.0.0.1")).to_string(), "10.0.0.1");
    }
}

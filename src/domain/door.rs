//! The public door: what `[http]` says about visitors nobody knows.

use super::network::Network;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// The settings of the public door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Door {
    /// The proxies that are believed when they say for whom they ask. Nobody else's word is.
    pub trusted_proxies: Vec<Network>,
    /// A second listener, for monitoring: `/metrics`, and `/readyz` with the reason.
    pub metrics_listen: Option<SocketAddr>,
    pub limits: FormLimits,
}

/// How many web forms are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormLimits {
    /// From one visitor.
    pub visitor: Limit,
    /// Of one form, from everybody.
    pub form: Limit,
    /// About one mail address.
    pub address: Limit,
}

impl Default for FormLimits {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_hours(1);
        Self {
            // A stand at a fair fills in one after the other.
            visitor: Limit { most: 60, within: HOUR },
            // A campaign's first hour.
            form: Limit { most: 1_200, within: HOUR },
            // Somebody who tries again and again.
            address: Limit { most: 6, within: HOUR },
        }
    }
}

/// So many within so long: as many at once, and then evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub most: u32,
    pub within: Duration,
}

impl Limit {
    /// How long one of them takes to come back.
    pub fn each(&self) -> Duration {
        self.within / self.most.max(1)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, seconds)| *seconds == self.within.as_secs()).map_or("day", |(unit, _)| unit);
        write!(f, "{} per {unit}", self.most)
    }
}

const UNITS: [(&str, u64); 3] = [("minute", 60), ("hour", 3_600), ("day", 86_400)];

impl FromStr for Limit {
    type Err = &'static str;

    /// Reads "60 per hour", "20 an hour", "5/minute", "100 a day".
    fn from_str(text: &str) -> Result<Self, &'static str> {
        const HELP: &str = "this is no limit; write one such as \"60 per hour\", \"10 per minute\" or \"100 per day\"";
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, rest) = text.split_at(digits);
        let most: u32 = number.parse().map_err(|_| HELP)?;
        let unit = rest.trim().trim_start_matches('/');
        let unit = ["per ", "an ", "a "].iter().find_map(|word| unit.strip_prefix(word)).unwrap_or(unit).trim();
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(HELP)?;
        if !(1..=1_000_000).contains(&most) {
            return Err("a limit is 1 to 1,000,000; to close a form, take its rules out of qualification.toml");
        }
        Ok(Self { most, within: Duration::from_secs(*seconds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_as_people_write_it() {
        for (text, read) in [
            ("60 per hour", "60 per hour"),
            ("20 an hour", "20 per hour"),
            ("5/minute", "5 per minute"),
            (" 9 a day ", "9 per day"),
        ] {
            assert_eq!(text.parse::<Limit>().map(|limit| limit.to_string()), Ok(read.to_owned()), "{text}");
        }
        for text in
            ["", "60", "per hour", "0 per hour", "-1 per hour", "60 per week", "1.5 per hour", "9999999 per hour", "60 hours"]
        {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
        let limit: Limit = "60 per hour".parse().expect("a limit");
        assert_eq!(limit.each(), Duration::from_mins(1));
    }
}

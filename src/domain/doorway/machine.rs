//! Machines: hits that no person made. Every hit is kept, and classified with a named reason.
//!
//! What one request shows is classified when it arrives; what takes several signals is derived in the fold.

use serde::{Deserialize, Serialize};

/// Why a hit is taken for a machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    Head,
    /// The agent names itself a program.
    Agent,
    NoAgent,
    /// Two or more distinct links of one delivery within three seconds: followed, or answered by.
    Burst,
    /// Contradictory answers of different visitors within a minute.
    Contradictory,
    /// A salesperson or colleague judged so.
    ByHand,
}

impl Machine {
    pub const ALL: [Self; 6] = [Self::Head, Self::Agent, Self::NoAgent, Self::Burst, Self::Contradictory, Self::ByHand];

    /// The word in SQL and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Agent => "agent",
            Self::NoAgent => "no_agent",
            Self::Burst => "burst",
            Self::Contradictory => "contradictory",
            Self::ByHand => "by_hand",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.word() == word)
    }

    /// The reason, to end a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Head => "machine: a HEAD request",
            Self::Agent => "machine: the agent names itself a program",
            Self::NoAgent => "machine: no agent",
            Self::Burst => "machine: several links of one mail within three seconds",
            Self::Contradictory => "void: contradictory answers within a minute",
            Self::ByHand => "machine: judged so by hand",
        }
    }

    /// Classifies a request by its `User-Agent` header.
    pub fn of_agent(agent: Option<&str>) -> Option<Self> {
        let Some(agent) = agent.map(str::trim).filter(|a| !a.is_empty()) else {
            return Some(Self::NoAgent);
        };
        let lower = agent.to_ascii_lowercase();
        let named = NAMES.iter().any(|name| lower.contains(name));
        (named || !is_browser(&lower)).then_some(Self::Agent)
    }
}

/// Whether an agent (lower case) is built as a browser's: products and platform words that browsers use, and no others.
fn is_browser(agent: &str) -> bool {
    let Some(rest) = agent
        .strip_prefix("mozilla/5.0 (")
        .or_else(|| agent.strip_prefix("mozilla/4.0 ("))
        .or_else(|| agent.strip_prefix("opera/9.80 ("))
    else {
        return false;
    };
    let Some((platform, products)) = rest.split_once(')') else {
        return false;
    };
    let engine_comments = ["(khtml, like gecko)", "(khtml like gecko)"];
    let products = engine_comments.iter().fold(products.to_owned(), |text, comment| text.replace(comment, " "));
    let explorer = platform.contains("msie ") || platform.contains("trident/");
    let known_product = |word: &str| {
        word.split_once('/').map_or(word, |(name, _)| name).trim_matches(&[';', ','][..]).is_empty()
            || PRODUCTS.contains(&word.split_once('/').map_or(word, |(name, _)| name))
    };
    let known_platform = |word: &str| PLATFORMS.iter().any(|p| word.starts_with(p));
    let phone = platform.contains("android");
    (explorer || !products.trim().is_empty())
        && products.split_whitespace().all(known_product)
        && (phone && !platform.contains("compatible") || explorer || platform.split(';').all(|part| known_platform(part.trim())))
}

/// Products that browsers of people name, lower case.
const PRODUCTS: &[&str] = &[
    "applewebkit",
    "chrome",
    "safari",
    "version",
    "mobile",
    "firefox",
    "gecko",
    "edg",
    "edge",
    "edga",
    "edgios",
    "opr",
    "opt",
    "presto",
    "crios",
    "fxios",
    "gsa",
    "samsungbrowser",
    "vivaldi",
    "brave",
    "duckduckgo",
    "ddg",
    "ubuntu",
    "chromium",
    "focus",
    "klar",
    "silk",
    "ucbrowser",
    "miuibrowser",
    "huaweibrowser",
    "yabrowser",
    "yowser",
    "epiphany",
    "seamonkey",
    "palemoon",
    "goanna",
    "waterfox",
    "librewolf",
    "ecosia",
    "like",
    "thunderbird",
];

/// How the platform words of desktop browsers and iPhones start, lower case.
const PLATFORMS: &[&str] = &[
    "windows nt",
    "win64",
    "wow64",
    "x64",
    "macintosh",
    "intel mac os x",
    "ppc mac os x",
    "x11",
    "linux",
    "ubuntu",
    "fedora",
    "debian",
    "cros",
    "openbsd",
    "freebsd",
    "netbsd",
    "wayland",
    "rv:",
    "u",
    "iphone",
    "ipad",
    "ipod",
    "cpu ",
    "mobile",
    "tablet",
    "arm",
    "i686",
    "k",
    "en-",
    "es-",
    "fr-",
    "de-",
    "touch",
];

/// Parts of agents, lower case, that no browser a person uses carries.
const NAMES: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "scan",
    "proxy",
    "preview",
    "fetch",
    "monitor",
    "check",
    "curl",
    "wget",
    "python",
    "java/",
    "okhttp",
    "go-http",
    "http-client",
    "httpclient",
    "libwww",
    "headless",
    "phantomjs",
    "lighthouse",
    "mediapartners",
    "facebookexternal",
    "embedly",
    "feed",
    "archiver",
    "validator",
    "favicon",
    "google-",
    "googleother",
    "bing",
    "yandex",
    "baidu",
    "whatsapp",
    "telegram",
    "slack",
    "discord",
    "skypeuri",
    "twitter",
    "linkedin",
    "pinterest",
    "safelinks",
    "mimecast",
    "proofpoint",
    "barracuda",
    "synthetic",
    "scraper",
    "audit",
    "optimizer",
    "capture",
    "facebook",
    "agent",
    "symantec",
    "trendmicro",
    "cloudmark",
    "ioncrawl",
    "http://",
    "https://",
    "@",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_of_machines_are_machines() {
        let list = include_str!("../../../tests/data/user-agents/machine.txt");
        let missed: Vec<&str> = list.lines().filter(|agent| Machine::of_agent(Some(agent)).is_none()).collect();
        // An agent that copies a browser's text exactly passes here; the burst and the HEAD request still give it away.
        assert!(missed.len() * 100 <= list.lines().count(), "{} missed:\n{}", missed.len(), missed.join("\n"));
    }

    #[test]
    fn browsers_of_people_are_people() {
        for agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
        ] {
            assert_eq!(Machine::of_agent(Some(agent)), None, "{agent}");
        }
        assert_eq!(Machine::of_agent(None), Some(Machine::NoAgent));
    }
}

//! Pages of the company's own website to which a form may lead its visitor back. Any other address is refused, however it is
//! written: a form is posted by anybody, and our name must lead nobody elsewhere.

/// A page of one's own, and all pages below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingPage {
    origin: Origin,
    /// Begins with a slash.
    path: String,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    is_secure: bool,
    /// Lower case.
    host: String,
    port: u16,
}

impl LandingPage {
    /// Reads a page as the configuration names it.
    ///
    /// # Errors
    /// Says what to write, behind "; ".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (origin, path, rest) = parts(text)
            .ok_or("this is no page of a website; write its whole address, such as \"https://tecnofab.example/thanks\"")?;
        if !rest.is_empty() {
            return Err("a page to return to has no '?' and no '#'; a form may add them behind it");
        }
        let is_local = origin.host == "localhost" || origin.host == "127.0.0.1";
        if !origin.is_secure && !is_local {
            return Err("visitors must not be led to an unprotected page; write https:// (http:// is for localhost alone)");
        }
        Ok(Self { origin, path: path.to_owned() })
    }

    /// Whether an address is this page or one below it.
    pub fn covers(&self, address: &str) -> bool {
        let Some((origin, path, _)) = parts(address) else { return false };
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/');
        origin == self.origin && path.strip_prefix(self.path.as_str()).is_some_and(below)
    }
}

/// The origin, the path, and what follows it, of an absolute address of http or https. `None` for anything that two programs could
/// read as two addresses: another scheme, a name before the host, a backslash, a character that must be escaped, a letter outside
/// ASCII, a path that goes up.
fn parts(text: &str) -> Option<(Origin, &str, &str)> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if text.len() > 2_000 || !text.bytes().all(legal) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let is_secure = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?),
        None => (authority, if is_secure { 443 } else { 80 }),
    };
    let is_host = |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !host.split('.').all(is_host) {
        return None;
    }
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, rest) = rest.split_at(end);
    let goes_up = |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    // An escaped slash or backslash, which some servers read as one.
    let hides_slash = |path: &str| ["%2f", "%5c"].iter().any(|slash| path.to_ascii_lowercase().contains(slash));
    if path.split('/').any(goes_up) || hides_slash(path) {
        return None;
    }
    Some((Origin { is_secure, host: host.to_ascii_lowercase(), port }, if path.is_empty() { "/" } else { path }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_only_to_our_own_pages() {
        let page = LandingPage::parse("https://tecnofab.example/thanks").expect("a page");
        for ours in [
            "https://tecnofab.example/thanks",
            "https://tecnofab.example/thanks/es",
            "https://tecnofab.example/thanks?form=quote&x=%40",
            "https://tecnofab.example/thanks#top",
            "HTTPS://Tecnofab.EXAMPLE/thanks",
            "https://tecnofab.example:443/thanks",
        ] {
            assert!(page.covers(ours), "{ours}");
        }
        for theirs in [
            "",
            "/thanks",
            "//evil.example/thanks",
            "///evil.example",
            "\\\\evil.example/thanks",
            "https:/\\evil.example/thanks",
            "https:evil.example",
            "https:///tecnofab.example/thanks",
            "https://evil.example/thanks",
            "https://tecnofab.example.evil.example/thanks",
            "https://eviltecnofab.example/thanks",
            "https://tecnofab.example@evil.example/thanks",
            "https://evil.example@tecnofab.example/thanks",
            "https://user:pass@tecnofab.example/thanks",
            "https://tecnofab.example:8443/thanks",
            "https://tecnofab.example:443@evil.example/thanks",
            "https://tecnofab.example:/thanks",
            "https://tecnofab.example:+443/thanks",
            "https://tecnofab.example\\@evil.example/thanks",
            "https://tecnofab.example\\.evil.example/thanks",
            "https://tecnofab.example./thanks",
            "https://xn--tecnofab-xyz.example/thanks",
            "https://teсnofab.example/thanks",
            "https://tecnofab。example/thanks",
            "http://tecnofab.example/thanks",
            "ftp://tecnofab.example/thanks",
            "javascript://tecnofab.example/thanks%0aalert(1)",
            "data:text/html,https://tecnofab.example/thanks",
            "https://tecnofab.example/thanksgiving",
            "https://tecnofab.example/Thanks",
            "https://tecnofab.example/",
            "https://tecnofab.example/thanks/../logout",
            "https://tecnofab.example/thanks/%2e%2E/logout",
            "https://tecnofab.example/thanks/.%2e/logout",
            "https://tecnofab.example/thanks/..%2flogout",
            "https://tecnofab.example/thanks/..%5clogout",
            " https://tecnofab.example/thanks",
            "https://tecnofab.example/thanks\r\nSet-Cookie: a=b",
            "https://tecnofab.example/thanks\0",
            "https://tecnofab.example\t/thanks",
            "https://tecnofab.example/thanks<script>",
            "https://[::1]/thanks",
        ] {
            assert!(!page.covers(theirs), "{theirs:?}");
        }
    }

    #[test]
    fn a_whole_website_may_be_named() {
        for written in ["https://tecnofab.example", "https://tecnofab.example/"] {
            let site = LandingPage::parse(written).expect("a page");
            assert!(site.covers("https://tecnofab.example/any/page") && site.covers("https://tecnofab.example"), "{written}");
            assert!(!site.covers("https://tecnofab.example.evil.example/"), "{written}");
        }
        for refused in [
            "tecnofab.example/thanks",
            "/thanks",
            "http://tecnofab.example",
            "https://me@x.example",
            "https://x.example/?a",
            "https://",
        ] {
            assert!(LandingPage::parse(refused).is_err(), "{refused}");
        }
        assert!(LandingPage::parse("http://localhost:8080/thanks").is_ok());
    }
}

//! What a relay offers in its reply to EHLO (RFC 5321 §4.1.1.1). lettre reads keywords in capitals alone; they may come in
//! any case.

/// The keywords of a relay, in capitals, each with its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers(Vec<(String, Vec<String>)>);

impl Offers {
    /// Reads what came since the connection, or its protection, began: a greeting, and the reply to EHLO.
    pub fn read(heard: &[u8]) -> Self {
        let heard = String::from_utf8_lossy(heard);
        let hello = heard.lines().filter_map(|line| line.strip_prefix("250")).filter_map(|line| line.get(1..));
        // Its first line is the relay's name.
        Self(hello.skip(1).filter_map(offer).collect())
    }

    pub fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|(offered, _)| offered == keyword)
    }

    /// The ways of logging in, in capitals.
    pub fn logins(&self) -> Vec<&str> {
        let ways = self.0.iter().filter(|(keyword, _)| keyword == "AUTH").flat_map(|(_, ways)| ways);
        ways.map(String::as_str).collect()
    }
}

/// A keyword and its parameters. `AUTH=LOGIN PLAIN` is how relays wrote it before RFC 2554; many still say both.
fn offer(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim().to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
    let mut words = line.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_in_any_case() {
        let heard =
            b"220-STARTTLS is not offered here\r\n220 mx ESMTP\r\n250-mx PIPELINING\r\n250-Pipelining\r\n250-starttls\r\n\
            250-auth plain Login\r\n250-Auth=XOAUTH2\r\n250-8BitMime \r\n250-\r\n250 SIZE 1000\r\n";
        let offers = Offers::read(heard);
        for keyword in ["PIPELINING", "STARTTLS", "AUTH", "8BITMIME", "SIZE"] {
            assert!(offers.has(keyword), "{keyword}");
        }
        assert_eq!(offers.logins(), ["PLAIN", "LOGIN", "XOAUTH2"]);
        assert!(!offers.has("MX") && !offers.has("LOGIN"));
        let named = Offers::read(b"220 x\r\n250 PIPELINING\r\n");
        assert!(!named.has("PIPELINING"), "the first line is a name");
        assert_eq!(Offers::read(b"250"), Offers::default());
        assert_eq!(Offers::read("220 é\r\n250-é\r\n250é\r\n".as_bytes()), Offers::default());
    }
}

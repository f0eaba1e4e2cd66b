//! Hostile words in every field of a form, and hostile addresses; and honest people, so that it is seen that something can get
//! through at all.

use crate::company::STRANGERS;
use crate::table::Row;
use crate::visitor::{Visitor, encoded};
use std::net::{Ipv4Addr, SocketAddr};

/// The word in every hostile text.
pub(crate) const WORD: &str = "hostile";
/// Who must never get a mail.
pub(crate) const VICTIM: &str = "victim@elsewhere.com";
/// What a template would make of `{{ 7177*7177 }}`.
pub(crate) const MULTIPLIED: &str = "51509329";

/// Texts that end a line or a mail, open a tag, run in a template, or move a cursor.
const TEXTS: [&str; 14] = [
    "hostile\r\nBcc: victim@elsewhere.com",
    "hostile\nTo: victim@elsewhere.com\nContent-Type: text/html\n\n<b id=hostile>body</b>",
    "hostile\r\n.\r\nMAIL FROM:<a@hostile.com>\r\nRCPT TO:<victim@elsewhere.com>\r\nDATA\r\nhostile\r\n.\r\n",
    "=?utf-8?B?aG9zdGlsZQ0KQmNjOiB2aWN0aW1AZWxzZXdoZXJlLmNvbQ==?=",
    "<script>alert('hostile')</script><img src=x onerror=hostile()>",
    "\"><b id=hostile>x</b><a href=\"javascript:hostile()\">y</a></li></ul><form action=\"https://hostile.com\">",
    "{{ 7177*7177 }} {% for x in range(99) %}hostile{% endfor %} ${7177*7177} <%= 7177*7177 %>",
    "hostile\u{1b}[2J\u{1b}]0;hostile\u{7}\u{8}\u{9b}31m",
    "hostile\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{2028}hostile",
    "hostile\0hostile%00",
    "hostile'); DROP TABLE prospects;--",
    "=HYPERLINK(\"https://hostile.com\";\"hostile\")",
    "hostile, Victim <victim@elsewhere.com>",
    "hostile\r\nEND:VCARD\r\nBEGIN:VCARD\r\nEMAIL:victim@elsewhere.com",
];

/// The fields of the forms that are kept.
const FIELDS: [&str; 9] = ["name", "phone", "company", "message", "job_title", "country", "industry", "language", "subject"];

/// Addresses that are none, several, this machine's, or ours.
const ADDRESSES: [&str; 26] = [
    "hostile@x.com\r\nBcc: victim@elsewhere.com",
    "hostile@x.com\nvictim@elsewhere.com",
    "hostile@x.com,victim@elsewhere.com",
    "hostile@x.com;victim@elsewhere.com",
    "hostile@x.com victim@elsewhere.com",
    "hostile@x.com> SIZE=1\r\nRCPT TO:<victim@elsewhere.com",
    "\"hostile\r\nBcc: victim@elsewhere.com\"@x.com",
    "\"hostile victim@elsewhere.com\"@x.com",
    "hostile(victim@elsewhere.com)@x.com",
    "victim%elsewhere.com@x.com",
    "victim@elsewhere.com@x.com",
    "@elsewhere.com:victim@x.com",
    "hostile\0@x.com",
    "hostile@x.com\0.elsewhere.com",
    "hostile@localhost",
    "hostile@localhost.localdomain",
    "hostile@127.0.0.1",
    "hostile@[127.0.0.1]",
    "hostile@[IPv6:::1]",
    "hostile@2130706433",
    "hostile@printer.local",
    "dana@tecnofab-sl.com",
    "anybody@tecnofab-sl.com",
    "anybody@news.tecnofab-sl.com",
    "-oQ/tmp@x.com\r\n",
    "",
];

/// Who gave hostile text number so much.
pub(crate) fn address(n: usize) -> String {
    format!("h{n}@payloads-{n}{STRANGERS}")
}

pub(crate) fn count() -> usize {
    TEXTS.len()
}

/// Asks to be called with each hostile text in every field.
pub(crate) async fn texts(door: SocketAddr, row: &mut Row) {
    for (n, text) in TEXTS.into_iter().enumerate() {
        let who = address(n);
        let mut fields = vec![("email", who.as_str())];
        fields.extend(FIELDS.map(|field| (field, text)));
        // And as the name of a field.
        fields.push((text, text));
        row.answered(visitor(n).post(door, "/f/call-me", &encoded(&fields)).await.status);
    }
}

/// Names each hostile address.
pub(crate) async fn addresses(door: SocketAddr, row: &mut Row) {
    for (n, address) in ADDRESSES.into_iter().enumerate() {
        for form in ["quote", "call-me"] {
            let body = encoded(&[("email", address), ("name", "Mallory"), ("message", "hello")]);
            row.answered(visitor(100 + n).post(door, &format!("/f/{form}"), &body).await.status);
        }
    }
}

/// Whether an address that was kept could be somebody else's, ours, several, or nobody's.
pub(crate) fn is_harmful(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return true };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let is_odd = local.is_empty() || address.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;\"()[]\\:".contains(c));
    let is_number = domain.rsplit('.').next().is_none_or(|last| last.is_empty() || last.chars().all(|c| c.is_ascii_digit()));
    let is_here = ["localhost", "localdomain", "local"].iter().any(|name| domain.ends_with(name));
    is_odd || is_number || is_here || !domain.chars().all(is_plain) || domain.ends_with("tecnofab-sl.com")
}

fn visitor(n: usize) -> Visitor {
    let last = |n: usize| u8::try_from(1 + n % 200).unwrap_or(1);
    Visitor::behind_the_proxy(Ipv4Addr::new(192, 168, last(n / 200), last(n)))
}

/// Two people who mean it: one wants to be called, one came to the webinar and works in a food plant.
pub(crate) const ASKER: &str = "honest@asks-to-be-called.com";
pub(crate) const READER: &str = "honest@wants-to-read.com";

/// Lets them fill in their forms.
pub(crate) async fn honest(door: SocketAddr) -> anyhow::Result<()> {
    for (form, fields) in [
        ("call-me", [("email", ASKER), ("name", "An honest person"), ("message", "please")]),
        ("webinar", [("email", READER), ("name", "Another one"), ("industry", "food")]),
    ] {
        let answer = visitor(200).post(door, &format!("/f/{form}"), &encoded(&fields)).await;
        anyhow::ensure!(answer.status == 200, "an honest form was answered with {}: {}", answer.status, answer.text);
    }
    Ok(())
}

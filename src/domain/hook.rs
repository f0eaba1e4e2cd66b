//! Hooks: mail providers that report by HTTP what became of our mails, and what proves that a report is theirs.

use super::network::Network;
use data_encoding::BASE64;
use secrecy::SecretString;
use std::fmt;

/// A provider whose reports are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// Amazon SES, through a topic of Amazon SNS.
    Ses,
    SendGrid,
    Postmark,
    Mailgun,
    Brevo,
}

impl Provider {
    /// The words of the configuration, of the path and of SQL.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("ses", Self::Ses),
        ("sendgrid", Self::SendGrid),
        ("postmark", Self::Postmark),
        ("mailgun", Self::Mailgun),
        ("brevo", Self::Brevo),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.into_iter().find(|(_, provider)| *provider == self).map_or("", |(word, _)| word)
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(known, _)| *known == word).map(|(_, provider)| provider)
    }

    /// The header that has this provider repeat our token in its reports: what stands before the token, and what behind it. Some
    /// give every mail another Message-ID. SES repeats the return path, which is signed anyway.
    pub const fn token_header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ses => None,
            Self::SendGrid => Some(("X-SMTPAPI: {\"unique_args\":{\"nurtured\":\"", "\"}}\r\n")),
            Self::Postmark => Some(("X-PM-Metadata-nurtured: ", "\r\n")),
            Self::Mailgun => Some(("X-Mailgun-Variables: {\"nurtured\":\"", "\"}\r\n")),
            Self::Brevo => Some(("X-Mailin-custom: nurtured:", "\r\n")),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One hook.
#[derive(Debug, Clone)]
pub struct Hook {
    pub provider: Provider,
    /// Only calls from here are looked at; from everywhere, if empty.
    pub from: Vec<Network>,
    pub proof: Proof,
}

/// What stands before the point in a `SubjectPublicKeyInfo` of P-256 (RFC 5480).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The point of a public key on P-256, uncompressed, of the Base64 that SendGrid shows.
pub fn public_key(text: &str) -> Option<Vec<u8>> {
    let der = BASE64.decode(text.trim().as_bytes()).ok()?;
    let point = der.strip_prefix(&P256)?;
    (point.len() == 65 && point[0] == 4).then(|| point.to_vec())
}

/// What proves that a call is the provider's.
#[derive(Clone)]
pub enum Proof {
    /// SES: the topic whose signed messages are taken.
    Topic(Topic),
    /// SendGrid: the point of its public key on P-256, uncompressed.
    PublicKey(Vec<u8>),
    /// Mailgun: the HTTP webhook signing key.
    Signing(SecretString),
    /// Postmark, Brevo: the SHA-256 of what stands behind `Bearer `, or of `user:password`.
    Secret([u8; 32]),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Topic(_) => "Topic",
            Self::PublicKey(_) => "PublicKey",
            Self::Signing(_) => "Signing",
            Self::Secret(_) => "Secret",
        })
    }
}

/// A topic of Amazon SNS: `arn:aws:sns:eu-west-1:123456789012:bounces`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let parts: Vec<&str> = text.split(':').collect();
        let legal = |text: &str| {
            !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match parts[..] {
            ["arn", "aws" | "aws-cn" | "aws-us-gov", "sns", region, account, name]
                if legal(region)
                    && !region.contains('.')
                    && account.len() == 12
                    && account.bytes().all(|b| b.is_ascii_digit())
                    && legal(name) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err("this is no topic; write its ARN, such as \"arn:aws:sns:eu-west-1:123456789012:bounces\""),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that keeps the certificates of the topic's region and confirms subscriptions to it.
    pub fn host(&self) -> String {
        let mut parts = self.0.split(':').skip(1);
        let (partition, region) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        let end = if partition == "aws-cn" { ".cn" } else { "" };
        format!("sns.{region}.amazonaws.com{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_says_which_host_speaks_for_it() {
        for (arn, host) in [
            ("arn:aws:sns:eu-west-1:123456789012:bounces", Some("sns.eu-west-1.amazonaws.com")),
            ("arn:aws-cn:sns:cn-north-1:123456789012:b", Some("sns.cn-north-1.amazonaws.com.cn")),
            ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:b.fifo", Some("sns.us-gov-west-1.amazonaws.com")),
            ("arn:aws:sqs:eu-west-1:123456789012:bounces", None),
            ("arn:aws:sns:evil.example/:123456789012:bounces", None),
            ("arn:aws:sns:a.evil:123456789012:bounces", None),
            ("arn:aws:sns:eu-west-1:12345:bounces", None),
            ("arn:aws:sns:eu-west-1:123456789012:bounces:e3b0c442", None),
            ("", None),
        ] {
            assert_eq!(Topic::parse(arn).ok().map(|topic| topic.host()).as_deref(), host, "{arn}");
        }
    }

    #[test]
    fn every_provider_has_its_word() {
        for (word, provider) in Provider::WORDS {
            assert_eq!((provider.word(), Provider::parse(word)), (word, Some(provider)));
        }
    }
}

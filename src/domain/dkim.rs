//! DKIM signing (RFC 6376 and 8463): the signing domain, the selector and the private key.
//!
//! A key that parsed can sign. It signs bytes and shows its public half; `mail` decides which bytes of a mail are signed,
//! and the private half never leaves this module.

use super::address::Address;
use data_encoding::BASE64;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use std::fmt;

/// How mails are signed.
#[derive(Debug)]
pub struct Dkim {
    /// The selector of the key, such as `n1`.
    pub selector: Label,
    /// The signing domain, such as `news.tecnofab.example`.
    pub domain: Label,
    pub key: Key,
}

/// A name of the DNS as it stands in a signature: labels of letters, digits, `-` and `_` between dots, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

/// A private key, RSA of 2,048 to 4,096 bits or Ed25519.
pub struct Key(Pair);

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why a text is no key to sign with. No message repeats a byte of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("read a private key: there is no \"-----BEGIN PRIVATE KEY-----\" with its \"-----END\" in it")]
    NoPem,
    /// PEM of something that cannot sign.
    #[error("read a private key: this is a public key or a certificate")]
    Public,
    /// A passphrase would be needed.
    #[error("read the private key: it is encrypted")]
    Encrypted,
    /// ECDSA, OpenSSH's own format, and every other kind.
    #[error("use the private key: it is neither RSA nor Ed25519, in PKCS#8 or PKCS#1")]
    Kind,
    /// RSA below what RFC 8301 asks signers for.
    #[error("use the private key: RSA needs at least 2048 bits")]
    Small,
    /// RSA above what verifiers must take (RFC 8301 §3.2).
    #[error("use the private key: RSA of more than 4096 bits is not verified everywhere")]
    Large,
    /// Its parts do not fit each other.
    #[error("use the private key: it is damaged")]
    Damaged,
}

/// The key failed to sign. A mail that cannot be signed is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sign the mail")]
pub struct SignError;

impl Dkim {
    /// The DNS record to publish: its name and its text.
    pub fn record(&self) -> (String, String) {
        let name = format!("{}._domainkey.{}", self.selector.as_str(), self.domain.as_str());
        (name, format!("v=DKIM1; k={}; p={}", self.key.kind(), BASE64.encode(&self.key.public())))
    }

    /// Whether the signature is aligned with mails from this address: both lie in one registered domain. Receivers that follow
    /// DMARC ignore an unaligned signature (RFC 7489 §3.1.1, relaxed).
    pub fn speaks_for(&self, from: &Address) -> bool {
        let (ours, theirs) = (self.domain.as_str(), from.domain().to_ascii_lowercase());
        ours == theirs || psl::domain_str(ours).is_some_and(|domain| psl::domain_str(&theirs) == Some(domain))
    }
}

impl Label {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let legal = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 200 && text.split('.').all(legal) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err("this cannot stand in the DNS: write letters, digits and hyphens, with dots between")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Key {
    /// Reads a private key in PEM: PKCS#8 (RSA, Ed25519) or PKCS#1 (RSA).
    pub fn parse(pem: &str) -> Result<Self, KeyError> {
        let holds = |words: &[&str]| words.iter().any(|word| pem.contains(word));
        let Ok(der) = PrivateKeyDer::from_pem_slice(pem.as_bytes()) else {
            return Err(if holds(&["BEGIN ENCRYPTED", "Proc-Type: 4,ENCRYPTED"]) {
                KeyError::Encrypted
            } else if holds(&["BEGIN OPENSSH"]) {
                KeyError::Kind
            } else if holds(&["BEGIN PUBLIC", "BEGIN RSA PUBLIC", "BEGIN CERTIFICATE"]) {
                KeyError::Public
            } else {
                KeyError::NoPem
            });
        };
        let rsa = match &der {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            // OpenSSL writes version 1, which has no public key in it to compare with.
            PrivateKeyDer::Pkcs8(der) => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()) {
                Ok(pair) => return Ok(Self(Pair::Ed25519(Box::new(pair)))),
                Err(_) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            },
            _ => return Err(KeyError::Kind),
        };
        // ring has one type of rejection; only its text tells a small key from a damaged one.
        rsa.map(|pair| Self(Pair::Rsa(Box::new(pair)))).map_err(|rejected| match rejected.to_string().as_str() {
            "TooSmall" => KeyError::Small,
            "TooLarge" => KeyError::Large,
            "WrongAlgorithm" => KeyError::Kind,
            _ => KeyError::Damaged,
        })
    }

    /// `rsa` or `ed25519`, as `k=` of the record and the beginning of `a=` have it.
    pub const fn kind(&self) -> &'static str {
        match self.0 {
            Pair::Rsa(_) => "rsa",
            Pair::Ed25519(_) => "ed25519",
        }
    }

    /// Whether one signature takes about a third of a millisecond, so that it belongs on a thread of its own.
    pub const fn is_slow(&self) -> bool {
        matches!(self.0, Pair::Rsa(_))
    }

    /// Signs bytes by SHA-256: PKCS#1 v1.5 for RSA; for Ed25519 over the hash (RFC 8463 §3). Equal bytes, equal signature.
    ///
    /// # Errors
    /// When the RSA arithmetic failed its own check.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // The randomness blinds the arithmetic; the signature does not depend on it.
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).map_err(|_| SignError)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => {
                let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
                Ok(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }

    /// The public half as the record holds it: a `SubjectPublicKeyInfo` for RSA (RFC 6376, erratum 3017), else the bare key.
    fn public(&self) -> Vec<u8> {
        match &self.0 {
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                const ALGORITHM: [u8; 15] = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
                let bits = [&[0], pair.public().as_ref()].concat();
                der(0x30, &[&ALGORITHM[..], &der(0x03, &bits)].concat())
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.kind())
    }
}

/// One value in DER, of at most 65,535 bytes.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(value.len()).expect("a public key is a few hundred bytes").to_be_bytes();
    let head = match (high, low) {
        (0, 0..=127) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, value.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    const RSA: &str = include_str!("../../tests/data/dkim/rsa.pem");
    const RSA_PKCS1: &str = include_str!("../../tests/data/dkim/rsa-pkcs1.pem");
    const SMALL: &str = include_str!("../../tests/data/dkim/rsa-1024.pem");
    const ED25519_KEY: &str = include_str!("../../tests/data/dkim/ed25519.pem");

    #[test]
    fn a_key_signs_and_shows_its_public_half() {
        let (rsa, one) = (Key::parse(RSA).expect("a key"), Key::parse(RSA_PKCS1).expect("a key"));
        let signature = rsa.sign(b"x").expect("signs");
        assert_eq!((rsa.public(), &signature), (one.public(), &one.sign(b"x").expect("signs")), "two formats of one key");
        assert_eq!(signature, rsa.sign(b"x").expect("signs"), "again");
        let bare = &rsa.public()[24..];
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, bare).verify(b"x", &signature).expect("verifies");
        // The public key as OpenSSL prints it for the same private key.
        let spki =
            rustls_pki_types::SubjectPublicKeyInfoDer::from_pem_slice(include_bytes!("../../tests/data/dkim/rsa-public.pem"));
        assert_eq!(rsa.public(), spki.expect("a public key").as_ref());

        let key = Key::parse(ED25519_KEY.trim_end()).expect("a key");
        let hash = ring::digest::digest(&ring::digest::SHA256, b"x");
        UnparsedPublicKey::new(&ED25519, key.public()).verify(hash.as_ref(), &key.sign(b"x").expect("signs")).expect("verifies");
        assert!(rsa.is_slow() && !key.is_slow());
    }

    #[test]
    fn what_cannot_sign_is_refused_in_so_many_words() {
        let cut: String = RSA.lines().filter(|line| !line.starts_with("MII")).collect::<Vec<_>>().join("\n");
        for (text, error) in [
            ("", KeyError::NoPem),
            ("hunter2", KeyError::NoPem),
            (&RSA[..400], KeyError::NoPem),
            (include_str!("../../tests/data/dkim/rsa-public.pem"), KeyError::Public),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", KeyError::Encrypted),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", KeyError::Kind),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", KeyError::Kind),
            (include_str!("../../tests/data/dkim/p256.pem"), KeyError::Kind),
            (SMALL, KeyError::Small),
            (cut.as_str(), KeyError::Damaged),
        ] {
            assert_eq!(Key::parse(text).err(), Some(error), "{text:.40}");
        }
    }

    #[test]
    fn a_record_holds_names_of_the_dns_and_the_public_key() {
        let dkim = Dkim {
            selector: Label::parse("N1").expect("a name"),
            domain: Label::parse("news.x.example").expect("a name"),
            key: Key::parse(ED25519_KEY).expect("a key"),
        };
        let (name, text) = dkim.record();
        assert_eq!(name, "n1._domainkey.news.x.example");
        assert_eq!(text, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
        assert!(!format!("{dkim:?}").contains("nWGxne"), "{dkim:?}");
        for (from, spoken_for) in [
            ("a@news.x.example", true),
            ("a@X.Example", true),
            ("a@b.x.example", true),
            ("a@y.example", false),
            ("a@example.com", false),
        ] {
            assert_eq!(dkim.speaks_for(&Address::parse(from).expect("an address")), spoken_for, "{from}");
        }
        for bad in ["", ".", "a..b", "a b", "-a", "a;d=rival.example", "a\r\nx", "é", &"a".repeat(64)] {
            assert!(Label::parse(bad).is_err(), "{bad:?}");
        }
    }
}

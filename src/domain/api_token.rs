//! Tokens of the API: who may report what, on whose behalf. Only a hash of the secret is kept.

use super::id::Name;
use super::signing_key::{Signed, SigningKey};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use subtle::ConstantTimeEq;

/// The least length of a secret, in characters: of hexadecimal digits that is 128 bits.
pub const LEAST: usize = 32;

/// How many different characters a secret has at least. Of 32 random hexadecimal digits, fewer than eight differ once in ten
/// million.
pub const LEAST_DIFFERENT: usize = 8;

/// What a token may do. One that may do none of them opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Report events.
    Signals,
    /// Report forms filled in elsewhere. They are confirmed as little as those of the website.
    Forms,
    /// What it reports of forms is confirmed: they were filled in behind a login of one's own.
    Confirmed,
    /// Log touches on behalf of those it names.
    Touches,
    /// Add and change prospects.
    Prospects,
    /// Read the metrics, and why nothing is sent.
    Metrics,
}

impl Right {
    /// The words of the configuration.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("signals", Self::Signals),
        ("forms", Self::Forms),
        ("confirmed", Self::Confirmed),
        ("touches", Self::Touches),
        ("prospects", Self::Prospects),
        ("metrics", Self::Metrics),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.into_iter().find(|(_, right)| *right == self).map_or("", |(word, _)| word)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// On whose behalf a token may report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnBehalf {
    /// Everybody's on the roster: `api_token`, which has no name.
    Anybody,
    /// These people's.
    Of(Vec<Name>),
}

/// A token.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Who holds it. Idempotency keys belong to the name, so that a new secret changes nothing for them. `api_token` has none.
    pub name: Option<Name>,
    pub may: BTreeSet<Right>,
    pub by: OnBehalf,
    /// The hash of the secret that it sends as a bearer token; none if it signs instead.
    hash: Option<[u8; 32]>,
    /// The keys under which it signs: two, while they are changed.
    keys: Vec<SigningKey>,
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiToken").field("name", &self.name).field("may", &self.may).field("by", &self.by).finish_non_exhaustive()
    }
}

impl ApiToken {
    pub const fn new(name: Option<Name>, may: BTreeSet<Right>, by: OnBehalf, hash: [u8; 32]) -> Self {
        Self { name, may, by, hash: Some(hash), keys: Vec::new() }
    }

    /// A token that signs its calls under any of these keys, and has a secret perhaps.
    pub const fn signing(
        name: Option<Name>,
        may: BTreeSet<Right>,
        by: OnBehalf,
        hash: Option<[u8; 32]>,
        keys: Vec<SigningKey>,
    ) -> Self {
        Self { name, may, by, hash, keys }
    }

    /// What a log calls it.
    pub fn called(&self) -> &str {
        self.name.as_ref().map_or("api_token", Name::as_str)
    }

    pub fn is_same_secret(&self, other: &Self) -> bool {
        let is_same_hash = self.hash.zip(other.hash).is_some_and(|(one, other)| bool::from(one.ct_eq(&other)));
        is_same_hash || self.keys.iter().any(|key| other.keys.contains(key))
    }

    pub fn may(&self, right: Right) -> bool {
        self.may.contains(&right)
    }

    pub fn speaks_for(&self, person: &Name) -> bool {
        match &self.by {
            OnBehalf::Anybody => true,
            OnBehalf::Of(people) => people.contains(person),
        }
    }
}

/// The hash that is kept of a secret.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The token of a secret. It takes as long for every secret of a length.
pub fn find<'a>(tokens: &'a [ApiToken], secret: &str) -> Option<&'a ApiToken> {
    let given = hash(secret);
    let is_its = |token: &ApiToken| token.hash.is_some_and(|hash| bool::from(hash.ct_eq(&given)));
    tokens.iter().fold(None, |found, token| if is_its(token) { Some(token) } else { found })
}

/// The token under one of whose keys a call is signed.
pub fn find_signer<'a>(tokens: &'a [ApiToken], call: Signed<'_>, signatures: &str) -> Option<&'a ApiToken> {
    tokens.iter().find(|token| token.keys.iter().any(|key| key.signed(call, signatures)))
}

/// Why a secret is too weak, in words that do not repeat it.
pub fn weakness(secret: &str) -> Option<&'static str> {
    if secret.chars().count() < LEAST {
        return Some("has fewer than 32 characters");
    }
    let different: BTreeSet<char> = secret.chars().collect();
    (different.len() < LEAST_DIFFERENT).then_some("repeats the same few characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, secret: &str) -> ApiToken {
        ApiToken::new(Name::parse(name).ok(), [Right::Signals].into(), OnBehalf::Of(Vec::new()), hash(secret))
    }

    #[test]
    fn a_token_is_found_by_its_whole_secret() {
        let secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
        let tokens = [token("shop", secret), token("crm", "another secret of many characters")];
        assert_eq!(find(&tokens, secret).map(ApiToken::called), Some("shop"));
        for wrong in ["", &secret[1..], &secret.to_uppercase(), &format!("{secret} ")] {
            assert!(find(&tokens, wrong).is_none(), "{wrong}");
        }
        let shown = format!("{tokens:?}");
        assert!(!shown.contains(secret) && !shown.contains("hash"), "{shown}");
    }

    #[test]
    fn a_weak_secret_is_refused() {
        for (secret, is_weak) in [
            ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", false),
            ("0f1e2d3c4b5a69788796a5b4c3d2e1f", true),
            (&"ab".repeat(40), true),
            ("correct horse battery staple and more", false),
        ] {
            assert_eq!(weakness(secret).is_some(), is_weak, "{secret}");
        }
    }

    #[test]
    fn every_right_has_its_word() {
        for (word, right) in Right::WORDS {
            assert_eq!(right.word(), word);
        }
    }
}

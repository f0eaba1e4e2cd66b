//! Standard Webhooks: a call that its sender signed. Source: the specification of Standard Webhooks, 1.0.

use super::span::Span;
use data_encoding::BASE64;
use jiff::Timestamp;
use ring::hmac::{HMAC_SHA256, Key, sign};
use std::fmt;
use subtle::ConstantTimeEq;

/// How far the time of a call may lie from ours, either way.
pub const TOLERANCE: Span = Span::minutes(5);

/// How many signatures of a call are looked at: a sender that changes its key sends two.
const MOST: usize = 8;

/// A secret under which a system signs: `whsec_` and the Base64 of 24 to 64 bytes.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

/// What a call says of itself, and is signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub id: &'a str,
    pub timestamp: &'a str,
    pub body: &'a [u8],
}

impl SigningKey {
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = text.strip_prefix("whsec_").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        match bytes {
            Some(bytes) if (24..=64).contains(&bytes.len()) => Ok(Self(bytes)),
            _ => Err("is no signing key: it is `whsec_` and the Base64 of 24 to 64 random bytes"),
        }
    }

    /// Whether one of these signatures, `v1,BASE64` each with blanks between, is this key's.
    pub fn signed(&self, call: Signed<'_>, signatures: &str) -> bool {
        let text = [call.id.as_bytes(), b".", call.timestamp.as_bytes(), b".", call.body].concat();
        let genuine = sign(&Key::new(HMAC_SHA256, &self.0), &text);
        let given = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,")).take(MOST);
        given.filter_map(|text| BASE64.decode(text.as_bytes()).ok()).any(|given| bool::from(genuine.as_ref().ct_eq(&given)))
    }
}

impl Signed<'_> {
    /// Whether it was signed within five minutes of now.
    pub fn is_timely(&self, now: Timestamp) -> bool {
        let at = self.timestamp.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        at.is_some_and(|at| at >= TOLERANCE.before(now) && at <= TOLERANCE.after(now))
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.0.ct_eq(&other.0))
    }
}

impl Eq for SigningKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Signed<'_> =
        Signed { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: "1614265330", body: br#"{"test": 2432232314}"# };

    #[test]
    fn the_vector_of_the_specification_is_signed_and_nothing_else_is() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert!(key.signed(CALL, signature));
        assert!(key.signed(CALL, &format!("v1a,xyz v1,AAAA {signature}")), "one of several is enough");
        assert!(!key.signed(Signed { id: "msg_other", ..CALL }, signature));
        assert!(!key.signed(Signed { timestamp: "1614265331", ..CALL }, signature));
        assert!(!key.signed(Signed { body: br#"{"test": 2432232315}"#, ..CALL }, signature));
        for wrong in ["", "v1,", "v1", &signature[3..], &signature.replace("v1,", "v2,"), &signature.replace('g', "h")] {
            assert!(!key.signed(CALL, wrong), "{wrong}");
        }
        let other = SigningKey::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect("a key");
        assert!(!other.signed(CALL, signature) && other != key);
        assert!(!format!("{key:?}").contains("MfKQ"));
    }

    #[test]
    fn a_call_is_timely_for_five_minutes_either_way() {
        for (away, timely) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            let now = Timestamp::from_second(1_614_265_330 + away).expect("an instant");
            assert_eq!(CALL.is_timely(now), timely, "{away}");
        }
        for timestamp in ["", "now", "1e9", "99999999999999999999", "1614265330.0"] {
            assert!(
                !Signed { timestamp, ..CALL }.is_timely(Timestamp::from_second(1_614_265_330).expect("an instant")),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn a_key_is_long_enough_and_says_what_it_is() {
        for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%"] {
            assert!(SigningKey::parse(text).is_err(), "{text}");
        }
    }
}

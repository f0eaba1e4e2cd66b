//! Proofs that need a secret of ours alone: a login in the header, and a key under which the provider signs.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether an `Authorization` header carries the secret: as a bearer token, or as `user:password` (RFC 7617), which a provider makes
/// of a login in the URL.
pub fn is_authorised(header: Option<&str>, hash: &[u8; 32]) -> bool {
    let Some((scheme, given)) = header.and_then(|header| header.trim().split_once(' ')) else { return false };
    let secret = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => given.trim().as_bytes().to_vec(),
        "basic" => BASE64.decode(given.trim().as_bytes()).unwrap_or_default(),
        _ => return false,
    };
    bool::from(Sha256::digest(&secret).as_slice().ct_eq(hash))
}

/// The HMAC-SHA-256 of these parts, one behind the other.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether two values are equal, in a time that does not say where they differ.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    bool::from(one.ct_eq(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_the_whole_secret_in_either_scheme() {
        let login: [u8; 32] = Sha256::digest("nurtured:0f1e2d3c4b5a6978").into();
        let token: [u8; 32] = Sha256::digest("0f1e2d3c4b5a69788796a5b4c3d2e1f0").into();
        let basic = format!("Basic {}", BASE64.encode(b"nurtured:0f1e2d3c4b5a6978"));
        assert!(is_authorised(Some(&basic), &login));
        assert!(is_authorised(Some(&basic.replace("Basic", "basic")), &login));
        assert!(is_authorised(Some("Bearer 0f1e2d3c4b5a69788796a5b4c3d2e1f0"), &token));
        let wrong = format!("Basic {}", BASE64.encode(b"nurtured:0f1e2d3c4b5a6979"));
        for header in [None, Some(""), Some("Basic"), Some("Basic %%%"), Some(wrong.as_str()), Some("Digest x"), Some("Bearer ")]
        {
            assert!(!is_authorised(header, &login), "{header:?}");
            assert!(!is_authorised(header, &token), "{header:?}");
        }
    }
}

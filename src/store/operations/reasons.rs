//! Reasons that a relay or a colleague gave for a pause, a cancellation or a stop: they may name a person.

use crate::store::engine::backend::{StoreError, Tx, args};

const REASONS: [(&str, &str); 5] = [
    ("SELECT name, reason FROM campaigns WHERE reason IS NOT NULL", "UPDATE campaigns SET reason = $2 WHERE name = $1"),
    ("SELECT CAST(id AS TEXT), reason FROM pause_notices", "UPDATE pause_notices SET reason = $2 WHERE id = CAST($1 AS BIGINT)"),
    (
        "SELECT CAST(issue_id AS TEXT), reason FROM cancellations",
        "UPDATE cancellations SET reason = $2 WHERE issue_id = CAST($1 AS BIGINT)",
    ),
    (
        "SELECT CAST(id AS TEXT), stopped FROM sending WHERE stopped IS NOT NULL",
        "UPDATE sending SET stopped = $2 WHERE id = CAST($1 AS BIGINT)",
    ),
    (
        "SELECT CAST(id AS TEXT), observing FROM sending WHERE observing IS NOT NULL",
        "UPDATE sending SET observing = $2 WHERE id = CAST($1 AS BIGINT)",
    ),
];

/// Takes these words out of reasons that a relay or a colleague gave for a pause or a stop. Returns how many held one.
pub async fn erase(tx: &mut Tx, words: &[String]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for (list, set) in REASONS {
        for (key, reason) in tx.rows::<(String, String)>(list, args![]).await? {
            let bare = words.iter().fold(reason.clone(), |text, word| replace(&text, word));
            if bare != reason {
                changed += tx.execute(set, args![key, bare]).await?;
            }
        }
    }
    Ok(changed)
}

/// The reasons in which one of these words stands.
pub async fn naming(tx: &mut Tx, words: &[String]) -> Result<Vec<String>, StoreError> {
    let mut naming = Vec::new();
    for (list, _) in REASONS {
        let reasons: Vec<(String, String)> = tx.rows(list, args![]).await?;
        let names = |reason: &String| words.iter().any(|word| replace(reason, word) != *reason);
        naming.extend(reasons.into_iter().map(|(_, reason)| reason).filter(names));
    }
    Ok(naming)
}

/// Replaces a word wherever it stands, in capitals too.
fn replace(text: &str, word: &str) -> String {
    let (mut bare, mut rest) = (String::with_capacity(text.len()), text);
    let find = |rest: &str| rest.as_bytes().windows(word.len()).position(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    while let Some(at) = find(rest) {
        bare.push_str(&rest[..at]);
        bare.push_str("erased");
        rest = &rest[at + word.len()..];
    }
    bare + rest
}

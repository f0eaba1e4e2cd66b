//! Clauses that the statements of several tables share, each spelt here and nowhere else. They are macros, because a statement
//! is one `&'static str`.

/// The configuration that decides, by the hash of its plan: the newest row, for a plan may come back; NULL before the first
/// was put in force.
macro_rules! configuration {
    ($hash:literal) => {
        concat!("(SELECT MAX(decides.id) FROM configurations decides WHERE decides.hash = ", $hash, ")")
    };
}
pub(in crate::store) use configuration;

/// The states of deliveries that came to nothing: they reached no mailbox, and nothing will be tried again.
macro_rules! came_to_nothing {
    () => {
        "('failed', 'suppressed', 'skipped', 'cancelled')"
    };
}
pub(in crate::store) use came_to_nothing;

/// Whether the delivery under this alias came to nothing: its latest attempt says so, because what failed may be open again. Whoever
/// uses it imports `came_to_nothing` too.
macro_rules! has_come_to_nothing {
    ($delivery:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM attempts n WHERE n.delivery_id = ",
            $delivery,
            ".id AND n.state IN ",
            came_to_nothing!(),
            " AND NOT EXISTS (
                SELECT 1 FROM attempts later WHERE later.delivery_id = n.delivery_id AND later.number > n.number))"
        )
    };
}
pub(in crate::store) use has_come_to_nothing;

/// Whether a prospect, under this alias, may be sent group mail at all.
macro_rules! may_be_mailed {
    ($prospect:literal) => {
        concat!(
            $prospect,
            ".standing = 'nurturing' AND ",
            $prospect,
            ".mail_stop IS NULL AND ",
            $prospect,
            ".address IS NOT NULL"
        )
    };
}
pub(in crate::store) use may_be_mailed;

/// Whether an address belongs to a domain, or to one below it.
macro_rules! is_under {
    ($address:literal, $domain:literal) => {
        concat!(
            "LENGTH(",
            $address,
            ") > LENGTH(",
            $domain,
            ") AND SUBSTR(",
            $address,
            ", LENGTH(",
            $address,
            ") - LENGTH(",
            $domain,
            ")) IN ('@' || ",
            $domain,
            ", '.' || ",
            $domain,
            ")"
        )
    };
}
pub(in crate::store) use is_under;

/// Joins `a`, the latest attempt of the delivery under this alias, if there is one.
macro_rules! latest_attempt {
    ($delivery:literal) => {
        concat!(
            "LEFT JOIN attempts a ON a.delivery_id = ",
            $delivery,
            ".id AND a.number = (SELECT MAX(latest.number) FROM attempts latest WHERE latest.delivery_id = ",
            $delivery,
            ".id)"
        )
    };
}
pub(in crate::store) use latest_attempt;

/// The version of the words in which the delivery under this alias may have arrived: that of its first mark without a result. That
/// nobody knows the result is none.
macro_rules! kept_version {
    ($delivery:literal) => {
        concat!(
            "(SELECT MIN(COALESCE(m.version, 1)) FROM attempts m WHERE m.delivery_id = ",
            $delivery,
            ".id AND m.state = 'transmitting' AND NOT EXISTS (SELECT 1 FROM attempts r WHERE r.delivery_id = m.delivery_id
                AND r.number = m.number + 1 AND r.state NOT IN ('transmitting', 'uncertain')))"
        )
    };
}
pub(in crate::store) use kept_version;

/// The subject of the issue under this alias as this delivery had it: an issue may have been corrected since. Whoever uses it
/// imports `kept_version` too.
macro_rules! subject_as_sent {
    ($issue:literal, $delivery:literal) => {
        concat!(
            "COALESCE((SELECT f.subject FROM former_words f WHERE f.issue_id = ",
            $issue,
            ".id AND f.version = COALESCE(",
            kept_version!($delivery),
            ", (SELECT COALESCE(n.version, 1) FROM attempts n WHERE n.delivery_id = ",
            $delivery,
            ".id AND n.state = 'transmitting' ORDER BY n.number DESC LIMIT 1))), ",
            $issue,
            ".subject)"
        )
    };
}
pub(in crate::store) use subject_as_sent;

/// What was said of an attempt under this alias; where a cancellation ended it, with the reason, which stands with the cancellation of
/// the issue under the other alias.
macro_rules! reply_and_reason {
    ($attempt:literal, $issue:literal) => {
        concat!(
            "CASE WHEN ",
            $attempt,
            ".reply LIKE 'cancelled%' THEN ",
            $attempt,
            ".reply || COALESCE((SELECT ': ' || x.reason FROM cancellations x WHERE x.issue_id = ",
            $issue,
            ".id), '') ELSE ",
            $attempt,
            ".reply END"
        )
    };
}
pub(in crate::store) use reply_and_reason;

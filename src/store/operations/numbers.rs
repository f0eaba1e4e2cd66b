//! Numbers: how far those have come that leave the database, in links, return paths and Message-IDs or in the memory of a
//! running node. A number means one thing for ever: after a restore they go on beyond whatever was seen of the lost history.

use crate::store::engine::backend::{Sql, StoreError, Tx, args};
use std::collections::BTreeMap;

/// The last number of each table, by its name.
pub type Numbers = BTreeMap<String, i64>;

/// The tables, each with how much further its numbers go than those that are known: more than a second takes, in which the
/// marker may be behind, and than a machine that was lost with its marker can have given since its last backup. Forty bits
/// of a link are the delivery's and twenty-three the issue's; a prospect has thirty-two.
const GAPS: [(&str, i64); 12] = [
    ("prospects", 1_000_000),
    ("occurrences", 1_000_000),
    ("issues", 100_000),
    ("deliveries", 1_000_000_000),
    ("leases", 1_000_000_000),
    ("signals", 10_000_000),
    ("handoffs", 1_000_000),
    ("follow_ups", 1_000_000),
    ("letters", 10_000_000),
    ("pending_forms", 10_000_000),
    ("enquiries", 10_000_000),
    ("enquiry_lists", 1_000_000),
];

const LAST: Sql = Sql::Each {
    sqlite: "SELECT name, seq FROM sqlite_sequence",
    postgres: "
    SELECT REPLACE(CAST(sequencename AS TEXT), '_id_seq', ''), COALESCE(last_value, 0) FROM pg_sequences
    WHERE schemaname = current_schema()",
};
/// SQLite keeps no number for a table that never had a row, and no constraint on its own table of them.
const KNOW: &str = "
    INSERT INTO sqlite_sequence (name, seq) SELECT $1, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = $1)";
/// PostgreSQL sets a sequence at once and for everybody, whatever becomes of the transaction.
const LIFT: Sql = Sql::Each {
    sqlite: "UPDATE sqlite_sequence SET seq = $2 WHERE name = $1 AND seq < $2 RETURNING seq",
    postgres: "SELECT setval(CAST(pg_get_serial_sequence($1, 'id') AS regclass), $2)",
};

/// The last numbers that were given, those of rows that are gone again too.
pub async fn last(tx: &mut Tx) -> Result<Numbers, StoreError> {
    let rows: Vec<(String, i64)> = tx.rows(LAST, args![]).await?;
    Ok(rows.into_iter().filter(|(table, _)| GAPS.iter().any(|(known, _)| known == table)).collect())
}

/// Lets every table's numbers go on beyond those given here, in this database and in what is known of another history of it.
/// Returns after which number each goes on.
pub async fn lift(tx: &mut Tx, known: &Numbers) -> Result<Numbers, StoreError> {
    let here = last(tx).await?;
    let mut lifted = Numbers::new();
    for (table, gap) in GAPS {
        let of = |numbers: &Numbers| numbers.get(table).copied().unwrap_or_default();
        let beyond = of(&here).max(of(known)).saturating_add(gap);
        if !tx.is_shared() {
            tx.execute(KNOW, args![table]).await?;
        }
        let set: Vec<(i64,)> = tx.rows(LIFT, args![table, beyond]).await?;
        match set[..] {
            [(set,)] if set == beyond => lifted.insert(table.to_owned(), beyond),
            _ => return Err(StoreError::Rows { expected: 1, found: set.len() as u64 }),
        };
    }
    Ok(lifted)
}

/// Of two histories, the further numbers.
pub fn join(numbers: &mut Numbers, other: &Numbers) {
    for (table, last) in other {
        let known = numbers.entry(table.clone()).or_default();
        *known = (*known).max(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::backend::Store;

    #[tokio::test]
    async fn sqlite_gives_every_number_that_leaves_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_sqlite(&folder.path().join("n.db")).await.expect("a store");
        let mut tx = store.write().await.expect("a transaction");
        for (table, _) in GAPS {
            const ONCE: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE name = $1 AND sql LIKE '%PRIMARY KEY AUTOINCREMENT%'";
            assert_eq!(tx.number(ONCE, args![table]).await.expect("a count"), 1, "{table}");
        }
        lift(&mut tx, &Numbers::new()).await.expect("lifted");
    }
}

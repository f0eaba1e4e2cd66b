//! What is asked of either engine: the text of a statement, and the values bound to it.

/// A statement: the same text for both engines, or one each where locking differs.
#[derive(Debug, Clone, Copy)]
pub enum Sql {
    Same(&'static str),
    /// SQLite serialises its writers and has no row locks; PostgreSQL needs explicit ones.
    Each {
        sqlite: &'static str,
        postgres: &'static str,
    },
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Same(text)
    }
}

/// A statement with a lock clause in its middle or at its end, which only PostgreSQL gets.
macro_rules! locking {
    ($before:expr, $lock:literal $(, $after:expr)?) => {
        $crate::store::engine::statement::Sql::Each {
            sqlite: concat!($before $(, $after)?),
            postgres: concat!($before, " ", $lock, " " $(, $after)?),
        }
    };
}
pub(in crate::store) use locking;

/// A bound parameter.
#[derive(Debug, Clone)]
pub enum Value {
    Number(Option<i64>),
    Text(Option<String>),
    Truth(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Binds any mix of ids, numbers, texts, instants and truths.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::store::engine::statement::Value::from($value)),*] };
}
pub(in crate::store) use args;

impl Sql {
    pub(in crate::store) const fn sqlite(self) -> &'static str {
        match self {
            Self::Same(text) | Self::Each { sqlite: text, .. } => text,
        }
    }

    pub(in crate::store) const fn postgres(self) -> &'static str {
        match self {
            Self::Same(text) | Self::Each { postgres: text, .. } => text,
        }
    }
}

/// A query with its values bound.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value.clone() {
                $crate::store::engine::statement::Value::Number(number) => query.bind(number),
                $crate::store::engine::statement::Value::Text(text) => query.bind(text),
                $crate::store::engine::statement::Value::Truth(truth) => query.bind(truth),
                $crate::store::engine::statement::Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}
pub(in crate::store) use bound;

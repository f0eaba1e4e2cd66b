//! What we remember. All SQL lives here, one file per table; functions take a transaction.

/// How statements reach either database, and what is written beside it.
pub mod engine;
/// Who there is, and who must not be written to.
pub mod people;
/// What is said to many.
pub mod group;
/// What came back, and what it proves.
pub mod doorway;
/// One prospect, one salesperson.
pub mod individual;
/// Over all of them: whether anything is sent, counting, forgetting, and whether the tables are whole.
pub mod operations;

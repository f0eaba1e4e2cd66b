//! Reading held against mails and lists whose truth is known, and against noise.

mod automatic;
mod corpus;
mod hostile;
mod wild_bounces;
mod exports;
mod forms;
mod list_corpus;
mod lists;
mod wild_replies;
/// All of it in one table.
mod wild;

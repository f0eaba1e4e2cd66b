//! Reading held against mails and lists whose truth is known, and against noise.

mod corpus;
mod exports;
mod forms;
mod list_corpus;
mod lists;
mod wild_replies;

//! How we say it: tokens, MIME, SMTP. The only room that knows lettre.

pub mod token;

//! doctor: whether everything stands as it should, one question a file; each failure names what mends it. It looks, and
//! changes nothing: no mail is sent, no table is made, no key is drawn.

// What a look finds, and how long it may take.
pub mod finding;
// One question each.
pub mod database;
pub mod people;
pub mod letters;
pub mod files;
pub mod http_probe;
pub mod relay;
pub mod examine;

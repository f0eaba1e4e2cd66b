//! What is true: the nouns of nurturing, and the rules between them.
//!
//! Pure. No clock (`now` is an argument), no I/O, no async. A module uses only the modules above it.

// The words themselves.
pub mod id;
pub mod criterion;
pub mod span;
pub mod absence;
pub mod chance;
pub mod invisible;
pub mod plain_letters;
pub mod address;
pub mod network;
pub mod excerpt;
pub mod phrase;
pub mod suppression;
pub mod consent;
pub mod prospect;
pub mod pace;
pub mod window;
pub mod audience;
pub mod question;
pub mod language;
pub mod preferences;
pub mod landing_page;
pub mod signing_key;
pub mod api_token;
pub mod hook;
pub mod trusted_sources;

/// What is said to many.
pub mod group;
/// What came back, and what it proves.
pub mod doorway;
/// One prospect, one salesperson.
pub mod individual;

// Over all three: where every prospect is, what the company decided, and how people would act in a simulation.
pub mod census;
pub mod dkim;
pub mod door;
pub mod settings;
pub mod plan;
pub mod behaviour;

//! Everything that is tested from outside the library, in one binary: it links once.

/// Waiting for other programs.
mod awaited;
/// The rules of the architecture: what may import what, how long a file may be, who may read the clock.
mod architecture;
/// Tests of the checker of the chaos runs.
mod checker;
/// The command line, run as a process.
mod cli;
/// The store's meaning, on both engines.
mod conformance;
/// The daemon as systemd sees it, and a stop in the middle of a send.
mod daemon;
/// Thousands who connect to a running daemon and say nothing.
mod idle;
/// Schedules over twenty years in ten zones, held against another reading of both.
mod oracle;
/// One daemon a file; a killed daemon's log; a backup put in the database's place.
mod hand;
/// What must hold of the verdicts for any history whatever.
mod folding;
/// Whose word counts, and for how long.
mod outranking;
/// What is concluded as signals come in, held against a fold over all of them.
mod live;
/// What is said of tables that are not whole.
mod integrity;
/// Mails fetched from mailboxes.
mod mailboxes;
/// What is said when a tool is not on the machine.
mod missing;
/// A port for a daemon.
mod port;
/// A Postfix of its own.
mod postfix;
/// A temporary PostgreSQL cluster, and a fresh database in it for each test that asks.
mod postgres;
/// The documents: their commands work, the tests they name exist.
mod readme;
/// Random histories, lived and then replayed.
mod replayed;
/// A database that is lost and comes back from a backup.
mod restored;
/// The API against its document.
/// The service files: known to systemd, and shut tight.
mod service;
/// Signatures as others see them.
mod signed;
/// The promises of the program, as stories.
mod stories;

use missing::missing;

//! The restore marker: a small file beside the stop journal that records which database this node uses and how far it had
//! progressed. A database with less progress was restored from a backup; one that belongs to another place is a copy.
//!
//! Only reading and writing the file has effects. The marker cannot detect a machine restored as a whole, marker included;
//! nor a copy of the database file, made by other means than ours in the last second before a crash and restored after it.

use super::numbers::{self, Numbers};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How far a database has progressed: its beat, and the highest ids of tables that only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The number of seconds in which something was written.
    pub beat: i64,
    pub deliveries: i64,
    pub signals: i64,
    pub suppressions: i64,
}

impl Marks {
    /// Whether any of these numbers is lower than the other's.
    pub const fn is_behind(&self, other: &Self) -> bool {
        self.beat < other.beat
            || self.deliveries < other.deliveries
            || self.signals < other.signals
            || self.suppressions < other.suppressions
    }
}

/// What a database records about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its token; `None` before a node first claimed the database.
    pub token: Option<String>,
    pub place: Option<String>,
    /// The token it had before it was adopted.
    pub former: Option<String>,
    pub marks: Marks,
}

/// The contents of the marker file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreMarker {
    pub token: String,
    pub marks: Marks,
    /// The last numbers that were given; a marker of an older program has none.
    #[serde(default)]
    pub numbers: Numbers,
    /// When it was written.
    pub at: Timestamp,
}

impl RestoreMarker {
    /// The last numbers it knows of.
    pub fn known(&self) -> Numbers {
        let mut known = self.numbers.clone();
        let marks = [("deliveries", self.marks.deliveries), ("signals", self.marks.signals)];
        numbers::join(&mut known, &marks.into_iter().map(|(table, last)| (table.to_owned(), last)).collect());
        known
    }
}

/// Where a database that is opened comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// No node has claimed it yet; this one does.
    New,
    /// It is the database the marker describes.
    Same,
    /// It was adopted on another node since this one last checked.
    AdoptedElsewhere,
    /// It is a different database, an older one, or belongs to another place: the reason.
    Foreign(String),
}

/// Whether this database, opened at this place, is the one the marker describes. `alone`: no second node can share the
/// database, so the process that opens it has its marker.
pub fn classify(database: &Identity, marker: Option<&RestoreMarker>, place: &str, alone: bool) -> Origin {
    let foreign = |why: String| Origin::Foreign(why);
    match (&database.token, marker) {
        (None, None) => Origin::New,
        (None, Some(marker)) => {
            foreign(format!("this database is new, or older than the one that was at home here until {}", marker.at))
        }
        (Some(_), None) if database.place.as_deref() != Some(place) => {
            foreign(format!("this database is a copy: it is at home elsewhere, at {}", home(database)))
        }
        (Some(_), None) if alone => {
            foreign("the marker beside the stop journal is gone: nobody can tell whether this is a restored backup".to_owned())
        }
        (Some(_), Some(marker)) if database.former.as_ref() == Some(&marker.token) => Origin::AdoptedElsewhere,
        (Some(token), Some(marker)) if *token != marker.token => {
            foreign(format!("this is another database than the one that was at home here until {}", marker.at))
        }
        (Some(_), Some(_)) if database.place.as_deref() != Some(place) => {
            foreign(format!("this database was copied or moved: it is at home at {}", home(database)))
        }
        (Some(_), Some(marker)) if database.marks.is_behind(&marker.marks) => {
            foreign(format!("this database was restored from a backup: it had come further by {}", marker.at))
        }
        (Some(_), _) => Origin::Same,
    }
}

fn home(database: &Identity) -> &str {
    database.place.as_deref().unwrap_or("a place unknown")
}

/// The path of a journal's marker: beside the journal.
pub fn beside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".marker");
    name.into()
}

/// Reads the marker; `None` if there is no file.
///
/// # Errors
/// When it cannot be read, or is not a marker.
pub fn read(path: &Path) -> io::Result<Option<RestoreMarker>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => Ok(Some(serde_json::from_slice(&bytes?)?)),
    }
}

/// Writes the marker atomically, and returns once it is on the disk.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, marker: &RestoreMarker) -> io::Result<()> {
    // Two processes of one machine may write it at the same time, so each has its own draft file.
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&serde_json::to_vec(marker)?)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(n: i64) -> Marks {
        Marks { beat: n, deliveries: n, signals: n, suppressions: n }
    }

    fn database(token: Option<&str>, place: &str, n: i64) -> Identity {
        Identity { token: token.map(str::to_owned), place: token.map(|_| place.to_owned()), former: None, marks: marks(n) }
    }

    #[test]
    fn a_copy_a_backup_and_a_foreign_database_are_told_from_the_one_at_home() {
        let marker = RestoreMarker {
            token: "a".into(),
            marks: marks(5),
            numbers: Numbers::new(),
            at: "2026-03-02T08:00:00Z".parse().expect("an instant"),
        };
        let origin = |database: &Identity, marker: Option<&RestoreMarker>, alone| match classify(database, marker, "here", alone)
        {
            Origin::Foreign(why) => why,
            Origin::New => "new".to_owned(),
            Origin::Same => "same".to_owned(),
            Origin::AdoptedElsewhere => "adopted".to_owned(),
        };
        let adopted = Identity { former: Some("a".into()), ..database(Some("b"), "here", 3) };
        let one_behind = Identity { marks: Marks { suppressions: 4, ..marks(9) }, ..database(Some("a"), "here", 9) };
        for (database, marker, alone, expected) in [
            (database(None, "", 0), None, true, "new"),
            (database(None, "", 0), Some(&marker), true, "new, or older"),
            (database(Some("a"), "here", 5), Some(&marker), true, "same"),
            (database(Some("a"), "here", 9), Some(&marker), false, "same"),
            (database(Some("a"), "here", 4), Some(&marker), false, "restored from a backup"),
            (one_behind, Some(&marker), true, "restored from a backup"),
            (database(Some("b"), "here", 9), Some(&marker), true, "another database"),
            (database(Some("a"), "there", 9), Some(&marker), true, "at home at there"),
            (database(Some("a"), "there", 9), None, false, "a copy"),
            (database(Some("a"), "here", 9), None, true, "the marker beside"),
            (database(Some("a"), "here", 9), None, false, "same"),
            (adopted, Some(&marker), false, "adopted"),
        ] {
            let found = origin(&database, marker, alone);
            assert!(found.contains(expected), "{database:?} {marker:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = beside(&folder.path().join("stops"));
        assert_eq!(read(&path).expect("nothing"), None);
        let at = "2026-03-02T08:00:00Z".parse().expect("an instant");
        let numbers = Numbers::from([("deliveries".to_owned(), 4), ("issues".to_owned(), 7)]);
        let marker = RestoreMarker { token: "a".into(), marks: marks(5), numbers, at };
        assert_eq!((marker.known()["deliveries"], marker.known()["issues"]), (5, 7), "the further of what it says twice");
        write(&path, &marker).expect("written");
        assert_eq!(read(&path).expect("read"), Some(marker));
        fs::write(
            &path,
            r#"{"token":"a","marks":{"beat":1,"deliveries":2,"signals":3,"suppressions":4},"at":"2026-03-02T08:00:00Z"}"#,
        )
        .expect("written");
        let older = read(&path).expect("read").expect("a marker");
        assert_eq!(older.known()["signals"], 3, "an older program's");
        fs::write(&path, "{").expect("written");
        assert!(read(&path).is_err(), "what we did not write is no marker, and no reason to go on without one");
    }
}

//! `[database]`: which database, and the stop journal outside it. Verbs that must work when the rest of the configuration is
//! broken read this alone.

use crate::config::node::Node;
use crate::config::problem::{Log, Problem};
use crate::config::reader::Reader;
use crate::config::secret::{Keys, Vault};
use crate::domain::settings::DatabaseUrl;
use secrecy::ExposeSecret;
use std::fs;
use std::path::{Path, PathBuf};

/// The database, and its stop journal. Both paths are absolute where the configuration was read from a directory.
#[derive(Debug, Clone)]
pub struct Database {
    /// The path of a file without links: SQLite's log, and all that we write beside the file, lie beside the file itself.
    pub url: DatabaseUrl,
    /// Whether a path of SQLite was written as a relative one.
    pub is_relative: bool,
    pub stop_journal: PathBuf,
}

/// The directory of a service's configuration, and that of its state: a journal beside `/etc/nurtured` could not be written.
const SERVICE: (&str, &str) = ("/etc/nurtured", "/var/lib/nurtured");

/// Reads the section. The stop journal lies beside the database, as that is written, unless configured elsewhere.
pub fn read(mut reader: Reader<'_>, vault: &Vault) -> Option<Database> {
    let journal = reader.get("stop_journal").map(|node| node.parse(reader.log, "", journal_path));
    let (url, is_relative) = database_url(reader, vault)?;
    let default = || match &url {
        DatabaseUrl::Sqlite(path) => {
            let mut path = path.clone().into_os_string();
            path.push(".stops");
            path.into()
        }
        DatabaseUrl::Postgres(_) => journal_of_postgres(vault.directory.as_deref()),
    };
    let journal = journal.map_or_else(|| Some(default()), |journal| Some(from_configuration(vault, journal?)))?;
    let url = match url {
        DatabaseUrl::Sqlite(path) if vault.directory.is_some() => DatabaseUrl::Sqlite(without_links(&path)),
        url => url,
    };
    Some(Database { url, is_relative, stop_journal: journal })
}

/// As many links in a row as Linux follows.
const LINKS: usize = 40;

/// The path of the file itself, whatever links lead to it, also while it is still to be made.
pub fn without_links(path: &Path) -> PathBuf {
    let folder =
        |path: &Path| path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or_else(|| ".".into(), Path::to_owned);
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder(&path).join(target);
    }
    match (folder(&path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Reads the section of a whole file, and nothing else of it.
pub fn read_alone(log: &Log, root: &Node, vault: &Vault) -> Option<Database> {
    read(Reader::table(log, root)?.section_or_empty("database")?, vault)
}

fn journal_of_postgres(directory: Option<&Path>) -> PathBuf {
    const NAME: &str = "nurtured.stops";
    match directory {
        Some(directory) if directory == Path::new(SERVICE.0) => Path::new(SERVICE.1).join(NAME),
        Some(directory) => absolute(&directory.join(NAME)),
        None => NAME.into(),
    }
}

/// A relative path is read from the configuration's folder: it means the same wherever a verb is typed.
fn from_configuration(vault: &Vault, path: PathBuf) -> PathBuf {
    match &vault.directory {
        Some(directory) => absolute(&directory.join(path)),
        None => path,
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn journal_path(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.file_name().is_none() || text.ends_with('/') {
        return Err("this is no file; write its path, such as \"/var/lib/nurtured/nurtured.stops\"");
    }
    Ok(path)
}

fn database_url(mut reader: Reader<'_>, vault: &Vault) -> Option<(DatabaseUrl, bool)> {
    const HELP: &str = "write \"sqlite:PATH\" or \"postgres://user@host/name\"";
    let log = reader.log;
    let before = log.count();
    let url = vault.read(&mut reader, &Keys { value: "url", file: "url_file", credential: "database.url" });
    reader.finish();
    let sqlite = |path: &str| (DatabaseUrl::Sqlite(from_configuration(vault, path.into())), Path::new(path).is_relative());
    let Some((url, place)) = url else { return (log.count() == before).then(|| sqlite("nurtured.db")) };
    let text = url.expose_secret();
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Some((DatabaseUrl::Postgres(url), false));
    }
    let title = match text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
        Some("") => "the database's path is empty",
        Some(path) if path.starts_with(":memory:") => "a database in memory forgets everything at each restart",
        Some(path) => return Some(sqlite(path)),
        None => "the database's URL is neither SQLite's nor PostgreSQL's",
    };
    log.add(Problem::error(&place, title).help(HELP));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_has_one_path_whatever_links_lead_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path().canonicalize().expect("a folder");
        fs::create_dir(at.join("disk")).expect("made");
        symlink("disk", at.join("state")).expect("linked");
        symlink("state/a.db", at.join("one.db")).expect("linked");
        symlink(at.join("one.db"), at.join("two.db")).expect("linked");
        symlink("round.db", at.join("round.db")).expect("linked");
        for is_made in [false, true] {
            for way in ["disk/a.db", "state/a.db", "one.db", "two.db", "disk/../one.db"] {
                assert_eq!(without_links(&at.join(way)), at.join("disk/a.db"), "{way}, {is_made}");
            }
            fs::write(at.join("disk/a.db"), "").expect("written");
        }
        assert_eq!(without_links(&at.join("round.db")), at.join("round.db"));
        assert_eq!(without_links(Path::new("/nowhere/at/all.db")), Path::new("/nowhere/at/all.db"));
    }
}

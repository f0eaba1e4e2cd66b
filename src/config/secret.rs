//! Secrets: a value, a `…_file` beside it, or a systemd credential of that name. No problem ever shows one.

use crate::config::place::Place;
use crate::config::problem::Problem;
use crate::config::reader::Reader;
use secrecy::SecretString;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Where secrets in files are found.
#[derive(Debug)]
pub struct Vault {
    /// The configuration's directory; `None` when it was not read from disk.
    pub directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// The files from which secrets were read.
    pub opened: RefCell<Vec<PathBuf>>,
}

/// A secret's key, the key of its file, and its name among the credentials.
pub struct Keys<'a> {
    pub value: &'static str,
    /// The key whose value is a path, relative to the configuration.
    pub file: &'static str,
    /// The credential's name: `nurtured.NAME` in the credentials directory.
    pub credential: &'a str,
}

impl Vault {
    /// The secret and its place: the first there is of value, file and credential.
    pub fn read(&self, reader: &mut Reader<'_>, keys: &Keys<'_>) -> Option<(SecretString, Place)> {
        let log = reader.log;
        let (value, file) = (reader.get(keys.value), reader.get(keys.file));
        match (value, file) {
            (Some(_), Some(file)) => {
                let problem = Problem::error(&file.place, format!("`{}` and `{}` are both given", keys.value, keys.file));
                log.add(problem.help("keep one of them"));
                None
            }
            (Some(value), None) => Some((SecretString::from(value.text(log)?), value.place.clone())),
            (None, Some(file)) => {
                let path = Path::new(file.text(log)?);
                let Some(directory) = &self.directory else {
                    log.add(Problem::error(&file.place, "there is no directory to read this from"));
                    return None;
                };
                self.open(reader, &directory.join(path), &file.place)
            }
            (None, None) => {
                let path = self.credentials.as_ref()?.join(format!("nurtured.{}", keys.credential));
                path.exists().then(|| self.open(reader, &path, &Place::File(path.display().to_string()))).flatten()
            }
        }
    }

    fn open(&self, reader: &Reader<'_>, path: &Path, place: &Place) -> Option<(SecretString, Place)> {
        self.opened.borrow_mut().push(path.to_owned());
        let found = std::fs::read_to_string(path).map_err(|error| format!("could not read {}: {error}", path.display()));
        // Editors end a file with a newline, which is no part of the secret.
        let found = found.map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        match found {
            Ok(secret) if secret.is_empty() => {
                reader.log.add(Problem::error(place, format!("{} is empty", path.display())));
                None
            }
            Ok(secret) => Some((SecretString::from(secret), place.clone())),
            Err(title) => {
                reader.log.add(Problem::error(place, title).help("the path is relative to the configuration's directory"));
                None
            }
        }
    }
}

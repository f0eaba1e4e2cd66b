//! The stop journal: every stop, and every end of one, in a file outside the database. A stop that was acknowledged is not
//! forgotten when the database comes back from a backup: `nurtured adopt` replays it.
//!
//! Each line is JSON, appended and fsynced, with one fsync per transaction. A stop is written before its transaction
//! commits and the end of a stop after, so that after a crash in between the journal says stop. Several processes may
//! append; they take turns by a lock on the file, under which one of them may also replace it by a shorter file. A last
//! line torn by a crash was never acknowledged, and is skipped. The journal decides nothing: `flow/operations/adopt` folds
//! it.

pub use super::journal_format::{Entry, JournalContents, What};
use super::journal_format::{is_hash, lines, parse};
use crate::clock::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A journal open for writing.
pub struct Journal {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    /// The lines that could not be written yet.
    waiting: Vec<Entry>,
    /// Addresses still to be erased, each with its replacement.
    erased: BTreeMap<String, String>,
    trouble: Option<String>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Journal {
    /// A journal in this file. The file is opened or created only when there is a line to write.
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { path, clock, state: Mutex::default() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes these lines, and those that could not be written before. Blocks until they are on the disk; a failure is
    /// kept as [`trouble`](Self::trouble) until a later write succeeds.
    pub fn write(&self, said: impl IntoIterator<Item = (String, What)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.clock.now();
        state.waiting.extend(said.into_iter().map(|(address, what)| Entry { at, address, what }));
        self.catch_up(&mut state);
    }

    /// Makes the file where there is none: a node that has no stop to write has a journal all the same.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        locked(&self.path, &mut state.file)?.unlock()
    }

    /// Replaces addresses in the lines already written, and writes the lines that could not be written before.
    pub fn erase(&self, erased: impl IntoIterator<Item = (String, String)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.erased.extend(erased);
        self.catch_up(&mut state);
    }

    /// Why the journal cannot be written, while that lasts. Tries once more.
    pub fn trouble(&self) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.trouble.is_some() {
            self.catch_up(&mut state);
        }
        state.trouble.clone()
    }

    /// Whether the last write failed.
    pub fn is_broken(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.is_some()
    }

    fn catch_up(&self, state: &mut State) {
        let done = self.append(state).and_then(|()| self.take_out(state));
        state.trouble = done.err().map(|error| error.to_string());
    }

    fn append(&self, state: &mut State) -> io::Result<()> {
        if state.waiting.is_empty() {
            return Ok(());
        }
        let file = locked(&self.path, &mut state.file)?;
        let appended = append(file, &state.waiting);
        file.unlock()?;
        appended?;
        state.waiting.clear();
        Ok(())
    }

    fn take_out(&self, state: &mut State) -> io::Result<()> {
        if state.erased.is_empty() {
            return Ok(());
        }
        let erased = &state.erased;
        rewrite(&self.path, &mut state.file, |entries| {
            // The state of an erased address stays under its replacement; the words about it do not.
            for entry in entries {
                if let Some(hash) = erased.get(&entry.address) {
                    entry.address.clone_from(hash);
                    if let What::Stopped { source, .. } = &mut entry.what {
                        "erased".clone_into(source);
                    }
                }
            }
        })?;
        state.erased.clear();
        Ok(())
    }

    /// Replaces the file by one with only the lines in force, if at least half of its lines no longer are. Returns how
    /// many lines were removed.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn tidy(&self) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let held = read(&self.path)?;
        let last = held.last().len();
        if held.entries.len() < 1_000 || held.entries.len() < last * 2 {
            return Ok(0);
        }
        let mut gone = 0;
        rewrite(&self.path, &mut state.file, |entries| {
            let before = entries.len();
            *entries = JournalContents { entries: std::mem::take(entries), unreadable: 0 }.last();
            gone = before - entries.len();
        })?;
        Ok(gone)
    }

    /// The addresses in it that are not hashes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn addresses(&self) -> io::Result<BTreeSet<String>> {
        let held = read(&self.path)?;
        Ok(held.entries.into_iter().map(|entry| entry.address).filter(|a| !is_hash(a)).collect())
    }
}

/// Reads a journal; a missing file reads as empty.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> io::Result<JournalContents> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(JournalContents::default()),
        read => read?,
    };
    Ok(parse(&bytes))
}

/// The locked file at the journal's path, opened anew if another process has replaced it.
fn locked<'a>(path: &Path, slot: &'a mut Option<File>) -> io::Result<&'a mut File> {
    loop {
        let file = match slot.take() {
            Some(file) => file,
            None => open(path)?,
        };
        file.lock()?;
        let in_place = fs::metadata(path).is_ok_and(|m| file.metadata().is_ok_and(|f| (f.dev(), f.ino()) == (m.dev(), m.ino())));
        if in_place {
            return Ok(slot.insert(file));
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let options = || {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(0o600);
        options
    };
    match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = options().create(true).open(path)?;
            // A new file name is durable only once its directory is synced.
            sync_directory(path)?;
            Ok(file)
        }
        opened => opened,
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(directory)?.sync_all()
}

fn append(file: &mut File, entries: &[Entry]) -> io::Result<()> {
    let mut bytes = Vec::new();
    let length = file.seek(SeekFrom::End(0))?;
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
        // A newline ends a torn line, which is then skipped when the file is read.
        if last != *b"\n" {
            bytes.push(b'\n');
        }
    }
    lines(entries, &mut bytes)?;
    file.write_all(&bytes)?;
    file.sync_data()
}

/// Replaces the file by a changed one atomically.
fn rewrite(path: &Path, slot: &mut Option<File>, change: impl FnOnce(&mut Vec<Entry>)) -> io::Result<()> {
    let replaced = replace(locked(path, slot)?, path, change);
    // Closing the file unlocks it; a process that waited for the lock notices that the file was replaced.
    *slot = None;
    replaced
}

fn replace(file: &mut File, path: &Path, change: impl FnOnce(&mut Vec<Entry>)) -> io::Result<()> {
    let mut before = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut before)?;
    let mut entries = parse(&before).entries;
    change(&mut entries);
    let mut bytes = Vec::new();
    lines(&entries, &mut bytes)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(&bytes)?;
    new.sync_all()?;
    fs::rename(&beside, path)?;
    sync_directory(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::prospect::Standing;
    use crate::domain::suppression::{Channel, StopReason};
    use jiff::SignedDuration;

    fn stopped(reason: StopReason) -> What {
        What::Stopped { channel: Channel::Email, reason, source: "page".into() }
    }

    fn lifted() -> What {
        What::Lifted { channel: Channel::Email }
    }

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::at("2026-03-02T08:00:00Z".parse().expect("an instant")))
    }

    #[test]
    fn what_was_said_last_holds_and_a_torn_line_does_not_hide_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stops");
        let clock = clock();
        let (one, two) = (Journal::new(path.clone(), clock.clone()), Journal::new(path.clone(), clock.clone()));
        one.write([
            ("ada@a.example".to_owned(), stopped(StopReason::Unsubscribed)),
            ("bea@a.example".to_owned(), stopped(StopReason::Bounced)),
        ]);
        clock.advance(SignedDuration::from_secs(1));
        two.write([("ada@a.example".to_owned(), lifted())]);
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        // A crash tore the line in the middle, and later lines were appended.
        let whole = fs::read(&path).expect("a file");
        fs::write(&path, [&whole[..], br#"{"at":"2026-03-02T08:0"#].concat()).expect("written");
        assert_eq!(read(&path).expect("read"), JournalContents { unreadable: 0, ..read(&path).expect("read") });
        assert_eq!(read(&path).expect("read").entries.len(), 3);
        one.write([("cid@a.example".to_owned(), What::Stands { standing: Standing::Offered })]);
        let held = read(&path).expect("read");
        assert_eq!((held.entries.len(), held.unreadable, one.trouble()), (4, 1, None));
        let last: Vec<(String, bool)> = held.last().into_iter().map(|e| (e.address, e.what.lets_go())).collect();
        let expected = [("bea@a.example", false), ("ada@a.example", true), ("cid@a.example", false)];
        assert_eq!(last, expected.map(|(address, free)| (address.to_owned(), free)));
    }

    #[test]
    fn at_the_same_instant_the_stop_counts() {
        let at = clock().now();
        let entry = |what: What| Entry { at, address: "ada@a.example".into(), what };
        for entries in
            [vec![entry(stopped(StopReason::Manual)), entry(lifted())], vec![entry(lifted()), entry(stopped(StopReason::Manual))]]
        {
            let last = JournalContents { entries, unreadable: 0 }.last();
            assert!(matches!(&last[..], [one] if !one.what.lets_go()), "{last:?}");
        }
    }

    #[test]
    fn what_cannot_be_written_waits_and_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("away").join("stops");
        let journal = Journal::new(path.clone(), clock());
        journal.write([("ada@a.example".to_owned(), stopped(StopReason::Unsubscribed))]);
        assert!(journal.is_broken() && journal.trouble().is_some());
        fs::create_dir(folder.path().join("away")).expect("made");
        assert_eq!(journal.trouble(), None);
        assert_eq!(read(&path).expect("read").entries.len(), 1);
    }

    #[test]
    fn an_erased_address_goes_from_every_line_and_others_write_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stops");
        let (one, two) = (Journal::new(path.clone(), clock()), Journal::new(path.clone(), clock()));
        one.write([
            ("ada@a.example".to_owned(), stopped(StopReason::Unsubscribed)),
            ("bea@a.example".to_owned(), stopped(StopReason::Bounced)),
        ]);
        two.erase([("ada@a.example".to_owned(), "sha256:ada".to_owned())]);
        // `one` still has the old file open.
        one.write([("cid@a.example".to_owned(), stopped(StopReason::Bounced))]);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(!text.contains("ada@") && text.contains("sha256:ada") && text.contains("cid@"), "{text}");
        assert_eq!(read(&path).expect("read").entries.len(), 3);
    }

    #[test]
    fn the_journal_drops_entries_that_later_ones_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::new(folder.path().join("stops"), clock());
        journal.write((0..1_200).map(|n| (format!("p{}@a.example", n % 500), stopped(StopReason::Manual))));
        assert_eq!(journal.tidy().expect("tidied"), 700);
        assert_eq!(journal.tidy().expect("tidied"), 0);
        assert_eq!(read(journal.path()).expect("read").last().len(), 500);
    }
}

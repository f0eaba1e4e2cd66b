//! Whether a write-ahead log is that of the SQLite file beside which it lies. SQLite does not ask: a file copied over another
//! one, whose daemon was killed, would get that one's log written into it, and be corrupt without a word.
//!
//! Each run of the daemon gives the file a generation: a random number in its header (`application_id`, byte 68 of the first
//! page), noted in a small file beside the database before it is used and folded into the file before anything else is
//! written. So after a kill the file has a generation that was noted, and every first page in the log has one too. A backup gets a
//! generation of its own, so a copy in the database's place has another one than the note. Where there is no note (older versions,
//! or a file restored while nothing lay beside it), the first pages in the log must have the file's own generation.

use super::error::StoreError;
use super::file_lock::{FileLock, beside};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The number in a file's header.
pub type Generation = u32;

/// Whether what lies beside a database that nobody has open may be opened with it. Returns whether its last user ended without closing
/// it: there is a log that is not folded in.
///
/// # Errors
/// When the log is another file's, or a restore was broken off; when a file cannot be read.
pub fn check(database: &Path) -> Result<bool, StoreError> {
    let unable = |e: io::Error| StoreError::File(format!("look at what lies beside {}: {e}", database.display()));
    check_restored(database)?;
    let own = generation(database).map_err(unable)?;
    let Some(logged) = generations_in(&beside(database, "-wal")).map_err(unable)? else {
        // Whatever was noted is of a log that is gone. If it cannot be removed, nothing else can be written here either.
        if noted(database).is_some_and(|noted| own.is_none_or(|own| !noted.contains(&own))) {
            drop(fs::remove_file(beside(database, NOTE)));
        }
        return Ok(false);
    };
    if belongs(own, noted(database).as_ref(), &logged) {
        return Ok(true);
    }
    Err(StoreError::ForeignLog(database.to_owned()))
}

/// As [`check`], before a verb opens the database: a daemon that has the lock has checked already, and works on it; a restore that has
/// it is about to change the file.
///
/// # Errors
/// As [`check`].
pub fn check_unless_held(database: &Path) -> Result<(), StoreError> {
    check_restored(database)?;
    if database.exists() && !FileLock::is_held(database) {
        check(database)?;
    }
    Ok(())
}

fn check_restored(database: &Path) -> Result<(), StoreError> {
    if beside(database, RESTORED).exists() { Err(StoreError::Restoring(database.to_owned())) } else { Ok(()) }
}

/// Whether a copy's log is its own: what its first pages say, where nothing is noted.
///
/// # Errors
/// As [`check`].
pub fn check_copy(file: &Path) -> Result<bool, StoreError> {
    let unable = |e: io::Error| StoreError::File(format!("read {}: {e}", file.display()));
    let own = generation(file).map_err(unable)?;
    match generations_in(&beside(file, "-wal")).map_err(unable)? {
        None => Ok(false),
        Some(logged) if belongs(own, None, &logged) => Ok(true),
        Some(_) => Err(StoreError::ForeignLog(file.to_owned())),
    }
}

fn belongs(own: Option<Generation>, noted: Option<&BTreeSet<Generation>>, logged: &BTreeSet<Generation>) -> bool {
    let of_its_own = |own: &Generation| !logged.is_empty() && logged.iter().all(|logged| logged == own);
    match (own, noted) {
        // Another program may have worked on a copy, and left a log of its own.
        (Some(own), Some(noted)) => (noted.contains(&own) && logged.is_subset(noted)) || of_its_own(&own),
        (Some(own), None) => logged.is_empty() || of_its_own(&own),
        // A file without a page: all of it still stands in the log of the program that began it.
        (None, noted) => noted.is_none(),
    }
}

/// The name of the note, behind the database's.
pub const NOTE: &str = "generation";
/// The name of a restored database until it takes the place of the old one.
pub const RESTORED: &str = "restored";

/// The generations that the file may have; `None` without a note that can be read.
pub fn noted(database: &Path) -> Option<BTreeSet<Generation>> {
    let text = fs::read_to_string(beside(database, NOTE)).ok()?;
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// Notes the generations that the file may have from now on: on the disk when it returns.
pub fn note(database: &Path, generations: &BTreeSet<Generation>) -> io::Result<()> {
    let path = beside(database, NOTE);
    let draft = beside(&path, "new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(generations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    sync_folder(&path)
}

/// Makes the names in a file's folder durable.
pub fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}

/// The generation in a file's header; `None` without a file, or while it has no page.
fn generation(database: &Path) -> io::Result<Option<Generation>> {
    let mut page = [0; 100];
    let read = match File::open(database) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?.read_exact(&mut page),
    };
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        read => read.map(|()| generation_of(&page)),
    }
}

fn generation_of(page: &[u8]) -> Option<Generation> {
    page.starts_with(b"SQLite format 3\0").then(|| number(page, 68))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

/// The generations in the first pages of a log, as far as SQLite would read it (<https://www.sqlite.org/fileformat2.html#walformat>):
/// to the last commit whose checksums are right. `None` when it would read nothing.
fn generations_in(log: &Path) -> io::Result<Option<BTreeSet<Generation>>> {
    const HEADER: usize = 32;
    const FRAME: usize = 24;
    let mut file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => BufReader::with_capacity(1 << 20, opened?),
    };
    let mut header = [0; HEADER];
    if !is_filled(file.read_exact(&mut header))? {
        return Ok(None);
    }
    let (magic, size) = (number(&header, 0), number(&header, 8) as usize);
    let big = magic & 1 == 1;
    let mut sum = checksum((0, 0), &header[..24], big);
    let is_log = magic & !1 == 0x377f_0682 && size.is_power_of_two() && (512..=65_536).contains(&size);
    if !is_log || sum != (number(&header, 24), number(&header, 28)) {
        return Ok(None);
    }
    let (mut committed, mut pending, mut commits) = (BTreeSet::new(), Vec::new(), false);
    let mut frame = vec![0; FRAME + size];
    while is_filled(file.read_exact(&mut frame))? {
        sum = checksum(checksum(sum, &frame[..8], big), &frame[FRAME..], big);
        if frame[8..16] != header[16..24] || sum != (number(&frame, 16), number(&frame, 20)) {
            break;
        }
        if number(&frame, 0) == 1 {
            pending.extend(generation_of(&frame[FRAME..]));
        }
        if number(&frame, 4) != 0 {
            committed.extend(pending.drain(..));
            commits = true;
        }
    }
    Ok(commits.then_some(committed))
}

fn is_filled(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

fn checksum(sum: (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    let word = |four: &[u8]| {
        let four = [four[0], four[1], four[2], four[3]];
        if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    bytes.chunks_exact(8).fold(sum, |(a, b), pair| {
        let a = a.wrapping_add(word(&pair[..4])).wrapping_add(b);
        (a, b.wrapping_add(word(&pair[4..])).wrapping_add(a))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_its_files_where_their_generations_say_so() {
        let set = |generations: &[u32]| generations.iter().copied().collect::<BTreeSet<_>>();
        for (own, noted, logged, expected) in [
            (Some(7), Some(set(&[7])), set(&[]), true),
            (Some(7), Some(set(&[7])), set(&[7]), true),
            // Killed while the run took its generation.
            (Some(7), Some(set(&[7, 8])), set(&[8]), true),
            (Some(8), Some(set(&[7, 8])), set(&[7, 8]), true),
            // A backup put in the place of the database.
            (Some(5), Some(set(&[7])), set(&[]), false),
            (Some(5), Some(set(&[7])), set(&[7]), false),
            (Some(5), None, set(&[7]), false),
            // A log put beside the database.
            (Some(7), Some(set(&[7])), set(&[5]), false),
            // Versions before this one.
            (Some(0), None, set(&[0]), true),
            (Some(0), None, set(&[]), true),
            (None, None, set(&[0]), true),
            (None, Some(set(&[7])), set(&[7]), false),
            // Another program on a restored file.
            (Some(5), Some(set(&[7])), set(&[5]), true),
        ] {
            assert_eq!(belongs(own, noted.as_ref(), &logged), expected, "{own:?} {noted:?} {logged:?}");
        }
    }
}

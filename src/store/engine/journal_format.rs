//! The format of the stop journal: an entry is a line of JSON; of several about one address, the last one holds.
//!
//! This file does no I/O.

use crate::domain::prospect::Standing;
use crate::domain::suppression::{Channel, StopReason};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;

/// What an entry records about an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum What {
    /// The address must not be mailed any more.
    Stopped {
        channel: Channel,
        reason: StopReason,
        source: String,
    },
    Lifted {
        channel: Channel,
    },
    /// Its prospect has this standing now; only `nurturing` gets group mail.
    Stands {
        standing: Standing,
    },
}

impl What {
    /// Whether it ends a stop rather than making one.
    pub fn lets_go(&self) -> bool {
        match self {
            Self::Stopped { .. } => false,
            Self::Lifted { .. } => true,
            Self::Stands { standing } => *standing == Standing::Nurturing,
        }
    }

    /// The channel the entry is about: of two entries about the same one, the later holds.
    fn about(&self) -> Option<Channel> {
        match self {
            Self::Stopped { channel, .. } | Self::Lifted { channel } => Some(*channel),
            Self::Stands { .. } => None,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    /// The address (a hash after erasure).
    pub address: String,
    #[serde(flatten)]
    pub what: What,
}

/// The contents of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalContents {
    /// Its lines, in the order written.
    pub entries: Vec<Entry>,
    /// How many lines could not be read.
    pub unreadable: usize,
}

impl JournalContents {
    /// Appends the contents of another node's journal.
    pub fn join(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.unreadable += other.unreadable;
    }

    /// The entries in force for each address, oldest first. Of two entries of the same instant the stop holds.
    pub fn last(&self) -> Vec<Entry> {
        let mut last: BTreeMap<(&str, Option<Channel>), &Entry> = BTreeMap::new();
        for entry in &self.entries {
            last.entry((entry.address.as_str(), entry.what.about()))
                .and_modify(|known| {
                    let later = entry.at > known.at || (entry.at == known.at && (known.what.lets_go() || !entry.what.lets_go()));
                    if later {
                        *known = entry;
                    }
                })
                .or_insert(entry);
        }
        let mut entries: Vec<Entry> = last.into_values().cloned().collect();
        entries.sort_by_key(|entry| entry.at);
        entries
    }
}

/// Whether a text in the place of an address is the hash of an erased one.
pub fn is_hash(address: &str) -> bool {
    address.starts_with("hmac-sha256:") || address.starts_with("sha256:")
}

/// Reads lines. A last line torn by a crash is skipped: its writer got no acknowledgement.
pub fn parse(bytes: &[u8]) -> JournalContents {
    let mut held = JournalContents::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(entry) => held.entries.push(entry),
            Err(_) if !line.ends_with(b"\n") => {}
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => held.unreadable += 1,
        }
    }
    held
}

/// Writes lines.
///
/// # Errors
/// Those of the serialiser; writing to a vector does not fail.
pub fn lines(entries: &[Entry], bytes: &mut Vec<u8>) -> io::Result<()> {
    for entry in entries {
        serde_json::to_writer(&mut *bytes, entry)?;
        bytes.push(b'\n');
    }
    Ok(())
}

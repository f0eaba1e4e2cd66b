//! A segment of sealed history: some thousand signals in one value, prospect by prospect, so that all of them can be read
//! at the speed of memory. Whole numbers only, as LEB128; what repeats (links, answers, names) stands in it once.
//!
//! Layout: version; the different details; the different words; the prospects, each with how many signals and bytes; for
//! each signal the number of its detail, doubled, plus one for a machine's; then the signals, field by field. It knows
//! nothing of tables, and what it says of a signal is no more than what the signal's row says.

use crate::domain::id::ProspectId;
use crate::store::engine::record::record;
use std::collections::BTreeMap;
use std::ops::Range;

/// Another layout gets another number; segments with a number we do not know are built anew.
const VERSION: u8 = 1;

/// A signal as its row holds it, but for what makes a repetition the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub id: i64,
    pub prospect_id: i64,
    /// When it happened, in milliseconds.
    pub occurred_at: i64,
    /// When we learnt of it, in milliseconds.
    pub recorded_at: i64,
    pub delivery_id: Option<i64>,
    pub issue_id: Option<i64>,
    pub by_whom: Option<String>,
    /// Why it was taken for a machine's.
    pub machine: Option<String>,
    pub detail: String,
}

record!(Row { id, prospect_id, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail });

/// A segment, opened: what stands before the signals is read, the signals are not.
#[derive(Debug)]
pub struct Segment {
    bytes: Vec<u8>,
    details: Vec<Range<usize>>,
    words: Vec<String>,
    people: Vec<Person>,
    marks: Vec<u32>,
}

/// A prospect in a segment.
#[derive(Debug, Clone)]
pub struct Person {
    pub prospect: ProspectId,
    /// Which of `marks`.
    marks: Range<usize>,
    bytes: Range<usize>,
}

/// The bytes are not a segment of ours.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it is not laid out as we lay it out")]
pub struct Broken;

const DELIVERY: u64 = 1;
const ISSUE: u64 = 2;
const BY: u64 = 4;
const MACHINE: u64 = 8;

/// Packs signals.
pub fn pack(mut rows: Vec<Row>) -> Vec<u8> {
    rows.sort_unstable_by_key(|row| (row.prospect_id, row.id));
    let mut details = Table::default();
    let mut words = Table::default();
    let (mut marks, mut people, mut signals) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = 0;
    for of_one in rows.chunk_by(|a, b| a.prospect_id == b.prospect_id) {
        let begins = signals.len();
        let (mut id, mut at) = (0, 0);
        for row in of_one {
            put(&mut marks, details.number(&row.detail) << 1 | u64::from(row.machine.is_some()));
            put(&mut signals, zigzag(row.id.wrapping_sub(id)));
            put(&mut signals, zigzag(row.occurred_at.wrapping_sub(at)));
            put(&mut signals, zigzag(row.recorded_at.wrapping_sub(row.occurred_at)));
            (id, at) = (row.id, row.occurred_at);
            let there = |is: bool, flag: u64| if is { flag } else { 0 };
            let flags = there(row.delivery_id.is_some(), DELIVERY) | there(row.issue_id.is_some(), ISSUE);
            put(&mut signals, flags | there(row.by_whom.is_some(), BY) | there(row.machine.is_some(), MACHINE));
            for number in [row.delivery_id, row.issue_id].into_iter().flatten() {
                put(&mut signals, zigzag(number));
            }
            for word in [&row.by_whom, &row.machine].into_iter().flatten() {
                put(&mut signals, words.number(word));
            }
        }
        put(&mut people, zigzag(of_one[0].prospect_id.wrapping_sub(before)));
        put(&mut people, of_one.len() as u64);
        put(&mut people, (signals.len() - begins) as u64);
        before = of_one[0].prospect_id;
    }
    let mut packed = vec![VERSION];
    details.put(&mut packed);
    words.put(&mut packed);
    put(&mut packed, rows.chunk_by(|a, b| a.prospect_id == b.prospect_id).count() as u64);
    packed.extend(people);
    packed.extend(marks);
    packed.extend(signals);
    packed
}

impl Segment {
    /// Opens a segment.
    ///
    /// # Errors
    /// When it is not one of ours.
    pub fn open(bytes: Vec<u8>) -> Result<Self, Broken> {
        let mut from = Bytes { bytes: &bytes, at: 1 };
        if bytes.first() != Some(&VERSION) {
            return Err(Broken);
        }
        let details = from.texts()?;
        let words = from.texts()?.into_iter().map(|at| text(&bytes, at).map(str::to_owned)).collect::<Result<_, _>>()?;
        let mut people: Vec<Person> = Vec::new();
        let (mut prospect, mut signals, mut length) = (0_i64, 0_usize, 0_usize);
        for _ in 0..from.count()? {
            prospect = prospect.wrapping_add(from.signed()?);
            let (count, size) = (from.count()?, from.count()?);
            let (marks, bytes) = (signals..signals + count, length..length + size);
            (signals, length) = (marks.end, bytes.end);
            people.push(Person { prospect: ProspectId(prospect), marks, bytes });
        }
        let marks: Vec<u32> = (0..signals).map(|_| from.small()).collect::<Result<_, _>>()?;
        let begins = from.at;
        if bytes.len() != begins + length || marks.iter().any(|mark| (mark >> 1) as usize >= details.len()) {
            return Err(Broken);
        }
        for person in &mut people {
            person.bytes = begins + person.bytes.start..begins + person.bytes.end;
        }
        Ok(Self { bytes, details, words, people, marks })
    }

    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// How many different details there are.
    pub fn details(&self) -> usize {
        self.details.len()
    }

    /// One of them, as JSON.
    ///
    /// # Errors
    /// When it is not text.
    pub fn detail(&self, number: usize) -> Result<&str, Broken> {
        text(&self.bytes, self.details[number].clone())
    }

    /// For each signal of a prospect, the number of its detail, and whether it was taken for a machine's.
    pub fn marks(&self, of: &Person) -> impl Iterator<Item = (usize, bool)> {
        self.marks[of.marks.clone()].iter().map(|mark| ((mark >> 1) as usize, mark & 1 == 1))
    }

    /// The signals of a prospect, each with the number of its detail, which is not read.
    ///
    /// # Errors
    /// When it is not one of ours.
    pub fn rows(&self, of: &Person) -> Result<Vec<(Row, usize)>, Broken> {
        let mut from = Bytes { bytes: &self.bytes[..of.bytes.end], at: of.bytes.start };
        let (mut id, mut at) = (0_i64, 0_i64);
        let rows: Vec<(Row, usize)> = self
            .marks(of)
            .map(|(detail, _)| {
                id = id.wrapping_add(from.signed()?);
                at = at.wrapping_add(from.signed()?);
                let recorded_at = at.wrapping_add(from.signed()?);
                let flags = from.number()?;
                let mut there = |flag: u64| if flags & flag == 0 { Ok(None) } else { from.signed().map(Some) };
                let (delivery_id, issue_id) = (there(DELIVERY)?, there(ISSUE)?);
                let mut word = |flag: u64| match flags & flag {
                    0 => Ok(None),
                    _ => self.words.get(from.count()?).cloned().map(Some).ok_or(Broken),
                };
                let (by_whom, machine) = (word(BY)?, word(MACHINE)?);
                let detail_text = String::new();
                let (occurred_at, prospect_id) = (at, of.prospect.0);
                let row = Row {
                    id,
                    prospect_id,
                    occurred_at,
                    recorded_at,
                    delivery_id,
                    issue_id,
                    by_whom,
                    machine,
                    detail: detail_text,
                };
                Ok((row, detail))
            })
            .collect::<Result<_, Broken>>()?;
        if from.at == of.bytes.end { Ok(rows) } else { Err(Broken) }
    }

    /// All of its signals again, as their rows held them.
    ///
    /// # Errors
    /// When it is not one of ours.
    pub fn unpack(&self) -> Result<Vec<Row>, Broken> {
        let mut all = Vec::with_capacity(self.marks.len());
        for person in &self.people {
            for (row, detail) in self.rows(person)? {
                all.push(Row { detail: self.detail(detail)?.to_owned(), ..row });
            }
        }
        Ok(all)
    }
}

/// Different texts, each once, in the order in which they came.
#[derive(Default)]
struct Table<'a> {
    numbers: BTreeMap<&'a str, u64>,
    texts: Vec<&'a str>,
}

impl<'a> Table<'a> {
    fn number(&mut self, text: &'a str) -> u64 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() as u64 - 1
        })
    }

    fn put(&self, to: &mut Vec<u8>) {
        put(to, self.texts.len() as u64);
        for text in &self.texts {
            put(to, text.len() as u64);
            to.extend(text.as_bytes());
        }
    }
}

fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

/// Small numbers of either sign become small numbers.
const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn text(bytes: &[u8], at: Range<usize>) -> Result<&str, Broken> {
    std::str::from_utf8(&bytes[at]).map_err(|_| Broken)
}

struct Bytes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bytes<'_> {
    fn number(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(Broken)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Broken)
    }

    fn signed(&mut self) -> Result<i64, Broken> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn small(&mut self) -> Result<u32, Broken> {
        u32::try_from(self.number()?).map_err(|_| Broken)
    }

    /// A count or a length: never more than there are bytes.
    fn count(&mut self) -> Result<usize, Broken> {
        let count = usize::try_from(self.number()?).map_err(|_| Broken)?;
        if count <= self.bytes.len() { Ok(count) } else { Err(Broken) }
    }

    fn texts(&mut self) -> Result<Vec<Range<usize>>, Broken> {
        let count = self.count()?;
        let mut texts = Vec::new();
        for _ in 0..count {
            let length = self.count()?;
            let at = self.at..self.at + length;
            self.at = at.end;
            if at.end > self.bytes.len() {
                return Err(Broken);
            }
            texts.push(at);
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row() -> impl Strategy<Value = Row> {
        let number = proptest::option::of(any::<i64>());
        let word = proptest::option::of("[a-z]{1,3}");
        (-3..40_i64, any::<i64>(), any::<i64>(), number.clone(), number, word.clone(), word, "\\PC{0,8}").prop_map(
            |(prospect_id, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail)| Row {
                id: 0,
                prospect_id,
                occurred_at,
                recorded_at,
                delivery_id,
                issue_id,
                by_whom,
                machine,
                detail,
            },
        )
    }

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let numbered = |(i, row): (usize, Row)| Row { id: i64::try_from(i).expect("few") * 7 - 20, ..row };
        proptest::collection::vec(row(), 0..60).prop_map(move |rows| rows.into_iter().enumerate().map(numbered).collect())
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_as_it_went_in(rows in rows()) {
            let segment = Segment::open(pack(rows.clone())).expect("a segment");
            let mut expected = rows;
            expected.sort_by_key(|row| (row.prospect_id, row.id));
            let marked: Vec<bool> = segment.people().iter().flat_map(|p| segment.marks(p).map(|(_, machine)| machine)).collect();
            prop_assert_eq!(marked, expected.iter().map(|row| row.machine.is_some()).collect::<Vec<_>>());
            prop_assert_eq!(segment.unpack().expect("rows"), expected);
        }

        #[test]
        fn bytes_of_anybody_are_refused_and_break_nothing(rows in rows(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = pack(rows);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(segment) = Segment::open(bytes.clone()) {
                drop(segment.unpack());
            }
            bytes.truncate(at);
            prop_assert!(Segment::open(bytes).is_err());
        }
    }
}

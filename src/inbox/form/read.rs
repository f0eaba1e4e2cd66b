//! A form: from a content type and bytes to its fields.

use super::charset::Charset;
use super::header::Header;
use super::problem::{MOST_BYTES, MOST_FIELDS, Problem};
use super::{clean, multipart, plain, urlencoded};
use std::collections::BTreeMap;

/// The fields of a form in the order in which they were sent; a name may repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    pub fields: Vec<(String, String)>,
}

/// The field in which a browser names the encoding of the form.
const CHARSET: &str = "_charset_";

/// The names under which a form gives the address, in the order in which they are looked for; in any case, and with `_` for `-`.
const ADDRESS: [&str; 3] = ["email", "e-mail", "mail"];

/// Reads a form. Without a content type it is taken for what browsers send by default.
///
/// # Errors
/// [`Problem`], in words for whoever built the form.
pub fn read(content_type: Option<&[u8]>, body: &[u8]) -> Result<Form, Problem> {
    if body.len() > MOST_BYTES {
        return Err(Problem::TooLarge);
    }
    let kind = Header::parse(content_type.unwrap_or_default());
    let raw: Vec<Raw> = match kind.value.as_str() {
        "" | "application/x-www-form-urlencoded" => urlencoded::pairs(body).map(Raw::typed).collect(),
        "text/plain" => plain::pairs(body).into_iter().map(Raw::typed).collect(),
        "multipart/form-data" => multipart::parts(&kind, body)?.into_iter().filter_map(Raw::part).collect(),
        _ => return Err(Problem::NotAForm),
    };
    if raw.len() > MOST_FIELDS {
        return Err(Problem::TooManyFields);
    }
    let named = raw.iter().find(|field| field.name == CHARSET.as_bytes()).map(|field| field.value.as_slice());
    let label = kind.parameter("charset").or(named);
    let own = raw.iter().filter(|field| field.charset.is_none()).flat_map(|field| [&field.name[..], &field.value]);
    let charset = Charset::choose(label, own);
    let fields = raw.iter().map(|field| field.text(charset)).filter(|(name, _)| !name.is_empty() && name != CHARSET);
    Ok(Form { fields: fields.collect() })
}

/// A field whose bytes are not decoded yet.
struct Raw {
    name: Vec<u8>,
    value: Vec<u8>,
    charset: Option<Vec<u8>>,
    is_file: bool,
}

impl Raw {
    fn typed((name, value): (Vec<u8>, Vec<u8>)) -> Self {
        Self { name, value, charset: None, is_file: false }
    }

    /// A file is dropped, and its name kept as a note; a file that was not chosen is nothing.
    fn part(part: multipart::Part) -> Option<Self> {
        let multipart::Part { name, value, charset, file } = part;
        match file {
            Some(file) if file.is_empty() && value.is_empty() => None,
            Some(file) => Some(Self { name, value: file, charset: None, is_file: true }),
            None => Some(Self { name, value, charset, is_file: false }),
        }
    }

    fn text(&self, charset: Charset) -> (String, String) {
        let own = self.charset.as_deref().map_or(charset, |label| Charset::choose(Some(label), std::iter::once(&self.value[..])));
        let value = clean::value(&own.decode(&self.value));
        let value = if self.is_file { format!("{value} (a file, not kept)").trim().to_owned() } else { value };
        (clean::name(&charset.decode(&self.name)), value)
    }
}

impl Form {
    /// Takes the address out: the first that is not blank, of the field that is called most plainly so.
    pub fn take_address(&mut self) -> Option<String> {
        let is = |name: &str, wanted: &str| name.to_ascii_lowercase().replace('_', "-") == wanted;
        let of = |wanted| self.fields.iter().find(|(name, value)| is(name, wanted) && !value.is_empty());
        let (taken, value) = ADDRESS.into_iter().find_map(of).cloned()?;
        self.fields.retain(|(name, _)| *name != taken);
        Some(clean::address(&value))
    }

    /// Takes a field out: its last value that is not blank.
    pub fn take(&mut self, wanted: &str) -> Option<String> {
        let found = self.fields.iter().rev().find(|(name, value)| name == wanted && !value.is_empty());
        let found = found.map(|(_, value)| value.clone());
        self.fields.retain(|(name, _)| name != wanted);
        found
    }

    /// The fields by name, every value of a repeated one on a line of its own: boxes that were ticked, in their order.
    pub fn by_name(self) -> BTreeMap<String, String> {
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in self.fields {
            let values = said.entry(name).or_default();
            if !value.is_empty() && !values.contains(&value) {
                values.push(value);
            }
        }
        said.into_iter().map(|(name, values)| (name, values.join("\n"))).collect()
    }
}

//! The reading of exported lists, by example.

use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::external_id::ExternalId;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::inbox::list::columns::MapFile;
use crate::inbox::list::decode::Charset;
use crate::inbox::list::prospects::{self, ImportError, Options, Row, RowError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Read;

fn declared() -> BTreeMap<Name, FieldType> {
    let fields = [("employees", FieldType::Number), ("language", FieldType::Text), ("renewal", FieldType::Date)];
    fields.into_iter().map(|(name, kind)| (Name::parse(name).expect("name"), kind)).collect()
}

fn read(file: &[u8]) -> Vec<Result<Row, RowError>> {
    prospects::open(file, &Options { map: None, declared: &declared(), source: "import a.csv" }).expect("a list").collect()
}

fn good(file: &str) -> Row {
    read(file.as_bytes()).remove(0).expect("a row")
}

#[test]
fn a_hubspot_row_is_read() {
    let row = good(
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Company Name,Contact owner,Number of Employees,\
         Unsubscribed from all email,Legal basis for processing contact's data\n\
         7,Ada,Vega,Ada@Albareda.example,,+34 600,\"Albareda, S.L.\",Dana Ortega,\"1,200\",false,Legitimate interest\n",
    );
    assert_eq!(row.arrival.address.as_str(), "ada@albareda.example");
    assert_eq!(row.arrival.name.as_deref(), Some("Ada Vega"));
    assert_eq!(row.arrival.phone.as_deref(), Some("+34 600"));
    assert_eq!(row.arrival.company.as_deref(), Some("Albareda, S.L."));
    assert_eq!(row.arrival.owner.as_deref(), Some("Dana Ortega"));
    assert!(!row.arrival.email_opt_out && row.warnings.is_empty());
    let fields: Vec<(String, &str)> = row.arrival.fields.iter().map(|(name, value)| (name.to_string(), value.as_str())).collect();
    assert_eq!(fields, [("employees".to_owned(), "1200")]);
    assert_eq!(row.arrival.external_id, ExternalId::parse("hubspot", "7"));
    assert_eq!((row.line, row.arrival.consents), (2, vec![Consent::undated(Purpose::Mail, true, "Legitimate interest")]));
}

#[test]
fn values_mean_what_they_say() {
    let row = good(
        "email;dnc;Do Not Call;tags;preferred_locale;tracking consent;tracking_consent_date\na@x.example;0;x;a, b|c;es_ES;yes;2026-01-02\n",
    );
    assert!(!row.arrival.email_opt_out && row.arrival.phone_opt_out);
    assert_eq!(row.arrival.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(row.arrival.fields.values().collect::<Vec<_>>(), ["es"]);
    let given_at = "2026-01-02T00:00:00Z".parse().ok();
    let said = Consent { given_at, ..Consent::undated(Purpose::Tracking, true, "import a.csv") };
    assert_eq!(row.arrival.consents, [said]);
    assert!(good("email;unsubscribed\na@x.example;unknown word\n").arrival.email_opt_out);
    let refused = good("email,marketing consent\na@x.example,No\n").arrival.consents;
    assert_eq!(refused, [Consent::undated(Purpose::Mail, false, "import a.csv")], "a no is said too");
}

#[test]
fn blank_is_absent_and_the_first_value_of_two_columns_counts() {
    let row = good("email,phone,mobile,company,industry\na@x.example, ,+1,,\n");
    assert_eq!((row.arrival.phone.as_deref(), row.arrival.company, row.arrival.fields.len()), (Some("+1"), None, 0));
    assert_eq!(good("email,phone,mobile\na@x.example,+2,+1\n").arrival.phone.as_deref(), Some("+2"));
}

#[test]
fn a_bad_value_costs_itself_and_a_bad_address_its_row() {
    let rows = read(
        b"Email,Employees,Renewal\na@x.example,many,2026-13-01\nsecret-at-home,1,\n,1,\n\
          b@x.example,1,2026-02-01,surplus\nc@x.example\n,,\n\"d@x.example\" oops,1\ne@x.example,2,\n",
    );
    let shown: Vec<String> = rows
        .iter()
        .map(|row| match row {
            Ok(row) => {
                format!(
                    "{} {} {:?}",
                    row.line,
                    row.arrival.address,
                    row.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
                )
            }
            Err(error) => error.to_string(),
        })
        .collect();
    let expected = [
        "2 a@x.example [\"line 2, column \\\"Employees\\\": not a number\", \"line 2, column \\\"Renewal\\\": not a date; write YYYY-MM-DD\"]",
        "line 3, column \"Email\": not a mail address",
        "line 4, column \"Email\": no e-mail address; fill it in or delete the row",
        "line 5: the row has 4 cells and the header 3; put a cell that holds a comma in double quotes",
        "6 c@x.example []",
        "line 8: the quotes do not pair up; put the field in quotes and double each quote inside it",
        "9 e@x.example []",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn encodings_and_delimiters_are_named() {
    let declared = declared();
    let options = Options { map: None, declared: &declared, source: "import a.csv" };
    let mut list = prospects::open(&b"E-Mail;Full Name\r\na@x.example;Bego\xf1a\r\n"[..], &options).expect("a list");
    let row = list.next().expect("a row").expect("a good one");
    assert_eq!((row.arrival.name.as_deref(), list.encoding(), list.delimiter()), (Some("Begoña"), Charset::Windows1252, ';'));
    let wide: Vec<u8> = "\u{feff}email\tname\nb@x.example\tÅsa\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut list = prospects::open(wide.as_slice(), &options).expect("a list");
    assert_eq!(list.next().expect("a row").expect("a good one").arrival.name.as_deref(), Some("Åsa"));
    assert_eq!((list.encoding(), list.delimiter()), (Charset::Utf16LittleEndian, '\t'));
}

#[test]
fn a_list_without_addresses_says_what_to_do() {
    let declared = declared();
    let none = Options { map: None, declared: &declared, source: "import a.csv" };
    let error = prospects::open(&b"Nombre,Buz\xc3\xb3n\n"[..], &none).err().expect("refused");
    let words = error.to_string();
    assert!(matches!(error, ImportError::NoAddress { .. }) && words.contains("\"Buzón\"") && words.contains("--map"), "{words}");
    assert!(matches!(prospects::open(&b"\n\n"[..], &none), Err(ImportError::Empty)));
    let map = Some(MapFile::parse("\"Buzón\" = \"email\"\nNombre = \"name\"\nTypo = \"phone\"").expect("map"));
    let mut list = prospects::open(
        "Nombre,Buzón\nAda,a@x.example\n".as_bytes(),
        &Options { map, declared: &declared, source: "import a.csv" },
    )
    .expect("a list");
    assert_eq!(list.unused(), ["Typo"]);
    assert_eq!(list.next().expect("a row").expect("a good one").arrival.name.as_deref(), Some("Ada"));
}

/// A list of a hundred thousand rows that is never in memory.
struct Endless {
    next: usize,
    rest: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() && self.next <= 100_000 {
            self.rest = format!("p{}@x.example,Ada,Vega,\"Albareda, S.L.\"\n", self.next).into_bytes();
            self.next += 1;
        }
        let take = self.rest.len().min(buffer.len());
        buffer[..take].copy_from_slice(&self.rest[..take]);
        self.rest.drain(..take);
        Ok(take)
    }
}

#[test]
fn a_list_of_a_hundred_thousand_rows_is_read_row_by_row() {
    let declared = declared();
    let source = Endless { next: 1, rest: b"email,first name,last name,company\n".to_vec() };
    let list = prospects::open(source, &Options { map: None, declared: &declared, source: "import a.csv" }).expect("a list");
    assert_eq!(list.flatten().count(), 100_000);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut file = b"email,name,employees\n".to_vec();
        file.extend(bytes);
        for row in read(&file).into_iter().flatten() {
            prop_assert!(row.arrival.name.is_none_or(|name| !name.contains(['\r', '\n', '\0'])));
        }
    }
}

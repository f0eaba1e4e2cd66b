//! The reading of exported lists, by example.

use crate::domain::consent::{Consent, Purpose};
use crate::domain::doorway::external_id::ExternalId;
use crate::domain::id::Name;
use crate::domain::prospect::FieldType;
use crate::inbox::list::decode::{Charset, encoding};
use crate::inbox::list::map_file::MapFile;
use crate::inbox::list::prospects::{self, Options};
use crate::inbox::list::refusal::ImportError;
use crate::inbox::list::row::{Row, RowError};
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
    let refused = good("email,marketing consent\na@x.example,No\n").arrival;
    assert_eq!(refused.consents, [Consent::undated(Purpose::Mail, false, "import a.csv")], "a no is said too");
    assert!(refused.email_opt_out, "a consent that says no suppresses like an opt-out");
}

fn mapped(map: &str, file: &str) -> (Vec<Result<Row, RowError>>, Option<String>) {
    let declared = declared();
    let map = Some(MapFile::parse(map).expect("a map"));
    let mut list =
        prospects::open(file.as_bytes(), &Options { map, declared: &declared, source: "import a.csv" }).expect("a list");
    let rows = list.by_ref().collect();
    (rows, (!list.unread().is_empty()).then(|| list.unread().to_string()))
}

#[test]
fn a_column_of_permission_that_is_not_understood_stops_the_list_and_says_what_to_write() {
    let declared = declared();
    let options = Options { map: None, declared: &declared, source: "import a.csv" };
    let error =
        prospects::open(&b"Email,Kundenwunsch Werbung\na@x.example,1\n"[..], &options).err().expect("refused").to_string();
    for words in ["\"Kundenwunsch Werbung\" = \"email_opt_out\"", "--map FILE", "mail_consent", "\"ignore\""] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let mut list =
        prospects::open("Email,Status\na@x.example,subscribed\nb@x.example,Gold\nc@x.example,Gold\n".as_bytes(), &options)
            .expect("a list");
    let rows: Vec<_> = list.by_ref().collect();
    assert!(
        rows[0].is_ok() && rows[1].is_err() && rows[2].is_err(),
        "what is not understood is neither mailed nor suppressed: {rows:?}"
    );
    let words = list.unread().to_string();
    for expected in ["column \"Status\", lines 3, 4", "\"Status\" = { target = \"status\", stop = [\"Gold\"]", "--map FILE"] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    // What slipped into the column is not repeated if it is an address.
    let (_, unread) = mapped("", "Email,Unsubscribed\na@x.example,ada@secret.example\n");
    assert!(unread.is_some_and(|words| words.contains("line 2") && !words.contains("secret")));
}

#[test]
fn the_line_that_a_refusal_proposes_is_a_map_that_works() {
    let file = "Email,\"E-mail \\ \"\"status\"\"\"\na@x.example,Gold\n";
    let (_, unread) = mapped("", file);
    let line = unread.expect("refused").lines().find(|line| line.contains("stop = [")).expect("a line").to_owned();
    let (rows, unread) = mapped(&line, file);
    assert!(unread.is_none() && rows[0].as_ref().is_ok_and(|row| row.arrival.email_opt_out), "{line}: {rows:?}");
}

#[test]
fn a_map_names_values() {
    let map = "Wish = { target = \"email_status\", ok = [\"Gold\", 1], stop = [\"Lead\", \"\"], blank = [\"?\"] }";
    let (rows, unread) = mapped(
        map,
        "Email,Wish\na@x.example,gold\nb@x.example,LEAD\nc@x.example,\nd@x.example,?\ne@x.example,1\nf@x.example,bounced\n",
    );
    let out: Vec<bool> = rows.iter().map(|row| row.as_ref().expect("a good row").arrival.email_opt_out).collect();
    assert_eq!((out, unread), (vec![false, true, true, false, false, true], None));
    let (rows, _) = mapped(
        "Wish = { target = \"mail_consent\", ok = [\"A\"], otherwise = \"stop\" }",
        "Email,Wish\na@x.example,a\nb@x.example,whatever\n",
    );
    let said: Vec<_> =
        rows.into_iter().map(|row| row.expect("a good row").arrival).map(|a| (a.email_opt_out, a.consents[0].given)).collect();
    assert_eq!(said, [(false, true), (true, false)]);
    let (rows, unread) =
        mapped("Status = \"field:stage\"\nUnsubscribed = \"ignore\"", "Email,Status,Unsubscribed\na@x.example,Gold,yes\n");
    assert!(unread.is_none() && rows[0].as_ref().is_ok_and(|row| !row.arrival.email_opt_out && row.arrival.fields.len() == 1));
}

#[test]
fn a_no_in_one_of_several_columns_is_a_no() {
    let row = good("email,Opted out of email: A,Opted out of email: B,Newsletter\na@x.example,No,Yes,yes\n");
    assert!(row.arrival.email_opt_out);
    assert!(good("email,Marketing consent,Email consent\na@x.example,no,yes\n").arrival.email_opt_out);
    assert!(good("email,Legal basis\na@x.example,Consent withdrawn\n").arrival.email_opt_out);
    let agreed = good("email,Newsletter\na@x.example,2025-01-02\n").arrival;
    assert_eq!((agreed.email_opt_out, agreed.consents[0].given_at), (false, "2025-01-02T00:00:00Z".parse().ok()));
    let phone = good("email,Do not call,Phone consent\na@x.example,FALSCH,nein\n").arrival;
    assert!(phone.phone_opt_out && !phone.email_opt_out);
}

#[test]
fn a_name_in_halves_is_whole() {
    for (file, name) in [
        ("email,Nombre,Apellidos\na@x.example,Ada,Vega Ruiz\n", "Ada Vega Ruiz"),
        ("email,Nom,Prénom\na@x.example,Vega,Ada\n", "Ada Vega"),
        ("email,Name,Vorname\na@x.example,Vega,Ada\n", "Ada Vega"),
        ("email,Name,First Name\na@x.example,Ada Vega,Ada\n", "Ada Vega"),
        ("email,Name,Last Name\na@x.example,Ada Vega,Vega\n", "Ada Vega"),
        ("email,Name,First Name,Last Name\na@x.example,Ada V.,Ada,Vega\n", "Ada V."),
        ("email,First Name\na@x.example,Ada\n", "Ada"),
    ] {
        assert_eq!(good(file).arrival.name.as_deref(), Some(name), "{file}");
    }
}

#[test]
fn what_a_spreadsheet_did_to_a_value_is_reported_and_not_stored() {
    let row = good("email,phone,company,country\n\"a@x.example, b@x.example\",3.46E+11,#NAME?,N/A\n");
    assert_eq!((row.arrival.phone.as_deref(), row.arrival.company.as_deref()), (None, None));
    let words: Vec<&str> = row.warnings.iter().map(|warning| warning.words.as_str()).collect();
    assert_eq!(words.len(), 3, "{words:?}");
    assert!(
        words[0].contains("several addresses") && words[1].contains("scientific") && words[2].contains("formula"),
        "{words:?}"
    );
}

#[test]
fn what_stands_above_and_below_the_table_is_no_row() {
    let declared = declared();
    let options = Options { map: None, declared: &declared, source: "import a.csv" };
    let text = "Report of May\n\nEmail,Name\na@x.example,Ada\n\nb@x.example,Bo\n,,\n\nTotal: 2\nCopyright (c)\n\
                Generated by dana@x.example at noon\nc@x.example,Cy\n";
    let mut list = prospects::open(text.as_bytes(), &options).expect("a list");
    let rows: Vec<String> = list.by_ref().map(|row| row.expect("a good row").arrival.address.to_string()).collect();
    assert_eq!(rows, ["a@x.example", "b@x.example", "c@x.example"], "a blank line ends no table");
    assert_eq!((list.header_line(), list.below()), (3, Some((9, 11))));
    // A row of people that names a header is not the header.
    let error = prospects::open(&b"Name;Buzon;Kanal\nAda;a@x.example;E-Mail\nBo;;E-Mail\n"[..], &options).err().expect("refused");
    assert!(matches!(error, ImportError::NoAddress { headers } if headers[1] == "Buzon"));
}

#[test]
fn a_named_encoding_is_honoured() {
    let declared = declared();
    let options = Options { map: None, declared: &declared, source: "import a.csv" };
    let mut list = prospects::open_as(&b"email,name\na@x.example,\xa3uk\n"[..], encoding("cp1250"), &options).expect("a list");
    assert_eq!(list.next().expect("a row").expect("a good one").arrival.name.as_deref(), Some("Łuk"));
    assert_eq!((list.encoding().words(), list.encoding().is_guess()), ("windows-1250", false));
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

#[test]
fn a_file_that_is_no_list_or_a_list_of_nos_is_known() {
    let declared = declared();
    let options = Options { map: None, declared: &declared, source: "import a.csv" };
    for (bytes, words) in [
        (&b"PK\x03\x04\x14\0\x06\0"[..], "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
        (b"<html><table><tr><td>Email</td>", "HTML"),
        (b"BEGIN:VCARD\nEMAIL:a@x.example\n", "vCards"),
        (b"[{\"email\": \"a@x.example\"}]", "JSON"),
    ] {
        let error = prospects::open(bytes, &options).err().expect("refused").to_string();
        assert!(error.contains(words) && error.contains("CSV"), "{words}: {error}");
    }
    let named = |text: &str, file: &str| prospects::open(text.as_bytes(), &options).expect("a list").is_named_so(file);
    assert!(
        named("Email\na@x.example\n", "unsubscribed_members_export_7.csv") && named("Email\na@x.example\n", "Bounces 2025.csv")
    );
    assert!(!named("Email,UNSUB_TIME\na@x.example,2025-01-01\n", "unsubscribed_members_export_7.csv"));
    assert!(!named("Email\na@x.example\n", "subscribed_members_export_7.csv"));
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

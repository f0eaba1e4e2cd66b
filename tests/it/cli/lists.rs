//! Lists in and out, on both engines: what three programs export, what is wrong with a row, what goes into a spreadsheet.

use super::Desk;
use std::fmt::Write;
use std::io::Read;
use std::process::Stdio;

const HUBSPOT: &str = "\u{feff}Record ID;First Name;Last Name;Email;Phone Number;Company name;Job Title;Industry;Number of Employees;\
    Unsubscribed from all email\r\n\
    1;Ada;Vega;Ada@Albareda.example;+34 600;Albareda;Plant manager;Food;1.200;\r\n\
    2;Zoë;Ruiz;zoe@albareda.example;;Albareda;;Packaging;;TRUE\r\n";

#[test]
fn a_hubspot_list_comes_in_once_and_goes_out_safe() {
    Desk::each(|desk| {
        let list = desk.file("hubspot.csv", HUBSPOT);
        let first = desk.run(&["prospects", "import", &list, "--as-of", "2026-05-01"]);
        assert_eq!(first.code, 0, "{first:?}");
        assert!(
            first.out.contains("2 read, 2 added, 0 changed, 0 unchanged, 0 repeated, 0 bad. New suppressions: 1."),
            "{first:?}"
        );
        assert!(first.out.contains("Read as UTF-8, cells parted by ';'") && !first.out.contains("Kept as text"), "{first:?}");

        let before = desk.json(&["prospects", "show", "ada@albareda.example"]);
        assert_eq!((before["name"].as_str(), before["phone"].as_str()), (Some("Ada Vega"), Some("+34 600")));
        assert_eq!(before["fields"]["employees"], "1200");
        assert_eq!(before["signals"][0]["detail"]["as_of"], "2026-05-01");
        let again = desk.json(&["prospects", "import", &list, "--as-of", "2026-05-01"]);
        assert_eq!((&again["unchanged"], &again["suppressed"]), (&2.into(), &0.into()));
        assert_eq!(desk.json(&["prospects", "show", "ada@albareda.example"]), before, "importing again changes nothing");
        assert_eq!(desk.json(&["prospects", "show", "zoe@albareda.example"])["mail_stop"], "opted_out");

        // A list without the opt-out takes nothing back, and what is blank overwrites nothing.
        let blank = desk.pipe(&["prospects", "import", "-"], b"email,name,phone\nzoe@albareda.example,,\n");
        assert_eq!(blank.code, 0);
        let zoe = desk.json(&["prospects", "show", "zoe@albareda.example"]);
        assert_eq!((zoe["mail_stop"].as_str(), zoe["name"].as_str()), (Some("opted_out"), Some("Zoë Ruiz")));

        let hostile = "email,name,Note\n=ada@x.example,=1+1,x\nbob@x.example,=1+1,@cmd\n";
        let hostile = desk.pipe(&["prospects", "import", "-"], hostile.as_bytes());
        assert_eq!(hostile.code, 0, "{hostile:?}");
        let out = desk.run(&["prospects", "export"]).out;
        assert!(out.contains("'=1+1") && out.contains("'@cmd") && out.contains("'+34 600"), "{out}");
        for cell in csv::Reader::from_reader(out.as_bytes())
            .records()
            .flat_map(|r| r.expect("a record").iter().map(str::to_owned).collect::<Vec<_>>())
        {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
        // What went out comes in elsewhere as the same people, and here as nothing new.
        let file = desk.path("out.csv").to_string_lossy().into_owned();
        assert_eq!(desk.run(&["prospects", "export", "--output", &file]).code, 0);
        assert_eq!(desk.json(&["prospects", "import", &file])["unchanged"], 4);
        let elsewhere = Desk::new();
        let report = elsewhere.json(&["prospects", "import", &file]);
        assert_eq!((&report["added"], &report["suppressed"], &report["bad"]), (&4.into(), &1.into(), &0.into()));
        assert_eq!(elsewhere.run(&["prospects", "export"]).out, out);
    });
}

#[test]
fn salesforce_and_mautic_lists_are_known_by_their_headers() {
    Desk::each(|desk| {
        // "Begoña" as Excel writes it in western Europe.
        let salesforce = b"Full Name,Title,Company / Account,Email,HasOptedOutOfEmail,Do Not Call,Lead Owner\n\
                       Bego\xf1a Sol,Director,Sol,bego@sol.example,0,1,Dana Ortega\n";
        let file = desk.file("salesforce.csv", salesforce);
        let left = desk.run(&["prospects", "import", &file]);
        assert_eq!(left.code, 0, "{left:?}");
        assert!(left.out.contains("Windows-1252"), "{left:?}");
        let bego = desk.json(&["prospects", "show", "bego@sol.example"]);
        assert_eq!((bego["name"].as_str(), bego["previous_salesperson"].as_str()), (Some("Begoña Sol"), Some("dana")));
        let stop = &bego["suppressions"][0];
        assert_eq!(
            (stop["channel"].as_str(), stop["reason"].as_str(), &bego["mail_stop"]),
            (Some("phone"), Some("opted_out"), &serde_json::Value::Null)
        );

        let mautic = "firstname,lastname,email,position,preferred_locale,points,tags,dnc,tracking consent,tracking_consent_date\n\
        Ada,Vega,ada@x.example,Chef,es_ES,7,\"fair-2025|customer\",0,yes,2026-02-03\n";
        assert_eq!(desk.pipe(&["prospects", "import", "-"], mautic.as_bytes()).code, 0);
        let ada = desk.json(&["prospects", "show", "ada@x.example"]);
        assert_eq!((ada["fields"]["language"].as_str(), ada["fields"]["points"].as_str()), (Some("es"), Some("7")));
        assert_eq!((&ada["tags"][1], &ada["tracking_consent"]), (&"fair-2025".into(), &true.into()));
        let consent = &ada["consents"][0];
        assert_eq!(
            (consent["source"].as_str(), consent["given_at"].as_str()),
            (Some("import standard input"), Some("2026-02-03T00:00:00Z"))
        );
    });
}

#[test]
fn a_bad_row_is_said_with_its_line_and_stops_nothing() {
    Desk::each(|desk| {
        let list = "Email,Employees\na@x.example,many\nsecret-at-home,1\nb@x.example,2,3\n\"c@x.example\" oops,1\nd@x.example,4\nD@x.example,5\n";
        let file = desk.file("list.csv", list);
        let left = desk.run(&["prospects", "import", &file]);
        assert_eq!(left.code, 65, "{left:?}");
        assert!(left.out.contains("6 read, 2 added, 0 changed, 0 unchanged, 1 repeated, 3 bad."), "{left:?}");
        for line in [
            "list.csv:2: column \"Employees\": not a number (left out)",
            "list.csv:3: column \"Email\":",
            "list.csv:4:",
            "list.csv:5:",
        ] {
            assert!(left.err.contains(line), "{line}: {left:?}");
        }
        assert!(!left.err.contains("secret"), "what stood there is not repeated: {}", left.err);
        let d = desk.json(&["prospects", "show", "d@x.example"]);
        assert_eq!(d["fields"]["employees"], "5", "the later row goes before");
    });
}

#[test]
fn what_is_no_list_is_refused_and_says_what_to_do() {
    Desk::each(|desk| {
        for (content, words) in [("", "the file is empty"), ("Name,Work\nAda,x\n", "--map FILE")] {
            let left = desk.pipe(&["prospects", "import", "-"], content.as_bytes());
            assert_eq!(left.code, 65, "{left:?}");
            assert!(left.err.contains(words), "{left:?}");
        }
        assert_eq!(desk.run(&["prospects", "import", "nowhere.csv"]).code, 65);
        let map = desk.file("bad.toml", "Work = \"mial\"\n");
        let list = desk.file("list.csv", "Name,Work\nAda,ada@x.example\n");
        let left = desk.run(&["prospects", "import", &list, "--map", &map]);
        assert!(left.code == 65 && left.err.contains("bad.toml") && left.err.contains("mial"), "{left:?}");
        let map = desk.file("good.toml", "Work = \"email\"\nWrok = \"phone\"\n");
        let left = desk.run(&["prospects", "import", &list, "--map", &map]);
        assert!(left.code == 0 && left.err.contains("\"Wrok\""), "{left:?}");
    });
}

#[test]
fn a_dry_run_says_all_and_writes_nothing() {
    Desk::each(|desk| {
        let mut list = "Email,Job Title,Unsubscribed\n".to_owned();
        for n in 0..1_500 {
            let opted_out = if n == 7 { "yes" } else { "" };
            list.extend(["p", &(n % 1_400).to_string(), "@x.example,Chef,", opted_out, "\n"]);
        }
        let file = desk.file("list.csv", list);
        let said = desk.json(&["prospects", "import", &file, "--dry-run"]);
        assert_eq!((&said["read"], &said["added"], &said["repeated"]), (&1_500.into(), &1_400.into(), &100.into()));
        assert_eq!((&said["suppressed"], &said["dry_run"]), (&1.into(), &true.into()));
        assert_eq!(desk.json(&["prospects", "list"]), serde_json::json!([]));
        assert_eq!(desk.json(&["suppress", "list"]), serde_json::json!([]));
        let shown = desk.run(&["prospects", "import", &file, "--dry-run"]).out;
        assert!(
            shown.contains("Job Title") && shown.contains("field:job_title") && shown.contains("nothing was written"),
            "{shown}"
        );
        let done = desk.json(&["prospects", "import", &file]);
        assert_eq!(done["added"], 1_400);
        assert_eq!(desk.json(&["prospects", "list", "--limit", "2000"]).as_array().map(Vec::len), Some(1_400));

        // Whoever reads only the beginning of a long list is not shown a panic.
        for verb in [&["prospects", "export"][..], &["prospects", "list", "--limit", "2000"], &["prospects", "export", "--json"]]
        {
            let mut child = desk.command(verb).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
            let mut some = [0; 10];
            child.stdout.take().expect("its output").read_exact(&mut some).expect("ten bytes");
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success() && output.stderr.is_empty(), "{verb:?}: {output:?}");
        }
    });
}

#[test]
fn a_list_that_does_not_say_who_may_be_mailed_is_not_taken_in_and_says_what_to_write() {
    Desk::each(|desk| {
        let file = desk.file("unknown.csv", "Email,Kundenwunsch Werbung\na@x.example,Zeitung\n");
        let left = desk.run(&["prospects", "import", &file]);
        assert_eq!(left.code, 65, "{left:?}");
        for words in ["Kundenwunsch Werbung", "--map FILE", "mail_consent", "email_opt_out"] {
            assert!(left.err.contains(words), "{words}: {left:?}");
        }

        // One value at the end of a long list: nothing of it is taken in, from a file.
        let mut list = "Email,Unsubscribed\n".to_owned();
        (0..1_500).for_each(|n| writeln!(list, "p{n}@x.example,no").expect("memory"));
        list.push_str("last@x.example,perhaps\n");
        let file = desk.file("late.csv", &list);
        for arguments in [&["prospects", "import", &file][..], &["prospects", "import", &file, "--dry-run"]] {
            let left = desk.run(arguments);
            assert_eq!(left.code, 65, "{left:?}");
            assert!(
                left.err.contains("line 1502") && left.err.contains("perhaps") && left.err.contains("--map FILE"),
                "{left:?}"
            );
        }
        assert_eq!(desk.json(&["prospects", "list"]), serde_json::json!([]));
        // A pipe is read once: what came before was understood, and the one in doubt is not there.
        let left = desk.pipe(&["prospects", "import", "-"], list.as_bytes());
        assert!(left.code == 65 && left.err.contains("line 1502") && left.err.contains("1000 prospects"), "{left:?}");
        assert_eq!(desk.run(&["prospects", "show", "last@x.example"]).code, 1);

        let map = desk.file("map.toml", "Unsubscribed = { target = \"email_opt_out\", stop = [\"perhaps\"] }\n");
        assert_eq!(desk.run(&["prospects", "import", &file, "--map", &map]).code, 0);
        assert_eq!(desk.json(&["prospects", "show", "last@x.example"])["mail_stop"], "opted_out");
    });
}

#[test]
fn a_no_of_another_program_is_a_no_here() {
    for (name, no, yes) in [
        ("mailchimp-all.csv", "jana@lowenburg.example", "ruth@lowenburg.example"),
        ("hubspot-opt-out-per-type.csv", "greta@holmbageri.example", "signe@holmbageri.example"),
        ("excel-german-booleans.csv", "ole@rinne-kaese.example", "eva@rinne-kaese.example"),
        ("dynamics-contacts.csv", "kurt@alder-guss.example", "maja@alder-guss.example"),
        ("shopify-customers.csv", "bram@crate-and-cork.example", "una@crate-and-cork.example"),
    ] {
        Desk::each(|desk| {
            let file = format!("{}/tests/data/csv/wild/{name}", env!("CARGO_MANIFEST_DIR"));
            let left = desk.run(&["prospects", "import", &file]);
            assert_eq!(left.code, 0, "{name}: {left:?}");
            assert_eq!(desk.json(&["prospects", "show", no])["mail_stop"], "opted_out", "{name}");
            assert_eq!(desk.json(&["prospects", "show", yes])["mail_stop"], serde_json::Value::Null, "{name}");
        });
    }
}

#[test]
fn what_was_guessed_and_what_was_passed_over_is_said() {
    Desk::each(|desk| {
        let file = desk.file("polish.csv", b"Title\n\nEmail;Name;Owner\na@x.example;\xa3ukasz;Zofia\nb@x.example;Bo;dana\n");
        let guessed = desk.run(&["prospects", "import", &file]);
        assert_eq!(guessed.code, 0, "{guessed:?}");
        for words in ["Windows-1252 (guessed", "--encoding NAME", "named in line 3", "not on the roster: \"Zofia\" (1)"] {
            assert!(guessed.out.contains(words), "{words}: {guessed:?}");
        }
        let named = desk.run(&["prospects", "import", &file, "--encoding", "windows-1250"]);
        assert!(named.code == 0 && named.out.contains("Read as windows-1250, cells"), "{named:?}");
        assert_eq!(desk.json(&["prospects", "show", "a@x.example"])["name"], "Łukasz");
        let report = desk.json(&["prospects", "import", &file, "--encoding", "cp1250"]);
        assert_eq!((&report["owners_unknown"]["Zofia"], &report["encoding_guessed"]), (&1.into(), &false.into()));
        let left = desk.run(&["prospects", "import", &file, "--encoding", "klingon"]);
        assert!(left.code == 2 && left.err.contains("windows-1250"), "{left:?}");
        let file = desk.file("salesforce.csv", "Email,Name\na@x.example,Ada\n\nContacts Report\nCopyright (c)\n");
        let footer = desk.run(&["prospects", "import", &file]);
        assert!(footer.code == 0 && footer.out.contains("Lines 4 to 5 stand below the table"), "{footer:?}");
    });
}

#[test]
fn a_phone_that_the_spreadsheet_rounded_is_named_and_not_stored() {
    Desk::each(|desk| {
        let file = desk.file("list.csv", "Email,Phone\na@x.example,3.46E+11\n");
        let left = desk.run(&["prospects", "import", &file]);
        assert!(left.code == 0 && left.err.contains("list.csv:2: column \"Phone\": a number in scientific notation"), "{left:?}");
        assert_eq!(desk.json(&["prospects", "show", "a@x.example"])["phone"], serde_json::Value::Null);
    });
}

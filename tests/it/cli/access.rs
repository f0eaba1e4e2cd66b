//! Everything that is kept of one person, as somebody types it.

use super::Desk;
use std::os::unix::fs::PermissionsExt;

const ADA: &str = "ada@albareda.example";

#[test]
fn one_persons_export_is_a_file_for_its_owner_alone_and_never_written_over() {
    Desk::each(|desk| {
        let list = "email,name,company,industry,tags\nada@albareda.example,\"Ada \"\"V\"\"\",Albareda,food,a|b\nbo@albareda.example,Bo,,,\n";
        assert_eq!(desk.pipe(&["prospects", "import", "-"], list.as_bytes()).code, 0);
        let log =
            ["signals", "log", ADA, "--kind", "call", "--by", "dana", "--proves", "budget", "--note", "sixty\n\u{202e}thousand"];
        assert_eq!(desk.run(&log).code, 0);
        let export = |address: &str, more: &[&str]| desk.run(&[&["prospects", "export", address], more].concat());
        let shown = export("ADA@albareda.example", &[]);
        assert!(shown.code == 0 && !shown.out.contains('\u{202e}'), "{shown:?}");
        let document: serde_json::Value = serde_json::from_str(&shown.out).expect("one JSON document");
        assert_eq!(document["prospects"][0]["name"], "Ada \"V\"");
        assert_eq!(document["prospect_fields"][0]["value"], "food");
        assert_eq!(document["signals"][1]["detail"]["note"], "sixty\n\u{202e}thousand");
        assert_eq!(document["prospect_tags"].as_array().map(Vec::len), Some(2));
        assert_eq!(document["prospects"][0]["tracking_consent"], false, "a truth on either engine");
        assert!(document["signals"][1]["detail"].is_object() && document["signals"][1]["occurred_at"].is_string(), "{document}");
        let cited = &document["findings"]["budget"]["cites"][0];
        assert_eq!((&cited["signal"], &cited["by"]), (&document["signals"][1]["id"], &"dana".into()));
        assert_eq!(document["unreadable_mails"].as_array().map(Vec::len), Some(0));
        assert!(!shown.out.contains("bo@albareda.example") && !shown.out.contains("\"Bo\""), "{shown:?}");

        let file = desk.path("ada.json");
        let named = file.to_string_lossy().into_owned();
        assert_eq!(export(ADA, &["-o", &named]).code, 0);
        let mode = std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let before = std::fs::read(&file).expect("read");
        assert!(serde_json::from_slice::<serde_json::Value>(&before).is_ok());
        std::os::unix::fs::symlink(desk.path("elsewhere"), desk.path("link")).expect("a link");
        for taken in [named.clone(), desk.path("link").to_string_lossy().into_owned()] {
            let again = export("bo@albareda.example", &["--output", &taken]);
            assert!(again.code == 1 && again.err.contains("it is there already"), "{again:?}");
        }
        assert!(std::fs::read(&file).expect("read") == before && !desk.path("elsewhere").exists());

        let new = desk.path("new.json").to_string_lossy().into_owned();
        let unknown = [
            ("nobody@x.example", 1, "no prospect has the address"),
            ("nobody@albareda.example", 1, "nothing is kept of it"),
            ("nobody", 2, "not a mail address"),
        ];
        for (address, code, words) in unknown {
            let left = export(address, &["-o", &new]);
            assert!(left.code == code && left.err.contains(words) && !desk.path("new.json").exists(), "{left:?}");
        }
        // Of who was forgotten the stop is left, under a hash.
        assert_eq!(desk.run(&["prospects", "forget", ADA, "--yes"]).code, 0);
        let left = export(ADA, &[]);
        let document: serde_json::Value = serde_json::from_str(&left.out).expect("JSON");
        assert_eq!(
            (document["prospects"].as_array().map(Vec::len), document["suppressions"].as_array().map(Vec::len)),
            (Some(0), Some(2))
        );
        assert!(!left.out.contains("thousand"));
    });
}

//! The API as another program reads its document: schemathesis makes calls of every kind from it, and looks at what comes back.

use crate::daemon::{Daemon, write_configuration};
use crate::missing;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// What schemathesis checks. Left out is whether everything that fits the document is accepted: a rule may refuse more than a schema says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
                      negative_data_rejection,unsupported_method,allow_header_conformance";

#[test]
#[ignore = "takes minutes, and wants schemathesis: pip install schemathesis"]
fn the_api_does_what_its_document_says_under_schemathesis() {
    if Command::new("schemathesis").arg("--version").output().is_err() {
        return missing("schemathesis", "the API against its document");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let config = write_configuration(folder.path());
    let token = format!(
        "\n[[http.token]]\nname = \"tests\"\nmay = [\"signals\", \"forms\", \"confirmed\", \"touches\", \"prospects\"]\nby = [\"dana\"]\n\
         secret = \"{TOKEN}\"\n"
    );
    let mut file = OpenOptions::new().append(true).open(config.join("nurtured.toml")).expect("the example");
    file.write_all(token.as_bytes()).expect("written");
    // Nothing is sent; the relay need not be there.
    let relay = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let daemon = Daemon::start(folder.path(), relay);
    daemon.says("READY=1");
    let url = format!("http://{}/v1/openapi.json", daemon.listens_on());
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let told = Command::new("schemathesis")
        .current_dir(folder.path())
        .args(["run", &url, "--header", &bearer, "--checks", CHECKS, "--seed", "1", "--max-examples", "150", "--no-color"])
        // A made-up signature would be refused before anything else is looked at.
        .args(["--generation-with-security-parameters", "false"])
        .output()
        .expect("it runs");
    let out = String::from_utf8_lossy(&told.stdout);
    println!("{out}");
    assert!(told.status.success(), "{out}");
}

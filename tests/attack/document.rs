//! Calls of every kind that the document of the API allows or forbids, as schemathesis makes them up: `cargo test --test attack --
//! --document`. It takes minutes, and wants the program on the path (`pip install schemathesis`), so it is asked for by name.

use crate::company;
use crate::daemon::Daemon;
use anyhow::Context as _;
use nurtured::clock::{Clock, SystemClock};
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// What is looked at, and where. Left out is whether everything that fits the document is accepted: a rule may refuse more than a schema
/// says. A page of prospects is taken although rows of it are refused, each by itself, so only signals are refused as a whole.
const CHECKS: [(&str, &str); 2] = [
    (
        "/v1/",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method,\
         allow_header_conformance",
    ),
    ("/v1/signals", "negative_data_rejection"),
];

/// Attacks the API by its document, and prints what schemathesis found. Returns whether it found nothing.
pub(crate) async fn attack() -> anyhow::Result<bool> {
    let directory = tempfile::tempdir()?;
    company::found(directory.path(), 0, SystemClock.now()).await?;
    let mut configuration = OpenOptions::new().append(true).open(directory.path().join("config/nurtured.toml"))?;
    let may = "[\"signals\", \"forms\", \"confirmed\", \"touches\", \"prospects\"]";
    write!(configuration, "\n[[http.token]]\nname = \"document\"\nmay = {may}\nby = [\"dana\"]\nsecret = \"{TOKEN}\"\n")?;
    // Nothing is sent; the relay need not be there.
    let relay = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let daemon = Daemon::start(directory.path(), relay, 256).await?;
    let url = format!("http://{}/v1/openapi.json", daemon.door());
    let mut found_nothing = true;
    for (below, checks) in CHECKS {
        let mut command = Command::new("schemathesis");
        command
            .current_dir(directory.path())
            .args([
                "run",
                &url,
                "--header",
                &format!("Authorization: Bearer {TOKEN}"),
                "--include-path-regex",
                &format!("^{below}"),
            ])
            .args(["--checks", checks, "--seed", "1", "--max-examples", "150", "--no-color"])
            // A made-up signature would be refused before anything else is looked at.
            .args(["--generation-with-security-parameters", "false"]);
        let status = tokio::task::spawn_blocking(move || command.status()).await?;
        found_nothing &= status.context("could not start schemathesis (pip install schemathesis)")?.success();
    }
    daemon.stop()?;
    Ok(found_nothing)
}

//! Signatures as others see them: dkimpy (package python3-dkim) verifies what we signed, given the DNS record.

use super::missing::missing;
use data_encoding::BASE64;
use std::io::Write;
use std::process::{Command, Stdio};

/// Reads names and texts of records, then messages, and answers each message with `true` or `false`.
const VERIFY: &str = r#"
import base64, json, sys
import dkim
given = json.load(sys.stdin)
records = {name.encode() + b".": text.encode() for name, text in given["records"]}
lookup = lambda name, timeout=5: records.get(name)
print(json.dumps([dkim.verify(base64.b64decode(message), dnsfunc=lookup) for message in given["messages"]]))
"#;

/// Which of the messages are signed under one of the records; `None`, said loudly, where dkimpy is not on the machine.
pub(crate) fn verified(records: &[(String, String)], messages: &[Vec<u8>]) -> Option<Vec<bool>> {
    let python = Command::new("/usr/bin/python3").args(["-c", "import dkim, nacl.signing"]).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        missing("dkimpy (Debian: python3-dkim, python3-nacl)", "whether others can verify our signatures:");
        return None;
    }
    let messages: Vec<String> = messages.iter().map(|message| BASE64.encode(message)).collect();
    let given = serde_json::json!({ "records": records, "messages": messages }).to_string();
    let command = Command::new("/usr/bin/python3").args(["-c", VERIFY]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = command.expect("python starts");
    child.stdin.take().expect("a pipe").write_all(given.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "dkimpy failed");
    Some(serde_json::from_slice(&output.stdout).expect("a list"))
}

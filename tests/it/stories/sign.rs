//! Signed mail: another program verifies every newsletter and every letter, and notices every change.

use super::{FIRST_ISSUE, Told, address, five_proofs, somebody};
use crate::signed::verified;
use nurtured::config::example;
use nurtured::domain::dkim::{Dkim, Key, Label};
use nurtured::mail::dkim::Signer;
use nurtured::town::Town;
use std::sync::Arc;

const KEYS: [&str; 2] = [include_str!("../../data/dkim/rsa.pem"), include_str!("../../data/dkim/ed25519.pem")];

fn dkim(pem: &str) -> Arc<Dkim> {
    let label = |text| Label::parse(text).expect("a name");
    let key = Key::parse(pem).expect("a key");
    Arc::new(Dkim { selector: label("n1"), domain: label("news.tecnofab.example"), key })
}

/// The example company with `[smtp.dkim]`.
async fn found(pem: &str) -> (Town, Arc<Dkim>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a directory");
    let toml = format!("[smtp.dkim]\nselector = \"n1\"\ndomain = \"news.tecnofab.example\"\nkey = \"\"\"\n{pem}\"\"\"\n");
    let files: Vec<(&str, String)> = example::FILES
        .iter()
        .map(|(path, text)| (*path, if *path == "nurtured.toml" { format!("{text}\n{toml}") } else { (*text).to_owned() }))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let store = super::sqlite(folder.path()).await;
    let town = Town::found(store, &files, "http://127.0.0.1:9", super::BEGINS).await.expect("a town");
    (town, dkim(pem), folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_newsletter_and_every_letter_is_signed() -> Told {
    for pem in KEYS {
        let (town, dkim, _folder) = found(pem).await;
        let ada = address("ada@albareda.example");
        town.admit(&[somebody(ada.as_str()), somebody("bea@albareda.example")], "import").await?;
        five_proofs(&town, &ada).await?;
        let caught: Vec<Vec<u8>> = town.catcher.caught().into_iter().map(|mail| mail.data).collect();
        let letters = caught.iter().filter(|mail| !String::from_utf8_lossy(mail).contains("List-Unsubscribe-Post:")).count();
        assert!(letters > 0 && letters < caught.len(), "newsletters and letters: {} and {letters}", caught.len());
        for mail in &caught {
            let mail = String::from_utf8_lossy(mail);
            assert!(mail.starts_with("DKIM-Signature: v=1;") && mail.matches("DKIM-Signature:").count() == 1, "{mail}");
        }
        if let Some(verdicts) = verified(&[dkim.record()], &caught) {
            assert_eq!(verdicts, vec![true; caught.len()], "{}", dkim.key.kind());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_a_signed_mail_is_found_out() -> Told {
    for pem in KEYS {
        let (town, dkim, _folder) = found(pem).await;
        town.admit(&[somebody("ada@albareda.example")], "import").await?;
        town.pass_to(FIRST_ISSUE).await?;
        let caught = town.catcher.caught();
        let mail = String::from_utf8(caught.first().expect("a newsletter").data.clone())?;
        let (head, body) = mail.split_once("\r\n\r\n").expect("a body");
        let mut forged = vec![format!("{head}\r\n\r\n{}", body.replacen('e', "E", 1))];
        let (signature, rest) = head.split_once("\r\nFrom:").expect("the signature stands first");
        let rest = format!("From:{rest}");
        let signed = [
            "From",
            "Reply-To",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "List-Id",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "MIME-Version",
            "Content-Type",
        ];
        for name in signed {
            assert!(signature.to_lowercase().contains(&name.to_lowercase()), "{name} is not covered: {signature}");
            let line = rest.split("\r\n").find(|line| line.starts_with(&format!("{name}:"))).expect("the field is there");
            let (field, value) = line.split_once(": ").expect("a value");
            let changed = rest.replacen(line, &format!("{field}: x{value}"), 1);
            forged.push(format!("{signature}\r\n{changed}\r\n\r\n{body}"));
            let gone = rest.replacen(line, "X-Nothing: x", 1);
            forged.push(format!("{signature}\r\n{gone}\r\n\r\n{body}"));
        }
        // Put on top, where mail programs look and a signature of what was there would not.
        forged.push(format!("From: Rival <letter@rival.example>\r\n{mail}"));
        forged.push(format!("Subject: Pay here\r\n{mail}"));
        forged.push(mail.replacen("d=news.tecnofab.example", "d=tecnofab.example", 1));
        let mut all: Vec<Vec<u8>> = forged.into_iter().map(String::into_bytes).collect();
        // What relays may do: other blanks, a field of their own on top.
        all.push(format!("Received: from x by y\r\n{}", mail.replacen("\r\nSubject: ", "\r\nSubject:   ", 1)).into_bytes());
        if let Some(verdicts) = verified(&[dkim.record()], &all) {
            let (relayed, forged) = verdicts.split_last().expect("verdicts");
            assert_eq!(forged, vec![false; forged.len()], "{}", dkim.key.kind());
            assert!(relayed, "blanks do not count");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_mail_carries_the_same_signature() -> Told {
    for pem in KEYS {
        let (town, dkim, _folder) = found(pem).await;
        town.admit(&[somebody("ada@albareda.example")], "import").await?;
        town.pass_to(FIRST_ISSUE).await?;
        let first = town.catcher.caught().remove(0).data;
        // A year later, the same message.
        let begin = first.windows(7).position(|seven| seven == b"\r\nFrom:").expect("the signature stands first") + 2;
        town.clock.move_to("2027-02-03T09:30:00Z".parse()?);
        assert_eq!(Signer::new(dkim).sign(&first[begin..])?, &first[..begin]);
    }
    Ok(())
}

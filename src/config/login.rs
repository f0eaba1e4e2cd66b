//! How the service proves to the relay who it is (`username` with a password or an access token), and how the relay proves
//! it to us (`ca_file`).

use crate::config::node::Node;
use crate::config::place::Place;
use crate::config::problem::Problem;
use crate::config::reader::Reader;
use crate::config::secret::{Keys, Vault};
use crate::domain::settings::{Login, Proof, TokenCommand};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::SecretString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads `username` and what proves it; the password may be the systemd credential of this name. `None` without a login, and after a
/// problem.
pub fn login(reader: &mut Reader<'_>, vault: &Vault, credential: &str) -> Option<Login> {
    let log = reader.log;
    let username = reader.get("username").map(|node| (node.text(log).map(str::to_owned), &node.place));
    let token = reader.get("token_command");
    let password = vault.read(reader, &Keys { value: "password", file: "password_file", credential });
    let password_key = ["password", "password_file"].into_iter().find(|key| reader.has(key));
    let (username, place) = match (username, token, password_key) {
        (Some((name, place)), _, _) => (name, place),
        (None, Some(token), _) => {
            log.add(Problem::error(&token.place, "a token without a `username`").help("add `username`: whose mailbox it is"));
            return None;
        }
        (None, None, Some(_)) => {
            let problem = Problem::error(&reader.place, "a password without a `username`");
            log.add(problem.help("add `username`, or drop the password"));
            return None;
        }
        (None, None, None) => return None,
    };
    let proof = match (token, password_key, password) {
        (Some(token), Some(key), _) => {
            let problem = Problem::error(&token.place, format!("`token_command` and `{key}` are both given"));
            log.add(problem.help("keep one of them"));
            None
        }
        // A credential of systemd that is left over from before is no contradiction.
        (Some(token), None, _) => command(token, reader, vault).map(Proof::Token),
        (None, _, Some((password, _))) => Some(Proof::Password(password)),
        (None, Some(_), None) => None,
        (None, None, None) => {
            let problem = Problem::error(place, "a `username` without a password").label("no password for it");
            log.add(problem.help(format!(
                "add `password_file`, `password`, the systemd credential nurtured.{credential}, or `token_command` (OAuth)",
            )));
            None
        }
    };
    Some(Login { user: username?, proof: proof? })
}

/// A command line, without a shell: words between blanks, or the items of a list.
fn command(node: &Node, reader: &Reader<'_>, vault: &Vault) -> Option<TokenCommand> {
    let log = reader.log;
    let words = match node.list_or_none() {
        Some(items) => items.iter().map(|item| item.text(log).map(str::to_owned)).collect::<Option<Vec<_>>>()?,
        None => node.parse(log, "", words)?,
    };
    let Some((program, arguments)) = words.split_first() else {
        log.add(Problem::error(&node.place, "this names no program").help("write its path, and what it is to be told"));
        return None;
    };
    let mut path = PathBuf::from(program);
    if program.contains('/') {
        path = vault.directory.as_deref().unwrap_or(Path::new("")).join(path);
        // A warning: the configuration may be checked on another machine than the one it is for.
        let problem =
            |title: String| Problem::warning(&node.place, title).help("the path is relative to the configuration's directory");
        match std::fs::metadata(&path) {
            Err(error) => log.add(problem(format!("could not look at {}: {error}", path.display()))),
            Ok(file) if !file.is_file() => log.add(problem(format!("{} is no file", path.display()))),
            Ok(file) if file.permissions().mode() & 0o111 == 0 => {
                log.add(problem(format!("{} is not executable", path.display())).help(format!("chmod +x {}", path.display())));
            }
            Ok(_) => {}
        }
    }
    let arguments = arguments.iter().map(|text| SecretString::from(text.as_str())).collect();
    Some(TokenCommand { program: path, arguments })
}

/// The words of a command line: blanks divide them, quotes hold them together. What a shell alone understands is refused.
fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '|' | '&' | ';' | '<' | '>' | '$' | '`' | '(' | ')' | '\\' | '*' | '?') => {
                return Err(
                    "this needs a shell, and is run without one; put it into a script, or into 'quotes' if it is meant as it stands",
                );
            }
            (Some(_) | None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed; close it, or write the command as a list: [\"program\", \"argument\"]");
    }
    words.extend(word);
    Ok(words)
}

/// The certificates in `ca_file`, DER; `Some(None)` without the key.
pub fn authorities(reader: &mut Reader<'_>, vault: &Vault) -> Option<Option<Arc<Vec<Vec<u8>>>>> {
    let log = reader.log;
    let Some(node) = reader.get("ca_file") else { return Some(None) };
    let path = Path::new(node.text(log)?);
    let problem = |title: String, help: &str| {
        log.add(Problem::error(&node.place, title).help(help));
        None
    };
    let Some(directory) = &vault.directory else {
        return problem("there is no directory to read this from".to_owned(), "");
    };
    let path = directory.join(path);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) => {
            let title = format!("could not read {}: {error}", path.display());
            return problem(
                title,
                "the path is relative to the configuration's directory; the service's user must be able to read it",
            );
        }
    };
    let found: Result<Vec<Vec<u8>>, _> =
        CertificateDer::pem_slice_iter(&text).map(|found| found.map(|der| der.as_ref().to_vec())).collect();
    match found {
        Ok(found) if !found.is_empty() => Some(Some(Arc::new(found))),
        Ok(_) | Err(_) if memchr::memmem::find(&text, b"PRIVATE KEY").is_some() => problem(
            format!("{} holds a private key and no certificate", path.display()),
            "name the certificate, which everybody may read",
        ),
        Ok(_) | Err(_) => problem(
            format!("{} holds no certificate in PEM", path.display()),
            "it begins with -----BEGIN CERTIFICATE-----; one in DER is turned by: openssl x509 -inform der -in FILE -out ca.pem",
        ),
    }
}

/// Refuses a return path that is too long once our token stands in it (RFC 5321 §4.5.3.1.1, §4.5.3.1.3).
pub fn return_path_fits(local: usize, whole: usize, token: usize) -> Result<(), String> {
    /// Octets before the @.
    const LOCAL: usize = 64;
    /// Octets of an address; a path has 256, with its angle brackets.
    const WHOLE: usize = 254;
    let (local_with, whole_with) = (local + 1 + token, whole + 1 + token);
    if local_with > LOCAL {
        let most = LOCAL - 1 - token;
        return Err(format!(
            "with the token of a mail it would have {local_with} octets before the @, and {LOCAL} are allowed; write at most {most} there, \
             such as \"bounces\""
        ));
    }
    if whole_with > WHOLE {
        return Err(format!(
            "with the token of a mail it would have {whole_with} octets, and {WHOLE} are allowed; take a shorter domain"
        ));
    }
    Ok(())
}

/// As a problem of this place.
pub fn check_return_path(reader: &Reader<'_>, place: &Place, local: usize, whole: usize, token: usize) -> Option<()> {
    match return_path_fits(local, whole, token) {
        Ok(()) => Some(()),
        Err(error) => {
            let (title, help) = error.split_once("; ").unwrap_or((error.as_str(), ""));
            reader.log.add(Problem::error(place, title).help(help));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_without_a_shell() {
        let split = |text: &str| words(text).unwrap_or_default().join("|");
        for (text, split_as) in [
            ("/usr/local/bin/token", "/usr/local/bin/token"),
            ("token  --user 'Ada L' \"a;b\"", "token|--user|Ada L|a;b"),
            ("curl -K 'x y'/z", "curl|-K|x y/z"),
            ("token ''", "token|"),
            ("oama access ada@x.example", "oama|access|ada@x.example"),
        ] {
            assert_eq!(split(text), split_as, "{text}");
        }
        for bad in ["a | b", "a; b", "a $HOME", "a `b`", "a > b", "a && b", "a 'b", "a \"b", "a (b)", "a \\ b"] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_return_path_is_measured_with_its_token() {
        assert!(return_path_fits(29, 60, 34).is_ok());
        assert!(
            return_path_fits(30, 60, 34)
                .expect_err("65")
                .contains("65 octets before the @, and 64 are allowed; write at most 29")
        );
        assert!(return_path_fits(7, 219, 34).is_ok());
        assert!(return_path_fits(7, 220, 34).expect_err("255").contains("255 octets"));
    }
}

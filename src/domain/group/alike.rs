//! Alike: two refusals are when they use the same words, once addresses, ids, numbers, times and hosts are taken out.

use super::refusal_words::is_word_end;

/// How many characters of the words are compared.
const COMPARED: usize = 200;
/// What stands for whatever was taken out.
const GAP: &str = "…";

/// The words that refusals alike have in common; `local` is the recipient's name, before the `@`.
pub fn alike(words: &str, local: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    for word in words.to_lowercase().split(|c: char| is_word_end(c) || "=|/".contains(c)) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        // The codes of a reply that goes over several lines stand at the head of each: "550-5.1.1".
        let bare = bare.split_once('-').filter(|(code, _)| is_code(code)).map_or(bare, |(_, rest)| rest);
        let word = if bare.is_empty() {
            continue;
        } else if is_code(bare) || is_status(bare) {
            bare
        } else if word.contains('@') || bare == local || is_particular(bare) {
            GAP
        } else {
            bare
        };
        let is_repeated = (word == GAP || is_code(word) || is_status(word)) && kept.iter().any(|known| known == word);
        if !is_repeated {
            kept.push(word.to_owned());
        }
    }
    kept.join(" ").chars().take(COMPARED).collect()
}

fn is_code(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_status(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && ["4", "5"].contains(&parts[0]) && parts.iter().all(is_number)
}

/// Whether a word names one mail, host or moment: it holds a digit, or has dots inside as a host's name has.
fn is_particular(word: &str) -> bool {
    let has_digit = word.bytes().any(|b| b.is_ascii_digit());
    let is_host = word.split('.').count() > 1 && word.split('.').all(|part| !part.is_empty());
    has_digit || is_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_one_mail_is_taken_out_and_the_words_stay() {
        let pairs = [
            (
                "permanent error (550): 5.7.1 <ada@x.example>: rejected, see https://mx1.x.example/?id=A7F3 at 12:01:44",
                "permanent error (550): 5.7.1 <bo.li@y.example>: rejected, see https://mx2.y.example/?id=99zz at 13:59:01",
            ),
            ("550-5.1.1 no user ada here a1-20020a5d4b si1442wrt.55", "550-5.1.1 no user bo here k12-20020a170906"),
            ("554 Client host [192.0.2.7] blocked (queue 4XyZ)", "554 Client host [2001:db8::7] blocked (queue 9AbC)"),
        ];
        for (one, other) in pairs {
            assert_eq!(alike(one, "ada"), alike(other, "bo"), "{one}");
        }
        let different = ["550 5.7.1 no", "550 5.7.2 no", "554 5.7.1 no", "550 5.7.1 never", "550", ""];
        for (at, one) in different.iter().enumerate() {
            for other in &different[at + 1..] {
                assert_ne!(alike(one, ""), alike(other, ""), "{one} | {other}");
            }
        }
        assert_eq!(alike(&"long words ".repeat(90), "").chars().count(), COMPARED);
    }
}

//! Replies: what a person wrote, without what they quote.

/// The longest text kept of a reply, in characters.
pub const LONGEST: usize = 4000;

/// What the person wrote: no quotes, no signature, at most [`LONGEST`] characters.
pub fn own_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut own: Vec<&str> = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index].trim_end();
        let said = own.iter().any(|line| !line.trim().is_empty());
        if line == "--" || line == "—" || SENT_FROM.iter().any(|start| line.trim_start().to_lowercase().starts_with(start)) {
            break;
        }
        if let Some(length) = attribution(&lines[index..]) {
            let quoted = lines[index + length..].iter().find(|line| !line.trim().is_empty());
            // Answers between the quotes stay; an unmarked copy below does not.
            if said && !quoted.is_some_and(|line| line.trim_start().starts_with('>')) {
                break;
            }
            index += length;
            continue;
        }
        if said && begins_copy(&lines[index..]) {
            break;
        }
        if !line.trim_start().starts_with('>') {
            own.push(line);
        }
        index += 1;
    }
    let text = own.join("\n");
    let mut squeezed = text.trim();
    if let Some((end, _)) = squeezed.char_indices().nth(LONGEST) {
        squeezed = squeezed[..end].trim_end();
    }
    squeezed.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}

/// How many lines an attribution takes here: "On 3 May, Ada wrote:", wrapped or not.
fn attribution(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?.trim_start();
    if !["On ", "El ", "Am ", "Le ", "Il ", "Em ", "A "].iter().any(|start| first.starts_with(start)) {
        return None;
    }
    (1..=3.min(lines.len())).find(|count| {
        let joined = lines[..*count].join(" ").to_lowercase();
        let ends = joined.trim_end();
        ends.len() < 400 && ends.ends_with(':') && WROTE.iter().any(|word| ends.contains(word))
    })
}

/// Outlook's habits: a rule, a divider, or the header of the mail answered.
fn begins_copy(lines: &[&str]) -> bool {
    let Some(first) = lines.first().map(|line| line.trim().trim_matches('*').to_lowercase()) else { return false };
    let divider = first.starts_with("--") && DIVIDERS.iter().any(|word| first.contains(word));
    let rule = first.len() >= 10 && first.chars().all(|c| c == '_');
    let header = FROM.iter().any(|name| first.starts_with(name))
        && lines.iter().skip(1).take(4).any(|line| {
            let line = line.trim().trim_matches('*').to_lowercase();
            SENT.iter().any(|name| line.starts_with(name))
        });
    divider || rule || header
}

const WROTE: [&str; 7] = ["wrote", "escribió", "escribio", "schrieb", "a écrit", "ha scritto", "escreveu"];
const DIVIDERS: [&str; 6] = [
    "original message",
    "mensaje original",
    "ursprüngliche nachricht",
    "message d'origine",
    "message original",
    "forwarded message",
];
const FROM: [&str; 3] = ["from:", "de:", "von:"];
const SENT: [&str; 10] =
    ["sent:", "date:", "enviado", "fecha:", "gesendet:", "datum:", "envoyé", "subject:", "asunto:", "betreff:"];
const SENT_FROM: [&str; 8] = [
    "sent from my",
    "get outlook for",
    "enviado desde mi",
    "von meinem",
    "gesendet von",
    "envoyé de mon",
    "envoyé depuis",
    "obtener outlook",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_they_wrote_is_kept() {
        let cases = [
            ("Call me.\n\nOn Tue, 3 May 2026, Marta Vidal\n<m@x.example> wrote:\n> Dear\n> reader\n", "Call me."),
            ("Llámame\n\nEl mar, 3 may 2026, Marta escribió:\n> hola\n", "Llámame"),
            ("Yes\n-- \nAda Vega\n+34 600", "Yes"),
            ("Ja\n\nVon: Marta\nGesendet: Montag\nAn: Ada\n\nalt", "Ja"),
            ("Oui\n________________________________\nDe : Marta", "Oui"),
            ("> budget?\nyes, 60k\n> when?\nMay", "yes, 60k\nMay"),
            ("On 3 May, Marta wrote:\n> budget?\nyes", "yes"),
            ("No\n\nSent from my iPhone", "No"),
            ("On balance:\nyes", "On balance:\nyes"),
            ("Thanks\n-----Original Message-----\nold", "Thanks"),
        ];
        for (text, own) in cases {
            assert_eq!(own_words(text), own, "{text}");
        }
        assert_eq!(own_words(&"é".repeat(9000)).chars().count(), LONGEST);
    }
}

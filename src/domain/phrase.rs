//! Phrases: what people write, cut into sentences and compared with patterns that stand in tables.
//!
//! A pattern is words with blanks between them. `a|b` is one of these, `do_not` two words in one place, `word~` the beginning of a
//! word, `[a|b]` may be missing, `*` stands for up to three words and `**` for up to eight, `^` and `$` for the beginning and the end of a clause, `!a|b` for a
//! word before it that is none of these. Capitals and accents do not count; `ä` is also `ae`.

/// The words of one sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence {
    /// Lower case, without accents.
    pub words: Vec<String>,
    /// Before which words a clause begins: the first, and each behind a comma.
    begins: Vec<bool>,
    /// Which words begin with a capital.
    names: Vec<bool>,
    pub is_question: bool,
}

impl Sentence {
    /// What stands between its commas, each a sentence.
    pub fn clauses(&self) -> Vec<Self> {
        let starts: Vec<usize> = (0..self.words.len()).filter(|at| *at == 0 || self.begins[*at]).collect();
        let ends = starts.iter().skip(1).copied().chain([self.words.len()]);
        let clause = |(from, to): (&usize, usize)| Self {
            words: self.words[*from..to].to_vec(),
            begins: (*from..to).map(|at| at == *from).collect(),
            names: self.names[*from..to].to_vec(),
            is_question: self.is_question,
        };
        starts.iter().zip(ends).map(clause).collect()
    }

    /// Whether every word begins with a capital, as names do.
    pub fn is_name(&self) -> bool {
        self.names.iter().all(|capital| *capital)
    }
}

/// How many words one sentence has at most; a longer one is cut.
const LONGEST: usize = 80;

/// The sentences of a text. A line ends one, unless the next goes on in small letters or the line was full. What stands between
/// quotation marks is left out where something else is said.
pub fn sentences(text: &str) -> Vec<Sentence> {
    let spoken = cut(&without_quoted(text));
    if spoken.is_empty() { cut(text) } else { spoken }
}

fn cut(text: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    let mut sentence = Sentence::default();
    let mut new_clause = true;
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        for piece in line.split_whitespace() {
            let bare = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            let after = &piece[bare.len()..];
            // A period inside of a word ends nothing: 3.5, tecnofab.example.
            for word in words_of(bare) {
                new_clause |= TURNS.contains(&word.0.as_str());
                if sentence.words.len() >= LONGEST {
                    end(&mut sentence, &mut found);
                    new_clause = true;
                }
                sentence.words.push(word.0);
                sentence.names.push(word.1);
                sentence.begins.push(std::mem::take(&mut new_clause));
            }
            if piece.starts_with(['(', '–', '—', ','])
                && bare.len() > 1
                && let Some(last) = sentence.begins.last_mut()
            {
                *last = true;
            }
            if after.contains(['.', '!', '?', ';', '。', '！', '？', '…']) && !(after == "." && is_short(bare)) {
                sentence.is_question = after.contains(['?', '？']);
                end(&mut sentence, &mut found);
                new_clause = true;
            } else if after.contains([',', ':', ')', '–', '—', '-']) || bare.is_empty() && !after.is_empty() {
                new_clause = true;
            }
        }
        let next = lines.get(at + 1).map_or("", |next| next.trim_start());
        let goes_on = next.starts_with(|c: char| c.is_lowercase()) || line.chars().count() >= 60 && !next.is_empty();
        if !goes_on {
            end(&mut sentence, &mut found);
            new_clause = true;
        }
    }
    end(&mut sentence, &mut found);
    found
}

/// Whether it is an abbreviation of single letters, whose period ends nothing: a.u.b., s.v.p., z.B.
fn is_short(word: &str) -> bool {
    word.contains('.') && word.split('.').all(|part| part.chars().count() == 1)
}

fn end(sentence: &mut Sentence, found: &mut Vec<Sentence>) {
    if !sentence.words.is_empty() {
        found.push(std::mem::take(sentence));
    }
}

/// The text without what stands between quotation marks, on one line and at most two hundred characters long.
fn without_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, mark)) = rest.char_indices().find(|(_, c)| QUOTES.iter().any(|(open, _)| open == c)) {
        let closers = QUOTES.iter().filter(|(open, _)| *open == mark).map(|(_, close)| *close);
        let behind = &rest[at + mark.len_utf8()..];
        let close = closers.filter_map(|close| behind.find(close).map(|end| end + close.len_utf8())).min();
        out.push_str(&rest[..at]);
        match close.filter(|end| *end <= 200 && !behind[..*end].contains('\n')) {
            Some(end) => {
                out.push(' ');
                rest = &behind[end..];
            }
            None => rest = behind,
        }
    }
    out.push_str(rest);
    out
}

/// Words with which another thought begins.
const TURNS: [&str; 6] = ["but", "pero", "aber", "sondern", "maar", "sino"];

const QUOTES: [(char, char); 8] =
    [('"', '"'), ('“', '”'), ('„', '“'), ('„', '”'), ('«', '»'), ('»', '«'), ('”', '”'), ('「', '」')];

/// The words in a run of characters, each with whether it begins with a capital. "don't" is one word, "l'adresse" two.
fn words_of(text: &str) -> Vec<(String, bool)> {
    let text = text.replace(['’', '‘', '´', '`'], "'");
    let mut found: Vec<(String, bool)> = Vec::new();
    for (number, part) in text.split('\'').enumerate() {
        let mut pieces = part.split(|c: char| !c.is_alphanumeric()).filter(|piece| !piece.is_empty());
        if number > 0 && ["t", "s", "m", "d", "ll", "re", "ve"].contains(&part.to_lowercase().as_str()) {
            let (Some(last), Some(piece)) = (found.last_mut(), pieces.next()) else { continue };
            last.0.push_str(&fold(piece));
        }
        for piece in pieces {
            let word = fold(piece);
            match found.last_mut() {
                // "e-mail" is one word, whatever follows.
                Some(last) if last.0 == "e" && word.starts_with("mail") => last.0.push_str(&word),
                _ => found.push((word, piece.starts_with(|c: char| c.is_uppercase()))),
            }
        }
    }
    found
}

/// Lower case, without accents.
pub fn fold(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase) {
        match c {
            '\u{300}'..='\u{36f}' => {}
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            other => out.push(ACCENTS.iter().find(|(accented, _)| accented.contains(other)).map_or(other, |(_, plain)| *plain)),
        }
    }
    out
}

const ACCENTS: [(&str, char); 15] = [
    ("àáâãäåāăą", 'a'),
    ("çćč", 'c'),
    ("ďđ", 'd'),
    ("èéêëēėęě", 'e'),
    ("ğ", 'g'),
    ("ìíîïīįı", 'i'),
    ("łļľ", 'l'),
    ("ñńňņ", 'n'),
    ("òóôõöøōő", 'o'),
    ("řŕ", 'r'),
    ("śšşș", 's'),
    ("ťţț", 't'),
    ("ùúûüūůűų", 'u'),
    ("ýÿ", 'y'),
    ("źżž", 'z'),
];

/// A pattern, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Item>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// One of these, or, with `$` among them, the end of the clause.
    Word(Vec<Choice>, bool),
    Maybe(Vec<Choice>),
    Gap(usize),
    ClauseBegins,
    ClauseEnds,
    NotAfter(Vec<Choice>),
}

/// One word, or several in one place.
type Choice = (Vec<String>, Ends);

/// Whether a word of a pattern is the whole word or its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Here,
    Anyhow,
}

impl Pattern {
    pub fn parse(text: &str) -> Self {
        Self(text.split_whitespace().map(item).collect())
    }

    /// Where in a sentence it fits: from and to which word.
    pub fn find(&self, sentence: &Sentence) -> Option<(usize, usize)> {
        (0..sentence.words.len()).find_map(|at| Some((at, fit(&self.0, sentence, at, false)?)))
    }

    /// Whether it may reach from one clause into another.
    pub fn goes_past_clauses(&self) -> bool {
        self.0.iter().any(|item| matches!(item, Item::Gap(4..)))
    }

    /// Whether it is the whole sentence or clause.
    pub fn is_whole(&self, sentence: &Sentence) -> bool {
        fit(&self.0, sentence, 0, false) == Some(sentence.words.len())
    }
}

fn item(text: &str) -> Item {
    match text {
        "*" => Item::Gap(3),
        "**" => Item::Gap(8),
        "^" => Item::ClauseBegins,
        "$" => Item::ClauseEnds,
        _ => match (text.strip_prefix('!'), text.strip_prefix('[').and_then(|text| text.strip_suffix(']'))) {
            (Some(words), _) => Item::NotAfter(choices(words)),
            (None, Some(words)) => Item::Maybe(choices(words)),
            (None, None) => Item::Word(choices(text), text.split('|').any(|word| word == "$")),
        },
    }
}

fn choices(text: &str) -> Vec<Choice> {
    let mut found = Vec::new();
    for word in text.split('|').filter(|word| *word != "$") {
        let ends = if word.ends_with('~') { Ends::Anyhow } else { Ends::Here };
        let word = word.trim_end_matches('~').replace('\'', "");
        let spelt_out = word.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue");
        if spelt_out != word {
            found.push((parts(&spelt_out), ends));
        }
        found.push((parts(&word), ends));
    }
    found
}

fn parts(word: &str) -> Vec<String> {
    word.split('_').map(fold).collect()
}

/// How many words from this one on are one of these; `inside`: not past a comma.
fn one_of(choices: &[Choice], sentence: &Sentence, at: usize, inside: bool) -> Option<usize> {
    let starts_clause = |at: usize| sentence.begins.get(at) == Some(&true);
    if inside && starts_clause(at) {
        return None;
    }
    let fits = |(words, ends): &Choice| {
        let said = sentence.words.get(at..at + words.len())?;
        let (last, firsts) = words.split_last()?;
        let (last_said, firsts_said) = said.split_last()?;
        let is_last = if *ends == Ends::Here { last_said == last } else { last_said.starts_with(last.as_str()) };
        let is_whole = (at + 1..at + words.len()).all(|at| !starts_clause(at));
        (is_last && is_whole && firsts == firsts_said).then_some(words.len())
    };
    choices.iter().find_map(fits)
}

/// Where the items end that fit from this word on; `inside`: something fitted before. Only `**` and `^` go past a comma. Bounded,
/// because gaps are short and patterns few items long.
fn fit(items: &[Item], sentence: &Sentence, at: usize, inside: bool) -> Option<usize> {
    let Some((item, rest)) = items.split_first() else { return Some(at) };
    match item {
        Item::Word(choices, or_end) => {
            let there = one_of(choices, sentence, at, inside).and_then(|words| fit(rest, sentence, at + words, true));
            there.or_else(|| (*or_end && ends(sentence, at)).then(|| fit(rest, sentence, at, true))?)
        }
        Item::Maybe(choices) => {
            let there = one_of(choices, sentence, at, inside).and_then(|words| fit(rest, sentence, at + words, true));
            there.or_else(|| fit(rest, sentence, at, inside))
        }
        Item::Gap(most @ ..=3) => {
            let clause = (at..sentence.words.len().min(at + most)).take_while(|at| !(inside && sentence.begins[*at])).count();
            (at..=at + clause).find_map(|at| fit(rest, sentence, at, inside))
        }
        Item::Gap(most) => (at..=(at + most).min(sentence.words.len())).find_map(|at| fit(rest, sentence, at, false)),
        Item::ClauseBegins => (sentence.begins.get(at) == Some(&true)).then(|| fit(rest, sentence, at, false))?,
        Item::ClauseEnds => ends(sentence, at).then(|| fit(rest, sentence, at, inside))?,
        Item::NotAfter(choices) => {
            let is_after = at.checked_sub(1).is_some_and(|before| one_of(choices, sentence, before, false).is_some());
            (!is_after).then(|| fit(rest, sentence, at, inside))?
        }
    }
}

fn ends(sentence: &Sentence, at: usize) -> bool {
    sentence.begins.get(at).is_none_or(|begins| *begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        sentences(text).iter().any(|sentence| Pattern::parse(pattern).find(sentence).is_some())
    }

    #[test]
    fn a_text_is_cut_into_sentences() {
        let words = |text: &str| sentences(text).iter().map(|s| s.words.join(" ")).collect::<Vec<_>>();
        assert_eq!(
            words("Hi Ada,\n\nplease take me off\nyour list. Thanks!"),
            ["hi ada", "please take me off your list", "thanks"]
        );
        assert_eq!(words("I don't want e-mails; l'adresse è 3.5"), ["i dont want emails", "l adresse e 3 5"]);
        assert_eq!(words("He said “stop” and left"), ["he said and left"]);
        assert_eq!(words("\"STOP\""), ["stop"]);
        assert_eq!(words("Schrijf mij a.u.b. uit. Dank."), ["schrijf mij a u b uit", "dank"]);
    }

    #[test]
    fn a_pattern_fits_with_its_gaps_and_edges() {
        for (pattern, text, fits) in [
            ("take|remove me * off|from", "Please TAKE me kindly off it", true),
            ("take me * off", "take me a b c d off", false),
            ("^ stop $", "Hello, stop, thanks", true),
            ("^ stop $", "we stop", false),
            ("möchte~ [bitte] abmelden", "ich moechte bitte abmelden", true),
            ("möchte~ abmelden", "ich mochte abmelden", true),
            ("!not|never unsubscribe", "do not unsubscribe", false),
            ("newsletter~", "die Newsletters", true),
        ] {
            assert_eq!(finds(pattern, text), fits, "{pattern} in {text}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "how long the machine takes is what is tested")]
    fn a_hostile_text_is_read_in_time() {
        let begun = std::time::Instant::now();
        let pattern = Pattern::parse("a ** a ** a ** b");
        // Longer than what is kept of any answer.
        for sentence in sentences(&"a ".repeat(5_000)) {
            assert_eq!(pattern.find(&sentence), None);
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}

//! The words of refusals, as the mail programs of the world write them, and how they are looked for: in lower case, between
//! word ends, with every address taken out, so that nobody's name says anything. A table is one text, its phrases parted by `|`.

/// A text as the phrases are looked for in it.
pub struct Text(String);

impl Text {
    pub fn new(words: &str) -> Self {
        let mut text = String::with_capacity(words.len());
        for piece in words.split_inclusive(is_word_end) {
            let word = piece.trim_end_matches(is_word_end);
            text.push_str(if word.contains('@') { "@" } else { word });
            text.push_str(&piece[word.len()..]);
        }
        let text = text.to_lowercase().replace(['’', '`'], "'");
        Self(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The first phrase of a table that stands in the text. Phrases are parted by `|`, and their ends are word ends; after one
    /// that ends in `*` the word goes on as it likes.
    pub fn says(&self, table: &'static str) -> Option<&'static str> {
        table.split('|').map(str::trim).find(|phrase| {
            let (wanted, is_open) = phrase.strip_suffix('*').map_or((*phrase, false), |stem| (stem, true));
            let is_letter = |c: char| c.is_ascii_alphanumeric();
            self.0.match_indices(wanted).any(|(at, _)| {
                let (before, after) = (self.0[..at].chars().next_back(), self.0[at + wanted.len()..].chars().next());
                !before.is_some_and(is_letter) && (is_open || !after.is_some_and(is_letter))
            })
        })
    }
}

/// Whether a character ends an address or a host's name.
pub fn is_word_end(c: char) -> bool {
    c.is_whitespace() || "<>()[]{}\"',;:".contains(c)
}

/// Whether a text names our domain, or addresses at it, and nobody else's address.
pub fn names_only(words: &str, domain: &str) -> bool {
    let mut is_named = false;
    for word in words.split(is_word_end).map(|word| word.trim_end_matches('.')) {
        let host = word.rsplit('@').next().unwrap_or_default();
        let is_ours = !domain.is_empty() && host.eq_ignore_ascii_case(domain);
        if word.contains('@') && !is_ours {
            return false;
        }
        is_named |= is_ours;
    }
    is_named
}

/// The sender is named, so no user that is unknown is the recipient.
pub const SENDER: &str = "
    sender address | sender verif* | sender rejected | sender domain | sender unknown | unknown sender | envelope sender
    | sender denied | sender identity | sender is unauth* | sender was not | sender not | sender signature | return path
    | return-path | reverse path | reverse-path | mail from: | mail from address | after mail from | from address
    | 'from' address | from header | header from | verification failed for | callout | sending domain | originator
    | absender | expéditeur | remitente | remetente | mittente";

/// The recipient is unknown, gone or disabled.
pub const GONE: &str = "
    user unknown | unknown user | unknown or illegal user | unknown or invalid user | unknown recipient
    | recipient unknown | unknown mailbox | mailbox unknown | unknown account | account unknown | unknown local*
    | address unknown | addressee unknown | no such user | no such mailbox | no such recipient | no such address
    | no such account | no such person | no such local* | no such domain | nosuchuser | no user by that name
    | nobody of that name | nobody by that name | no mailbox | no account by that name | not our customer | does not exist
    | doesn't exist | do not exist | did not exist | non-existent user | nonexistent user | non-existent mailbox
    | nonexistent mailbox | no longer exists | user doesn't have a* | user does not have a* | recipient not found
    | recipientnotfound | user not found | mailbox not found | account not found | address not found
    | email address could not be found | email address couldn't be found | wasn't found at | not a known user
    | not a valid user | not a valid mailbox | not a valid recipient | not a valid address | not a valid email*
    | invalid recipient | invalid mailbox | invalid user | invalid recipient address | bad destination mailbox
    | bad recipient address | recipient name is not recognized | recipient address is not valid | recipient address unknown
    | not recognized as a valid* | not listed in domino* | not listed in public name* | not listed in name*
    | is not listed in the directory | no longer valid | no longer in use | no longer active | no longer available
    | no longer works | no longer employed | no longer with | has left the company | account not available
    | account is disabled | account has been disabled | account was disabled | account disabled | mailbox is disabled
    | mailbox has been disabled | mailbox disabled | user is disabled | user disabled | user account disabled
    | recipient disabled | disabled recipient | disableduser | disabled or discontinued | tried to reach is disabled
    | tried to reach is inactive | account is inactive | account inactive | mailbox is inactive | mailbox inactive
    | inactive mailbox | inactive user | user inactive | account has been deactivated | account deactivated
    | mailbox deactivated | account is closed | account has been closed | account was closed | account closed
    | mailbox closed | mailbox is closed | mailbox has been closed | account has been deleted | account deleted
    | mailbox has been deleted | mailbox deleted | account has been terminated | account terminated | archived recipient
    | account expired | mailbox expired | unrouteable address | unroutable address | unrouteable mail domain
    | unroutable mail domain | domain name not found | host not found | recipient address rejected: domain not found
    | nxdomain | nullmx | null mx | no existe | no existeix | usuario desconocido | destinatario desconocido
    | dirección desconocida | direccion desconocida | usuario inexistente | buzón inexistente | usuario no encontrado
    | buzón no encontrado | dirección no encontrada | cuenta deshabilitada | cuenta desactivada | cuenta cancelada
    | ningún usuario* | no hay ningún buzón* | usuari desconegut | destinatari desconegut | adreça desconeguda | não existe
    | nao existe | usuário inexistente | usuario inválido | usuário desconhecido | utilizador desconhecido
    | destinatário desconhecido | destinatário inexistente | caixa postal inexistente | conta desativada
    | usuário não encontrado | utente sconosciuto | utente non trovato | utente inesistente | destinatario sconosciuto
    | non esiste | casella inesistente | casella non attiva | casella disabilitata | indirizzo inesistente | n'existe pas
    | adresse inconnue | utilisateur inconnu | destinataire inconnu | destinataire invalide | compte désactivé
    | compte fermé | boîte inexistante | unbekannter empfänger | empfänger unbekannt | unbekannter benutzer
    | benutzer unbekannt | unbekannte adresse | adresse unbekannt | existiert nicht | adresse ist ungültig
    | empfänger existiert* | postfach deaktiviert | konto deaktiviert | konto gelöscht | postfach gibt es nicht
    | bestaat niet | onbekende gebruiker | gebruiker onbekend | onbekende ontvanger | ontvanger onbekend | findes ikke
    | ukendt modtager | ukendt bruger | finns inte | okänd mottagare | okänd användare | finnes ikke | ukjent mottaker
    | ukjent bruker | nie istnieje | nieznany użytkownik | nieznany odbiorca | kullanıcı yok | kullanıcı bulunamadı
    | не существует | пользователь не найден | нет такого пользователя
    | неизвестный пользователь | получатель не найден | ящик не найден
    | 用户不存在 | 收件人不存在 | 邮箱不存在 | 帐号不存在 | 账号不存在
    | 存在しません | 宛先不明 | 존재하지*";

/// The recipient may be unknown, or something else may be the matter.
pub const PERHAPS: &str = "does not exist or | doesn't exist or | either does not exist | either doesn't exist";

/// The mailbox lives, and does not take this mail now.
pub const FOR_A_TIME: &str = "
    mail at a rate | mail too quickly | too much mail | so much mail | more mail than | too many messages for this*
    | recipient rate* | temporarily disabled | temporarily unavailable | temporarily suspended | temporarily inactive
    | temporarily locked | temporarily deactivated | temporarily over* | temporarily full | vorübergehend* | temporalmente*
    | temporairement* | temporaneamente* | temporariamente*";

/// The mailbox is full.
pub const FULL: &str = "
    quota | quotaexceeded* | overquota* | mailbox full | mailbox is full | mailbox for user is full | mailbox has no room
    | full mailbox | mailfolder is full | folder is full | inbox is full | inbox full | out of storage* | storage space
    | storage allocation | storage limit | storage of this mailbox | insufficient disk* | insufficient system storage
    | disk space | not enough space | no space in* | no room left | no room in* | mailbox size | mailbox limit
    | mailbox over* | mailbox has exceeded* | user is over* | over the limit | cuota | buzón lleno | está lleno | está llena
    | sin espacio | no tiene espacio | no tiene sitio | no queda espacio | bústia plena | està plena | caixa cheia
    | está cheia | caixa postal cheia | cota excedida | casella piena | è piena | spazio esaurito | est pleine
    | boîte pleine | quota dépassé* | espace insuffisant | ist voll | postfach voll | mailbox voll | speicherplatz*
    | kontingent* | is vol | mailbox vol | er fuld | är full | er full | jest pełn* | przepełnion* | doldu | переполнен*
    | ящик полон | 已满 | 容量 | 配额 | 一杯 | いっぱい | 満杯";

/// Limits of ours that read like a mailbox's.
pub const OUR_LIMITS: &str = "
    sending quota* | message quota | daily quota | hourly quota | sending limit* | sending rate* | message size*
    | size of the message | message too large | message is too large | message too big | too large | maximum message*
    | maximum size* | message length*";

/// About us: our host, our records, our words, our standing.
pub const OURS: &str = "
    spam | spamming | junk* | unsolicited | blocked | blocking | block list | blocklist* | block-list* | blacklist*
    | black list* | black-list* | denylist* | deny list | rbl | dnsbl | spamhaus* | spamcop* | sorbs | listed at | listed by
    | is listed in | reputation | policy | policies | banned | relay access denied | relaying denied | relay denied
    | relaying not* | relay not* | unable to relay | cannot relay | not permitted to relay | does not relay
    | relaying prohibited | not a relay | rcpthosts | authentication | authenticate | unauthenticated | not authenticated
    | not authorized | not authorised | unauthorized | spf | dkim | dmarc | arc | ptr | reverse dns | rdns
    | reverse hostname | helo | ehlo | hostname | virus | malware | phish* | suspicious* | security | content denied
    | content rejected | message content | access denied | access to this mail system | permission denied
    | not allowed to send | too many connections | rate limit* | frequency limited | throttl* | your ip | your host
    | your server | your domain | your network | your mail server | client host | sending ip | ip address | connections from
    | connecting host | not verified | verified sender | not accepting mail from | not accept mail from
    | does not accept mail from | mail from ip | loop | looping | hop count | too many hops | message rejected
    | email rejected | turned away | bulk* | 8-bit | 8bitmime | sperrliste | richtlinie* | abgelehnt wegen* | lista negra
    | política* | correo no deseado | liste noire | indésirable* | lista nera | reputación | reputação | réputation | спам*
    | 垃圾* | 迷惑* | スパム*";

/// The recipient does not exist, where nothing says that it is about us: what RFC 5321 writes behind 550, and others like it.
pub const GONE_IF_NOT_OURS: &str = "
    mailbox unavailable | mailbox not available | address rejected | not our recipient";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_between_word_ends_and_never_in_an_address() {
        let text = Text::new("550 <spam@Policy.example>: You’re UNBLOCKED  by\r\n our\tteam, ptrs temporarily");
        for phrase in ["spam", "policy", "blocked", "ptr"] {
            assert_eq!(text.says(phrase), None, "{phrase}");
        }
        for phrase in ["you're", "by our team", "ptr*", "temporarily"] {
            assert_eq!(text.says(phrase), Some(phrase), "{phrase}");
        }
    }

    #[test]
    fn our_domain_is_named_alone_or_beside_others() {
        for (words, is_ours) in [
            ("550 the domain news.example. does not exist", true),
            ("550 <bounces+t@News.example>: user unknown", true),
            ("550 <ada@x.example>: user unknown, from=<bounces+t@news.example>", false),
            ("550 mail.news.example is no host", false),
            ("550 user unknown", false),
        ] {
            assert_eq!(names_only(words, "news.example"), is_ours, "{words}");
        }
        assert!(!names_only("a  b", ""));
    }
}

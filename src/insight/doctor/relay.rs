//! Checks of what is outside this process: the relay, the daemon's web address from here, and what is not checked and why.

use super::finding::{Finding, within};
use super::http_probe;
use crate::domain::plan::Plan;
use crate::domain::settings::Security;
use crate::mail::conversation::Timeouts;
use crate::mail::relay::{Relay, RelayError};
use std::collections::BTreeSet;
use std::time::Duration;

/// The time limit of each of these checks.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether the relay can be reached, with the configured protection and login. No mail is sent.
pub async fn relay(plan: &Plan) -> Finding {
    let smtp = &plan.settings.smtp;
    let at = format!("{}:{}", smtp.host, smtp.port);
    let relay = Relay::new(smtp.clone()).map(|relay| relay.with_patience(Timeouts::default().at_most(LIMIT)));
    let opened = match relay {
        Ok(relay) => within(LIMIT, relay.connect()).await.unwrap_or_else(|late| Err(RelayError::Unreachable(late))),
        Err(error) => Err(error),
    };
    match opened {
        Ok(connection) => {
            let several =
                if connection.is_pipelining() { "takes several commands at once" } else { "takes one command at a time" };
            // The relay's answer to QUIT changes nothing.
            drop(within(LIMIT, connection.quit()).await);
            let how = match smtp.security {
                Security::Implicit => "TLS",
                Security::StartTls => "STARTTLS",
                Security::Plaintext => "no protection",
            };
            let login = if smtp.login.is_some() { ", our login is good" } else { "" };
            Finding::well("relay", format!("{at} answers over {how}{login}; it {several}"))
        }
        Err(error) => Finding::wrong("relay", format!("{at}: {}", error.why()), error.remedy()),
    }
}

/// Whether the daemon answers on this machine, and whether the public URL reaches it from here.
pub async fn daemon_address(plan: &Plan) -> Vec<Finding> {
    let listen = plan.settings.http.listen;
    let here = format!("http://{listen}");
    let (inside, outside) = tokio::join!(opens(&here), opens(&plan.settings.public_url));
    let runs = inside.is_ok();
    let daemon = match inside {
        Ok(()) => Finding::well("daemon", format!("it answers on {listen}")),
        Err(why) => Finding::notice("daemon", format!("nobody answers as it on {listen}: {why}"), "systemctl start nurtured"),
    };
    let url = &plan.settings.public_url;
    let fix = "lead it to http.listen in your reverse proxy, and its name to this machine in the DNS";
    let public = match outside {
        Ok(()) => Finding::well("public_url", format!("{url} leads to it from here; from elsewhere nobody looked")),
        Err(why) if runs => Finding::wrong("public_url", format!("{url} does not lead to it from here: {why}"), fix),
        Err(why) => Finding::notice("public_url", format!("{url} leads nowhere from here while it does not run: {why}"), fix),
    };
    vec![daemon, public]
}

async fn opens(url: &str) -> Result<(), String> {
    match within(LIMIT, http_probe::get(url, "/healthz")).await? {
        Ok(answer) if answer.status == 200 && answer.body.starts_with("ok") => Ok(()),
        Ok(answer) => Err(format!("it answers with {}, not as nurtured does", answer.status)),
        Err(error) => Err(error.to_string()),
    }
}

/// What no check covers, and why.
pub fn unchecked(plan: &Plan) -> Vec<Finding> {
    let domains: BTreeSet<&str> = plan.campaigns.iter().map(|campaign| campaign.from.address.domain()).collect();
    let mut records: Vec<String> = domains
        .iter()
        .flat_map(|domain| [format!("dig +short TXT {domain}"), format!("dig +short TXT _dmarc.{domain}")])
        .collect();
    records.extend(plan.settings.smtp.dkim.iter().map(|dkim| format!("dig +short TXT {}", dkim.record().0)));
    let why = "SPF, DMARC and DKIM are TXT records, which this system's resolver does not tell a program";
    vec![
        Finding::unchecked("DNS", why, format!("look for v=spf1, v=DMARC1 and v=DKIM1 in: {}", records.join("; "))),
        Finding::unchecked(
            "inbox",
            "nothing is fetched: your mail server brings mails to `nurtured inbox ingest`",
            format!("send a mail to {} and look for it in `nurtured prospects show`", plan.settings.smtp.return_path),
        ),
    ]
}

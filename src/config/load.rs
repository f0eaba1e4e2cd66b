//! From a directory, or from texts, to a plan: every file is read before anything is refused.
//!
//! A file that is missing or is not TOML is one problem; names that point into it are then not checked.

use crate::config::condition::Declared;
use crate::config::database::Database;
use crate::config::node::{self, Node};
use crate::config::place::{Place, Source};
use crate::config::problem::{Log, Problem, Problems};
use crate::config::secret::Vault;
use crate::config::{campaign, cross_check, database, layers, people, qualification, service, stored_files};
use crate::domain::criterion::Criterion;
use crate::domain::group::campaign::Campaign;
use crate::domain::id::Name;
use crate::domain::plan::Plan;
use crate::domain::span::FiscalYear;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A configuration that may run.
#[derive(Debug)]
pub struct Loaded {
    pub plan: Plan,
    /// The problems that do not forbid running.
    pub warnings: Vec<Problem>,
    /// The warnings that hold from a day on.
    pub dated: Vec<(Date, Problem)>,
    /// The files from which secrets were read.
    pub secrets: Vec<PathBuf>,
}

impl Loaded {
    /// The warnings that hold now.
    pub fn warnings_at(&self, now: Timestamp) -> impl Iterator<Item = &Problem> {
        let today = now.to_zoned(TimeZone::UTC).date();
        self.warnings.iter().chain(self.dated.iter().filter(move |(day, _)| *day <= today).map(|(_, problem)| problem))
    }
}

/// Reads the configuration in a directory: over `nurtured.toml` lie the files of `nurtured.d`, and over them the environment.
///
/// # Errors
/// Every problem of every file.
pub fn load(directory: &Path, environment: &[(String, String)]) -> Result<Loaded, Problems> {
    let log = Log::default();
    let files = read_directory(&log, directory);
    assemble(log, &files, Some(directory), environment)
}

/// Reads which database a configuration names, and nothing else of it: whatever is wrong with the rest hides no database from a verb that
/// must work then.
///
/// # Errors
/// The problems of `[database]`; of `nurtured.toml` and its drop-ins only those of their TOML.
pub fn load_database(directory: &Path, environment: &[(String, String)]) -> Result<Database, Problems> {
    let log = Log::default();
    let files = read_service(&log, directory);
    let vault = vault(Some(directory), environment);
    let parse = |source: &Arc<Source>| node::parse(&log, source, 0..source.text.len(), 0..0);
    let mut layers: Option<Vec<Node>> = files.values().map(parse).collect();
    if !files.contains_key(SERVICE) && !log.refuses() {
        log.add(no_such_file(&directory.join(SERVICE).display().to_string()));
    }
    let joined = layers.take().filter(|_| !log.refuses()).and_then(|layers| layers::join(&log, &layers, environment));
    let database = joined.and_then(|root| database::read_alone(&log, &root, &vault));
    match database {
        Some(database) if !log.refuses() => Ok(database),
        _ => Err(Problems(log.sorted())),
    }
}

fn vault(directory: Option<&Path>, environment: &[(String, String)]) -> Vault {
    let credentials = environment.iter().find(|(name, _)| name == "CREDENTIALS_DIRECTORY").map(|(_, path)| path.into());
    Vault { directory: directory.map(Path::to_owned), credentials, opened: RefCell::default() }
}

fn no_such_file(shown: &str) -> Problem {
    let problem = Problem::error(&Place::File(shown.to_owned()), "there is no such file");
    problem.help("`nurtured init DIR` writes a configuration to start from")
}

/// As [`load`], with another file in the place of `qualification.toml`, checked as that one is.
pub fn load_with_rules(directory: &Path, rules: &Path, environment: &[(String, String)]) -> Result<Loaded, Problems> {
    let log = Log::default();
    let mut files = read_directory(&log, directory);
    files.remove(QUALIFICATION);
    read_file(&log, rules, QUALIFICATION, true, &mut files);
    if log.refuses() {
        return Err(Problems(log.sorted()));
    }
    assemble(log, &files, Some(directory), environment)
}

/// The same from texts under their relative paths: "nurtured.toml", "nurtured.d/50-relay.toml", "campaigns/letter/01.md".
///
/// # Errors
/// Every problem of every file.
pub fn load_files(files: &[(&str, &str)], environment: &[(String, String)]) -> Result<Loaded, Problems> {
    let open = |(path, text): &(&str, &str)| ((*path).to_owned(), source(path, (*path).to_owned(), text));
    assemble(Log::default(), &files.iter().map(open).collect(), None, environment)
}

type Files = BTreeMap<String, Arc<Source>>;

const SERVICE: &str = stored_files::SERVICE;
const DROP_INS: &str = stored_files::DROP_INS;
const PEOPLE: &str = "salespeople.toml";
const QUALIFICATION: &str = "qualification.toml";

fn source(path: &str, shown: String, text: &str) -> Arc<Source> {
    if stored_files::may_hold_secrets(path) { Source::guarded(shown, text) } else { Source::open(shown, text) }
}

fn assemble(log: Log, files: &Files, directory: Option<&Path>, environment: &[(String, String)]) -> Result<Loaded, Problems> {
    let toml = |path: &str| {
        if let Some(source) = files.get(path) {
            return node::parse(&log, source, 0..source.text.len(), 0..0);
        }
        let shown = directory.map_or_else(|| path.to_owned(), |directory| directory.join(path).display().to_string());
        // A file that could not be read already has its problem.
        if !log.mentions(&shown) {
            log.add(no_such_file(&shown));
        }
        None
    };
    let vault = vault(directory, environment);
    let mut declared = Declared::default();
    let drop_ins = files.keys().map(String::as_str).filter(|path| path.starts_with(DROP_INS));
    let layers: Vec<Option<Node>> = [SERVICE].into_iter().chain(drop_ins).map(&toml).collect();
    let layers: Option<Vec<Node>> = layers.into_iter().collect();
    let service = layers.and_then(|files| service::read(&log, &layers::join(&log, &files, environment)?, &vault));
    declared.fields = service.as_ref().map(|service| service.fields.clone());
    let roster = toml(PEOPLE).and_then(|root| people::read(&log, &root, &mut declared));
    for (person, place) in service.iter().flat_map(|service| &service.on_behalf) {
        declared.is_person(&log, person, place);
    }
    let fiscal_year = service.as_ref().map_or(FiscalYear::CALENDAR, |service| service.fiscal_year);
    let rules = toml(QUALIFICATION);
    let contract = rules.as_ref().and_then(|root| qualification::read(&log, root, &declared, fiscal_year));
    let bounds = |c: qualification::Contract| (c.rules, (c.forms, c.max_new_offers, c.max_enquiries_per_hour));
    let (qualifying, rest) = contract.map(bounds).unzip();
    let (forms, max_new_offers, max_enquiries_per_hour) = rest.unwrap_or_default();
    let askable: Vec<Criterion> =
        Criterion::ALL.into_iter().filter(|c| qualifying.as_ref().is_none_or(|q| !q.criteria[*c].question.is_empty())).collect();
    let campaigns = campaigns(&log, files, &askable, &declared, toml);
    let settings = service.and_then(|service| service.settings);
    let dkim = settings.as_ref().and_then(|settings| settings.smtp.dkim.as_ref());
    for campaign in campaigns.iter().filter(|campaign| dkim.is_some_and(|dkim| !dkim.speaks_for(&campaign.from.address))) {
        let path = format!("campaigns/{}.toml", campaign.name);
        let place = Place::File(files.get(path.as_str()).map_or(path, |source| source.path.clone()));
        let title = format!("mails from {} are signed for another domain", campaign.from.address.domain());
        log.add(Problem::warning(&place, title).help("set `domain` under [smtp.dkim] to the domain of `from`"));
    }
    let mut dated = Vec::new();
    if let (Some(root), Some(qualifying), Some(settings), false) = (&rules, &qualifying, &settings, log.refuses()) {
        cross_check::check(&log, root, qualifying, &campaigns, settings);
        dated = cross_check::dated(root, qualifying);
    }
    match (settings, roster, qualifying, log.refuses()) {
        (Some(settings), Some(roster), Some(qualifying), false) => {
            let texts = files.iter().map(|(path, source)| (path.as_str(), source.text.as_str()));
            let files_kept = Arc::new(stored_files::files(texts, &settings, fiscal_year));
            let hash = hash(files);
            let plan = Plan {
                settings,
                campaigns,
                roster,
                qualifying,
                forms,
                max_new_offers,
                max_enquiries_per_hour,
                hash,
                files: files_kept,
            };
            Ok(Loaded { plan, warnings: log.sorted(), dated, secrets: vault.opened.into_inner() })
        }
        _ => Err(Problems(log.sorted())),
    }
}

fn campaigns(
    log: &Log,
    files: &Files,
    askable: &[Criterion],
    declared: &Declared,
    toml: impl Fn(&str) -> Option<Node>,
) -> Vec<Campaign> {
    let inside = |path: &str| path.strip_prefix("campaigns/").map(str::to_owned);
    let names: BTreeSet<String> = files.keys().filter_map(|p| Some(inside(p)?.strip_suffix(".toml")?.to_owned())).collect();
    let folders: BTreeSet<String> = files.keys().filter_map(|p| Some(inside(p)?.split_once('/')?.0.to_owned())).collect();
    for orphan in folders.difference(&names) {
        let path = files.iter().find(|(path, _)| path.starts_with(&format!("campaigns/{orphan}/")));
        let shown = path.map_or_else(String::new, |(_, source)| source.path.clone());
        let problem =
            Problem::warning(&Place::File(shown), format!("newsletters without a campaign: there is no campaigns/{orphan}.toml"));
        log.add(problem.help("nobody receives them; add the campaign's file or remove the folder"));
    }
    if names.is_empty() {
        let problem = Problem::warning(&Place::File("campaigns".to_owned()), "there is no campaign yet");
        log.add(problem.help("nothing will be sent; add campaigns/NAME.toml and a folder campaigns/NAME with newsletters"));
    }
    let read = |name: &String| {
        let path = format!("campaigns/{name}.toml");
        let shown = &files[&path].path;
        let parsed = Name::parse(name).map_err(|error| log.add(Problem::error(&Place::File(shown.clone()), error.to_string())));
        let texts: Vec<Arc<Source>> = files
            .iter()
            .filter(|(path, _)| path.starts_with(&format!("campaigns/{name}/")))
            .map(|(_, source)| source.clone())
            .collect();
        let parsed = parsed.ok()?;
        let newsletters = campaign::newsletters(log, &parsed, shown, &texts, askable);
        campaign::read(log, parsed, &toml(&path)?, newsletters, declared)
    };
    let campaigns: Vec<Campaign> = names.iter().filter_map(read).collect();
    check_renames(log, files, &campaigns);
    campaigns
}

/// One history goes on under one name, and not while its own file is there.
fn check_renames(log: &Log, files: &Files, campaigns: &[Campaign]) {
    for (n, campaign) in campaigns.iter().enumerate() {
        let Some(before) = campaign.renamed_from.as_ref().filter(|before| **before != campaign.name) else { continue };
        let path = format!("campaigns/{}.toml", campaign.name);
        let place = Place::File(files.get(path.as_str()).map_or(path, |source| source.path.clone()));
        let title = format!("`renamed_from` names {before}");
        if files.contains_key(format!("campaigns/{before}.toml").as_str()) {
            let problem = Problem::error(&place, format!("{title}, which is configured too"));
            log.add(problem.help(format!("remove campaigns/{before}.toml, or `renamed_from`, if this is another campaign")));
        }
        if let Some(other) = campaigns[..n].iter().find(|other| other.renamed_from.as_ref() == Some(before)) {
            let problem = Problem::error(&place, format!("{title}, and so does that of {}", other.name));
            log.add(problem.help("one history goes on under one name: leave it to one of them"));
        }
    }
}

/// The files of a configuration, by their relative path. A file that cannot be read is a problem.
fn read_directory(log: &Log, directory: &Path) -> Files {
    let mut files = read_service(log, directory);
    let mut open = |path: String, must_exist: bool| read_file(log, &directory.join(&path), &path, must_exist, &mut files);
    for path in [PEOPLE, QUALIFICATION] {
        open(path.to_owned(), false);
    }
    for name in names(log, &directory.join("campaigns")) {
        let path = format!("campaigns/{name}");
        if directory.join(&path).is_dir() {
            names(log, &directory.join(&path))
                .into_iter()
                .filter(|n| has_extension(n, "md"))
                .for_each(|n| open(format!("{path}/{n}"), true));
        } else if has_extension(&name, "toml") {
            open(path, true);
        }
    }
    files
}

/// `nurtured.toml` and the files that lie over it.
fn read_service(log: &Log, directory: &Path) -> Files {
    let mut files = Files::new();
    read_file(log, &directory.join(SERVICE), SERVICE, false, &mut files);
    for name in names(log, &directory.join(DROP_INS)).into_iter().filter(|name| has_extension(name, "toml")) {
        let path = format!("{DROP_INS}{name}");
        read_file(log, &directory.join(&path), &path, true, &mut files);
    }
    files
}

/// Reads one file under its path inside a configuration.
fn read_file(log: &Log, file: &Path, path: &str, must_exist: bool, files: &mut Files) {
    let shown = file.display().to_string();
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => return,
        Err(error) => {
            let problem = Problem::error(&Place::File(shown), format!("could not read this file: {error}"));
            return log.add(problem.help("the service's user must be able to read it"));
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => drop(files.insert(path.to_owned(), source(path, shown, text))),
        Err(error) => {
            let line = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).matches('\n').count() + 1;
            let problem = Problem::error(&Place::File(shown), format!("line {line} is not UTF-8"));
            log.add(problem.help("save the file as UTF-8"));
        }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

/// The names in a directory, without hidden files and editors' backups; empty when it does not exist.
fn names(log: &Log, directory: &Path) -> Vec<String> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            log.add(Problem::error(
                &Place::File(directory.display().to_string()),
                format!("could not read this directory: {error}"),
            ));
            return Vec::new();
        }
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| !name.starts_with(['.', '#'])).collect()
}

/// The first 16 hex digits of SHA-256 over paths and texts, each followed by NUL.
fn hash(files: &Files) -> String {
    let mut hasher = Sha256::new();
    for (path, source) in files {
        for part in [path, &source.text] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
    }
    data_encoding::HEXLOWER.encode(&hasher.finalize()[..8])
}

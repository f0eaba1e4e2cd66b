//! Columns that hold what another system calls a person, by headers that say so beyond doubt. A bare "ID" is often a line number:
//! only a map file makes an id of it, `"ID" = "external_id:pipedrive"`.

/// Loosely spelt headers, and the system whose ids they hold.
const SYSTEMS: [(&str, &str); 12] = [
    ("recordid", "hubspot"),
    ("recordidcontact", "hubspot"),
    ("hsobjectid", "hubspot"),
    ("contactid", "contact"),
    ("contactid18", "contact"),
    ("leadid", "lead"),
    ("personid", "pipedrive"),
    ("zohocontactid", "zoho"),
    ("mauticid", "mautic"),
    ("subscriberid", "subscriber"),
    ("crmid", "crm"),
    // Our own export: the cell names the system.
    ("externalid", ""),
];

/// The system whose ids a column holds; the header is in lower case, letters and digits only.
pub fn system_of(header: &str) -> Option<&'static str> {
    SYSTEMS.iter().find(|(known, _)| *known == header).map(|(_, system)| *system)
}

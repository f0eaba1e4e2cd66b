//! The tables that hold something of a person, and which rows of each are theirs: what `access` hands out, and nothing of it left out
//! (a test compares this list with the tables there are, and with what `erasures` erases).

/// A table that holds something of a person.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The columns that are handed out.
    pub columns: &'static [&'static str],
    /// Columns that say nothing of the person: how other columns are found, and who is working on the row.
    pub inner: &'static [&'static str],
    pub(super) sql: &'static str,
    pub(super) by: By,
}

/// What a statement is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// `$1`: the numbers of the person's prospects, those too that were merged into another.
    Rows,
    /// `$1`: their addresses.
    Addresses,
    /// Both, in this order.
    Both,
    /// Their prospects, and patterns of Message-IDs.
    Letters,
}

macro_rules! table {
    ($by:ident, $name:ident { $first:ident $(, $column:ident)* } $(inner { $($inner:ident),+ })? $(with $also:literal)?, $($which:expr),+) => {
        Table {
            name: stringify!($name),
            columns: &[stringify!($first) $(, stringify!($column))*],
            inner: &[$($(stringify!($inner)),+)?],
            sql: concat!(
                "SELECT t.", stringify!($first) $(, ", t.", stringify!($column))* $(, ", ", $also)?, " FROM ", stringify!($name), " t ",
                $($which),+
            ),
            by: By::$by,
        }
    };
}

macro_rules! theirs {
    ($column:literal) => {
        concat!($column, " IN (SELECT CAST(value AS BIGINT) FROM json_each($1))")
    };
}
macro_rules! of_deliveries {
    () => {
        concat!(
            "WHERE t.delivery_id IN (SELECT d.id FROM deliveries d WHERE ",
            theirs!("d.prospect_id"),
            ") ORDER BY t.delivery_id"
        )
    };
}
macro_rules! addressed {
    ($column:literal, $parameter:literal) => {
        concat!($column, " IN (SELECT value ->> 'text' FROM json_each(", $parameter, "))")
    };
}

/// In the order in which they are handed out: who somebody is, what they agreed to, what they got, what they did, what we made of it.
pub const TABLES: [Table; 37] = [
    table! { Rows, prospects { id, address, name, phone, company, account_id, standing, episode, episode_started_at, wake_at, review_after,
    mail_stop, tracking_consent, speaks, salesperson, created_at }, "WHERE ", theirs!("t.id"), " ORDER BY t.id" },
    table! { Rows, former_addresses { address, prospect_id, cause, recorded_at }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.address" },
    table! { Rows, merged_prospects { prospect_id, into_id, merged_at }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.prospect_id" },
    table! { Both, accounts { id, domain, name, salesperson }, "WHERE t.id IN (SELECT p.account_id FROM prospects p WHERE ",
    theirs!("p.id"), ") OR EXISTS (SELECT 1 FROM json_each($1) i, json_each($2) j",
    " WHERE j.value ->> 'text' LIKE '%@' || t.domain OR j.value ->> 'text' LIKE '%.' || t.domain) ORDER BY t.id" },
    table! { Rows, external_ids { system, external_id, prospect_id, recorded_at }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.system, t.external_id" },
    table! { Rows, prospect_fields { prospect_id, name, value } inner { folded, number }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.prospect_id, t.name" },
    table! { Rows, prospect_tags { prospect_id, tag }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.prospect_id, t.tag" },
    table! { Rows, consents { id, prospect_id, purpose, given, source, given_at, recorded_at, wording }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.id" },
    table! { Rows, preferences { prospect_id, less_often, paused_until, language, changed_at }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.prospect_id" },
    table! { Rows, refused_topics { prospect_id, topic, refused_at }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.topic" },
    table! { Rows, preference_changes { id, prospect_id, choice, value, source, chosen_at }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.id" },
    table! { Addresses, suppressions { id, address, channel, reason, source, suppressed_at, lifted_at }, "WHERE ", addressed!("t.address",
    "$1"), " ORDER BY t.id" },
    table! { Rows, absences { prospect_id, until_at, told_at }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.prospect_id" },
    table! { Rows, deliveries { id, occurrence_id, issue_id, prospect_id, address, tracked } with
    "i.campaign, i.newsletter, i.subject, o.due_at",
    "LEFT JOIN issues i ON i.id = t.issue_id LEFT JOIN occurrences o ON o.id = t.occurrence_id WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.id" },
    table! { Rows, attempts { delivery_id, number, state, at, retry_at, reply, version } inner { fence }, of_deliveries!(), ", t.number" },
    table! { Rows, provider_deliveries { delivery_id, provider, delivered_at, recorded_at }, of_deliveries!() },
    table! { Rows, refusals { id, campaign, delivery_id, number, about, alike, at }, of_deliveries!(), ", t.id" },
    table! { Rows, troubles { id, campaign, delivery_id, kind, number, at }, of_deliveries!(), ", t.id" },
    table! { Rows, departures { delivery_id, told_at }, of_deliveries!() },
    table! { Rows, audience_changes { prospect_id, newest_delivery }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.prospect_id" },
    table! { Rows, signals { id, prospect_id, once, kind, occurred_at, recorded_at, delivery_id, issue_id, by_whom, machine, detail },
    "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.prospect_id, t.id" },
    table! { Rows, hits { signal_id, agent, network, company, at }, "WHERE t.signal_id IN (SELECT s.id FROM signals s WHERE ",
    theirs!("s.prospect_id"), ") ORDER BY t.signal_id" },
    table! { Rows, reclassifications { id, signal_id, prospect_id, machine, by_whom, note, recorded_at }, "WHERE ",
    theirs!("t.prospect_id"), " ORDER BY t.id" },
    table! { Rows, withdrawn_evidence { signal_id, prospect_id, withdrawn_at, told_at }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.signal_id" },
    table! { Addresses, signal_authors { address, signal_id } with "s.kind, s.occurred_at, s.detail",
    "JOIN signals s ON s.id = t.signal_id WHERE ", addressed!("t.address", "$1"), " ORDER BY t.signal_id" },
    table! { Rows, api_keys { token, idempotency_key, body, answer, called_at }, "WHERE EXISTS (SELECT 1 FROM signals s WHERE ",
    theirs!("s.prospect_id"),
    " AND s.once = CASE WHEN t.token = '' THEN 'api:' ELSE 'token:' || t.token || ':' END || t.idempotency_key) ORDER BY t.called_at" },
    table! { Both, pending_forms { id, once, address, domain, form, fields, asked_at, expires_at, prospect_id, mail, mailed_at, message_id,
    confirmed_at }, "WHERE ", theirs!("t.prospect_id"), " OR ", addressed!("t.address", "$2"), " ORDER BY t.id" },
    table! { Both, enquiries { id, once, prospect_id, signal_id, address, cause, form, said, asked_at, expires_at, salesperson, placed_at,
    told_at, settled_at, settled_how, list_id }, "WHERE ", theirs!("t.prospect_id"), " OR ", addressed!("t.address", "$2"),
    " ORDER BY t.id" },
    table! { Rows, verdicts { prospect_id, criterion, verdict, changed_at, configuration_id }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.prospect_id, t.criterion" },
    table! { Rows, assessment_queue { id, prospect_id, due_at }, "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.id" },
    table! { Rows, qualifications { id, prospect_id, episode, cause, at, known_up_to, findings, by_rules, configuration_id, settled_at },
    "WHERE ", theirs!("t.prospect_id"), " ORDER BY t.id" },
    table! { Rows, handoffs { id, prospect_id, qualification_id, cause, state, salesperson, assignment, configuration_id, stage, opened_at,
    answer_until, touch_until, accepted_at, touched_at, closed_at, outcome, value }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.id" },
    table! { Rows, handoff_events { id, handoff_id, at, by_whom, what, note }, "WHERE t.handoff_id IN (SELECT h.id FROM handoffs h WHERE ",
    theirs!("h.prospect_id"), ") ORDER BY t.id" },
    table! { Rows, follow_ups { id, prospect_id, handoff_id, salesperson, action, due_at, done_at }, "WHERE ", theirs!("t.prospect_id"),
    " ORDER BY t.id" },
    table! { Letters, letters { id, kind, handoff_id, recipient, message_id, message, not_before, sent_at, failed_at, reply, first_tried_at,
    waits_since, refused_since } inner { owner, fence, leased_until, tries },
    "WHERE t.handoff_id IN (SELECT h.id FROM handoffs h WHERE ", theirs!("h.prospect_id"),
    ") OR EXISTS (SELECT 1 FROM json_each($2) j WHERE t.message_id LIKE j.value ->> 'text') ORDER BY t.id" },
    table! { Addresses, unrecognised_addresses { mail_id, address }, "WHERE ", addressed!("t.address", "$1"), " ORDER BY t.mail_id" },
    table! { Addresses, unrecognised_mails { id, mailbox, why, sender, subject, message, is_whole, received_at, expires_at } inner { once },
    "WHERE t.id IN (SELECT a.mail_id FROM unrecognised_addresses a WHERE ", addressed!("a.address", "$1"), ") ORDER BY t.id" },
];

/// Tables in whose reasons a colleague or a relay may have written what a person is known by: what names them is handed out.
pub const REASONS: [&str; 4] = ["campaigns", "pause_notices", "cancellations", "sending"];

/// Tables that hold nothing of any person, and why not.
pub const OF_NOBODY: [(&str, &str); 15] = [
    ("occurrences", "a campaign at a time"),
    ("issues", "a newsletter, the same for everybody"),
    ("former_words", "a newsletter, the same for everybody"),
    ("holds", "numbers of an occurrence"),
    ("leases", "which deliveries a node works on"),
    ("buckets", "how many mails may leave"),
    ("configurations", "our own files"),
    ("applied_rules", "our own rules"),
    ("signing_keys", "keys of ours"),
    ("erasure_keys", "a key of ours"),
    ("mailboxes", "mailboxes of ours"),
    ("enquiry_lists", "an hour, and its salesperson; who asked is in `enquiries`"),
    ("assessment_locks", "a lock: it says that there is a prospect"),
    ("received_mails", "hashes of eight bytes that lead to nobody"),
    ("_sqlx_migrations", "the versions of the tables"),
];

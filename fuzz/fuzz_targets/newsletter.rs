//! What lint lets pass can be composed, twice to the same bytes; what it complains of is shown at a place in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nurtured::config::{example, load_files};
use nurtured::domain::group::campaign::Newsletter;
use nurtured::domain::plan::Plan;
use nurtured::text::newsletter::{Frame, askable, compose, lint};
use std::sync::LazyLock;

static PLAN: LazyLock<Plan> = LazyLock::new(|| load_files(example::FILES, &[]).expect("the example is valid").plan);

fuzz_target!(|text: &str| {
    let plan = &*PLAN;
    let complaints = lint(text, &askable(&plan.qualifying));
    for complaint in &complaints {
        assert!(text.get(complaint.span.clone()).is_some(), "{:?} is no place in the text", complaint.span);
    }
    let campaign = &plan.campaigns[0];
    let frame = Frame {
        organisation: &plan.settings.organisation,
        public_url: "https://example.com",
        campaign,
        qualifying: &plan.qualifying,
        forms: &plan.forms,
        date: jiff::civil::date(2026, 1, 1),
    };
    let newsletter = Newsletter { markdown: text.to_owned(), ..campaign.newsletters[0].clone() };
    let composed = compose(&newsletter, &frame);
    assert_eq!(composed.is_ok(), complaints.is_empty(), "{:?}", composed.err());
    if let Ok(composed) = composed {
        assert_eq!(composed, compose(&newsletter, &frame).expect("composed before"));
    }
});

//! Who is there: the shipped example company, its rules unchanged, with as many prospects as are asked for.

use anyhow::{Result, ensure};
use nurtured::domain::address::Address;
use nurtured::domain::doorway::arrival::Arrival;
use nurtured::domain::id::{Name, ProspectId};
use nurtured::flow::context::Context;
use nurtured::flow::context::Progress;
use nurtured::flow::doorway::admit;
use nurtured::flow::doorway::{apply, qualify};
use nurtured::store::people::prospects;
use std::collections::BTreeMap;

/// How many prospects come in at once, and how many of them work in one company.
const PAGE: u64 = 2_000;
pub(crate) const COLLEAGUES: u64 = 4;

/// Admits them, each as an import leaves them, and lets everything be assessed that follows from it. Returns the first;
/// the others follow by number.
pub(crate) async fn admit(ctx: &Context, prospects: u64) -> Result<ProspectId> {
    apply::begin(ctx).await?;
    for first in (0..prospects).step_by(usize::try_from(PAGE)?) {
        let page: Vec<Arrival> = (first..prospects.min(first + PAGE)).map(arrival).collect::<Result<_>>()?;
        let mut tx = ctx.store().write().await?;
        admit::admit(&mut tx, &ctx.plan(), &page, "import", None, ctx.now()).await?;
        tx.commit().await?;
    }
    settle(ctx).await?;
    let mut tx = ctx.store().read().await?;
    let most = i64::try_from(prospects)?;
    let ids = prospects::page(&mut tx, ProspectId(0), most + 1).await?;
    let first = ids.first().copied().unwrap_or(ProspectId(0));
    ensure!(ids.len() as u64 == prospects && ids.last().is_some_and(|last| last.0 - first.0 == most - 1), "ids have gaps");
    Ok(first)
}

/// Assesses until nothing is due any more.
pub(crate) async fn settle(ctx: &Context) -> Result<()> {
    while qualify::qualify(ctx).await? == Progress::Done {}
    Ok(())
}

/// The address of the prospect of that number.
pub(crate) fn address(number: u64) -> Result<Address> {
    Ok(Address::parse(&format!("person{number}@plant{}.com", number / COLLEAGUES))?)
}

fn arrival(number: u64) -> Result<Arrival> {
    let mut arrival = Arrival::of(address(number)?);
    arrival.name = Some(format!("Person {number}"));
    arrival.company = Some(format!("Plant {}", number / COLLEAGUES));
    let title = if number.is_multiple_of(5) { "plant manager" } else { "planner" };
    let lines = (number % 7).to_string();
    let fields = [("industry", "food"), ("job_title", title), ("lines", &lines)];
    let named = |(name, value): (&str, &str)| Ok((Name::parse(name)?, value.to_owned()));
    arrival.fields = fields.into_iter().map(named).collect::<Result<BTreeMap<_, _>>>()?;
    Ok(arrival)
}

//! After the story: its pages, and every mail as it looks, served on loopback until interrupted.

use super::story::Narrator;
use crate::cli::exit::Exit;
use crate::flow::individual::dossier;
use crate::store::individual::handoffs;
use crate::store::people::prospects;
use crate::text::template;
use crate::town::Town;
use crate::town::mailbox::Mail;
use crate::web::router::router;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use jiff::tz::TimeZone;
use minijinja::context;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

type Mails = Arc<Vec<Mail>>;

/// Serves until Ctrl-C.
///
/// # Errors
/// 69 when the port fails.
pub async fn serve(town: &Town, listener: TcpListener, address: SocketAddr, tell: &Narrator) -> Result<(), Exit> {
    let (ctx, plan) = (&town.node.ctx, town.node.ctx.plan());
    let mails: Mails = Arc::new(town.catcher.caught().iter().filter_map(Mail::read).collect());
    let shown = Router::new().route("/", get(list)).route("/mails/{n}", get(show)).with_state(mails.clone());
    let app = shown.fallback_service(router(town.node.site.clone()));
    tell.say(&format!("\nLook at it:\n  every mail, as it looks   http://{address}/"))?;
    for salesperson in &plan.roster.salespeople {
        tell.say(&format!(
            "  {:24}  {}",
            format!("{}'s queue", salesperson.name),
            dossier::queue_url(ctx.signer(), &plan, &salesperson.id, town.now())
        ))?;
    }
    let mut tx = ctx.store().read().await?;
    for handoff in handoffs::all(&mut tx).await? {
        let label = format!("handoff {} ({})", handoff.id, handoff.state.word());
        let prospect = prospects::one(&mut tx, handoff.prospect).await?;
        let url = dossier::page_url(ctx.signer(), &plan, handoff.id, &prospect, &handoff.salesperson);
        tell.say(&format!("  {label:24}  {url}"))?;
    }
    drop(tx);
    tell.say("\nCtrl-C ends it.")?;
    let stop = async {
        // Without a handler for Ctrl-C the process ends by it all the same.
        drop(tokio::signal::ctrl_c().await);
    };
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let node = town.node.clone();
    let turning = tokio::spawn(async move {
        // The buttons of the pages work: the steps they cause run at once, at the story's last instant.
        let mut wakes = node.ctx.wakes();
        while wakes.changed().await.is_ok() {
            if let Err(error) = crate::flow::until_idle::run_until_idle(&node.ctx, &node.writer).await {
                tracing::warn!(%error, "could not go on with the story");
            }
        }
    });
    let served = axum::serve(listener, app).with_graceful_shutdown(stop).await;
    turning.abort();
    served.map_err(|e| Exit::Unavailable(format!("could not serve the pages: {e}")))
}

async fn list(State(mails): State<Mails>) -> Response {
    let rows: Vec<_> = mails
        .iter()
        .enumerate()
        .map(|(n, mail)| context! { n, to => mail.to.clone(), from => mail.from.clone(), subject => mail.subject.clone() })
        .collect();
    match template::render("page-mails.html", &TimeZone::UTC, context! { rows }) {
        Ok(html) => Html(html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A mail's own HTML; the response forbids scripts and remote content.
async fn show(State(mails): State<Mails>, Path(n): Path<usize>) -> Response {
    let policy = [(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-top-navigation",
    )];
    match mails.get(n) {
        Some(mail) => (policy, Html(mail.html.clone())).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

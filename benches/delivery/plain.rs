//! lettre's own `send` over a socket with `TCP_NODELAY`: the alternative to the SMTP conversation in `mail`.

use crate::stopwatch::Stopwatch;
use anyhow::{Result, ensure};
use lettre::address::Envelope;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Sends copies of a message over several connections. Returns the time it took.
pub(crate) async fn send(to: SocketAddr, messages: u64, message: &[u8], connections: u64) -> Result<Duration> {
    let envelope = Envelope::new(Some("letter@tecnofab-sl.com".parse()?), vec!["somebody@plant.com".parse()?])?;
    let watch = Stopwatch::start();
    let shares = (0..connections).map(|n| messages / connections + u64::from(n < messages % connections));
    let sending = shares.map(|share| connection(to, share, &envelope, message));
    for sent in futures_util::future::join_all(sending).await {
        sent?;
    }
    Ok(watch.read())
}

async fn connection(to: SocketAddr, messages: u64, envelope: &Envelope, message: &[u8]) -> Result<()> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let hello = ClientId::Domain("tecnofab-sl.com".to_owned());
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?;
    for _ in 0..messages {
        let answer = connection.send(envelope, message).await?;
        ensure!(answer.is_positive(), "a message was refused: {answer:?}");
    }
    connection.quit().await?;
    Ok(())
}

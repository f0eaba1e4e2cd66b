//! What is fetched for Amazon SNS: the certificates that sign its messages, which are kept, and the confirmation of a subscription. Only
//! the host of a configured topic is asked, over TLS, and no redirect is followed.

use crate::domain::hook::Topic;
use crate::inbox::hook::sns::public_key;
use rustls_native_certs::load_native_certs;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The most bytes of an answer.
const MOST: u64 = 64 * 1024;
/// How long the other side has for all of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many certificates are kept: each region has one or two at a time.
const KEPT: usize = 8;

/// The client. Clones share what it keeps.
#[derive(Clone, Default)]
pub struct SnsClient(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Another server than the host's own, and whom it is believed by: for tests.
    instead: Option<(SocketAddr, RootCertStore)>,
    certificates: Mutex<Vec<(String, Arc<Vec<u8>>)>>,
}

impl SnsClient {
    /// A client that asks this server in the name of every host, and trusts these roots instead of the machine's.
    pub fn through(address: SocketAddr, roots: RootCertStore) -> Self {
        Self(Arc::new(Inner { instead: Some((address, roots)), ..Inner::default() }))
    }

    /// A certificate that was fetched before.
    pub fn known(&self, topic: &Topic, path: &str) -> Option<Arc<Vec<u8>>> {
        let url = url(topic, path);
        let kept = self.0.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| *known == url).map(|(_, pem)| pem.clone())
    }

    /// Fetches a certificate, in PEM.
    ///
    /// # Errors
    /// When the host does not answer, is not trusted, or has no such certificate; when what it answers is not a whole one.
    pub async fn fetch(&self, topic: &Topic, path: &str) -> io::Result<Arc<Vec<u8>>> {
        let pem = self.get(topic, path).await?;
        self.keep(url(topic, path), pem)
    }

    /// Keeps a certificate once. One that was cut off is not kept, because every report would be lost that it should prove.
    fn keep(&self, url: String, pem: Vec<u8>) -> io::Result<Arc<Vec<u8>>> {
        if public_key(&pem).is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its certificate cannot be read"));
        }
        let pem = Arc::new(pem);
        let mut kept = self.0.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        // Two calls may have fetched it at once.
        kept.retain(|(known, _)| *known != url);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((url, pem.clone()));
        Ok(pem)
    }

    /// Confirms a subscription.
    ///
    /// # Errors
    /// As for a certificate.
    pub async fn confirm(&self, topic: &Topic, path: &str) -> io::Result<()> {
        self.get(topic, path).await.map(drop)
    }

    async fn get(&self, topic: &Topic, path: &str) -> io::Result<Vec<u8>> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout(PATIENCE, self.ask(&topic.host(), path)).await.map_err(late)?
    }

    async fn ask(&self, host: &str, path: &str) -> io::Result<Vec<u8>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let tcp = match &self.0.instead {
            Some((address, _)) => TcpStream::connect(address).await?,
            None => TcpStream::connect((host, 443)).await?,
        };
        let mut stream = self.connector()?.connect(name, tcp).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: nurtured\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut said = Vec::new();
        // A server that closes without TLS's close_notify has still sent its answer.
        match stream.take(MOST).read_to_end(&mut said).await {
            Err(error) if said.is_empty() || error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
        body(&said).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it answers with something else"))
    }

    fn connector(&self) -> io::Result<TlsConnector> {
        let roots = if let Some((_, roots)) = &self.0.instead {
            roots.clone()
        } else {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(load_native_certs().certs);
            roots
        };
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Ok(TlsConnector::from(Arc::new(config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())))
    }
}

fn url(topic: &Topic, path: &str) -> String {
    format!("{}{path}", topic.host())
}

/// The body of a successful answer.
fn body(said: &[u8]) -> Option<Vec<u8>> {
    let end = said.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&said[..end]).ok()?.to_ascii_lowercase();
    let status = head.strip_prefix("http/1.")?.split(' ').nth(1)?;
    if status != "200" {
        return None;
    }
    let rest = &said[end + 4..];
    let is_chunked = head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    if is_chunked { unchunked(rest) } else { Some(rest.to_vec()) }
}

/// The content of chunks (RFC 9112, 7.1).
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_was_cut_off_is_not_kept_and_a_whole_one_is_kept_once() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hooks/sns.pem");
        let pem = std::fs::read(path).expect("a certificate");
        let (client, topic) =
            (SnsClient::default(), Topic::parse("arn:aws:sns:eu-west-1:123456789012:bounces").expect("a topic"));
        let there = url(&topic, "/one.pem");
        for cut in [0, 1, 100, pem.len() / 2, pem.len() - 30] {
            assert!(client.keep(there.clone(), pem[..cut].to_vec()).is_err(), "{cut}");
            assert_eq!(client.known(&topic, "/one.pem"), None);
        }
        for _ in 0..2 {
            client.keep(there.clone(), pem.clone()).expect("kept");
        }
        assert_eq!(client.known(&topic, "/one.pem").as_deref(), Some(&pem));
        assert_eq!(client.0.certificates.lock().expect("kept").len(), 1);
    }

    #[test]
    fn a_body_is_read_whole_or_in_chunks_and_nothing_else_is() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab").as_deref(), Some(&b"ab"[..]));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(body(chunked).as_deref(), Some(&b"abcde"[..]));
        for wrong in [
            &b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\n\r\n"[..],
            b"HTTP/1.1 403 Forbidden\r\n\r\nno",
            b"HTTP/1.1 200 OK\r\n",
            b"",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\na",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nab",
        ] {
            assert_eq!(body(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }
}

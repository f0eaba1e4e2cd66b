//! Probes a web address with one GET, over TLS for https, and returns the status. It follows no redirects and uses no proxy,
//! because the question is whether the daemon itself can be reached from here.

use rustls_native_certs::load_native_certs;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The most bytes of a response that are read.
const MOST: u64 = 4 * 1024;

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
}

/// Gets `path` below a URL that begins with http:// or https://.
///
/// # Errors
/// When the server does not answer, its certificate is not trusted, or its response is no HTTP.
pub async fn get(url: &str, path: &str) -> io::Result<HttpResponse> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("it is no URL"))?;
    let (authority, below) = rest.split_once('/').map_or((rest, ""), |(authority, below)| (authority, below));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| bad("it has no port"))?),
        _ => (authority, if scheme == "https" { 443 } else { 80 }),
    };
    let host = host.trim_matches(['[', ']']);
    let path = if below.is_empty() { path.to_owned() } else { format!("/{}{path}", below.trim_end_matches('/')) };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: nurtured-doctor\r\nConnection: close\r\n\r\n");
    let tcp = TcpStream::connect((host, port)).await?;
    if scheme == "https" {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad("its host is no name"))?;
        ask(connector()?.connect(name, tcp).await?, &request).await
    } else {
        ask(tcp, &request).await
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> io::Result<HttpResponse> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut said = Vec::new();
    // A server that closes without TLS's close_notify has still sent its response.
    match stream.take(MOST).read_to_end(&mut said).await {
        Err(error) if said.is_empty() || error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    read(&String::from_utf8_lossy(&said)).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP"))
}

fn read(said: &str) -> Option<HttpResponse> {
    let rest = said.strip_prefix("HTTP/1.")?;
    let status = rest.split(' ').nth(1)?.get(..3)?.parse().ok()?;
    Some(HttpResponse { status, body: said.split_once("\r\n\r\n").map(|(_, body)| body.trim().to_owned()).unwrap_or_default() })
}

fn connector() -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(load_native_certs().certs);
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_nonsense_is_none() {
        let ok = read("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        assert_eq!(ok, Some(HttpResponse { status: 200, body: "ok".to_owned() }));
        assert_eq!(read("HTTP/1.0 503 x").map(|a| a.status), Some(503));
        for nonsense in ["", "220 mail.example ESMTP", "HTTP/1.1", "HTTP/1.1 2", "HTTP/2 200\r\n\r\n", "HTTP/1.1 äöü"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }
}

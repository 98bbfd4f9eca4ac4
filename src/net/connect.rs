//! The client's side: connect to a server whose key is known, send requests, get answers.

use std::any::Any;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::body::{IncomingBody, IncomingLink, OutgoingBody};
use super::cut::{Cut, CutNote};
use super::limits::ClientDeadlines;
use super::link_io::LinkIo;
use super::peers::KeyNotPinned;
use super::serve::BUFFER_BYTES_MAX;
use super::tls::{TlsFault, TlsIdentity, client_config, speaks_http_1_1};
use super::upload::{Upload, UploadWatch};
use crate::domain::Hash;

/// The name that TLS asks for; it is not sent and not checked, since the pinned key says who the server is.
const TLS_NAME: &str = "server.invalid";

/// Header fields in an answer, at most. Ours have about eight.
const ANSWER_FIELDS_MAX: usize = 64;

/// A request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum LinkFault {
    /// There is no TCP connection to the address.
    #[error("cannot connect to {address}: {source}")]
    Unreachable {
        /// `host:port` as it was asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// A phase took longer than its deadline.
    #[error("the server took too long: {0}")]
    TooSlow(&'static str),
    /// The server has another key than the policy says.
    #[error("the server is not the one your policy names: its public key has SHA-256 {found}")]
    WrongServerKey {
        /// SHA-256 of the key that it has.
        found: Hash,
    },
    /// TLS could not be agreed on.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The server does not admit this client. In TLS 1.3 that shows only after the handshake.
    #[error("the server refused this client's certificate (TLS alert {0})")]
    RefusedByServer(String),
    /// The connection ended before the answer: the server stopped, or closed an idle connection.
    #[error("the server closed the connection before it answered")]
    Closed,
    /// What the request's body was made from stopped early.
    #[error("the upload stopped before its announced length")]
    UploadBroken,
    /// The answer is not HTTP as PROTOCOL.md has it.
    #[error("the server's answer is not understood: {0}")]
    Protocol(String),
}

impl LinkFault {
    /// What the person can do.
    pub const fn hint(&self) -> &'static str {
        match self {
            LinkFault::Unreachable { .. } => "check the server's address and this machine's network",
            LinkFault::TooSlow(_) => "check the network, then do it again; what is done is not done twice",
            LinkFault::WrongServerKey { .. } => "do not go on; ask your registrar for the current policy, by another way than this network",
            LinkFault::Handshake(_) => "check that the address is that of an Elchi server, with nothing in between that opens TLS",
            LinkFault::RefusedByServer(_) => "ask your registrar whether your TLS certificate is valid, unrevoked and in the directory",
            LinkFault::Closed => "do it again; what is done is not done twice",
            LinkFault::UploadBroken => "check that the file can still be read, then do it again",
            LinkFault::Protocol(_) => "check that client and server are of versions that fit together",
        }
    }
}

/// Makes connections for one member to servers with known keys.
pub struct Connector {
    tls: TlsConnector,
    deadlines: ClientDeadlines,
}

impl Connector {
    /// For a member's TLS identity; `pins` are SHA-256 hashes of the public keys that the server may have.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(identity: &TlsIdentity, pins: Vec<Hash>, deadlines: ClientDeadlines) -> Result<Self, TlsFault> {
        Ok(Self { tls: TlsConnector::from(client_config(Some(identity), pins)?), deadlines })
    }

    /// For whoever carries what is public and signed, to a server that asks for no certificate.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn for_stranger(pins: Vec<Hash>, deadlines: ClientDeadlines) -> Result<Self, TlsFault> {
        Ok(Self { tls: TlsConnector::from(client_config(None, pins)?), deadlines })
    }

    /// Connects to `host:port`. Whether the server admits this client shows at the first answer.
    ///
    /// # Errors
    /// When it cannot be reached in time, has another key, or speaks something else.
    pub async fn connect(&self, address: &str) -> Result<Connection, LinkFault> {
        let host = HeaderValue::try_from(address).map_err(|_| unreachable(address, io::ErrorKind::InvalidInput.into()))?;
        let tcp = timeout(self.deadlines.connect, TcpStream::connect(address))
            .await
            .map_err(|_| LinkFault::TooSlow("connecting"))?
            .map_err(|error| unreachable(address, error))?;
        tcp.set_nodelay(true).map_err(|error| unreachable(address, error))?;
        let tls = self.shake_hands(tcp).await?;
        Connection::start(tls, host, self.deadlines.clone()).await
    }

    async fn shake_hands(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, LinkFault> {
        let name = ServerName::try_from(TLS_NAME).map_err(|error| LinkFault::Handshake(error.to_string()))?;
        let tls = timeout(self.deadlines.handshake, self.tls.connect(name, tcp))
            .await
            .map_err(|_| LinkFault::TooSlow("the TLS handshake"))?
            .map_err(|error| handshake_fault(&error))?;
        if !speaks_http_1_1(tls.get_ref().1) {
            return Err(LinkFault::Handshake("the server did not agree to speak HTTP/1.1".to_owned()));
        }
        Ok(tls)
    }
}

fn unreachable(address: &str, source: io::Error) -> LinkFault {
    LinkFault::Unreachable { address: address.to_owned(), source }
}

fn handshake_fault(error: &io::Error) -> LinkFault {
    use rustls::{CertificateError, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::Other(other))) => match other.0.downcast_ref::<KeyNotPinned>() {
            Some(KeyNotPinned { found }) => LinkFault::WrongServerKey { found: *found },
            None => LinkFault::Handshake(error.to_string()),
        },
        _ => LinkFault::Handshake(error.to_string()),
    }
}

/// The task that moves a connection's bytes; it ends when nothing needs it any more.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection to a server, for one request after another.
pub struct Connection {
    sender: SendRequest<Upload>,
    driver: Arc<Driver>,
    host: HeaderValue,
    cut: CutNote,
    deadlines: ClientDeadlines,
    is_spent: bool,
}

impl Connection {
    async fn start(tls: TlsStream<TcpStream>, host: HeaderValue, deadlines: ClientDeadlines) -> Result<Self, LinkFault> {
        let cut = CutNote::default();
        let io = LinkIo::new(tls, deadlines.upload_rate, cut.clone());
        let (sender, connection) = http1::Builder::new()
            .max_headers(ANSWER_FIELDS_MAX)
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|error| LinkFault::Protocol(error.to_string()))?;
        // How the task ends is told to the request that it ends for.
        let driver = tokio::spawn(async move { _ = connection.await });
        Ok(Self { sender, driver: Arc::new(Driver(driver)), host, cut, deadlines, is_spent: false })
    }

    /// Whether another request can be tried on it. If not, or if that fails with [`LinkFault::Closed`], connect again.
    pub fn is_open(&self) -> bool {
        !self.is_spent && !self.sender.is_closed()
    }

    /// Sends a request (its target is a path) and waits for the head of the answer. The previous answer's body must
    /// have been read to its end.
    ///
    /// An answer may come before the upload's end; the rest of the upload is then not sent, and its
    /// [`BodySender`](super::BodySender) says so.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&mut self, request: Request<OutgoingBody>) -> Result<Response<IncomingBody>, LinkFault> {
        if self.is_spent {
            return Err(LinkFault::Closed);
        }
        self.is_spent = true; // until the answer shows that it is not
        self.await_ready().await?;
        let (request, watch) = self.prepare(request);
        let response = self.exchange(request, &watch).await?;
        self.is_spent = watch.stop();
        self.open_answer(response)
    }

    async fn await_ready(&mut self) -> Result<(), LinkFault> {
        match timeout(self.deadlines.first_byte, self.sender.ready()).await {
            Ok(ready) => ready.map_err(|error| self.fault_of(&error)),
            Err(_) => Err(LinkFault::TooSlow("ending the previous answer")),
        }
    }

    fn prepare(&self, request: Request<OutgoingBody>) -> (Request<Upload>, Arc<UploadWatch>) {
        let (mut parts, body) = request.into_parts();
        // The body's length is the body's to say.
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
            parts.headers.remove(name);
        }
        parts.headers.insert(HOST, self.host.clone());
        let (upload, watch) = Upload::new(body);
        (Request::from_parts(parts, upload), watch)
    }

    async fn exchange(&mut self, request: Request<Upload>, watch: &UploadWatch) -> Result<Response<Incoming>, LinkFault> {
        let answer = self.sender.send_request(request);
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|error| self.fault_of(&error)),
            () = watch.overdue(self.deadlines.first_byte) => Err(LinkFault::TooSlow("the answer")),
        }
    }

    fn open_answer(&self, response: Response<Incoming>) -> Result<Response<IncomingBody>, LinkFault> {
        let (parts, frames) = response.into_parts();
        let keep: Arc<dyn Any + Send + Sync> = self.driver.clone();
        let link = IncomingLink {
            cut: self.cut.clone(),
            chunk_deadline: Some(self.deadlines.chunk),
            received: Arc::new(AtomicBool::new(false)),
            _keep: Some(keep),
        };
        match IncomingBody::new(frames, link) {
            Some(body) => Ok(Response::from_parts(parts, body)),
            // Without a length, an answer that was cut short would look whole.
            None => Err(LinkFault::Protocol("it does not say how long it is".to_owned())),
        }
    }

    fn fault_of(&self, error: &hyper::Error) -> LinkFault {
        match self.cut.read() {
            Cut::Refused(alert) => LinkFault::RefusedByServer(alert),
            Cut::TooSlow => LinkFault::TooSlow("taking the upload"),
            Cut::Closed if error.is_user() => LinkFault::UploadBroken,
            Cut::Closed if error.is_parse() => LinkFault::Protocol(error.to_string()),
            Cut::Closed => LinkFault::Closed,
        }
    }
}

//! Talking to the server: one connection, made anew when it is lost, every answer bounded.
//!
//! Nothing that comes through here is believed: callers verify it. Blocking; a small runtime of its own
//! drives the sockets.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use super::ClientError;
use super::profile_keys::TlsKey;
use crate::domain::{Hash, Log, UploadId};
use crate::net::{BodyCut, ClientDeadlines, Connection, Connector, IncomingBody, LinkFault, OutgoingBody, RequestId, TlsIdentity};
use crate::wire::{
    ACT_REQUEST_BYTES_MAX, ACTS_PATH, ActAnswer, ActRequest, BUNDLE_BYTES_MAX, EntryBundleName, LOGS_PATH, NOTE_BYTES_MAX, Problem,
    RefusalCode, STATEMENTS_PATH, SignedNote, SignedStatement, UPLOAD_COMPLETE, UPLOAD_LENGTH, UPLOAD_OFFSET, UPLOADS_PATH,
    decode_entry_bundle, parse_note,
};

/// How often in a row a lost connection is made anew without a byte of progress.
pub(super) const ATTEMPTS_MAX: u32 = 3;

/// The longest problem document.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// A connection to the server that a policy names, as one member.
pub struct Session {
    pub(super) runtime: Runtime,
    connector: Connector,
    address: String,
    pub(super) connection: Option<Connection>,
}

impl Session {
    /// Prepares to connect to `address` (host:port), whose TLS public key has this SHA-256.
    ///
    /// # Errors
    /// When the TLS key of the profile cannot be used.
    pub fn new(address: &str, server_spki: Hash, key: TlsKey) -> Result<Self, ClientError> {
        let unusable = |reason: String| ClientError::Network { reason, hint: "check the TLS key and certificate of the profile".into() };
        let identity = TlsIdentity::load(key.chain_der, &key.key_pkcs8).map_err(|fault| unusable(fault.to_string()))?;
        let connector =
            Connector::new(&identity, vec![server_spki], ClientDeadlines::default()).map_err(|fault| unusable(fault.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|fault| unusable(format!("cannot start the network: {fault}")))?;
        Ok(Self { runtime, connector, address: address.to_owned(), connection: None })
    }

    /// A log's newest checkpoint, unverified.
    ///
    /// # Errors
    /// When it cannot be fetched, or is no signed note.
    pub fn fetch_checkpoint(&mut self, log: Log) -> Result<SignedNote, ClientError> {
        let bytes = self.fetch(&format!("{LOGS_PATH}/{log}/checkpoint"), NOTE_BYTES_MAX)?;
        parse_note(&bytes).map_err(|fault| ClientError::unproven(format!("the server's checkpoint is no signed note: {fault}")))
    }

    /// The leaves of an entry bundle, unverified.
    ///
    /// # Errors
    /// When it cannot be fetched, or is no bundle of that width.
    pub fn fetch_leaves(&mut self, log: Log, name: EntryBundleName) -> Result<Vec<Vec<u8>>, ClientError> {
        let bytes = self.fetch(&format!("{LOGS_PATH}/{log}/{name}"), BUNDLE_BYTES_MAX)?;
        let leaves = decode_entry_bundle(&bytes, name.width()).map_err(ClientError::unproven)?;
        Ok(leaves.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// The statement behind a leaf of the events log, unverified.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn fetch_statement(&mut self, index: u64) -> Result<SignedStatement, ClientError> {
        let bytes = self.fetch(&format!("{STATEMENTS_PATH}/{index}"), ACT_REQUEST_BYTES_MAX)?;
        parse_json(&bytes)
    }

    /// Sends an act. Safe to repeat: the same statement gets the same leaves.
    ///
    /// # Errors
    /// When the server refuses, or there is no answer.
    pub fn put_act(&mut self, act: &ActRequest) -> Result<ActAnswer, ClientError> {
        let body = Bytes::from(serde_json::to_vec(act).map_err(ClientError::unproven)?);
        let request = || {
            let builder = Request::builder().method(Method::POST).uri(ACTS_PATH).header(CONTENT_TYPE, "application/json");
            builder.body(OutgoingBody::from_bytes(body.clone()))
        };
        let answer = self.ask(request)?;
        parse_json(&self.collect(answer, ACT_REQUEST_BYTES_MAX)?)
    }

    /// Begins an upload of so many bytes.
    ///
    /// # Errors
    /// When the server refuses, or there is no answer.
    pub fn create_upload(&mut self, bytes: u64) -> Result<UploadId, ClientError> {
        let request = || {
            let builder = Request::builder().method(Method::POST).uri(UPLOADS_PATH);
            builder.header(UPLOAD_LENGTH, bytes).header(UPLOAD_COMPLETE, "?0").body(OutgoingBody::empty())
        };
        let answer = self.ask(request)?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let id = location.strip_prefix(UPLOADS_PATH).and_then(|rest| rest.strip_prefix('/')).and_then(|id| id.parse().ok());
        id.ok_or_else(|| protocol("it does not say where the upload is"))
    }

    /// The offset that an upload stands at.
    ///
    /// # Errors
    /// When the server refuses, or there is no answer.
    pub fn fetch_offset(&mut self, id: &UploadId) -> Result<u64, ClientError> {
        let path = format!("{UPLOADS_PATH}/{id}");
        let answer = self.ask(|| Request::builder().method(Method::HEAD).uri(&path).body(OutgoingBody::empty()))?;
        let offset = answer.headers().get(UPLOAD_OFFSET).and_then(|value| value.to_str().ok()?.parse().ok());
        offset.ok_or_else(|| protocol("it does not say how far the upload is"))
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// When the server refuses, or there is no answer.
    pub fn delete_upload(&mut self, id: &UploadId) -> Result<(), ClientError> {
        let path = format!("{UPLOADS_PATH}/{id}");
        self.ask(|| Request::builder().method(Method::DELETE).uri(&path).body(OutgoingBody::empty())).map(|_| ())
    }

    fn fetch(&mut self, path: &str, bytes_max: usize) -> Result<Bytes, ClientError> {
        let answer = self.ask(|| Request::builder().uri(path).body(OutgoingBody::empty()))?;
        self.collect(answer, bytes_max)
    }

    /// Sends a request that is safe to repeat, once more if the connection had been closed.
    pub(super) fn ask(&mut self, request: impl Fn() -> http::Result<Request<OutgoingBody>>) -> Result<Response<IncomingBody>, ClientError> {
        let mut attempts = 0;
        loop {
            let mut connection = self.take_connection()?;
            let request = request().map_err(|fault| protocol(&fault.to_string()))?;
            match self.runtime.block_on(connection.send(request)) {
                Ok(answer) => {
                    self.connection = Some(connection);
                    return self.require_success(answer);
                }
                Err(LinkFault::Closed) if attempts < ATTEMPTS_MAX => attempts += 1,
                Err(fault) => return Err(network(&fault)),
            }
        }
    }

    pub(super) fn take_connection(&mut self) -> Result<Connection, ClientError> {
        match self.connection.take().filter(Connection::is_open) {
            Some(connection) => Ok(connection),
            None => self.runtime.block_on(self.connector.connect(&self.address)).map_err(|fault| network(&fault)),
        }
    }

    pub(super) fn require_success(&self, answer: Response<IncomingBody>) -> Result<Response<IncomingBody>, ClientError> {
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status: StatusCode = answer.status();
        let id = RequestId::of_answer(answer.headers());
        let body = self.collect(answer, PROBLEM_BYTES_MAX)?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_plain(&problem) => Err(ClientError::Refused(name_request(problem, id))),
            _ => Err(protocol(&format!("it answered {status} without saying why"))),
        }
    }

    fn collect(&self, answer: Response<IncomingBody>, bytes_max: usize) -> Result<Bytes, ClientError> {
        self.runtime.block_on(answer.into_body().collect(bytes_max)).map_err(|cut| cut_short(&cut))
    }
}

/// Sentences of one line: a server that is not believed yet writes nothing that looks like this program's own words.
fn is_plain(problem: &Problem) -> bool {
    let Problem { detail, hint, .. } = problem;
    detail.len() + hint.len() <= 2_000 && !detail.chars().chain(hint.chars()).any(char::is_control)
}

/// A fault of the server is told with the request's id, which its operator finds the cause by.
fn name_request(mut problem: Problem, id: Option<RequestId>) -> Problem {
    if let (RefusalCode::Internal, Some(id)) = (problem.code, id) {
        problem.detail = format!("{}; request id {id}", problem.detail);
    }
    problem
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|fault| protocol(&fault.to_string()))
}

pub(super) fn network(fault: &LinkFault) -> ClientError {
    ClientError::Network { reason: fault.to_string(), hint: fault.hint().into() }
}

pub(super) fn cut_short(cut: &BodyCut) -> ClientError {
    ClientError::Network { reason: format!("the server's answer did not arrive whole: {cut}"), hint: "try again".into() }
}

pub(super) fn protocol(what: &str) -> ClientError {
    ClientError::Network {
        reason: format!("the server's answer is not as PROTOCOL.md has it: {what}"),
        hint: "check that client and server are of the same version".into(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::wire::Refusal;

    #[test]
    fn a_refusal_is_one_line_of_text() {
        let plain = |detail: &str| is_plain(&Problem::of(&Refusal::new(RefusalCode::Busy, detail), 503));
        assert!(plain("the case is submitted; tr.moj cannot close now") && plain("ğ Ө"));
        for bad in ["no\nSent, and proven by the log", "\u{1b}[2K", "\u{9b}2J", &"x".repeat(2_000)] {
            assert!(!plain(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_fault_of_the_server_is_told_with_its_request_id() {
        let id = "0a".repeat(16);
        let told = |code, id: &str| {
            let headers = HeaderMap::from_iter([("request-id".parse().unwrap(), id.parse().unwrap())]);
            ClientError::Refused(name_request(Problem::of(&Refusal::new(code, "no"), 500), RequestId::of_answer(&headers))).to_string()
        };
        assert!(told(RefusalCode::Internal, &id).starts_with(&format!("the server refused: no; request id {id} (internal)\nhint: ")));
        assert!(told(RefusalCode::CaseMoved, &id).starts_with("the server refused: no (case-moved)\n"));
        for other in ["", "0A", &id[1..], &id.to_uppercase(), &format!("+{}", &id[1..]), "see http://elsewhere.example"] {
            assert!(told(RefusalCode::Internal, other).starts_with("the server refused: no (internal)\n"), "{other:?}");
        }
    }
}

//! The way to one witness (C2SP tlog-witness, the log's side): brings it heads with proofs, takes its cosignatures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use tokio::task::spawn_blocking;

use crate::clock;
use crate::domain::{Log, TreeHead};
use crate::exchange::{Exchange, Published};
use crate::net::{ClientDeadlines, Connection, Connector, LinkFault, OutgoingBody, Rate};
use crate::tlog::{VerifiedCheckpoint, WitnessVerifierKey};
use crate::wire::{
    ADD_CHECKPOINT, AddCheckpoint, COSIGNATURES_BYTES_MAX, NoteSignature, VerifierKey, WitnessSheet, encode_add_checkpoint,
    parse_cosignatures, parse_witness_size,
};

/// How old a cosignature of an unchanged head may get before it is renewed: readers take six hours.
const RENEW_AFTER: Duration = Duration::from_secs(30 * 60);

/// How long a line of a witness that is away is still shown with an unchanged head: readers take it for six hours.
const SHOWN_FOR: Duration = Duration::from_secs(5 * 3600);

/// How far a witness's clock may lie from the server's: far less than readers allow, so that they never see it.
const CLOCKS_APART_SECONDS_MAX: u64 = 120;

/// How often a witness may tell another size than the one it told just before, in one exchange.
const ATTEMPTS_MAX: usize = 3;

/// A witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub(super) enum WitnessFault {
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// It said no, or something that is not of the protocol.
    #[error("it answered {0}")]
    Refused(String),
    /// It has seen more of the log than there is.
    #[error("it has cosigned a {log} log of {has} leaves, and this one has {size}: an old state of the log was restored")]
    Ahead { log: Log, has: u64, size: u64 },
    /// It has seen another history of the log.
    #[error("it has cosigned another {log} log than this one: there are two histories")]
    Forked { log: Log },
    /// What is stored could not be read for a proof.
    #[error("the consistency of the {0} log cannot be proven from what is stored")]
    Unproven(Log),
}

impl WitnessFault {
    /// Whether the log itself is wrong, as far as the witness can be believed; rather than the witness being away.
    pub(super) const fn is_about_log(&self) -> bool {
        matches!(self, WitnessFault::Ahead { .. } | WitnessFault::Forked { .. })
    }
}

/// One witness, and what is known of it.
pub(super) struct WitnessLink {
    key: WitnessVerifierKey,
    connector: Connector,
    address: String,
    target: String,
    connection: Option<Connection>,
    /// What it cosigned last, of the events log and of the directory log.
    last: [Option<Given>; 2],
}

#[derive(Clone)]
pub(super) struct Given {
    head: TreeHead,
    line: NoteSignature,
    since: Instant,
}

impl Given {
    /// The line, if it is of this very head and will count with every reader for a while.
    pub(super) fn line_for(&self, head: TreeHead) -> Option<NoteSignature> {
        (self.head == head && self.since.elapsed() < SHOWN_FOR).then(|| self.line.clone())
    }
}

impl WitnessLink {
    /// Prepares to ask the witness of a sheet.
    ///
    /// # Errors
    /// When the sheet's key is no witness's, or TLS cannot be set up.
    pub(super) fn new(sheet: &WitnessSheet) -> Result<Self, String> {
        let key: VerifierKey = sheet.key.parse().map_err(|malformed: crate::domain::Malformed| malformed.to_string())?;
        let key = WitnessVerifierKey::from_wire(&key).map_err(|refused| refused.to_string())?;
        let brief = Duration::from_secs(2);
        let upload_rate = Rate { bytes_per_second_min: 1024, grace: brief };
        let deadlines = ClientDeadlines { connect: brief, handshake: brief, first_byte: brief, chunk: brief, upload_rate };
        let connector = Connector::for_stranger(vec![sheet.tls_spki], deadlines).map_err(|fault| fault.to_string())?;
        let path_ok = sheet.path.is_empty() || (sheet.path.starts_with('/') && !sheet.path.ends_with('/'));
        let target = format!("{}/{ADD_CHECKPOINT}", sheet.path);
        if !path_ok || target.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("its path must be empty, or begin with a slash and end with none".to_owned());
        }
        Ok(Self { key, connector, address: sheet.address.clone(), target, connection: None, last: [None, None] })
    }

    pub(super) fn key(&self) -> &WitnessVerifierKey {
        &self.key
    }

    /// What it gave last, of the events log and of the directory log.
    pub(super) fn given(&self) -> [Option<Given>; 2] {
        self.last.clone()
    }

    /// Whether it has cosigned anything since this process began.
    pub(super) fn has_cosigned(&self) -> bool {
        self.last.iter().any(Option::is_some)
    }

    /// Has it cosign both heads, as far as it has not, or too long ago.
    pub(super) async fn cosign(&mut self, exchange: &Arc<Exchange>, published: &Published) -> Result<(), WitnessFault> {
        for log in Log::ALL {
            let head = published.head(log);
            let is_given =
                self.last[log.place()].as_ref().is_some_and(|given| given.head == head.head() && given.since.elapsed() < RENEW_AFTER);
            if !is_given {
                let line = self.cosign_head(exchange, log, head).await?;
                self.last[log.place()] = Some(Given { head: head.head(), line, since: Instant::now() });
            }
        }
        Ok(())
    }

    async fn cosign_head(&mut self, exchange: &Arc<Exchange>, log: Log, head: &VerifiedCheckpoint) -> Result<NoteSignature, WitnessFault> {
        let size = head.head().size;
        // Of a witness that was never asked by this process it is likely that it knows this very head.
        let mut old_size = self.last[log.place()].as_ref().map_or(size, |given| given.head.size);
        for _ in 0..ATTEMPTS_MAX {
            let proving = exchange.clone();
            let proof = spawn_blocking(move || proving.prove_consistency(log, old_size, size)).await;
            let proof = proof.ok().and_then(Result::ok).ok_or(WitnessFault::Unproven(log))?;
            match self.put(&AddCheckpoint { old_size, proof, checkpoint: head.note().clone() }).await? {
                Answer::Cosigned(lines) => return self.take_line(head, &lines),
                Answer::Has(has) if has > size => return Err(WitnessFault::Ahead { log, has, size }),
                Answer::Has(has) if has == old_size => return Err(WitnessFault::Forked { log }),
                Answer::Has(has) => old_size = has,
                Answer::Inconsistent => return Err(WitnessFault::Forked { log }),
            }
        }
        Err(WitnessFault::Refused("with another size each time".into()))
    }

    fn take_line(&self, head: &VerifiedCheckpoint, lines: &[NoteSignature]) -> Result<NoteSignature, WitnessFault> {
        let cosigned = head.with_cosignatures(std::slice::from_ref(&self.key), lines).ok();
        let given = cosigned.as_ref().and_then(|cosigned| cosigned.cosignatures().first());
        let given = given.ok_or_else(|| WitnessFault::Refused("without a cosignature of its key that holds".into()))?;
        let (theirs, ours) = (given.time(), clock::now_second());
        if theirs.unix().abs_diff(ours.unix()) > CLOCKS_APART_SECONDS_MAX {
            return Err(WitnessFault::Refused(format!("with the time {theirs}, and it is {ours} here: one of the clocks is wrong")));
        }
        Ok(given.line().clone())
    }

    async fn put(&mut self, request: &AddCheckpoint) -> Result<Answer, WitnessFault> {
        let body = encode_add_checkpoint(request);
        // A kept connection may have been closed meanwhile; the request is safe to repeat.
        let was_kept = self.connection.as_ref().is_some_and(Connection::is_open);
        match self.put_once(body.clone()).await {
            Err(WitnessFault::Link(LinkFault::Closed)) if was_kept => self.put_once(body).await,
            answered => answered,
        }
    }

    async fn put_once(&mut self, body: String) -> Result<Answer, WitnessFault> {
        let mut connection = match self.connection.take().filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.connector.connect(&self.address).await?,
        };
        let request = Request::builder().method(Method::POST).uri(&self.target).header(CONTENT_TYPE, "text/plain");
        let request = request.body(OutgoingBody::from_bytes(body)).map_err(|fault| WitnessFault::Refused(fault.to_string()))?;
        let answer = connection.send(request).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect(COSIGNATURES_BYTES_MAX).await;
        let bytes = bytes.map_err(|cut| WitnessFault::Refused(format!("{status}, cut short: {cut}")))?;
        self.connection = Some(connection);
        let answer = match status {
            StatusCode::OK => parse_cosignatures(&bytes).ok().map(Answer::Cosigned),
            StatusCode::CONFLICT => parse_witness_size(&bytes).map(Answer::Has),
            StatusCode::UNPROCESSABLE_ENTITY => Some(Answer::Inconsistent),
            _ => None,
        };
        answer.ok_or_else(|| WitnessFault::Refused(status.to_string()))
    }
}

/// What a witness said.
enum Answer {
    Cosigned(Vec<NoteSignature>),
    Has(u64),
    Inconsistent,
}

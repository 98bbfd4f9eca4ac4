//! TLS endpoints that are not ours: clients and servers that do what ours never would.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::world::{Papers, World, within};

pub(super) const HYBRID: &dyn SupportedKxGroup = aws_lc_rs::kx_group::X25519MLKEM768;
pub(super) const CLASSIC: &dyn SupportedKxGroup = ring::kx_group::X25519;

/// Believes anyone.
#[derive(Debug)]
struct Gullible;

const SCHEMES: [SignatureScheme; 1] = [SignatureScheme::ECDSA_NISTP256_SHA256];

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ClientCertVerifier for Gullible {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

fn provider(groups: &[&'static dyn SupportedKxGroup]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups: groups.to_vec(), ..ring::default_provider() })
}

/// A certificate with a key that need not be its own.
fn certified(chain: &[Vec<u8>], key: &[u8]) -> Arc<SingleCertAndKey> {
    let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, ring::sign::any_supported_type(&key).unwrap())))
}

/// A client that believes any server. Without `papers` it has no certificate.
pub(super) fn client_config(papers: Option<(&[Vec<u8>], &[u8])>, groups: &[&'static dyn SupportedKxGroup]) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider(groups)).with_safe_default_protocol_versions().unwrap();
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Gullible));
    let mut config = match papers {
        Some((chain, key)) => builder.with_client_cert_resolver(certified(chain, key)),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// A server that believes any client, prefers the groups as given, and hands out tickets.
pub(super) fn server_config(chain: &[Vec<u8>], key: &[u8], groups: &[&'static dyn SupportedKxGroup]) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider(groups)).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_client_cert_verifier(Arc::new(Gullible)).with_cert_resolver(certified(chain, key));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new().unwrap();
    config
}

/// Answers each connection's first request with `answer`, then closes. Returns its address and what was negotiated.
pub(super) async fn serve_once(config: ServerConfig, answer: &'static [u8]) -> (String, tokio::task::JoinHandle<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.ok()?;
        let group = format!("{:?}", tls.get_ref().1.negotiated_key_exchange_group().unwrap().name());
        let _ = tls.read(&mut [0; 4096]).await;
        tls.write_all(answer).await.ok()?;
        tls.shutdown().await.ok()?;
        let _ = tls.read_to_end(&mut Vec::new()).await;
        Some(group)
    });
    (address, serving)
}

/// Reads the beginning of one request, answers, and closes over all that is still coming.
pub(super) async fn serve_and_reset(config: ServerConfig, answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = TlsAcceptor::from(Arc::new(config)).accept(tcp).await.unwrap();
        tls.read_exact(&mut vec![0; 1 << 20]).await.unwrap();
        tls.write_all(answer).await.unwrap();
        tls.flush().await.unwrap();
    });
    address
}

pub(super) async fn shake_hands(address: &str, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands_over(TcpStream::connect(address).await?, config).await
}

pub(super) async fn shake_hands_over(tcp: TcpStream, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    within(TlsConnector::from(config).connect(name, tcp)).await
}

/// A raw connection of a good member.
pub(super) async fn connect_raw(world: &World) -> TlsStream<TcpStream> {
    connect_raw_as(world, &Papers::member(&world.ca)).await.unwrap()
}

pub(super) async fn connect_raw_as(world: &World, papers: &Papers) -> std::io::Result<TlsStream<TcpStream>> {
    shake_hands(&world.address, Arc::new(client_config(Some((&papers.chain, &papers.key)), &[CLASSIC]))).await
}

/// All that comes until the server closes; a missing TLS closure is told apart.
pub(super) async fn read_to_close(tls: &mut TlsStream<TcpStream>) -> (String, std::io::Result<()>) {
    let mut bytes = Vec::new();
    let ended = within(tls.read_to_end(&mut bytes)).await;
    (String::from_utf8_lossy(&bytes).into_owned(), ended.map(|_| ()))
}

/// Sends raw bytes and reads what comes back until the server closes.
pub(super) async fn exchange_raw(world: &World, bytes: &[u8]) -> String {
    let mut tls = connect_raw(world).await;
    tls.write_all(bytes).await.unwrap();
    tls.flush().await.unwrap();
    let (answer, ended) = read_to_close(&mut tls).await;
    ended.unwrap_or_else(|error| panic!("{error} after {answer:?}"));
    answer
}

/// The TLS alert that reading ends with.
pub(super) async fn alert_of(tls: &mut TlsStream<TcpStream>) -> String {
    let (answer, ended) = read_to_close(tls).await;
    assert_eq!(answer, "", "HTTP was answered");
    alert_in(&ended.expect_err("no alert came"))
}

pub(super) fn alert_in(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => format!("{alert:?}"),
        _ => panic!("no alert but {error:?}"),
    }
}

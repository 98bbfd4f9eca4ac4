//! The gate: asks `trust` who is at the other end, by the directory as it is published now.

use std::sync::Arc;

use crate::domain::{StateCode, UnixMillis};
use crate::exchange::Exchange;
use crate::net::{PeerAlert, PeerGate, PeerRefused};
use crate::trust::{self, VerifiedPeer, verify_peer, verify_peer_still};

/// Admits members in force and registrars.
pub struct ServerGate {
    exchange: Arc<Exchange>,
}

impl ServerGate {
    /// The gate of `exchange`'s directory.
    pub fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange }
    }
}

impl PeerGate for ServerGate {
    type Peer = VerifiedPeer;
    /// One state's members, all together, leave room for the other's.
    type Group = StateCode;

    fn verify_peer(&self, chain_der: &[&[u8]], now: UnixMillis) -> Result<VerifiedPeer, PeerRefused> {
        verify_peer(chain_der, &self.exchange.published().directory, now).map_err(describe)
    }

    fn verify_still(&self, peer: &VerifiedPeer, now: UnixMillis) -> Result<(), PeerRefused> {
        verify_peer_still(peer, &self.exchange.published().directory, now).map_err(describe)
    }

    fn group_of(&self, peer: &VerifiedPeer) -> StateCode {
        peer.member().state()
    }
}

fn describe(refused: trust::PeerRefused) -> PeerRefused {
    let alert = match &refused {
        trust::PeerRefused::Unreadable(_) | trust::PeerRefused::Profile(_) => PeerAlert::BadCertificate,
        trust::PeerRefused::UnknownIssuer(_) => PeerAlert::UnknownIssuer,
        trust::PeerRefused::Expired(_) => PeerAlert::Expired,
        trust::PeerRefused::Revoked(_) => PeerAlert::Revoked,
        trust::PeerRefused::NotInDirectory(_) => PeerAlert::NotAdmitted,
    };
    PeerRefused { alert, reason: refused.to_string() }
}

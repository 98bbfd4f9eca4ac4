//! What the edge allows, each limit with its reason. Nothing an outsider can reach is without one.

use std::time::Duration;

use crate::domain::limits::BLOB_BYTES_MAX;

/// The least that a peer must move for a connection to stay open, measured only while this side waits.
///
/// A peer may pause for `grace`, and each byte that moves buys back `1 / bytes_per_second_min` seconds of it:
/// over any long stretch the average holds, and a short loss of the line cuts nobody off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Bytes per second on average, at least.
    pub bytes_per_second_min: u32,
    /// The longest pause, and what a connection starts with.
    pub grace: Duration,
}

/// The limits of a server's edge. [`EdgeLimits::default`] is meant for a server of two cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Connections in all. One costs at most about 3 MB while a body streams through it (128 KiB read, 128 KiB to
    /// write, two chunks of 1 MiB, TLS), and nearly always 100 kB; what a handler takes in whole comes on top, and is
    /// the handler's to bound. Several hundred offices of two states have one each. The next is closed at once.
    pub connections_max: usize,
    /// Connections that have not finished their handshake: strangers cannot crowd out members. At 0.5 ms a
    /// handshake a burst of this many costs 64 ms of one core. The next is closed at once.
    pub handshakes_max: usize,
    /// Handshakes under way from one address (one /64 of IPv6): an office behind one NAT, not a flood.
    pub handshakes_per_address_max: usize,
    /// Open connections of one peer, told apart by their certificate's key: a client uses one or two, and an
    /// old one whose end the server has not noticed may linger beside them.
    pub connections_per_peer_max: usize,
    /// Open connections of all peers of one group, as the gate groups them: half of the places, so that one side, or
    /// whoever has its keys, cannot crowd out the other.
    pub connections_per_group_max: usize,
    /// From accept to the end of the handshake: three round trips over a satellite, with losses.
    pub handshake_deadline: Duration,
    /// From the first byte of a request's head to its last: it fits into a few packets.
    pub head_deadline: Duration,
    /// A request's head with all its fields. Ours have about 400 bytes.
    pub head_bytes_max: usize,
    /// Header fields in a request. Ours have about eight.
    pub head_fields_max: usize,
    /// A request's body, whatever the route says: the largest sealed document. Routes allow less.
    pub body_bytes_max: u64,
    /// How fast a request's body must come: a line of 32 kbit/s, on which 100 MB take seven hours.
    pub request_rate: Rate,
    /// How fast a response must be taken.
    pub response_rate: Rate,
    /// How long a connection may be open with no request: a client that works keeps it, one that left does not.
    pub idle_deadline: Duration,
    /// Requests on one connection; then it is closed in good order, so that memory and counts start afresh.
    pub requests_per_connection_max: u32,
    /// How often an open connection's peer is checked again for expiry and revocation, whatever it is doing.
    pub peer_recheck: Duration,
    /// What is still read, and thrown away, of a body that was answered early, so that the answer is not lost to
    /// a reset: more than the kernels of both sides hold in flight.
    pub linger_bytes_max: u64,
    /// How long a connection that was answered early, or refused, is kept for its peer to read the answer.
    pub linger_deadline: Duration,
    /// How long running requests may go on once the server is told to stop; systemd kills after 90 s.
    pub shutdown_deadline: Duration,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        let rate = Rate { bytes_per_second_min: 4 * 1024, grace: Duration::from_secs(30) };
        Self {
            connections_max: 512,
            handshakes_max: 128,
            handshakes_per_address_max: 32,
            connections_per_peer_max: 16,
            connections_per_group_max: 256,
            handshake_deadline: Duration::from_secs(10),
            head_deadline: Duration::from_secs(10),
            head_bytes_max: 16 * 1024,
            head_fields_max: 32,
            body_bytes_max: BLOB_BYTES_MAX,
            request_rate: rate,
            response_rate: rate,
            idle_deadline: Duration::from_secs(120),
            requests_per_connection_max: 10_000,
            peer_recheck: Duration::from_secs(10),
            linger_bytes_max: 16 * 1024 * 1024,
            linger_deadline: Duration::from_secs(3),
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

impl EdgeLimits {
    /// For a witness: few logs ask, briefly, and anybody may try.
    pub fn for_witness() -> Self {
        Self {
            connections_max: 64,
            handshakes_max: 32,
            handshakes_per_address_max: 8,
            connections_per_group_max: 64,
            body_bytes_max: 1 << 20,
            ..Self::default()
        }
    }
}

/// How long a client waits for a server, phase by phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDeadlines {
    /// For the TCP connection, name resolution included.
    pub connect: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// From the last byte handed over for sending to the first of the answer. What the kernel still holds of an
    /// upload is sent in this time too, and the server syncs to disk, so it is generous.
    pub first_byte: Duration,
    /// For each further part of an answer's body.
    pub chunk: Duration,
    /// How fast the server must take an upload; generous, since a busy disk is no attack.
    pub upload_rate: Rate,
}

impl Default for ClientDeadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            handshake: Duration::from_secs(20),
            first_byte: Duration::from_secs(120),
            chunk: Duration::from_secs(60),
            upload_rate: Rate { bytes_per_second_min: 1024, grace: Duration::from_secs(120) },
        }
    }
}

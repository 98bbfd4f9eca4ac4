//! The network over real loopback sockets: who gets in, what is understood, what is bounded.

#[path = "net_bodies.rs"]
mod bodies;
#[path = "net_http.rs"]
mod http_strictness;
#[path = "net_limits.rs"]
mod limits;
#[path = "net_raw.rs"]
mod raw;
#[path = "net_tls.rs"]
mod tls;
#[path = "net_world.rs"]
mod world;

//! What the figures in README.md come from. Run with `cargo bench --profile dev`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "benches stop at the first surprise, and say what criterion does not"
)]

mod acts;
mod audit;
mod growth;
mod seal;
mod send;
mod sign;
mod store;
mod tlog;

criterion::criterion_group!(
    benches,
    acts::act_benches,
    audit::audit_benches,
    growth::growth,
    seal::seal_benches,
    send::send_benches,
    sign::sign_benches,
    store::store_benches,
    tlog::tlog_benches
);
criterion::criterion_main!(benches);

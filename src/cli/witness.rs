//! `elchi witness …`

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;

use super::arguments::WitnessCommand;
use super::fault::CliFault;
use super::output::Output;
use super::stop::stop_signal;
use crate::registrar::{load_letter, make_pinned_tls};
use crate::telemetry::start_traces;
use crate::wire::{KeyName, ServerSheet, VerifierKey};
use crate::witness::{LoadedWitness, NewWitness, add_log, init_witness, load_witness, run_witness};

pub(super) fn run(command: WitnessCommand, output: &Output) -> Result<(), CliFault> {
    match command {
        WitnessCommand::Init { folder, name, listen, address, sheet } => init(&folder, name, listen, address, &sheet, output),
        WitnessCommand::AddLog { folder, key } => {
            add_log(&folder, &key)?;
            output.result(&json!({"log": key.name.as_str()}), || format!("The witness cosigns {} from its next start on.", key.name));
            Ok(())
        }
        WitnessCommand::Serve { config } => serve(&config),
    }
}

fn init(
    folder: &Path,
    name: KeyName,
    listen: std::net::SocketAddr,
    address: String,
    sheet: &Path,
    output: &Output,
) -> Result<(), CliFault> {
    let logs: ServerSheet = load_letter(sheet)?;
    let parse = |key: &str| {
        let parsed = key.parse::<VerifierKey>();
        parsed.map_err(|malformed| CliFault::not_possible(malformed.to_string(), "ask the server's operator for the sheet again"))
    };
    let keys = [parse(&logs.events)?, parse(&logs.directory)?];
    let tls = make_pinned_tls(&address).map_err(|fault| CliFault::not_possible(fault.to_string(), "write the address as HOST:PORT"))?;
    let new = NewWitness { name, listen, address, tls_key: &tls.key, tls_certificate: &tls.certificate, tls_spki: tls.spki };
    let sheet = init_witness(folder, &new)?;
    keys.iter().try_for_each(|key| add_log(folder, key))?;
    output.result(&sheet, || {
        format!(
            "The witness is ready in {0}.\nGive {0}/witness-sheet.json to the server's operator and to both registrars, then: elchi witness serve --config {0}/witness.toml\n",
            folder.display()
        )
    });
    Ok(())
}

/// Runs the witness until it is told to stop.
fn serve(config: &Path) -> Result<(), CliFault> {
    start_traces();
    let LoadedWitness { config, identity, ledger } = load_witness(config)?;
    let cannot = |fault: std::io::Error| {
        CliFault::not_possible(format!("cannot serve on {}: {fault}", config.listen), "choose another port, or stop what uses it")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(cannot)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
        let shutdown = stop_signal().map_err(cannot)?;
        for (log, size) in ledger.sizes() {
            tracing::info!(%log, size, "cosigning");
        }
        run_witness(listener, identity, Arc::new(ledger), shutdown)
            .await
            .map_err(|fault| CliFault::not_possible(fault.to_string(), "check the TLS key and certificate"))
    })?;
    tracing::info!("stopped");
    Ok(())
}

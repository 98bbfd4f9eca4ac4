//! The machines of the story: an operator's server, and a witness of each state.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::process::{RunningProcess, free_address};
use super::stage::Stage;
use crate::admin::{NewServer, init_server};
use crate::domain::StateCode;
use crate::durable;
use crate::mla::Op;
use crate::registrar::{PinnedTls, Voter, WitnessRule, make_pinned_tls};
use crate::trust::ProvisionalWork;
use crate::wire::{ServerSheet, WitnessSheet};
use crate::witness::{NewWitness, add_log, init_witness};

/// How long work may go on in the story while a witness is away.
const PROVISIONAL_SECONDS: u64 = 72 * 3600;

/// All that runs.
pub(super) struct Machines {
    pub(super) server_address: String,
    pub(super) server: RunningProcess,
    witnesses: BTreeMap<StateCode, Witness>,
}

struct Witness {
    folder: PathBuf,
    address: String,
    process: Option<RunningProcess>,
}

/// Makes a server and its sheet.
pub(super) fn make_server(stage: &Stage<'_>, roots: &[(StateCode, String)]) -> Result<(ServerSheet, SocketAddr), String> {
    let listen = free_address()?;
    let PinnedTls { key, certificate, .. } = make_pinned_tls("localhost").map_err(|fault| fault.to_string())?;
    let new = NewServer {
        listen,
        address: listen.to_string(),
        log_name: "demo.elchi.example".into(),
        roots,
        tls_key: &key,
        tls_certificate: &certificate,
    };
    let sheet = init_server(&stage.path("server"), &new).map_err(|fault| fault.to_string())?;
    Ok((sheet, listen))
}

/// Makes a witness of `state` for the server's logs, in `witness-kg`, and hands its sheet to the server's operator.
pub(super) fn make_witness(stage: &Stage<'_>, state: StateCode, server: &ServerSheet) -> Result<WitnessSheet, String> {
    let small = state.to_string().to_lowercase();
    let folder = stage.path(&format!("witness-{small}"));
    let listen = free_address()?;
    let tls = make_pinned_tls("localhost").map_err(|fault| fault.to_string())?;
    let new = NewWitness {
        name: format!("witness.{small}.example").parse().map_err(|malformed: crate::domain::Malformed| malformed.to_string())?,
        listen,
        address: listen.to_string(),
        tls_key: &tls.key,
        tls_certificate: &tls.certificate,
        tls_spki: tls.spki,
    };
    let sheet = init_witness(&folder, &new).map_err(|fault| fault.to_string())?;
    for key in [&server.events, &server.directory] {
        let key = key.parse().map_err(|malformed: crate::domain::Malformed| malformed.to_string())?;
        add_log(&folder, &key).map_err(|fault| fault.to_string())?;
    }
    let json = serde_json::to_vec_pretty(&sheet).map_err(|fault| fault.to_string())?;
    durable::publish_file(&stage.path(&format!("server/witnesses/{small}.json")), &json).map_err(|fault| fault.to_string())?;
    Ok(sheet)
}

/// What both states' policies ask of the logs.
pub(super) fn witness_rule(sheets: &[(StateCode, WitnessSheet)]) -> WitnessRule {
    let acts = Op::ALL.iter().copied().filter(|op| op.log() == crate::domain::Log::Events).collect();
    WitnessRule {
        witnesses: sheets.iter().map(|(state, sheet)| (Voter::State(*state), sheet.clone())).collect(),
        provisional: Some(ProvisionalWork { seconds: PROVISIONAL_SECONDS, acts }),
    }
}

impl Machines {
    /// Starts the witnesses, then the server, which asks them at once.
    pub(super) fn start(stage: &Stage<'_>, server: SocketAddr, sheets: &[(StateCode, WitnessSheet)]) -> Result<Self, String> {
        let mut witnesses = BTreeMap::new();
        for (state, sheet) in sheets {
            let folder = stage.path(&format!("witness-{}", state.to_string().to_lowercase()));
            let mut witness = Witness { folder, address: sheet.address.clone(), process: None };
            witness.start()?;
            witnesses.insert(*state, witness);
        }
        let server_address = server.to_string();
        let config = stage.path("server/elchi.toml");
        let server = RunningProcess::start(&["serve"], &config, &server_address, stage.path("server/traces.json"))?;
        Ok(Self { server_address, server, witnesses })
    }

    /// Kills a state's witness, as a power cut would.
    pub(super) fn kill_witness(&mut self, state: StateCode) -> Result<(), String> {
        self.witness(state)?.process = None;
        Ok(())
    }

    /// Starts it again.
    pub(super) fn restart_witness(&mut self, state: StateCode) -> Result<(), String> {
        self.witness(state)?.start()
    }

    /// For scripts: each witness's state, process and configuration.
    pub(super) fn describe_witnesses(&self) -> Vec<serde_json::Value> {
        let describe = |(state, witness): (&StateCode, &Witness)| {
            let pid = witness.process.as_ref().map(RunningProcess::pid);
            serde_json::json!({"state": state, "pid": pid, "address": witness.address, "config": witness.folder.join("witness.toml")})
        };
        self.witnesses.iter().map(describe).collect()
    }

    fn witness(&mut self, state: StateCode) -> Result<&mut Witness, String> {
        self.witnesses.get_mut(&state).ok_or_else(|| format!("{state} has no witness"))
    }

    /// Stops all, in good order: the server first.
    pub(super) fn stop(self) -> Result<(), String> {
        self.server.stop()?;
        self.witnesses.into_values().filter_map(|witness| witness.process).try_for_each(RunningProcess::stop)
    }

    /// Lets all go on after this program has ended. Gives their process ids.
    pub(super) fn leave_running(self) -> Vec<u32> {
        let witnesses = self.witnesses.into_values().filter_map(|witness| witness.process);
        [self.server].into_iter().chain(witnesses).map(RunningProcess::leave_running).collect()
    }
}

impl Witness {
    fn start(&mut self) -> Result<(), String> {
        let (config, traces) = (self.folder.join("witness.toml"), self.folder.join("traces.json"));
        self.process = Some(RunningProcess::start(&["witness", "serve"], &config, &self.address, traces)?);
        Ok(())
    }
}

//! `elchi serve`, `elchi admin …`, `elchi demo`: what needs the server's half.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::arguments::{AdminCommand, DemoArgs};
use super::fault::CliFault;
use super::output::{Bar, Output};
use super::registrar::read_roots;
use super::stop::stop_signal;
use crate::admin::{
    AdminFault, LoadedServer, NewServer, RebuildMode, RebuildReport, init_server, load_server, rebuild_server, verify_server,
};
use crate::demo::{DemoSettings, play_demo};
use crate::exchange::{Exchange, Part};
use crate::net::{EdgeClock, EdgeLimits, ServerEdge, TlsIdentity, run_listener};
use crate::registrar::{PinnedTls, make_pinned_tls};
use crate::server::{Api, Cosigning, ServerGate};
use crate::store::Store;
use crate::telemetry::start_traces;
use crate::wire::WitnessSheet;

/// How often uploads that nobody finished are looked for, and whether the sequencer still runs.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Runs the server until it is told to stop (SIGTERM, SIGINT), or its store breaks.
pub(super) fn serve(config: &Path) -> Result<(), CliFault> {
    start_traces();
    let LoadedServer { config, tls_certificate, tls_key, keys, anchors, witnesses } = load_server(config)?;
    let identity = TlsIdentity::load(vec![tls_certificate], &tls_key)
        .map_err(|fault| AdminFault::Unusable { path: config.tls_key.clone(), reason: fault.to_string() })?;
    let store = Store::open(&config.store).map_err(AdminFault::from)?;
    let exchange = Arc::new(Exchange::open(store, keys, anchors)?);
    let cannot = |fault: std::io::Error| {
        CliFault::not_possible(format!("cannot serve on {}: {fault}", config.listen), "choose another port, or stop what uses it")
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    let edge = ServerEdge { identity, limits: EdgeLimits::default(), clock: EdgeClock::system() };
    let outcome = runtime.block_on(async {
        let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
        let cosigning = begin_cosigning(&exchange, &witnesses).await?;
        let shutdown = stop_or_break(exchange.clone(), cosigning.clone()).map_err(cannot)?;
        tokio::spawn(sweep_uploads(exchange.clone()));
        tracing::info!(listen = %config.listen, events = exchange.published().events.head().size, "serving");
        let gate = Arc::new(ServerGate::new(exchange.clone()));
        let api = Arc::new(Api::new(exchange.clone()));
        run_listener(listener, edge, gate, api, shutdown)
            .await
            .map_err(|fault| CliFault::not_possible(fault.to_string(), "check the TLS key and certificate"))?;
        Ok::<_, CliFault>(has_ended(cosigning.as_ref()))
    });
    drop(runtime);
    if outcome? {
        return Err(CliFault::not_possible("asking the witnesses failed", "look at the traces above, then start again; nothing is lost"));
    }
    if exchange.is_stopped() {
        return Err(CliFault::not_possible(
            "the store broke while serving",
            "look at the traces above, then start again; nothing that was acknowledged is lost",
        ));
    }
    tracing::info!("stopped");
    Ok(())
}

/// Has the configured witnesses asked from now on. The task that is given ends only if it fails; none if there are none.
async fn begin_cosigning(exchange: &Arc<Exchange>, witnesses: &[WitnessSheet]) -> Result<Option<Arc<JoinHandle<()>>>, CliFault> {
    if witnesses.is_empty() {
        return Ok(None);
    }
    let cosigning = Cosigning::begin(exchange.clone(), witnesses).await?;
    Ok(Some(Arc::new(tokio::spawn(cosigning.run()))))
}

fn has_ended(task: Option<&Arc<JoinHandle<()>>>) -> bool {
    task.is_some_and(|task| task.is_finished())
}

/// Ends when the process is told to stop, or when the sequencer, or who asks the witnesses, had to.
fn stop_or_break(exchange: Arc<Exchange>, cosigning: Option<Arc<JoinHandle<()>>>) -> std::io::Result<impl Future<Output = ()>> {
    let told = stop_signal()?;
    let broken = async move {
        let mut every = tokio::time::interval(WATCH_EVERY);
        while !exchange.is_stopped() && !has_ended(cosigning.as_ref()) {
            every.tick().await;
        }
    };
    Ok(async move {
        tokio::select! {
            () = told => {}
            () = broken => tracing::error!("the sequencer, or who asks the witnesses, has stopped"),
        }
    })
}

async fn sweep_uploads(exchange: Arc<Exchange>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let exchange = exchange.clone();
        match tokio::task::spawn_blocking(move || exchange.sweep_uploads()).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(swept)) => tracing::info!(swept, "uploads that nobody finished were removed"),
            Ok(Err(fault)) => tracing::warn!(%fault, "uploads cannot be swept"),
        }
    }
}

pub(super) fn admin(command: AdminCommand, output: &Output) -> Result<(), CliFault> {
    match command {
        AdminCommand::Init { folder, listen, address, log_name, root } => {
            let roots = read_roots(&root)?;
            let tls =
                make_pinned_tls(&address).map_err(|fault| CliFault::not_possible(fault.to_string(), "write the address as HOST:PORT"))?;
            let PinnedTls { key, certificate, .. } = tls;
            let new = NewServer { listen, address, log_name, roots: &roots, tls_key: &key, tls_certificate: &certificate };
            let sheet = init_server(&folder, &new)?;
            output.result(&sheet, || {
                format!(
                    "The server is ready in {0}.\nGive {0}/server-sheet.json to each registrar, then: elchi serve --config {0}/elchi.toml\n",
                    folder.display()
                )
            });
            Ok(())
        }
        AdminCommand::Verify { config } => {
            let mut bar = Bar::new();
            let report = verify_server(&config, &mut |progress| bar.show(progress.family, progress.bytes, progress.bytes))?;
            drop(bar);
            output.result(&report, || {
                let mut text = format!(
                    "{} rows, {} bytes read; {} event leaves and {} directory entries judged again\n",
                    report.rows, report.bytes, report.event_leaves, report.directory_entries
                );
                report.damages.iter().for_each(|damage| text += &format!("damaged: {damage}\n"));
                text
            });
            match report.damages.len() {
                0 => Ok(()),
                count => Err(CliFault::Wrong(format!(
                    "{count} things are not what was written\nhint: `elchi admin rebuild --check` says whether only indexes differ, which it can \
                     replace; otherwise stop using this disk, keep a copy of it, and restore a backup"
                ))),
            }
        }
        AdminCommand::Rebuild { config, check } => rebuild(&config, if check { RebuildMode::Check } else { RebuildMode::Replace }, output),
    }
}

fn rebuild(config: &Path, mode: RebuildMode, output: &Output) -> Result<(), CliFault> {
    let mut bar = Bar::counting();
    let report = rebuild_server(config, mode, &mut |log, done, all| bar.show(&format!("the {log} log"), done, all))?;
    drop(bar);
    output.result(&report, || {
        let mut text = format!("{} event leaves and {} directory entries folded\n", report.event_leaves, report.directory_entries);
        report.differences.iter().for_each(|difference| text += &format!("{difference}\n"));
        text + if report.is_rebuilt { "the indexes were replaced by what the logs make\n" } else { "" }
    });
    match report.remaining().count() {
        0 => Ok(()),
        count => Err(CliFault::Wrong(format!("{count} things are not as the logs say\nhint: {}", hint(&report)))),
    }
}

/// What an operator can do about what differs.
fn hint(report: &RebuildReport) -> &'static str {
    if report.are_logs_damaged() {
        return "the logs themselves do not hold, so nothing was replaced; what indexes differ in may only follow from that. \
                Stop using this disk, keep a copy of it, and restore a backup";
    }
    match report.remaining().any(|difference| difference.part == Part::Indexes) {
        true => "run `elchi admin rebuild` without --check to replace the indexes",
        false => "statements and slips cannot be folded from the logs: keep a copy of this disk, and restore a backup",
    }
}

pub(super) fn demo(args: &DemoArgs, output: &Output) -> Result<(), CliFault> {
    let settings = DemoSettings { folder: args.dir.clone(), files: args.file.clone(), keep_serving: args.keep_serving };
    play_demo(&settings, &mut |line| output.remark(line)).map_err(CliFault::Demo)
}

//! Plays a whole case between two states on one machine, with real processes: both states' certificate
//! authorities, a server, a witness of each state, seven people, two of them auditors.
//!
//! Everyone acts through the code that their command uses; there is no shortcut that a user lacks. The
//! people and the case are invented.
//!
//! ```text
//! DIR/server/          the server's folder           DIR/people/kg.gpo-01 …  profiles
//! DIR/witness-kg -tr   the witnesses' folders
//! DIR/kg DIR/tr        the registrars                 DIR/letters             what they handed each other
//! DIR/samples          documents that were sent       DIR/read                what was opened, by whom
//! DIR/evidence         all proofs, and verify.sh      DIR/demo.json           for scripts
//! DIR/unlock.key       opens all profiles
//! ```

mod evidence;
mod machines;
mod people;
mod process;
mod samples;
mod stage;
mod story;

use std::fs;
use std::path::PathBuf;

use evidence::collect_evidence;
use machines::Machines;
use people::{Cast, make_cast};
use stage::Stage;
use story::{Outcome, play_story};

/// What to play.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// A new folder for all of it.
    pub folder: PathBuf,
    /// Files to send beside the samples.
    pub files: Vec<PathBuf>,
    /// Whether the server goes on afterwards.
    pub keep_serving: bool,
}

/// Plays it, and tells each step to `say`.
///
/// # Errors
/// With the step that failed and why. The server is stopped then; the folder is left as it is.
pub fn play_demo(settings: &DemoSettings, say: &mut dyn FnMut(&str)) -> Result<(), String> {
    fs::create_dir_all(&settings.folder).map_err(|fault| format!("cannot make {}: {fault}", settings.folder.display()))?;
    let folder = settings.folder.canonicalize().map_err(|fault| fault.to_string())?;
    if fs::read_dir(&folder).map_err(|fault| fault.to_string())?.next().is_some() {
        return Err(format!("{} is not empty\nhint: name a new folder with --dir", folder.display()));
    }
    let mut stage = Stage::new(folder, say);
    let (cast, mut machines) = make_cast(&mut stage)?;
    let outcome = play_story(&mut stage, &cast, &mut machines, &settings.files)?;
    let verified = collect_evidence(&mut stage, &cast, &outcome)?;
    write_demo_json(&stage, &cast, &machines, &outcome)?;
    tell_outcome(&mut stage, &outcome, &verified);
    finish(&mut stage, machines, settings.keep_serving)
}

fn tell_outcome(stage: &mut Stage<'_>, outcome: &Outcome, verified: &str) {
    stage.tell("");
    outcome.released.iter().for_each(|line| stage.tell(line));
    outcome.proven.iter().for_each(|line| stage.tell(line));
    stage.tell(verified);
}

fn finish(stage: &mut Stage<'_>, machines: Machines, keep_serving: bool) -> Result<(), String> {
    let folder = stage.folder().display().to_string();
    stage.tell(&format!("\nEverything is in {folder}. The proofs: {folder}/evidence/verify.sh"));
    if !keep_serving {
        return machines.stop();
    }
    let pids: Vec<String> = machines.leave_running().iter().map(ToString::to_string).collect();
    stage.tell(&format!("The server and the witnesses go on. Stop them with: kill {}\nGo on by hand:", pids.join(" ")));
    stage.tell(&format!("  export ELCHI_PROFILE={folder}/people/kg.gpo-01 ELCHI_UNLOCK={folder}/unlock.key\n  elchi inbox\n  elchi profile show\n  elchi send --to tr.moj --title 'Another request' FILE"));
    Ok(())
}

fn write_demo_json(stage: &Stage<'_>, cast: &Cast, machines: &Machines, outcome: &Outcome) -> Result<(), String> {
    let people: Vec<_> = cast
        .people
        .iter()
        .map(|person| {
            let profile = stage.path(&format!("people/{}", person.folder_name()));
            serde_json::json!({
                "member": person.member, "profile": profile,
                "tls_certificate": profile.join("tls.pem"), "tls_key": profile.join("tls.key.age"),
            })
        })
        .collect();
    let value = serde_json::json!({
        "server": {"address": machines.server_address, "pid": machines.server.pid(), "config": stage.path("server/elchi.toml")},
        "witnesses": machines.describe_witnesses(),
        "roots": {"KG": stage.path("kg/roots/KG.pem"), "TR": stage.path("tr/roots/TR.pem")},
        "policy": stage.path("kg/policy.txt"),
        "members": people,
        "unlock": stage.path("unlock.key"),
        "cases": [{"case": outcome.case, "documents": outcome.documents}],
    });
    let json = serde_json::to_vec_pretty(&value).map_err(|fault| fault.to_string())?;
    crate::durable::publish_file(&stage.path("demo.json"), &json).map_err(|fault| fault.to_string())
}

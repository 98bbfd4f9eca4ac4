//! The story: a request goes from Bishkek to Ankara, is forwarded to Istanbul, answered, and proven.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::evidence::keep_sealed;
use super::machines::Machines;
use super::people::Cast;
use super::samples::{write_record, write_samples};
use super::stage::Stage;
use crate::audit::run_audit;
use crate::client::{Client, ClientError, OpenedSubmission, SendingStage, Sent, Submission};
use crate::domain::{Log, Malformed, StateCode, Tag};
use crate::wire::Act;

/// A witness that is back is asked again within seconds; a loaded machine gets time.
const WITNESS_DEADLINE: Duration = Duration::from_secs(60);

/// What came of it.
pub(super) struct Outcome {
    pub(super) case: Tag,
    pub(super) documents: Vec<Tag>,
    pub(super) released: Vec<String>,
    pub(super) proven: Vec<String>,
}

/// Plays the story from the request to the audits.
pub(super) fn play_story(stage: &mut Stage<'_>, cast: &Cast, machines: &mut Machines, files: &[PathBuf]) -> Result<Outcome, String> {
    let mut samples = write_samples(stage)?;
    samples.extend_from_slice(files);
    let request = submission(None, "tr.moj", "Hearing of witnesses, trafficking in persons (sample)", &samples)?;
    let sent = send(stage, cast, "kg.gpo/01", &request, "sends the request to tr.moj")?;
    let case = sent.case;
    let mut documents = sent.documents;

    open(stage, cast, "tr.moj/01", &case)?;
    act(stage, cast, "tr.moj/01", "acknowledges it", |client| client.acknowledge(&case).map(|_| ()))?;
    let istanbul = BTreeSet::from([parse("tr.ist-cpp")?]);
    let to: Vec<_> = istanbul.into_iter().collect();
    act(stage, cast, "tr.moj/01", "forwards it to tr.ist-cpp, without sealing it anew", |client| {
        client.forward(&case, &[], &to).map(|_| ())
    })?;

    open(stage, cast, "tr.ist-cpp/01", &case)?;
    let record = write_record(stage)?;
    let executed = submission(Some(case), "tr.moj", "Executed (sample)", &[record])?;
    documents.extend(send(stage, cast, "tr.ist-cpp/01", &executed, "executes it and answers tr.moj")?.documents);

    let read = open(stage, cast, "tr.moj/01", &case)?;
    let answers: Vec<PathBuf> = read.cover.cover().documents.iter().map(|document| read.folder.join(&document.name)).collect();
    let answer = submission(Some(case), "kg.gpo", "Answer to your request (sample)", &answers)?;
    documents.extend(send(stage, cast, "tr.moj/01", &answer, "answers kg.gpo")?.documents);

    let ankara: StateCode = parse("TR")?;
    stage.step("the power fails at TR's witness", |_| machines.kill_witness(ankara))?;
    open(stage, cast, "kg.gpo/01", &case)?;
    act(stage, cast, "kg.gpo/01", "closes the case", |client| client.close(&case).map(|_| ()))?;
    tell_standing(stage, cast, "kg.gpo/01", "sees")?;
    tell_standing(stage, cast, "tr.moj/01", "sees")?;
    stage.step("TR's witness starts again, remembers, and has cosigned what came meanwhile", |stage| {
        machines.restart_witness(ankara)?;
        wait_until_full(stage, cast, "kg.gpo/01")
    })?;
    tell_standing(stage, cast, "kg.gpo/01", "sees")?;
    let released = tell_releases(stage, cast, &case)?;
    let proven = audit(stage, cast)?;
    Ok(Outcome { case, documents, released, proven })
}

fn send(stage: &mut Stage<'_>, cast: &Cast, who: &str, submission: &Submission, what: &str) -> Result<Sent, String> {
    stage.step(&format!("{who} {what}"), |stage| {
        let mut client = cast.client(stage, who)?;
        let outbox = client.profile().path("outbox");
        let mut is_kept = false;
        client.send(submission, &mut |sending, done, all| {
            if matches!(sending, SendingStage::Uploading(_)) && !is_kept {
                is_kept = true;
                keep_sealed(stage.folder(), &outbox);
            }
            stage.progress(if matches!(sending, SendingStage::Sealing(_)) { "sealing" } else { "uploading" }, done, all);
        })
    })
}

fn open(stage: &mut Stage<'_>, cast: &Cast, who: &str, case: &Tag) -> Result<OpenedSubmission, String> {
    let read = stage.make_folder("read")?;
    let folder = free_name(&read, &who.replace('/', "-"));
    stage.step(&format!("{who} has it released, opens and verifies it"), |stage| {
        let mut client = cast.client(stage, who)?;
        client.open_submission(case, None, &folder, &mut |done, all| stage.progress("opening", done, all))
    })
}

fn free_name(folder: &Path, stem: &str) -> PathBuf {
    (1u32..).map(|number| folder.join(format!("{stem}-{number}"))).find(|path| !path.exists()).unwrap_or_else(|| folder.join(stem))
}

fn act(
    stage: &mut Stage<'_>,
    cast: &Cast,
    who: &str,
    what: &str,
    act: impl FnOnce(&mut Client) -> Result<(), ClientError>,
) -> Result<(), String> {
    stage.step(&format!("{who} {what}"), |stage| act(&mut cast.client(stage, who)?))
}

/// What a person is told about the logs.
fn tell_standing(stage: &mut Stage<'_>, cast: &Cast, who: &str, verb: &str) -> Result<(), String> {
    let mut client = cast.client(stage, who).map_err(|fault| fault.to_string())?;
    let told = match client.follow() {
        Ok(()) => {
            let notices: Vec<String> = client.provisional_notices().iter().map(ToString::to_string).collect();
            if notices.is_empty() { client.standing(Log::Events).to_string() } else { notices.join("\n              ") }
        }
        Err(ClientError::NotWitnessed(reason)) => reason.replace('\n', "\n              "),
        Err(other) => return Err(format!("{who}: {other}")),
    };
    stage.tell(&format!("            {who} {verb}:\n              {told}"));
    Ok(())
}

fn wait_until_full(stage: &Stage<'_>, cast: &Cast, who: &str) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < WITNESS_DEADLINE {
        let mut client = cast.client(stage, who).map_err(|fault| fault.to_string())?;
        client.follow().map_err(|fault| fault.to_string())?;
        if client.standing(Log::Events).is_final() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err("the witness is not asked again".into())
}

/// Who got which documents, as the requesting authority verifies it in the log.
fn tell_releases(stage: &Stage<'_>, cast: &Cast, case: &Tag) -> Result<Vec<String>, String> {
    let mut client = cast.client(stage, "kg.gpo/01").map_err(|fault| fault.to_string())?;
    client.follow().map_err(|fault| fault.to_string())?;
    let history = client.load_case(case).map_err(|fault| fault.to_string())?;
    let releases = history.events.iter().filter_map(|event| match &event.statement.statement().act {
        Act::Release(release) => Some(format!(
            "released to {} at {}: {} documents",
            event.statement.statement().actor.label(),
            event.time.to_second(),
            release.documents.len()
        )),
        _ => None,
    });
    Ok(releases.collect())
}

fn audit(stage: &mut Stage<'_>, cast: &Cast) -> Result<Vec<String>, String> {
    let mut proven = Vec::new();
    for who in ["kg.audit/01", "tr.audit/01"] {
        let report = stage.step(&format!("{who} audits the whole log"), |stage| run_audit(&mut cast.client(stage, who)?))?;
        if !report.unopened_releases.is_empty() {
            return Err(format!("{who} finds releases that nobody opened"));
        }
        proven.push(format!("proven by {who}: {}", report.in_short()));
    }
    Ok(proven)
}

fn submission(case: Option<Tag>, to: &str, title: &str, files: &[PathBuf]) -> Result<Submission, String> {
    let to = BTreeSet::from([parse(to)?]);
    Ok(Submission {
        case,
        to,
        title: title.into(),
        text: "This is a sample; persons and events are invented.".into(),
        files: files.to_vec(),
    })
}

fn parse<T: FromStr<Err = Malformed>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|malformed: Malformed| malformed.to_string())
}

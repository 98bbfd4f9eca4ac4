//! The store when things fail: each step before and after it is on disk, a killed process, a torn or
//! flipped log, a flipped byte anywhere, a full disk.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use elchi::crypto::{hash, random_array};
use elchi::domain::limits::{SEGMENT_BYTES, UPLOAD_IDLE_SECONDS_MAX};
use elchi::domain::{Log, UnixMillis};
use elchi::store::{CommitFault, Moment, OpenFault, ProbedFailure, Step, StepProbe, Store, StoreFault, StoreSettings, UploadFault};

use crate::store::{
    Act, Home, Model, NOW, act_with_document, bytes_under, content, copy_folder, owner, settings_in, tag, upload, upload_id,
};

const MIB: usize = 1024 * 1024;

/// Counts the steps, and fails one of them.
pub(super) struct FailAt {
    number: usize,
    moment: Moment,
    seen: Mutex<Vec<Step>>,
}

impl FailAt {
    pub(super) fn new(number: usize, moment: Moment) -> Arc<Self> {
        Arc::new(Self { number, moment, seen: Mutex::default() })
    }

    pub(super) fn seen(&self) -> Vec<Step> {
        self.seen.lock().unwrap().clone()
    }
}

impl StepProbe for FailAt {
    fn pass(&self, step: Step, moment: Moment) -> Result<(), ProbedFailure> {
        let mut seen = self.seen.lock().unwrap();
        if moment == Moment::Before {
            seen.push(step);
        }
        if seen.len() == self.number + 1 && moment == self.moment { Err(ProbedFailure::Failed) } else { Ok(()) }
    }
}

/// A client's work, each part of which can be asked for again and goes on where the last attempt stopped.
#[derive(Default)]
struct Work {
    committed: Model,
    /// The act whose commit failed, so that nobody knows whether it is there.
    unknown: Option<Act>,
}

impl Work {
    /// Does what is left to be done.
    fn go_on(&mut self, store: &Store) -> Result<(), StoreFault> {
        for (name, bytes) in [("small", 3000), ("bulk", 2 * MIB + 77)] {
            self.bring(store, name, bytes)?;
        }
        self.accept(store, "first", &["small", "bulk"])?;
        self.discard(store, "unwanted", 2 * MIB + 5)?;
        self.accept(store, "second", &[])
    }

    /// Uploads a document, stopping once on the way, unless it is claimed already.
    fn bring(&self, store: &Store, name: &str, bytes: usize) -> Result<(), StoreFault> {
        if store.load_document(&tag(name))?.is_some() {
            return Ok(());
        }
        let (id, content) = (upload_id(name), content(name, bytes));
        if store.load_progress(&id, &owner()) == Err(UploadFault::Unknown) {
            fault_of(store.create_upload(&id, &owner(), bytes as u64, NOW))?;
        }
        let mut writer = store.open_upload(&id, &owner()).unwrap();
        if writer.offset() == 0 && bytes > MIB {
            fault_of(writer.write(&content[..MIB + 9], NOW))?;
            fault_of(writer.pause(NOW))?;
            writer = store.open_upload(&id, &owner()).unwrap();
            assert_eq!(writer.offset(), MIB as u64);
        }
        fault_of(writer.write(&content[writer.offset() as usize..], NOW))?;
        assert_eq!(fault_of(writer.finish(NOW))?, hash(&content));
        Ok(())
    }

    fn accept(&mut self, store: &Store, name: &str, documents: &[&str]) -> Result<(), StoreFault> {
        let mut act = Act::new(name);
        if store.load_acceptance(Log::Events, &hash(&act.statement))?.is_some() {
            if let Some(unknown) = self.unknown.take_if(|unknown| unknown.statement == act.statement) {
                self.committed = self.committed.with(&[unknown]);
            }
            return Ok(());
        }
        for document in documents {
            let content = content(document, if *document == "small" { 3000 } else { 2 * MIB + 77 });
            let claimed = store.claim_upload(&upload_id(document), &owner(), &hash(&content), content.len() as u64);
            act = act.with(document, claimed.unwrap(), content);
        }
        match store.commit(&self.committed.batch(std::slice::from_ref(&act))) {
            Ok(()) => self.committed = self.committed.with(&[act]),
            Err(CommitFault::Fault(fault)) => {
                self.unknown = Some(act);
                return Err(fault);
            }
            Err(other) => panic!("{other}"),
        }
        self.unknown = None;
        Ok(())
    }

    fn discard(&self, store: &Store, name: &str, bytes: usize) -> Result<(), StoreFault> {
        if store.load_acceptance(Log::Events, &hash(b"statement second\n"))?.is_some() {
            return Ok(());
        }
        self.bring(store, name, bytes)?;
        fault_of(store.delete_upload(&upload_id(name), &owner()))
    }

    /// All of what may have been committed is there, or nothing of it.
    fn check(&self, store: &Store) {
        let with_unknown = self.committed.with(self.unknown.as_slice());
        let heads = store.load_heads().unwrap();
        if heads == with_unknown.heads() { with_unknown.check(store) } else { self.committed.check(store) }
    }
}

fn fault_of<T>(result: Result<T, UploadFault>) -> Result<T, StoreFault> {
    match result {
        Ok(value) => Ok(value),
        Err(UploadFault::Fault(fault)) => Err(fault),
        Err(other) => panic!("{other}"),
    }
}

fn steps_of_all_work() -> Vec<Step> {
    let home = Home::new();
    let probe = FailAt::new(usize::MAX - 1, Moment::Before);
    let store = Store::open_with_probe(&home.settings(), probe.clone()).unwrap();
    let mut work = Work::default();
    work.go_on(&store).unwrap();
    work.check(&store);
    probe.seen()
}

#[test]
fn every_step_may_fail_before_or_after_it_is_on_disk() {
    let steps = steps_of_all_work();
    for step in Step::WORK {
        assert!(steps.contains(&step), "{step:?} is not in the work");
    }
    for (number, step) in steps.iter().enumerate() {
        for moment in [Moment::Before, Moment::AfterPersisting] {
            for restarts in [false, true] {
                println!("step {number} {step:?} fails {moment:?}, restart {restarts}");
                fail_once_and_finish(number, moment, restarts);
            }
        }
    }
}

fn fail_once_and_finish(number: usize, moment: Moment, restarts: bool) {
    let home = Home::in_memory();
    let store = Store::open_with_probe(&home.settings(), FailAt::new(number, moment)).unwrap();
    let mut work = Work::default();
    let fault = work.go_on(&store).unwrap_err();
    assert!(matches!(fault, StoreFault::Broken { .. }), "{fault}");
    if !restarts {
        // The store refuses to write on, says why each time, and reads go on.
        work.check(&store);
        if let Err(again) = work.go_on(&store) {
            assert_eq!(again, fault);
        }
        assert_eq!(store.sweep_uploads(NOW), Err(fault.clone()));
        assert!(matches!(store.create_upload(&upload_id("new"), &owner(), 5, NOW), Err(UploadFault::Fault(found)) if found == fault));
        work.check(&store);
    }
    drop(store);
    let store = home.open();
    work.check(&store);
    work.go_on(&store).unwrap();
    work.check(&store);
    // Nothing that nobody claimed outlives the sweep.
    store.sweep_uploads(UnixMillis(NOW.0 + UPLOAD_IDLE_SECONDS_MAX * 1000 + 1)).unwrap();
    assert_eq!(bytes_under(&home.settings().folder.join("uploads")), 0);
    work.check(&store);
    assert!(bytes_under(&home.settings().folder.join("db")) < 3 * MIB as u64, "a removed upload still takes room");
}

#[test]
fn segments_that_no_commit_named_are_swept() {
    let home = Home::new();
    let steps = steps_of_all_work();
    let commit = steps.iter().position(|step| *step == Step::WriteCommit).unwrap();
    let store = Store::open_with_probe(&home.settings(), FailAt::new(commit, Moment::Before)).unwrap();
    let mut work = Work::default();
    work.go_on(&store).unwrap_err();
    drop(store);
    let database = home.settings().folder.join("db");
    let store = home.open();
    assert!(bytes_under(&database) > 2 * MIB as u64);
    assert_eq!(store.sweep_uploads(UnixMillis(NOW.0 + UPLOAD_IDLE_SECONDS_MAX * 1000 + 1)).unwrap(), 2);
    assert!(bytes_under(&database) < MIB as u64);
    Model::default().check(&store);
    work.go_on(&store).unwrap();
    work.check(&store);
}

// ---- a killed process ----

const CHILD_FOLDER: &str = "ELCHI_TEST_STORE_FOLDER";

fn run_child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("store_faults::{test}"), "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CHILD_FOLDER, folder).stdin(Stdio::null());
    command
}

fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD_FOLDER).map(PathBuf::from)
}

/// Act `number`, always the same: two leaves and a document's.
fn numbered_act(store: &Store, number: u64) -> Act {
    let name = format!("number {number}");
    let content = content(&name, document_bytes(number));
    if store.load_progress(&upload_id(&name), &owner()).is_ok() {
        let mut writer = store.open_upload(&upload_id(&name), &owner()).unwrap();
        writer.write(&content[writer.offset() as usize..], NOW).unwrap();
        writer.finish(NOW).unwrap();
    } else {
        upload(store, &name, &content);
    }
    let claimed = store.claim_upload(&upload_id(&name), &owner(), &hash(&content), content.len() as u64).unwrap();
    Act::new(&name).with(&name, claimed, content)
}

fn document_bytes(number: u64) -> usize {
    if number % 4 == 3 { 2 * MIB + number as usize } else { 1000 + number as usize }
}

/// Rebuilds the model of so many numbered acts from nothing but their numbers.
fn numbered_model(count: u64) -> Model {
    let elsewhere = Home::in_memory();
    let store = elsewhere.open();
    let mut model = Model::default();
    for number in 0..count {
        let act = numbered_act(&store, number);
        model = model.with(&[act]);
    }
    model
}

#[test]
fn killed_child() {
    let Some(folder) = child_folder() else { return };
    let store = Store::open(&settings_in(&folder)).unwrap();
    let mut count = store.load_heads().unwrap().events.size / 3;
    let mut model = numbered_model(count);
    loop {
        model.commit(&store, &[numbered_act(&store, count)]);
        count += 1;
        println!("\nacknowledged {} {}", model.heads().events.size, model.heads().events.root);
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let home = Home::new();
    let mut acknowledged = 0;
    for round in 0..20 {
        let mut child = run_child("killed_child", home.path()).stdout(Stdio::piped()).spawn().unwrap();
        let [lines, spins] = random_array::<2>();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = 0;
        while heard <= lines % 4 {
            let line = output.next().expect("the child goes on until it is killed").unwrap();
            if let Some(head) = line.strip_prefix("acknowledged ") {
                acknowledged = head.split(' ').next().unwrap().parse().unwrap();
                heard += 1;
            }
        }
        // Some time that no clock measures, so that the kill falls anywhere in the child's next act.
        for spin in 0..u32::from(spins) {
            std::hint::black_box(hash(&spin.to_be_bytes().repeat(1000)));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in output.map_while(Result::ok) {
            if let Some(head) = line.strip_prefix("acknowledged ") {
                acknowledged = head.split(' ').next().unwrap().parse().unwrap();
            }
        }
        let store = home.open();
        let heads = store.load_heads().unwrap();
        println!("round {round}: {acknowledged} acknowledged, {} there", heads.events.size);
        assert!(heads.events.size >= acknowledged && heads.events.size.is_multiple_of(3));
        numbered_model(heads.events.size / 3).check(&store);
    }
}

// ---- the write-ahead log and flipped bytes ----

fn newest_log(settings: &StoreSettings) -> PathBuf {
    let files = fs::read_dir(settings.folder.join("db")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().unwrap()
}

/// A store whose last commit is in the log only, with the guard before it and after it.
struct Torn {
    home: Home,
    first: Model,
    both: Model,
    first_log_bytes: usize,
    log: Vec<u8>,
    first_guard: Vec<u8>,
    last_guard: Vec<u8>,
}

impl Torn {
    fn new() -> Self {
        let home = Home::new();
        let settings = home.settings();
        let (mut model, store) = (Model::default(), home.open());
        model.commit(&store, &[act_with_document(&store, "first", 3000)]);
        let first = model.clone();
        let first_log_bytes = fs::read(newest_log(&settings)).unwrap().len();
        let first_guard = fs::read(&settings.guard_file).unwrap();
        model.commit(&store, &[Act::new("second"), Act::in_directory("second")]);
        drop(store);
        let last_guard = fs::read(&settings.guard_file).unwrap();
        let log = fs::read(newest_log(&settings)).unwrap();
        assert!(log.len() > first_log_bytes + 100);
        Self { home, first, both: model, first_log_bytes, log, first_guard, last_guard }
    }

    /// Opens a copy with another log and guard.
    fn open(&self, log: &[u8], guard: &[u8]) -> (Home, Result<Store, OpenFault>) {
        let copy = Home::in_memory();
        copy_folder(&self.home.settings().folder, &copy.settings().folder);
        fs::write(newest_log(&copy.settings()), log).unwrap();
        fs::write(copy.settings().guard_file, guard).unwrap();
        let opened = Store::open(&copy.settings());
        (copy, opened)
    }

    fn torn_logs(&self) -> Vec<Vec<u8>> {
        let tail = self.log.len() - self.first_log_bytes;
        let cuts = (0..tail).step_by(tail / 12).map(|kept| self.first_log_bytes + kept);
        cuts.flat_map(|cut| {
            let whole = &self.log[..cut];
            let zeros = [whole, &vec![0; self.log.len() - cut]].concat();
            let garbage = [whole, &content("garbage", self.log.len() - cut)].concat();
            // A page that did not reach the disk, before one that did.
            let hole = [whole, &vec![0; (self.log.len() - cut) / 2], &self.log[cut + (self.log.len() - cut) / 2..]].concat();
            [whole.to_vec(), zeros, garbage, hole]
        })
        .collect()
    }
}

#[test]
fn a_torn_log_opens_when_nothing_acknowledged_is_lost() {
    let torn = Torn::new();
    for log in torn.torn_logs() {
        let (_copy, opened) = torn.open(&log, &torn.first_guard);
        let store = opened.unwrap();
        torn.first.check(&store);
        let mut model = torn.first.clone();
        model.commit(&store, &[Act::new("after the crash")]);
        model.check(&store);
    }
    let (_copy, opened) = torn.open(&torn.log, &torn.first_guard);
    torn.both.check(&opened.unwrap());
}

#[test]
fn a_torn_log_does_not_open_when_something_acknowledged_is_lost() {
    let torn = Torn::new();
    for log in torn.torn_logs() {
        let (copy, opened) = torn.open(&log, &torn.last_guard);
        assert!(matches!(opened, Err(OpenFault::Behind { database_events: 3, guard_events: 5, .. })));
        // What is left of the log is left as it was, for whoever has to look into it.
        assert!(fs::read(newest_log(&copy.settings())).unwrap() == log);
    }
}

#[test]
fn a_flipped_byte_in_the_log_is_found() {
    let torn = Torn::new();
    let step = torn.log.len() / 97;
    for at in (0..torn.log.len()).step_by(step) {
        let mut log = torn.log.clone();
        log[at] ^= 0x10;
        let (_copy, opened) = torn.open(&log, &torn.last_guard);
        if let Ok(store) = opened {
            torn.both.check(&store);
        }
    }
}

#[test]
fn a_flipped_byte_in_any_file_is_found() {
    let home = Home::new();
    let mut model = Model::default();
    // Three restarts, so that rows lie in tables, and the last commit in the log.
    for name in ["first", "second", "third"] {
        let store = home.open();
        let small = act_with_document(&store, &format!("{name} small"), 900);
        let bulk = act_with_document(&store, &format!("{name} bulk"), MIB + 900);
        model.commit(&store, &[small, bulk, Act::in_directory(name)]);
    }
    let settings = home.settings();
    let mut files: Vec<PathBuf> = fs::read_dir(settings.folder.join("db")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(settings.guard_file.clone());
    files.retain(|path| !path.file_name().unwrap().to_str().unwrap().contains("LO"));
    let (mut flips, mut found) = (0, 0);
    for file in files {
        for at in offsets_of(&file) {
            flips += 1;
            found += u32::from(is_found_or_harmless(&home, &model, &file, at));
        }
    }
    println!("{found} of {flips} flipped bytes were found, the others touched nothing that is read");
    assert!(found * 2 > flips);
}

fn offsets_of(file: &Path) -> Vec<usize> {
    let bytes = fs::metadata(file).unwrap().len() as usize;
    let mut offsets: Vec<usize> = (0..bytes).step_by((bytes / 8).max(1)).collect();
    offsets.extend(bytes.checked_sub(1));
    offsets
}

/// Panics when a flipped byte changed what is read and nothing noticed.
fn is_found_or_harmless(home: &Home, model: &Model, file: &Path, at: usize) -> bool {
    let copy = Home::in_memory();
    copy_folder(home.path(), copy.path());
    let target = copy.path().join(file.strip_prefix(home.path()).unwrap());
    let mut bytes = fs::read(&target).unwrap();
    bytes[at] ^= 0x10;
    fs::write(&target, bytes).unwrap();
    let Ok(store) = Store::open(&copy.settings()) else { return true };
    let is_named = store.verify_storage(&mut |_| {}).map_or(true, |damages| !damages.is_empty());
    is_named || model.compare(&store).is_err()
}

#[test]
fn verification_names_what_is_damaged() {
    let home = Home::new();
    let mut model = Model::default();
    let store = home.open();
    model.commit(&store, &[act_with_document(&store, "bulk", 2 * MIB)]);
    drop(store);
    let database = home.settings().folder.join("db");
    let files = fs::read_dir(&database).unwrap().map(|entry| entry.unwrap().path());
    let segment = files.filter(|path| path.metadata().unwrap().len() > 2 * MIB as u64).max().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[MIB + MIB / 2] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let store = home.open();
    let damages = store.verify_storage(&mut |_| {}).unwrap();
    assert!(damages.iter().any(|damage| damage.place == format!("documents {}", tag("bulk"))), "{damages:?}");
    let reader = store.open_blob(&tag("bulk")).unwrap().unwrap();
    assert_eq!(reader.read_at(0).unwrap().len(), MIB);
    assert!(matches!(reader.read_at(MIB as u64), Err(StoreFault::Damaged { .. })));
}

// ---- a full disk ----

/// Runs a test of this file again, with a file system of its own of 96 MiB.
fn run_on_small_disk(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let child = run_child(test, folder.path());
    let script = "mount -t tmpfs -o size=96m none \"$ELCHI_TEST_STORE_FOLDER\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command.arg(child.get_program()).args(child.get_args()).env(CHILD_FOLDER, folder.path()).stdin(Stdio::null());
    let output = command.output().expect("unshare (util-linux) is there");
    assert!(
        output.status.success(),
        "on the small disk, or making it (user namespaces and tmpfs are needed):\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("small disk: done"));
}

#[test]
fn a_full_disk_is_refused_in_time_and_recovers_by_itself() {
    run_on_small_disk("full_disk_child");
}

#[test]
fn full_disk_child() {
    let Some(folder) = child_folder() else { return };
    let store = Store::open(&settings_in(&folder)).unwrap();
    let mut model = Model::default();
    model.commit(&store, &[act_with_document(&store, "first", 8 * MIB)]);
    // An upload that fits is begun, then someone else fills the disk up to the reserve.
    let (id, bytes) = (upload_id("second"), 10 * MIB);
    store.create_upload(&id, &owner(), bytes as u64, NOW).unwrap();
    let ballast = folder.join("ballast");
    fill(&folder, &ballast, 10 * MIB as u64);
    let mut writer = store.open_upload(&id, &owner()).unwrap();
    let written = writer.write(&content("second", bytes), NOW);
    assert!(matches!(written, Err(UploadFault::Fault(StoreFault::Full { .. }))), "{written:?}");
    assert_eq!(writer.write(b"more", NOW), Err(UploadFault::Interrupted));
    drop(writer);
    let created = store.create_upload(&upload_id("third"), &owner(), 1, NOW);
    assert!(matches!(created, Err(UploadFault::Fault(StoreFault::Full { .. }))));
    // Acts go on in the reserve, and so does reading.
    model.commit(&store, &[Act::new("in the reserve")]);
    model.check(&store);
    // Then not even acts.
    fill(&folder, &ballast, 2 * MIB as u64);
    let refused = store.commit(&model.batch(&[Act::new("no room")]));
    assert!(matches!(refused, Err(CommitFault::Fault(StoreFault::Full { .. }))));
    model.check(&store);
    store.delete_upload(&id, &owner()).unwrap();
    // Space returns, and so does everything.
    fs::remove_file(&ballast).unwrap();
    model.commit(&store, &[Act::new("no room"), Act::new("more")]);
    model.commit(&store, &[act_with_document(&store, "after", 4 * MIB)]);
    model.check(&store);
    drop(store);
    model.check(&Store::open(&settings_in(&folder)).unwrap());
    println!("small disk: done");
}

#[test]
fn a_disk_that_fills_up_under_a_write_heals_when_space_returns() {
    run_on_small_disk("full_under_write_child");
}

/// Without a reserve the disk is full in the middle of writes, and RocksDB stops; nothing acknowledged may
/// be lost, and it must go on without a restart.
#[test]
fn full_under_write_child() {
    let Some(folder) = child_folder() else { return };
    let settings = StoreSettings { free_bytes_min: 0, write_buffer_bytes: MIB, ..settings_in(&folder) };
    let mut store = Store::open(&settings).unwrap();
    let mut model = Model::default();
    let ballast = folder.join("ballast");
    for round in 0..4 {
        model.commit(&store, &[act_with_document(&store, &format!("sound {round}"), 300_000)]);
        fill(&folder, &ballast, (round * 700_000) + 300_000);
        let mut refused = 0;
        for number in 0..60 {
            let mut act = Act::new(&format!("tight {round} {number}"));
            act.padding = 200_000;
            refused += u32::from(!commit_or_full(&store, &mut model, act));
        }
        println!("round {round}: {refused} refused");
        assert!(refused > 0);
        model.compare(&store).unwrap();
        if round % 2 == 1 {
            // A restart on the full disk: not a single byte is free, and it reads all the same.
            drop(store);
            fill(&folder, &ballast, 0);
            store = Store::open(&settings).unwrap();
            assert!(!commit_or_full(&store, &mut model, Act::new("nothing is free")));
            model.compare(&store).unwrap();
        }
        fs::remove_file(&ballast).unwrap();
        // RocksDB may still be about to notice that its last flush failed: then once more.
        let healed = Act::new(&format!("healed {round}"));
        assert!((0..3).any(|_| commit_or_full(&store, &mut model, healed.clone())));
        model.check(&store);
    }
    drop(store);
    model.check(&Store::open(&settings).unwrap());
    println!("small disk: done");
}

/// Commits, or is told that the disk is full. (A record that did not fit is never whole in the log.)
fn commit_or_full(store: &Store, model: &mut Model, act: Act) -> bool {
    match store.commit(&model.batch(std::slice::from_ref(&act))) {
        Ok(()) => {
            *model = model.with(&[act]);
            true
        }
        Err(CommitFault::Fault(StoreFault::Full { .. })) => false,
        Err(other) => panic!("{other}"),
    }
}

/// Fills the file system until only so much is free.
fn fill(folder: &Path, ballast: &Path, free_bytes: u64) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(ballast).unwrap();
    loop {
        let system = rustix::fs::statvfs(folder).unwrap();
        let free = system.f_bavail * system.f_frsize;
        if free <= free_bytes {
            return;
        }
        let piece = (free - free_bytes).min(MIB as u64) as usize;
        file.write_all(&vec![7; piece]).unwrap();
    }
}

// ---- memory ----

#[test]
fn a_long_document_passes_in_little_memory() {
    let home = Home::new();
    let output = run_child("memory_child", home.path()).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("peak"));
}

#[test]
fn memory_child() {
    let Some(folder) = child_folder() else { return };
    let store = Store::open(&settings_in(&folder)).unwrap();
    let (id, chunk) = (upload_id("long"), content("long", MIB));
    let chunks = 5 * (SEGMENT_BYTES as usize / MIB);
    store.create_upload(&id, &owner(), (chunks * MIB) as u64, NOW).unwrap();
    let mut writer = store.open_upload(&id, &owner()).unwrap();
    for _ in 0..chunks {
        writer.write(&chunk, NOW).unwrap();
    }
    let sha256 = writer.finish(NOW).unwrap();
    let claimed = store.claim_upload(&id, &owner(), &sha256, (chunks * MIB) as u64).unwrap();
    store.commit(&Model::default().batch(&[Act::new("long").with("long", claimed, vec![])])).unwrap();
    let reader = store.open_blob(&tag("long")).unwrap().unwrap();
    for number in 0..chunks {
        assert!(reader.read_at((number * MIB) as u64).unwrap() == chunk);
    }
    assert_eq!(store.verify_storage(&mut |_| {}).unwrap(), []);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    println!("peak {peak}");
    let kilobytes: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kilobytes < 120 * 1024, "the store alone took {kilobytes} kB");
}

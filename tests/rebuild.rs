//! The indexes as a fold of the logs: every row that is not as the logs say is named, whatever the logs make is put
//! right, and nothing else is ever touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use elchi::clock;
use elchi::crypto::hash;
use elchi::exchange::{ActError, Difference, FoldNews, Part, SoundFold, fold_logs};
use elchi::store::{DifferenceKind, Moment, OpenFault, Step, Store, StoreFault, StoreSettings};
use rocksdb::{DB, Options};

use super::exchange_world::{Followed, World, anchors};
use super::store::{Home, copy_folder};
use super::store_faults::FailAt;
use super::story_world;

use DifferenceKind::{Altered, Missing, Surplus, Unreadable};

/// Families and first key bytes of all that the logs make.
const GROUPS: [(&str, &[u8]); 11] = [
    ("nodes", &[0]),
    ("nodes", &[1]),
    ("index", &[1]),
    ("index", &[2]),
    ("index", &[3]),
    ("idempotency", &[0]),
    ("idempotency", &[1]),
    ("documents", &[]),
    ("views", &[1]),
    ("views", &[2]),
    ("views", &[3]),
];

type Key = (String, Vec<u8>);

/// A stopped store, row by row, as no part of the program would touch it.
struct Rows {
    db: DB,
}

impl Rows {
    fn open(settings: &StoreSettings) -> Self {
        let folder = settings.folder.join("db");
        let families = DB::list_cf(&Options::default(), &folder).unwrap();
        Self { db: DB::open_cf(&Options::default(), &folder, families).unwrap() }
    }

    fn of(&self, family: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let handle = self.db.cf_handle(family).unwrap();
        let rows = self.db.iterator_cf(handle, rocksdb::IteratorMode::Start);
        rows.map(|row| row.map(|(key, value)| (key.into_vec(), value.into_vec())).unwrap()).collect()
    }

    /// Everything but the count of writes.
    fn all(&self) -> BTreeMap<Key, Vec<u8>> {
        let families = DB::list_cf(&Options::default(), self.db.path()).unwrap();
        let families = families.into_iter().filter(|family| family != "meta");
        families.flat_map(|family| self.of(&family).into_iter().map(move |(key, value)| ((family.clone(), key), value))).collect()
    }

    /// The last row of a family whose key begins so.
    fn last(&self, family: &str, prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.of(family).into_iter().rfind(|(key, _)| key.starts_with(prefix)).unwrap()
    }

    fn put(&self, family: &str, key: &[u8], value: &[u8]) {
        self.db.put_cf(self.db.cf_handle(family).unwrap(), key, value).unwrap();
    }

    fn delete(&self, family: &str, key: &[u8]) {
        self.db.delete_cf(self.db.cf_handle(family).unwrap(), key).unwrap();
    }

    /// Does a kind of harm to the last row of a group; gives its key.
    fn harm(&self, (family, prefix): (&str, &[u8]), kind: DifferenceKind) -> Key {
        let (mut key, mut value) = self.last(family, prefix);
        match kind {
            Missing => self.delete(family, &key),
            Altered => {
                *value.last_mut().unwrap() ^= 1;
                self.put(family, &key, &value);
            }
            _ => {
                *key.last_mut().unwrap() ^= 0x80;
                self.put(family, &key, &value);
            }
        }
        (family.to_owned(), key)
    }
}

/// A world with a row of every kind: two cases, released, forwarded, answered.
fn world() -> (World, Followed) {
    let world = World::new();
    world.request();
    let mut case = world.request();
    world.release("tr.moj/01", &case);
    world.acknowledge(&mut case);
    world.forward("tr.moj/01", &mut case, &["tr.ist-cpp"]);
    world.release("tr.ist-cpp/01", &case);
    (world, case)
}

fn fold(world: &World, store: &Store) -> (Vec<Difference>, Option<SoundFold>) {
    let mut differences = Vec::new();
    let folded = fold_logs(store, &world.log_keys(), anchors(), &mut |news| {
        if let FoldNews::Found(difference) = news {
            differences.push(difference);
        }
    });
    (differences, folded.unwrap().sound)
}

/// What a check of a stopped store says.
fn check(world: &World, settings: &StoreSettings) -> (Vec<Difference>, Option<SoundFold>) {
    let store = Store::open(settings).unwrap();
    fold(world, &store)
}

fn kinds(differences: &[Difference]) -> Vec<(DifferenceKind, Part)> {
    differences.iter().map(|difference| (difference.kind, difference.part)).collect()
}

fn rebuild(world: &World, settings: &StoreSettings) {
    let store = Store::open_for_rebuild(settings).unwrap();
    fold(world, &store).1.expect("the logs hold").rebuild(&store).unwrap();
}

#[test]
fn a_sound_store_has_no_difference_and_a_check_changes_no_row() {
    let (mut world, _) = world();
    assert_eq!(fold(&world, world.store()).0, []);
    let settings = world.stop().settings();
    let (before, guard) = (Rows::open(&settings).all(), fs::read(&settings.guard_file).unwrap());
    let (differences, sound) = check(&world, &settings);
    assert_eq!(differences, []);
    drop(sound);
    assert_eq!(Rows::open(&settings).all(), before);
    assert_eq!(fs::read(&settings.guard_file).unwrap(), guard);
    assert!(!settings.folder.join("fresh").exists(), "what was folded is gone again");
}

/// Somebody takes a sealed document off the disk, or puts another in its place.
#[test]
fn a_blob_that_somebody_swept_or_overwrote_is_named_and_is_not_passed_off_as_what_was_sent() {
    for is_swept in [true, false] {
        let (mut world, case) = world();
        let settings = world.stop().settings();
        let rows = Rows::open(&settings);
        for (key, value) in rows.of("small_blobs") {
            if is_swept { rows.delete("small_blobs", &key) } else { rows.put("small_blobs", &key, &vec![0; value.len()]) }
        }
        drop(rows);
        let store = Store::open(&settings).unwrap();
        let damages = store.verify_storage(&mut |_| {}).unwrap();
        assert_eq!(damages.len(), 4, "each of the documents: {damages:?}");
        world.start_on(store);
        world.release("tr.moj/01", &case);
        let blob = world.exchange().open_released_blob(&world.peer("tr.moj/01"), &case.documents[0]);
        match blob.and_then(|blob| blob.read_at(0, clock::now())) {
            Ok(bytes) => assert!(!is_swept && bytes.iter().all(|byte| *byte == 0), "the reader has the digest of what was signed"),
            Err(ActError::Fault(_)) => assert!(is_swept),
            Err(ActError::Refused(refusal)) => panic!("a fault is no refusal: {refusal}"),
        }
    }
}

#[test]
fn an_empty_store_has_no_difference() {
    let world = World::without_entries();
    let (differences, sound) = fold(&world, world.store());
    assert_eq!(differences, []);
    sound.unwrap().rebuild(world.store()).unwrap();
}

#[test]
fn each_row_that_is_not_as_the_logs_make_it_is_named() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    for group in GROUPS {
        for kind in [Missing, Altered, Surplus] {
            let copy = Home::in_memory();
            copy_folder(&settings.folder, &copy.settings().folder);
            fs::copy(&settings.guard_file, copy.settings().guard_file).unwrap();
            Rows::open(&copy.settings()).harm(group, kind);
            let (differences, sound) = check(&world, &copy.settings());
            assert_eq!(kinds(&differences), [(kind, Part::Indexes)], "{group:?} {differences:?}");
            assert!(sound.is_some(), "{group:?} {kind}: the logs hold");
            assert_ne!(differences[0].stored, differences[0].logs);
        }
    }
}

#[test]
fn a_rebuild_mends_all_of_it_and_the_server_goes_on() {
    let (mut world, mut case) = world();
    let heads = world.heads();
    let settings = world.stop().settings();
    let before = Rows::open(&settings).all();
    let harmed = Rows::open(&settings);
    // Each harm meets the row that is the last by then.
    for group in GROUPS {
        for kind in [Missing, Altered, Surplus] {
            harmed.harm(group, kind);
        }
    }
    drop(harmed);
    let (differences, sound) = check(&world, &settings);
    drop(sound);
    assert!(differences.len() >= 2 * GROUPS.len(), "{differences:?}");
    assert!(differences.iter().all(|difference| difference.part == Part::Indexes));
    rebuild(&world, &settings);
    assert!(Rows::open(&settings).all() == before, "byte for byte what it was");
    assert_eq!(check(&world, &settings).0, []);
    world.restart();
    assert_eq!(world.heads(), heads);
    world.check_logs();
    case = world.respond("tr.ist-cpp/01", &mut case, "tr.moj");
    let opened = world.release("tr.moj/01", &case);
    world.assert_opens("tr.moj/01", &case, &opened, &[b"the answer's cover", b"the answer"]);
    world.request();
    world.check_logs();
    assert_eq!(fold(&world, world.store()).0, []);
}

#[test]
fn all_indexes_come_back_from_nothing() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    let before = Rows::open(&settings).all();
    let rows = Rows::open(&settings);
    for (family, key) in before.keys().filter(|(family, _)| GROUPS.iter().any(|(folded, _)| folded == family)) {
        rows.delete(family, key);
    }
    drop(rows);
    let (differences, _) = check(&world, &settings);
    let folded = before.keys().filter(|(family, _)| GROUPS.iter().any(|(folded, _)| folded == family)).count();
    assert_eq!(kinds(&differences), vec![(Missing, Part::Indexes); folded]);
    rebuild(&world, &settings);
    assert!(Rows::open(&settings).all() == before);
}

#[test]
fn indexes_whose_files_are_damaged_are_replaced() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    let before = Rows::open(&settings).all();
    // Into tables, and then a flipped byte in the first block of each that is an index's.
    let rows = Rows::open(&settings);
    let mut files = Vec::new();
    for family in ["nodes", "index", "idempotency", "documents", "views"] {
        rows.db.flush_cf(rows.db.cf_handle(family).unwrap()).unwrap();
        files.extend(rows.db.live_files().unwrap().into_iter().filter(|file| file.column_family_name == family));
    }
    drop(rows);
    for file in &files {
        let path = settings.folder.join("db").join(file.name.trim_start_matches('/'));
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let (differences, sound) = check(&world, &settings);
    drop(sound);
    let unreadable = differences.iter().filter(|difference| difference.kind == Unreadable).count();
    assert_eq!(unreadable, 5, "{differences:?}");
    rebuild(&world, &settings);
    assert!(Rows::open(&settings).all() == before);
    assert_eq!(check(&world, &settings).0, []);
}

/// One change to rows that nothing can be folded from, and what must be said about it.
struct Damage {
    name: &'static str,
    change: fn(&Rows),
    named: (DifferenceKind, Part, &'static str),
    logs_hold: bool,
}

const DAMAGES: [Damage; 12] = [
    Damage {
        name: "a leaf that is gone",
        change: |rows| rows.delete("leaves", &rows.of("leaves")[3].0),
        named: (Missing, Part::Logs, "events leaf 3"),
        logs_hold: false,
    },
    Damage {
        name: "the last leaf gone",
        change: |rows| rows.delete("leaves", &rows.last("leaves", &[0]).0),
        named: (Missing, Part::Logs, "events leaf"),
        logs_hold: false,
    },
    Damage {
        name: "a leaf with another time",
        change: |rows| alter(rows, "leaves", 3, 20),
        named: (Altered, Part::Logs, "events leaf 3"),
        logs_hold: false,
    },
    Damage {
        name: "a leaf of the directory",
        change: |rows| {
            let (mut key, mut value) = rows.last("leaves", &[1]);
            *value.last_mut().unwrap() ^= 1;
            *key.last_mut().unwrap() = 2;
            rows.put("leaves", &key, &value);
        },
        named: (Altered, Part::Logs, "directory leaf 2"),
        logs_hold: false,
    },
    Damage {
        name: "a leaf that the head does not count",
        change: |rows| {
            let (mut key, value) = rows.last("leaves", &[0]);
            *key.last_mut().unwrap() += 1;
            rows.put("leaves", &key, &value);
        },
        named: (Surplus, Part::Logs, "events leaf"),
        logs_hold: false,
    },
    Damage {
        name: "a statement that is gone",
        change: |rows| rows.delete("statements", &statement_of_leaf_0(rows).0),
        named: (Missing, Part::Logs, "statement of events leaf 0"),
        logs_hold: false,
    },
    Damage {
        name: "a statement with another text",
        change: |rows| {
            let (key, mut value) = statement_of_leaf_0(rows);
            value[10] ^= 1;
            rows.put("statements", &key, &value);
        },
        named: (Altered, Part::Kept, "statement "),
        logs_hold: false,
    },
    Damage {
        name: "a statement with another signature",
        change: |rows| {
            let (key, mut value) = statement_of_leaf_0(rows);
            *value.last_mut().unwrap() ^= 1;
            rows.put("statements", &key, &value);
        },
        named: (Missing, Part::Logs, "statement of events leaf 0"),
        logs_hold: false,
    },
    Damage {
        name: "a statement that no leaf names",
        change: |rows| rows.put("statements", hash(b"text").as_bytes(), &[&4u32.to_be_bytes()[..], b"text", b"signature"].concat()),
        named: (Surplus, Part::Kept, "statement "),
        logs_hold: true,
    },
    Damage {
        name: "a slip that is gone",
        change: |rows| rows.delete("slips", &rows.of("slips")[0].0),
        named: (Missing, Part::Kept, "slip "),
        logs_hold: true,
    },
    Damage {
        name: "a slip with other bytes",
        change: |rows| alter(rows, "slips", 0, 5),
        named: (Altered, Part::Kept, "slip "),
        logs_hold: true,
    },
    Damage {
        name: "a slip that no statement names",
        change: |rows| {
            let (key, value) = &rows.of("slips")[0];
            rows.put("slips", &[&key[..32], b"kg.other\0", hash(value).as_bytes()].concat(), value);
        },
        named: (Surplus, Part::Kept, "for kg.other"),
        logs_hold: true,
    },
];

fn alter(rows: &Rows, family: &str, number: usize, at: usize) {
    let (key, mut value) = rows.of(family).swap_remove(number);
    value[at] ^= 1;
    rows.put(family, &key, &value);
}

fn statement_of_leaf_0(rows: &Rows) -> (Vec<u8>, Vec<u8>) {
    let sha256 = rows.of("views").into_iter().find(|(key, _)| key[0] == 3).unwrap().1;
    rows.of("statements").into_iter().find(|(key, _)| *key == sha256).unwrap()
}

#[test]
fn damage_to_what_nothing_can_be_folded_from_is_named_and_never_mended() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    for Damage { name, change, named: (kind, part, place), logs_hold } in DAMAGES {
        let copy = Home::in_memory();
        let copied = copy.settings();
        copy_folder(&settings.folder, &copied.folder);
        fs::copy(&settings.guard_file, &copied.guard_file).unwrap();
        let rows = Rows::open(&copied);
        change(&rows);
        let damaged = rows.all();
        drop(rows);
        let (differences, sound) = check(&world, &copied);
        let is_named = |difference: &&Difference| (difference.kind, difference.part) == (kind, part) && difference.place.contains(place);
        assert!(differences.iter().any(|difference| is_named(&difference)), "{name}: {differences:#?}");
        assert_eq!(sound.is_some(), logs_hold, "{name}: {differences:#?}");
        drop(sound);
        if logs_hold {
            assert_eq!(differences.len(), 1, "{name}: {differences:#?}");
            rebuild(&world, &copied);
            assert_eq!(check(&world, &copied).0, differences, "{name}: it is there as before");
        }
        assert!(Rows::open(&copied).all() == damaged, "{name}: nothing of it was changed");
    }
}

/// Rebuilds with one step failing; the steps that were taken, and what came of it.
fn rebuild_failing(world: &World, settings: &StoreSettings, number: usize, moment: Moment) -> (Vec<Step>, bool) {
    let probe = FailAt::new(number, moment);
    let store = Store::open_for_rebuild_with_probe(settings, probe.clone()).unwrap();
    let is_done = fold(world, &store).1.unwrap().rebuild(&store).is_ok();
    (probe.seen(), is_done)
}

#[test]
fn a_rebuild_that_ends_anywhere_leaves_a_store_that_opens_or_says_that_it_must_be_run_again() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    let before = Rows::open(&settings).all();
    let harmed = Rows::open(&settings);
    GROUPS.into_iter().for_each(|group| drop(harmed.harm(group, Altered)));
    let after_harm = harmed.all();
    drop(harmed);
    let copy = || {
        let copy = Home::in_memory();
        copy_folder(&settings.folder, &copy.settings().folder);
        fs::copy(&settings.guard_file, copy.settings().guard_file).unwrap();
        copy
    };
    let (steps, is_done) = rebuild_failing(&world, &copy().settings(), usize::MAX - 1, Moment::Before);
    assert!(is_done);
    assert!(Step::REBUILD.iter().all(|step| steps.contains(step)), "{steps:?}");
    let (mut opened, mut refused) = (0, 0);
    for (number, step) in steps.iter().enumerate() {
        for moment in [Moment::Before, Moment::AfterPersisting] {
            let home = copy();
            let settings = home.settings();
            assert!(!rebuild_failing(&world, &settings, number, moment).1, "{number} {step:?} {moment:?}");
            match Store::open(&settings) {
                Ok(store) => {
                    drop(store);
                    opened += 1;
                    let rows = Rows::open(&settings).all();
                    assert!(rows == before || rows == after_harm, "{number} {step:?} {moment:?}: neither as before nor rebuilt");
                }
                Err(fault) => {
                    refused += 1;
                    assert!(matches!(fault, OpenFault::RebuildUnfinished), "{number} {step:?} {moment:?}: {fault}");
                    assert!(fault.to_string().contains("hint: run `elchi admin rebuild`"));
                }
            }
            rebuild(&world, &settings);
            assert!(Rows::open(&settings).all() == before, "{number} {step:?} {moment:?}");
            assert_eq!(check(&world, &settings).0, []);
        }
    }
    println!("{} steps, each failing before and after: {opened} opened, {refused} had to be rebuilt", steps.len());
    assert!(opened >= 3 && refused > opened);
}

#[test]
fn a_rebuild_without_room_changes_nothing() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    let before = Rows::open(&settings).all();
    let store = Store::open_for_rebuild(&StoreSettings { free_bytes_min: 1 << 60, ..settings.clone() }).unwrap();
    let refused = fold(&world, &store).1.unwrap().rebuild(&store).unwrap_err();
    assert!(matches!(&refused, elchi::exchange::ExchangeFault::Store(StoreFault::Full { .. })), "{refused}");
    drop(store);
    assert!(Rows::open(&settings).all() == before);
    world.restart();
}

#[test]
fn what_an_earlier_fold_left_is_swept_and_an_old_copy_is_refused_here_too() {
    let (mut world, _) = world();
    let settings = world.stop().settings();
    fs::create_dir(settings.folder.join("fresh")).unwrap();
    fs::write(settings.folder.join("fresh/CURRENT"), b"garbage").unwrap();
    let old = Home::in_memory();
    copy_folder(&settings.folder, &old.settings().folder);
    rebuild(&world, &settings);
    assert!(!settings.folder.join("fresh").exists());
    fs::copy(&settings.guard_file, old.settings().guard_file).unwrap();
    let opened = Store::open_for_rebuild(&old.settings());
    assert!(matches!(opened, Err(OpenFault::Behind { .. })), "the copy is behind the guard");
}

// ---- as an operator runs it ----

fn admin_rebuild(config: &Path, more: &[&str]) -> Output {
    Command::new(story_world::PROGRAM).args(["admin", "rebuild", "--config"]).arg(config).args(more).output().unwrap()
}

#[test]
fn an_operator_checks_rebuilds_and_serves_on() {
    let mut world = story_world::World::play();
    let running = admin_rebuild(&world.config(), &["--check"]);
    let said = String::from_utf8_lossy(&running.stderr).into_owned();
    assert_eq!(running.status.code(), Some(2), "{said}");
    assert!(said.contains("another process has this store open") && said.contains("hint: "), "{said}");
    world.stop_server();
    let clean = admin_rebuild(&world.config(), &["--check"]);
    assert_eq!(clean.status.code(), Some(0), "{}", String::from_utf8_lossy(&clean.stdout));

    let settings = elchi::admin::load_server(&world.config()).unwrap().config.store;
    let rows = Rows::open(&settings);
    rows.harm(("nodes", &[0]), Altered);
    rows.harm(("views", &[1]), Missing);
    rows.harm(("index", &[3]), Surplus);
    drop(rows);
    for _ in 0..2 {
        let checked = admin_rebuild(&world.config(), &["--check"]);
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), Some(1), "{said}");
        for line in ["altered: tree of the events log, level ", "missing: case ", "surplus: chain of register "] {
            assert_eq!(said.lines().filter(|found| found.starts_with(line)).count(), 1, "{line} {said}");
        }
        assert!(String::from_utf8_lossy(&checked.stderr).contains("hint: run `elchi admin rebuild` without --check"));
    }
    let verified = Command::new(story_world::PROGRAM).args(["admin", "verify", "--config"]).arg(world.config()).output().unwrap();
    assert_eq!(verified.status.code(), Some(1), "verify sees the same");
    let rebuilt = admin_rebuild(&world.config(), &["--json"]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let report: serde_json::Value = serde_json::from_slice(&rebuilt.stdout).unwrap();
    assert_eq!((report["is_rebuilt"].as_bool(), report["differences"].as_array().map(Vec::len)), (Some(true), Some(3)));
    assert_eq!(admin_rebuild(&world.config(), &["--check"]).status.code(), Some(0));
    world.start_server();
    let sample = world.sample("after.bin", 3000);
    world.send(&[sample]).unwrap();
    // Members who remember the log from before take it for the same log.
    world.client("tr.moj/01").follow().unwrap();
}

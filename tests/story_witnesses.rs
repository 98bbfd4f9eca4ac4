//! Witnesses as people meet them: one is away and work goes on, openly; it is back and all is proven; it stays away and
//! that is an alarm; and it remembers what a restored server has forgotten.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use elchi::client::{Client, ClientError};
use elchi::domain::{Log, UtcSecond};
use elchi::trust::Standing;

use crate::story_world::{PROGRAM, World, send_all_waiting, wait_until_ended};

/// A witness that is back is asked again within seconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn follow(client: &mut Client) -> Result<Standing, ClientError> {
    client.follow().map(|()| client.standing(Log::Events))
}

fn wait_until_full(world: &World, member: &str) {
    let begun = Instant::now();
    while !follow(&mut world.client(member)).is_ok_and(|standing| standing == Standing::Full) {
        assert!(begun.elapsed() < PATIENCE, "the witness is not asked again");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Lets a profile's last full checkpoint be of an earlier moment.
fn set_back_full(world: &World, member: &str, seconds: u64) {
    for log in Log::ALL {
        let path = world.profile(member).join(format!("memory/{log}.full"));
        let text = fs::read_to_string(&path).unwrap();
        let (since, note) = text.split_once('\n').unwrap();
        let since: UtcSecond = since.strip_prefix("since ").unwrap().parse().unwrap();
        let since = UtcSecond::from_unix(since.unix() - seconds).unwrap();
        fs::write(&path, format!("since {since}\n{note}")).unwrap();
    }
}

#[test]
fn work_goes_on_openly_while_the_others_witness_is_away() {
    let mut world = World::play();
    assert_eq!(follow(&mut world.client("kg.gpo/01")).unwrap(), Standing::Full);
    world.kill_witness("TR");

    // A request of Bishkek is logged, and said to be provisional wherever it is shown.
    let sent = world.send(&[world.sample("recording", 3000)]).unwrap();
    let missing = Standing::Provisional { missing: vec!["TR".into()] };
    assert_eq!(sent.receipt.checkpoint().standing(), &missing);
    let case = sent.case.to_string();
    let shown = world.run("kg.gpo/01", &["show", &case]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("(provisional)"));
    let told = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(told.contains("notice: provisional: no witness of TR has cosigned the events log since"), "{told}");
    assert_eq!(world.run_json("kg.gpo/01", &["show", &case])["events"][0]["provisional"], true);
    let audited = world.run_json("kg.audit/01", &["audit", "follow"]);
    assert_eq!((&audited["standing"], audited["provisional"].as_array().unwrap().len()), (&"provisional".into(), 1));

    // Ankara, whose witness it is, believes nothing new, and loses nothing.
    let denied = world.run("tr.moj/01", &["inbox"]);
    assert_eq!(denied.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&denied.stderr).contains("no witness of TR has cosigned the newest checkpoint of the events log"));

    // The witness is back, and stands behind all that came meanwhile.
    world.start_witness("TR");
    wait_until_full(&world, "kg.gpo/01");
    let shown = world.run("kg.gpo/01", &["show", &case]);
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("provisional") && shown.stderr.is_empty());
    assert_eq!(world.run_json("kg.gpo/01", &["show", &case])["events"][0]["provisional"], false);
    assert!(world.run("tr.moj/01", &["inbox"]).status.success());
}

#[test]
fn what_the_own_witness_has_not_seen_is_logged_and_waits_to_be_proven() {
    let mut world = World::play();
    follow(&mut world.client("kg.gpo/01")).unwrap();
    let before = world.client("kg.gpo/01").mirror(Log::Events).head().size;
    world.kill_witness("KG");
    let waits = world.run("kg.gpo/01", &["send", "--to", "tr.moj", "--title", "a request"]);
    assert_eq!(waits.status.code(), Some(2));
    let said = String::from_utf8_lossy(&waits.stderr).into_owned();
    assert!(said.contains("the server has logged the act; no witness of KG has cosigned"), "{said}");
    let mut bishkek = world.client("kg.gpo/01");
    assert_eq!(bishkek.load_waiting().unwrap().len(), 1, "it is not called sent");
    assert!(matches!(follow(&mut bishkek), Err(ClientError::NotWitnessed(_))));
    drop(bishkek);

    world.start_witness("KG");
    wait_until_full(&world, "kg.gpo/01");
    let mut bishkek = world.client("kg.gpo/01");
    let sent = send_all_waiting(&mut bishkek).unwrap();
    assert_eq!((sent.len(), sent[0].receipt.first_index(), sent[0].receipt.checkpoint().standing()), (1, before, &Standing::Full));
    assert_eq!(bishkek.mirror(Log::Events).head().size, before + 4, "the same act was not logged twice");
}

#[test]
fn a_witness_that_stays_away_becomes_an_alarm_however_often_the_client_begins_anew() {
    let mut world = World::play();
    world.kill_witness("TR");
    world.send(&[]).unwrap();
    let work_seconds = 72 * 3600;
    set_back_full(&world, "kg.gpo/01", work_seconds - 3600);
    // An hour is left, and provisional checkpoints do not add to it.
    for _ in 0..2 {
        assert!(matches!(follow(&mut world.client("kg.gpo/01")).unwrap(), Standing::Provisional { .. }));
        world.send(&[]).unwrap();
    }
    let full = world.client("kg.gpo/01").mirror(Log::Events).full().unwrap();
    set_back_full(&world, "kg.gpo/01", 7200);
    assert!(world.client("kg.gpo/01").mirror(Log::Events).full().unwrap().since < full.since);
    // The first refusal is no alarm: this machine might have been off for three days.
    assert!(matches!(follow(&mut world.client("kg.gpo/01")), Err(ClientError::NotWitnessed(_))));
    assert!(matches!(follow(&mut world.client("kg.gpo/01")), Err(ClientError::NotWitnessed(_))));
    let refused = world.profile("kg.gpo/01").join("memory/events.refused");
    let since: UtcSecond = fs::read_to_string(&refused).unwrap().trim_end().parse().unwrap();
    fs::write(&refused, format!("{}\n", UtcSecond::from_unix(since.unix() - 3600).unwrap())).unwrap();
    let alarmed = world.run("kg.gpo/01", &["inbox"]);
    assert_eq!(alarmed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&alarmed.stderr).contains("ALARM: since "), "{}", String::from_utf8_lossy(&alarmed.stderr));
    assert!(world.send(&[]).is_err(), "nothing new is done in an alarm");
    // A full checkpoint that contains all of it ends the alarm: nothing was wrong but the absence.
    world.start_witness("TR");
    wait_until_full(&world, "kg.gpo/01");
    assert!(world.run("kg.gpo/01", &["inbox"]).status.success());
    assert!(!refused.exists());
}

/// While the log stands still and a witness is gone, its line is shown as long as it counts; and what the last checkpoint
/// lacks is said of the client even if an earlier one of the same size had it.
#[test]
fn a_head_that_was_full_stays_full_while_its_cosignatures_count() {
    let mut world = World::play();
    world.kill_witness("TR");
    for _ in 0..2 {
        assert_eq!(follow(&mut world.client("kg.gpo/01")).unwrap(), Standing::Full);
        assert_eq!(follow(&mut world.client("tr.moj/01")).unwrap(), Standing::Full);
    }
    world.stop_server();
    world.start_server();
    // The server has begun anew and knows of no line of TR's: the same head, with less behind it.
    assert!(matches!(follow(&mut world.client("kg.gpo/01")).unwrap(), Standing::Provisional { .. }));
    assert!(world.client("kg.gpo/01").is_final(Log::Events, 0), "what was full once is proven for good");
    world.start_witness("TR");
    wait_until_full(&world, "kg.gpo/01");
}

/// Copies a folder with all that is in it.
fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// A stopped server with the state of before a request that both witnesses have cosigned, guard file and all.
fn world_with_yesterdays_backup() -> World {
    let mut world = World::play();
    world.stop_server();
    copy_folder(&world.path("server"), &world.path("backup"));
    world.start_server();
    world.send(&[]).unwrap();
    world.stop_server();
    fs::rename(world.path("server"), world.path("lost")).unwrap();
    fs::rename(world.path("backup"), world.path("server")).unwrap();
    world
}

#[test]
fn a_server_that_began_while_all_witnesses_were_away_stops_when_one_is_back_that_knows_more() {
    let mut world = world_with_yesterdays_backup();
    world.kill_witness("KG");
    world.kill_witness("TR");
    world.start_server();
    let pid = world.server_pid();
    let fault = follow(&mut world.client("tr.audit/01")).unwrap_err();
    assert!(matches!(fault, ClientError::NotWitnessed(_)), "nobody believes it meanwhile: {fault}");
    world.start_witness("TR");
    wait_until_ended(pid);
    world.forget_server();
    let traces = fs::read_to_string(world.path("server/traces-2.json")).unwrap();
    assert!(traces.contains("does not stand behind this log") && traces.contains("an old state of the log was restored"), "{traces}");
}

#[test]
fn a_server_with_yesterdays_backup_and_guard_file_is_stopped_by_the_witnesses() {
    let mut world = world_with_yesterdays_backup();
    let mut command = Command::new(PROGRAM);
    let refused = command.args(["serve", "--config"]).arg(world.config()).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("does not let this server go on") && said.contains("an old state of the log was restored"), "{said}");
    // Without its witnesses the server would go on, and whoever had seen more would know.
    fs::remove_dir_all(world.path("server/witnesses")).unwrap();
    fs::create_dir(world.path("server/witnesses")).unwrap();
    world.start_server();
    let fault = follow(&mut world.client("kg.gpo/01")).unwrap_err();
    assert!(fault.is_unproven() && fault.to_string().contains("it hides what came since"), "{fault}");
}

#[test]
fn a_witness_that_is_killed_and_started_again_remembers_and_goes_on() {
    let mut world = World::play();
    for _ in 0..3 {
        world.kill_witness("KG");
        world.start_witness("KG");
        world.send(&[]).map(drop).or_else(|fault| if matches!(fault, ClientError::NotWitnessed(_)) { Ok(()) } else { Err(fault) }).unwrap();
    }
    wait_until_full(&world, "kg.gpo/01");
    send_all_waiting(&mut world.client("kg.gpo/01")).unwrap();
    assert!(world.client("kg.gpo/01").load_waiting().unwrap().is_empty());
}

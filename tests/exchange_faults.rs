//! Many at once, and storage that fails under them: the sequencer stops for its own disk's sake, never for a member's.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use elchi::clock;
use elchi::domain::Log;
use elchi::exchange::ActError;
use elchi::store::{Moment, ProbedFailure, Step, StepProbe, Store, StoreSettings};
use elchi::wire::{Act, ActRequest, RefusalCode};

use super::exchange_world::{Followed, Gate, KG_REGISTRAR, World};

use RefusalCode::*;

#[test]
fn acts_of_many_at_once_each_get_their_leaves() {
    let world = World::new();
    let requests: Vec<_> = (0..12).map(|_| world.sign_parcel("kg.gpo/07", &world.pack_request())).collect();
    let (peer, barrier) = (world.peer("kg.gpo/07"), Barrier::new(requests.len()));
    let exchange = world.exchange();
    std::thread::scope(|scope| {
        for request in &requests {
            scope.spawn(|| {
                barrier.wait();
                exchange.accept_act(&peer, request.clone()).unwrap()
            });
        }
    });
    let mut firsts: Vec<u64> = requests.iter().map(|request| world.accept("kg.gpo/07", request).0.first_index()).collect();
    firsts.sort_unstable();
    assert_eq!(firsts, (0..12).map(|number| number * 5).collect::<Vec<_>>(), "five leaves each, none between");
    world.check_logs();
}

#[test]
fn of_two_acts_that_race_for_one_upload_one_is_refused_and_the_server_goes_on() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    for _ in 0..8 {
        let parcel = world.pack_request();
        let other = parcel.retagged();
        let requests = [&parcel, &other].map(|parcel| world.sign_parcel("kg.gpo/07", parcel));
        let barrier = Barrier::new(2);
        let put = |request: &ActRequest| {
            barrier.wait();
            exchange.accept_act(&peer, request.clone())
        };
        let outcomes =
            std::thread::scope(|scope| requests.each_ref().map(|request| scope.spawn(|| put(request))).map(|act| act.join().unwrap()));
        let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(matches!(refused[..], [ActError::Refused(refusal)] if refusal.code == UploadMismatch), "{refused:?}");
    }
    assert!(!exchange.is_stopped());
    world.check_logs();
}

#[test]
fn an_upload_given_up_while_its_act_waits_stops_nobody() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    for _ in 0..8 {
        let parcel = world.pack_request();
        let (request, id) = (world.sign_parcel("kg.gpo/07", &parcel), parcel.submit.documents[1].upload);
        let barrier = Barrier::new(2);
        let (act, _) = std::thread::scope(|scope| {
            let act = scope.spawn(|| {
                barrier.wait();
                exchange.accept_act(&peer, request.clone())
            });
            barrier.wait();
            let deleted = exchange.delete_upload(&peer, &id);
            (act.join().unwrap(), deleted)
        });
        assert!(matches!(&act, Ok(_) | Err(ActError::Refused(_))), "{act:?}");
    }
    assert!(!exchange.is_stopped());
    world.request();
    world.check_logs();
}

#[test]
fn a_retry_in_the_middle_of_the_commit_waits_for_it_and_gets_the_receipt() {
    let mut world = World::new();
    let gate = Gate::before(Step::WriteGuard);
    world.start_probed(gate.clone());
    let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
    let ((is_reached, go), (answer, answered)) = (gate.arm(), channel());
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| exchange.accept_act(&peer, request.clone()));
        is_reached.recv().unwrap();
        scope.spawn(|| answer.send(exchange.accept_act(&peer, request.clone())).unwrap());
        let early = answered.recv_timeout(Duration::from_millis(200));
        go.send(()).unwrap();
        assert!(early.is_err(), "answered before the act was durable: {early:?}");
        (first.join().unwrap().unwrap(), answered.recv().unwrap().unwrap())
    });
    assert_eq!(first.receipt, second.receipt);
    world.accept("kg.gpo/07", &request);
    world.check_logs();
}

#[test]
fn one_statement_sent_by_many_at_once_is_one_act() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    for _ in 0..8 {
        let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
        let size = world.heads()[0].size;
        let barrier = Barrier::new(4);
        let put = || {
            barrier.wait();
            exchange.accept_act(&peer, request.clone()).unwrap().receipt.leaves
        };
        let leaves = std::thread::scope(|scope| [(); 4].map(|()| scope.spawn(put)).map(|act| act.join().unwrap()));
        assert!(
            leaves
                .iter()
                .all(|other| other.iter().map(|leaf| (leaf.index, &leaf.leaf)).eq(leaves[0].iter().map(|leaf| (leaf.index, &leaf.leaf))))
        );
        assert_eq!(world.heads()[0].size, size + 5);
    }
    world.check_logs();
}

#[test]
fn of_two_acts_that_build_on_one_event_the_second_looks_again() {
    let world = World::new();
    let case = world.request();
    let (peer, exchange) = (world.peer("tr.moj/01"), world.exchange());
    let requests = [(); 2].map(|()| world.sign("tr.moj/01", Act::Acknowledge(case.on_case())));
    let barrier = Barrier::new(2);
    let put = |request: &ActRequest| {
        barrier.wait();
        exchange.accept_act(&peer, request.clone())
    };
    let outcomes =
        std::thread::scope(|scope| requests.each_ref().map(|request| scope.spawn(|| put(request))).map(|act| act.join().unwrap()));
    let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(matches!(refused[..], [ActError::Refused(refusal)] if refusal.code == CaseMoved), "{refused:?}");
    world.check_logs();
}

#[test]
fn an_act_that_was_queued_before_its_actors_revocation_was_published_is_refused() {
    let mut world = World::new();
    let gate = Gate::before(Step::WriteGuard);
    world.start_probed(gate.clone());
    let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
    let revocation = world.sign(KG_REGISTRAR, world.revocation("kg.gpo/07"));
    let ((is_reached, go), (answer, answered)) = (gate.arm(), channel());
    let (peer, registrar, exchange) = (world.peer("kg.gpo/07"), world.peer(KG_REGISTRAR), world.exchange());
    std::thread::scope(|scope| {
        let revoked = scope.spawn(|| exchange.accept_act(&registrar, revocation));
        is_reached.recv().unwrap();
        scope.spawn(|| answer.send(exchange.accept_act(&peer, request)).unwrap());
        // It passes the checks of the published directory, and waits.
        let early = answered.recv_timeout(Duration::from_millis(200));
        go.send(()).unwrap();
        assert!(early.is_err(), "{early:?}");
        revoked.join().unwrap().unwrap();
    });
    let outcome = answered.recv().unwrap();
    assert!(matches!(&outcome, Err(ActError::Refused(refusal)) if refusal.code == DirectoryStale), "{outcome:?}");
    assert_eq!(world.heads()[0].size, 0);
    world.check_logs();
}

/// Fails or panics at one moment of one step, once.
#[derive(Default)]
struct Breaks {
    failing: Mutex<Option<(Step, Moment)>>,
    filling: Mutex<Option<(Step, Moment)>>,
    panicking: Mutex<Option<(Step, Moment)>>,
}

impl StepProbe for Breaks {
    fn pass(&self, step: Step, moment: Moment) -> Result<(), ProbedFailure> {
        let is_now = |when: &Mutex<Option<(Step, Moment)>>| {
            let mut when = when.lock().unwrap();
            let is_now = *when == Some((step, moment));
            when.take_if(|_| is_now);
            is_now
        };
        assert!(!is_now(&self.panicking), "the sequencer is made to panic");
        if is_now(&self.filling) {
            return Err(ProbedFailure::Full);
        }
        if is_now(&self.failing) { Err(ProbedFailure::Failed) } else { Ok(()) }
    }
}

#[test]
fn whatever_breaks_in_a_commit_a_restart_finds_all_of_the_act_or_nothing() {
    let mut world = World::new();
    for step in [Step::IngestSegments, Step::WriteCommit, Step::WriteGuard] {
        for moment in [Moment::Before, Moment::AfterPersisting] {
            let probe = Arc::new(Breaks::default());
            world.start_probed(probe.clone());
            let parcel = world.pack("kg.gpo/07", None, &["tr.moj"], &[b"cover", &vec![7; 2 * 1024 * 1024]]);
            let (request, before) = (world.sign_parcel("kg.gpo/07", &parcel), world.heads()[0].size);
            let other = world.sign_parcel("kg.gpo/07", &world.pack_request());
            *probe.failing.lock().unwrap() = Some((step, moment));
            let outcome = world.put("kg.gpo/07", &request);
            assert!(matches!(outcome, Err(ActError::Fault(_))), "{step:?} {moment:?}: {outcome:?}");
            for act in [&other, &request] {
                let next = world.put("kg.gpo/07", act);
                assert!(matches!(next, Err(ActError::Fault(_))), "{step:?} {moment:?}: nothing more is signed: {next:?}");
            }
            assert_eq!(world.exchange().published().events.head().size, before, "{step:?} {moment:?}: nothing was published");

            world.restart();
            let is_there = (step, moment) == (Step::WriteCommit, Moment::AfterPersisting) || step == Step::WriteGuard;
            assert_eq!(world.heads()[0].size, if is_there { before + 5 } else { before }, "{step:?} {moment:?}");
            let (receipt, _) = world.accept("kg.gpo/07", &request);
            assert_eq!((receipt.first_index(), world.heads()[0].size), (before, before + 5), "{step:?} {moment:?}");
            let case = Followed { tag: parcel.submit.case, after: world.first_leaf(Log::Events, &receipt), documents: parcel.documents() };
            let opened = world.release("tr.moj/01", &case);
            world.assert_opens("tr.moj/01", &case, &opened, &[b"cover", &vec![7; 2 * 1024 * 1024]]);
            world.check_logs();
        }
    }
}

#[test]
fn a_panic_of_the_sequencer_is_told_to_callers_and_to_the_server() {
    let mut world = World::new();
    let probe = Arc::new(Breaks::default());
    world.start_probed(probe.clone());
    let request = world.sign_parcel("kg.gpo/07", &world.pack_request());
    *probe.panicking.lock().unwrap() = Some((Step::WriteCommit, Moment::Before));
    assert!(!world.exchange().is_stopped());
    assert!(matches!(world.put("kg.gpo/07", &request), Err(ActError::Fault(_))));
    // Its caller learns of it while the thread is still unwinding.
    let deadline = clock::now().0 + 10_000;
    while !world.exchange().is_stopped() && clock::now().0 < deadline {
        std::thread::yield_now();
    }
    assert!(world.exchange().is_stopped(), "the server would stay up and take nothing");
    world.restart();
    world.accept("kg.gpo/07", &request);
    world.check_logs();
}

#[test]
fn a_full_disk_refuses_acts_in_words_and_reading_goes_on() {
    let mut world = World::new();
    let case = world.request();
    world.release("tr.moj/01", &case);
    let settings = StoreSettings { free_bytes_min: 1 << 60, ..world.stop().settings() };
    world.start_on(Store::open(&settings).unwrap());
    let acknowledge = world.sign("tr.moj/01", Act::Acknowledge(case.on_case()));
    assert_eq!(world.refuse("tr.moj/01", &acknowledge), StorageFull);
    let created = world.exchange().create_upload(&world.peer("tr.moj/01"), 10);
    assert!(matches!(&created, Err(ActError::Refused(refusal)) if refusal.code == StorageFull), "{created:?}");
    world.exchange().load_statement(&world.peer("tr.moj/01"), 0).unwrap();
    world.fetch_blob("tr.moj/01", &case.documents[0]).unwrap();
    world.check_logs();
    world.restart();
    world.accept("tr.moj/01", &acknowledge);
}

#[test]
fn an_act_that_a_full_disk_refused_is_found_again_if_it_was_written_after_all() {
    for (moment, is_written) in [(Moment::Before, false), (Moment::AfterPersisting, true)] {
        // Whoever comes next after the disk has room: the same act, another act, an upload.
        for next in ["the same", "another", "an upload"] {
            let mut world = World::new();
            let probe = Arc::new(Breaks::default());
            world.start_probed(probe.clone());
            let [request, other] = [(); 2].map(|()| world.sign_parcel("kg.gpo/07", &world.pack_request()));
            *probe.filling.lock().unwrap() = Some((Step::WriteCommit, moment));
            if is_written {
                // It is looked for before the caller is told that there was no room.
                world.put("kg.gpo/07", &request).unwrap();
            } else {
                assert_eq!(world.refuse("kg.gpo/07", &request), StorageFull);
            }
            match next {
                "another" => assert_eq!(world.accept("kg.gpo/07", &other).0.first_index(), if is_written { 5 } else { 0 }),
                "an upload" => drop(world.exchange().create_upload(&world.peer("kg.gpo/07"), 10).unwrap()),
                _ => {}
            }
            let first = world.accept("kg.gpo/07", &request).0.first_index();
            assert_eq!(first, if next == "another" && !is_written { 5 } else { 0 }, "{next} {moment:?}");
            assert!(!world.exchange().is_stopped());
            world.check_logs();
            world.restart();
            assert_eq!(world.accept("kg.gpo/07", &request).0.first_index(), first, "{next} {moment:?}");
        }
    }
}

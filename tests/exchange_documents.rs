//! Tags, uploads, slips, blobs: what a submission is made of is exactly what its statement says, or nothing.

use elchi::clock;
use elchi::crypto::{hash, random_tag, random_upload_id};
use elchi::domain::limits::{BLOB_BYTES_MAX, RELEASE_MS_MAX, SLIP_BYTES_MAX, UPLOADS_PER_MEMBER_MAX};
use elchi::domain::{Hash, Tag, UnixMillis};
use elchi::exchange::ActError;
use elchi::seal::{DocumentIdentity, SealingIdentity};
use elchi::wire::{Act, ActRequest, Base64Bytes, DocumentLine, OnDocuments, RefusalCode};

use super::exchange_world::{Followed, KG_REGISTRAR, NEWCOMER, Parcel, World, authority, seal};

use RefusalCode::*;

// ---- tags and uploads ----

fn refuse_parcel(world: &World, parcel: &Parcel) -> RefusalCode {
    world.refuse("kg.gpo/07", &world.sign_parcel("kg.gpo/07", parcel))
}

#[test]
fn a_tag_that_must_be_new_is_taken_once() {
    let world = World::new();
    let first = world.request();
    let mut second = world.pack_request();
    second.submit.case = first.tag;
    assert_eq!(refuse_parcel(&world, &second), TagTaken, "a case's tag");
    second.submit.case = first.documents[0];
    assert_eq!(refuse_parcel(&world, &second), TagTaken, "a document's tag for a case");

    let retag = |tag: Tag| {
        let mut parcel = world.pack_request();
        let old = parcel.submit.documents[0].tag;
        parcel.submit.documents[0].tag = tag;
        parcel.submit.slips.iter_mut().filter(|slip| slip.document == old).for_each(|slip| slip.document = tag);
        parcel.slips.iter_mut().filter(|slip| slip.document == old).for_each(|slip| slip.document = tag);
        parcel
    };
    assert_eq!(refuse_parcel(&world, &retag(first.documents[1])), TagTaken, "a document's tag");
    assert_eq!(refuse_parcel(&world, &retag(first.tag)), TagTaken, "a case's tag for a document");
    let mut own_case = retag(random_tag());
    own_case.submit.case = own_case.submit.documents[0].tag;
    assert_eq!(refuse_parcel(&world, &own_case), TagTaken, "one tag for a case and its document");
    let fresh = retag(random_tag());
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &fresh));
}

#[test]
fn an_upload_is_its_members_alone() {
    let world = World::new();
    let sealed = seal(b"a colleague's");
    let theirs = world.upload("kg.gpo/10", &sealed.blob);
    let mut parcel = world.pack_request();
    parcel.submit.documents[1] = DocumentLine { tag: parcel.submit.documents[1].tag, ..world.document_line("kg.gpo/10", &sealed) };
    let refusal = world.refusal("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel));
    assert_eq!(refusal.code, UploadMismatch);
    parcel.submit.documents[1].upload = random_upload_id();
    assert_eq!(world.refusal("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel)), refusal, "as if there were none");

    for reader in ["kg.gpo/08", "kg.gpo/09", KG_REGISTRAR] {
        let refused = world.exchange().create_upload(&world.peer(reader), 10);
        assert!(matches!(&refused, Err(ActError::Refused(refusal)) if refusal.code == RoleMissing), "{reader}: {refused:?}");
    }
    let peer = world.peer("kg.gpo/07");
    // Not even that it is being written can be seen.
    let _writing = world.exchange().open_upload(&world.peer("kg.gpo/10"), &theirs).unwrap();
    for id in [theirs, random_upload_id()] {
        let refused = |outcome: Result<(), ActError>| matches!(outcome, Err(ActError::Refused(refusal)) if refusal.code == NotFound);
        assert!(refused(world.exchange().load_progress(&peer, &id).map(|_| ())));
        assert!(refused(world.exchange().open_upload(&peer, &id).map(|_| ())));
        assert!(refused(world.exchange().delete_upload(&peer, &id)));
    }
    assert!(world.exchange().load_progress(&world.peer("kg.gpo/10"), &theirs).unwrap().is_complete);
}

#[test]
fn an_upload_that_is_not_what_the_statement_says_is_refused_and_stays() {
    let world = World::new();
    let good = world.pack_request();
    let spoil = |change: fn(&mut DocumentLine)| {
        let mut parcel = good.clone();
        change(&mut parcel.submit.documents[1]);
        refuse_parcel(&world, &parcel)
    };
    assert_eq!(spoil(|line| line.sha256 = Hash::from_bytes([1; 32])), UploadMismatch);
    assert_eq!(spoil(|line| line.bytes += 1), UploadMismatch);
    assert_eq!(spoil(|line| line.bytes -= 1), UploadMismatch);
    assert_eq!(spoil(|line| line.bytes = BLOB_BYTES_MAX + 1), TooLarge);

    let (peer, sealed) = (world.peer("kg.gpo/07"), seal(b"cut short"));
    let id = world.exchange().create_upload(&peer, sealed.blob.len() as u64).unwrap();
    let mut cut = good.clone();
    cut.submit.documents[1].upload = id;
    (cut.submit.documents[1].sha256, cut.submit.documents[1].bytes) = (sealed.digest.sha256, sealed.digest.bytes);
    assert_eq!(refuse_parcel(&world, &cut), UploadMismatch, "nothing has come");
    let mut writer = world.exchange().open_upload(&peer, &id).unwrap();
    writer.write(&sealed.blob[..sealed.blob.len() - 1], clock::now()).unwrap();
    writer.pause(clock::now()).unwrap();
    assert_eq!(refuse_parcel(&world, &cut), UploadMismatch, "the last byte has not come");
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &good));
    assert_eq!(refuse_parcel(&world, &good.retagged()), UploadMismatch, "an upload serves once");
}

#[test]
fn one_upload_cannot_be_two_documents() {
    let world = World::new();
    let mut parcel = world.pack_request();
    let first = parcel.submit.documents[0].clone();
    parcel.submit.documents[1] = DocumentLine { tag: parcel.submit.documents[1].tag, ..first };
    assert_eq!(refuse_parcel(&world, &parcel), UploadMismatch);
    world.request();
}

#[test]
fn a_blob_that_is_not_sealed_to_the_hybrid_key_alone_is_refused() {
    let world = World::new();
    let good = seal(b"text");
    let hybrid = String::from_utf8(good.blob.split(|byte| *byte == b'\n').take(3).collect::<Vec<_>>().join(&b'\n')).unwrap();
    assert!(hybrid.starts_with("age-encryption.org/v1\n-> "), "{hybrid}");
    let x25519 = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nhjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE\n";
    let mac = "--- WyJp9F/9FOZh7gJdheq2WIJcwHgYc8NIVh3ddwhrcNg\n";
    let weak = [
        b"the plaintext itself".to_vec(),
        b"x".to_vec(),
        format!("age-encryption.org/v1\n{x25519}{mac}payload").into_bytes(),
        good.blob.iter().copied().take(100).collect(),
        [b"age-encryption.org/v1\n", x25519.as_bytes(), &good.blob["age-encryption.org/v1\n".len()..]].concat(),
        vec![0; 2 * 1024 * 1024],
    ];
    for blob in weak {
        let mut parcel = world.pack_request();
        let line = &mut parcel.submit.documents[1];
        (line.upload, line.sha256, line.bytes) = (world.upload("kg.gpo/07", &blob), hash(&blob), blob.len() as u64);
        assert_eq!(refuse_parcel(&world, &parcel), UploadMismatch, "{} bytes", blob.len());
    }
}

#[test]
fn a_large_document_goes_through_like_a_small_one() {
    let world = World::new();
    let large = vec![0x5a; 3 * 1024 * 1024];
    let parcel = world.pack("kg.gpo/07", None, &["tr.moj"], &[b"cover", &large]);
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &parcel));
    let case = Followed { tag: parcel.submit.case, after: Hash::ZERO, documents: parcel.documents() };
    let opened = world.release("tr.moj/01", &case);
    world.assert_opens("tr.moj/01", &case, &opened, &[b"cover", &large]);
}

#[test]
fn an_upload_has_one_writer_and_a_member_so_many_uploads() {
    let world = World::new();
    let (peer, exchange) = (world.peer("kg.gpo/07"), world.exchange());
    let refused = |error: Option<ActError>| match error {
        Some(ActError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    };
    let id = exchange.create_upload(&peer, 10).unwrap();
    let mut writer = exchange.open_upload(&peer, &id).unwrap();
    assert_eq!(refused(exchange.open_upload(&peer, &id).err()), UploadBusy);
    assert_eq!(refused(exchange.delete_upload(&peer, &id).err()), UploadBusy);
    assert_eq!(refused(writer.write(&[0; 11], clock::now()).err().map(Into::into)), UploadMismatch, "more than was announced");
    drop(writer);
    exchange.delete_upload(&peer, &id).unwrap();
    assert_eq!(refused(exchange.create_upload(&peer, 0).err()), TooLarge);
    assert_eq!(refused(exchange.create_upload(&peer, BLOB_BYTES_MAX + 1).err()), TooLarge);
    for _ in 0..UPLOADS_PER_MEMBER_MAX {
        exchange.create_upload(&peer, 1).unwrap();
    }
    assert_eq!(refused(exchange.create_upload(&peer, 1).err()), TooManyUploads);
    exchange.create_upload(&world.peer("kg.gpo/10"), 1).unwrap();
    assert_eq!(exchange.sweep_uploads().unwrap(), 0, "nothing is idle yet");
}

// ---- slips ----

#[test]
fn slips_are_those_of_the_statement_and_complete() {
    let world = World::new();
    let good = world.pack_request();
    let spoil = |change: &dyn Fn(&mut Parcel)| {
        let mut parcel = good.clone();
        change(&mut parcel);
        refuse_parcel(&world, &parcel)
    };
    let drop_both = |parcel: &mut Parcel, at: usize| {
        parcel.slips.remove(at);
        parcel.submit.slips.remove(at);
    };
    let foreign = world.slip(&good.documents()[1], &DocumentIdentity::generate(), "tr.ist-cpp");
    type Spoil<'a> = &'a dyn Fn(&mut Parcel);
    let cases: [(&str, Spoil<'_>); 11] = [
        ("a slip did not come", &|parcel| drop(parcel.slips.pop())),
        ("none came", &|parcel| parcel.slips.clear()),
        ("one too many came", &|parcel| parcel.slips.push(parcel.slips[0].clone())),
        ("two are swapped", &|parcel| parcel.slips.swap(0, 1)),
        ("another slip came", &|parcel| *parcel.slips[1].slip.0.last_mut().unwrap() ^= 1),
        ("it is for another document", &|parcel| parcel.slips[0].document = parcel.submit.documents[1].tag),
        ("it is for another authority", &|parcel| parcel.slips[0].authority = authority("tr.ist-cpp")),
        ("the sender has none of a document", &|parcel| drop_both(parcel, 2)),
        ("the recipient has none of the cover", &|parcel| drop_both(parcel, 1)),
        ("it is sealed to another key", &|parcel| parcel.submit.slips[1].key = parcel.submit.slips[0].key),
        ("it is for someone who is no recipient", &|parcel| {
            parcel.submit.slips.insert(3, foreign.0.clone());
            parcel.slips.insert(3, foreign.1.clone());
        }),
    ];
    for (what, change) in cases {
        assert_eq!(spoil(change), SlipMismatch, "{what}");
    }
    world.accept("kg.gpo/07", &world.sign_parcel("kg.gpo/07", &good));
}

#[test]
fn a_slip_that_is_not_sealed_as_it_must_be_is_refused() {
    let world = World::new();
    let good = world.pack_request();
    let with_slip = |bytes: Vec<u8>| {
        let mut parcel = good.clone();
        parcel.submit.slips[1].sha256 = hash(&bytes);
        parcel.slips[1].slip = Base64Bytes(bytes);
        refuse_parcel(&world, &parcel)
    };
    assert_eq!(with_slip(b"AGE-SECRET-KEY-PQ-1 in the clear".to_vec()), SlipMismatch);
    assert_eq!(with_slip(Vec::new()), SlipMismatch);
    let padded = [good.slips[1].slip.0.as_slice(), &vec![0; SLIP_BYTES_MAX]].concat();
    assert_eq!(with_slip(padded), SlipMismatch, "longer than a slip can be");
}

#[test]
fn an_act_without_slips_takes_none() {
    let world = World::new();
    let case = world.request();
    let (_, slip) = world.slip(&case.documents[0], &DocumentIdentity::generate(), "tr.moj");
    for act in [Act::Acknowledge(case.on_case()), Act::Release(case.on_documents())] {
        let request = ActRequest { slips: vec![slip.clone()], ..world.sign("tr.moj/01", act) };
        assert_eq!(world.refuse("tr.moj/01", &request), SlipMismatch);
    }
    let entry = ActRequest { slips: vec![slip], ..world.sign(KG_REGISTRAR, world.member_entry(NEWCOMER)) };
    assert_eq!(world.refuse(KG_REGISTRAR, &entry), SlipMismatch);
}

#[test]
fn a_forward_hands_on_what_its_authority_holds_with_the_cover_and_to_everyone_it_names() {
    let world = World::new();
    let mut case = world.request();
    world.acknowledge(&mut case);
    let opened = world.release("tr.moj/01", &case);
    let slip = |at: usize, to: &str| world.slip(&opened[at].0, opened[at].1.identity(), to);
    let forward = |case: &Followed, to: &[&str], slips| world.refuse("tr.moj/01", &world.sign_forward("tr.moj/01", case, to, slips));
    assert_eq!(forward(&case, &["tr.ist-cpp"], vec![slip(0, "tr.ist-cpp")]), SlipMismatch, "a document without its slip");
    let misdirected = vec![slip(0, "tr.ank-cpp"), slip(1, "tr.ank-cpp")];
    assert_eq!(forward(&case, &["tr.ist-cpp"], misdirected), SlipMismatch, "to another than is named");
    let evidence = Followed { documents: vec![case.documents[1]], ..case.clone() };
    assert_eq!(forward(&evidence, &["tr.ist-cpp"], vec![slip(1, "tr.ist-cpp")]), SlipMismatch, "without the cover");
    let mut other_key = vec![slip(0, "tr.ist-cpp"), slip(1, "tr.ist-cpp")];
    other_key[1].0.key = SealingIdentity::generate().recipient().fingerprint();
    assert_eq!(forward(&case, &["tr.ist-cpp"], other_key), SlipMismatch, "to another key");
    let stranger = Followed { documents: vec![random_tag()], ..case.clone() };
    let unknown = world.slip(&stranger.documents[0], &DocumentIdentity::generate(), "tr.ist-cpp");
    assert_eq!(forward(&stranger, &["tr.ist-cpp"], vec![unknown]), NotFound, "a document that the case does not have");
    let both = vec![slip(0, "tr.ank-cpp"), slip(0, "tr.ist-cpp"), slip(1, "tr.ank-cpp"), slip(1, "tr.ist-cpp")];
    world.accept("tr.moj/01", &world.sign_forward("tr.moj/01", &case, &["tr.ank-cpp", "tr.ist-cpp"], both));
    assert_eq!(world.release("tr.ank-cpp/01", &case).len(), 2);
}

// ---- blobs ----

#[test]
fn a_blob_goes_out_only_after_its_release_to_this_very_member() {
    let world = World::new();
    let case = world.request();
    let [cover, evidence] = case.documents[..] else { panic!() };
    assert_eq!(world.fetch_blob("tr.moj/01", &cover), Err(NotReleased));
    let only_cover = OnDocuments { case: case.tag, documents: vec![cover] };
    world.act("tr.moj/01", Act::Release(only_cover));
    world.fetch_blob("tr.moj/01", &cover).unwrap();
    for (code, document) in [("tr.moj/01", evidence), ("tr.moj/02", cover), ("kg.gpo/07", cover), ("tr.moj/01", random_tag())] {
        let refused = world.exchange().open_released_blob(&world.peer(code), &document);
        let Err(ActError::Refused(refusal)) = refused else { panic!("{code} got {document}") };
        assert_eq!(refusal.code, NotReleased);
        assert_eq!(refusal.detail, "there is no release in force of such a document to you", "one answer for all");
    }
}

/// A download that began in time is cut when the release's day is over.
#[test]
fn a_blob_is_read_no_further_than_its_release_lasts() {
    let world = World::new();
    let case = world.request();
    world.release("tr.moj/01", &case);
    let blob = world.exchange().open_released_blob(&world.peer("tr.moj/01"), &case.documents[0]).unwrap();
    let began = clock::now();
    let read = |after_ms: u64| blob.read_at(0, UnixMillis(began.0 + after_ms));
    assert_eq!(read(0).unwrap().len() as u64, blob.bytes());
    assert_eq!(read(RELEASE_MS_MAX - 60_000).unwrap().len() as u64, blob.bytes(), "a minute before its end");
    let Err(ActError::Refused(refusal)) = read(RELEASE_MS_MAX + 1) else { panic!("it goes on") };
    assert_eq!(refusal.code, NotReleased);
}

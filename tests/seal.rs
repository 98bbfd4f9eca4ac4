//! Sealing: documents, covers, slips and grants open for whom they should, and for nobody else.

mod interop;
pub(super) mod javascript;
mod shares;
mod vectors;

use std::io::{self, Read};

use elchi::crypto::{hash, random_tag};
use elchi::domain::limits::{COVER_BYTES_MAX, SLIP_BYTES_MAX};
use elchi::domain::{AuthorityCode, Hash, Origin, Tag};
use elchi::durable::StagedFile;
use elchi::seal::{
    Digest, DocumentDigests, DocumentIdentity, ExpectedSlip, GrantRefused, HEADER_BYTES_MAX, HeaderRefused, OpenError, OpenedSlip,
    SealError, SealingIdentity, SecretFileRefused, SlipRefused, open_authority_identity, open_cover, open_document, open_slip, reseal_slip,
    seal_authority_identity, seal_document, seal_slip, verify_header,
};
use proptest::prelude::*;

const NONCE_BYTES: usize = 16;
const CHUNK_BYTES: usize = 64 * 1024;
const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + 16;

fn digest(bytes: &[u8]) -> Digest {
    Digest { sha256: hash(bytes), bytes: bytes.len() as u64 }
}

fn seal(identity: &DocumentIdentity, plaintext: &[u8]) -> (Vec<u8>, DocumentDigests) {
    let mut blob = Vec::new();
    let digests = seal_document(identity, plaintext, &mut blob).unwrap();
    assert_eq!(digests, DocumentDigests { sealed: digest(&blob), plaintext: digest(plaintext) });
    (blob, digests)
}

fn open(identity: &DocumentIdentity, blob: &[u8], expected: &DocumentDigests) -> Result<Vec<u8>, OpenError> {
    let opened = open_document(identity, blob, Vec::new(), expected)?;
    let plaintext = opened.into_output();
    assert_eq!(digest(&plaintext), expected.plaintext);
    Ok(plaintext)
}

/// Opens what a sender signed although it is broken: the sealed digest is made to fit.
fn open_as_signed(identity: &DocumentIdentity, blob: &[u8], plaintext: Digest) -> Result<Vec<u8>, OpenError> {
    open(identity, blob, &DocumentDigests { sealed: digest(blob), plaintext })
}

/// Where the payload of an age file begins: behind the line of the MAC.
fn header_bytes(sealed: &[u8]) -> usize {
    verify_header(&sealed[..sealed.len().min(HEADER_BYTES_MAX)]).unwrap();
    sealed.windows(5).position(|window| window == b"\n--- ").unwrap() + "\n--- ".len() + 43 + "\n".len()
}

fn log() -> Origin {
    "mla.example/events".parse().unwrap()
}

/// Opens a slip of which the statement names these very bytes.
fn open_slip_as_signed(slip: &[u8], authority: &SealingIdentity, log: &Origin, document: &Tag) -> Result<OpenedSlip, SlipRefused> {
    open_slip(slip, authority, &ExpectedSlip { log, document, sha256: &hash(slip) })
}

/// The document identity of a known secret, by way of a slip: there is no other.
fn document_identity(secret: &str) -> OpenedSlip {
    let (authority, tag) = (SealingIdentity::generate(), random_tag());
    let text = format!("# elchi-slip/v1 {} {tag}\n{secret}\n", log());
    let slip = age::encrypt(&authority.recipient(), text.as_bytes()).unwrap();
    open_slip_as_signed(&slip, &authority, &log(), &tag).unwrap()
}

#[test]
fn documents_around_the_chunk_size_open_to_what_they_were() {
    let identity = DocumentIdentity::generate();
    for chunks in 0..3 {
        for size in [(chunks * CHUNK_BYTES).saturating_sub(1), chunks * CHUNK_BYTES, chunks * CHUNK_BYTES + 1] {
            let plaintext = vec![0x5a; size];
            let (blob, digests) = seal(&identity, &plaintext);
            assert!(open(&identity, &blob, &digests).unwrap() == plaintext, "{size} bytes");
            let header = header_bytes(&blob);
            assert_eq!(blob.len() - header, NONCE_BYTES + size + 16 * size.div_ceil(CHUNK_BYTES).max(1));
        }
    }
}

#[test]
fn sealing_twice_gives_two_blobs() {
    let identity = DocumentIdentity::generate();
    assert_ne!(seal(&identity, b"same").0, seal(&identity, b"same").0);
}

#[test]
fn another_identity_opens_nothing() {
    let (blob, digests) = seal(&DocumentIdentity::generate(), b"evidence");
    assert!(matches!(open(&DocumentIdentity::generate(), &blob, &digests), Err(OpenError::NotOpened)));
}

#[test]
fn a_bit_flipped_anywhere_is_noticed_whoever_flipped_it() {
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, b"evidence");
    for at in 0..blob.len() {
        let mut spoiled = blob.clone();
        spoiled[at] ^= 1 << (at % 8);
        assert!(matches!(open(&identity, &spoiled, &digests), Err(OpenError::SealedDiffers)), "byte {at}, on the way");
        let signed = open_as_signed(&identity, &spoiled, digests.plaintext);
        assert!(matches!(signed, Err(OpenError::Header(_) | OpenError::NotOpened)), "byte {at}, by the sender");
    }
}

#[test]
fn every_region_of_a_long_document_is_held() {
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, &vec![1; CHUNK_BYTES + 100]);
    let header = header_bytes(&blob);
    let payload = header + NONCE_BYTES;
    let last = payload + SEALED_CHUNK_BYTES;
    let refused = |what: &str, spoiled: Vec<u8>| {
        let outcome = open_as_signed(&identity, &spoiled, digests.plaintext);
        assert!(matches!(outcome, Err(OpenError::Header(_) | OpenError::NotOpened)), "{what}");
        assert!(matches!(open(&identity, &spoiled, &digests), Err(OpenError::SealedDiffers)), "{what}, on the way");
    };
    for (what, at) in [("header", 40), ("MAC", header - 20), ("nonce", header), ("first chunk", payload), ("last chunk", last)] {
        let mut spoiled = blob.clone();
        spoiled[at] = if spoiled[at] == b'A' { b'B' } else { b'A' };
        refused(what, spoiled);
    }
    for (what, end) in [("no payload", header), ("no chunk", payload), ("no last chunk", last), ("no last byte", blob.len() - 1)] {
        refused(what, blob[..end].to_vec());
    }
    refused("a byte too many", [&blob[..], b"x"].concat());
    refused("a chunk too many", [&blob[..], &blob[last..]].concat());
    refused("chunks swapped", [&blob[..payload], &blob[last..], &blob[payload..last]].concat());
    refused("nothing", Vec::new());
}

#[test]
fn a_sender_who_names_another_plaintext_is_caught() {
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, b"evidence");
    for plaintext in [digest(b"Evidence"), Digest { bytes: 9, ..digests.plaintext }] {
        let expected = DocumentDigests { plaintext, ..digests };
        assert!(matches!(open(&identity, &blob, &expected), Err(OpenError::PlaintextDiffers)));
    }
}

#[test]
fn reading_stops_one_byte_after_the_expected_length() {
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, b"evidence");
    let endless = blob.chain(io::repeat(0));
    assert!(matches!(open_document(&identity, endless, Vec::new(), &digests), Err(OpenError::SealedDiffers)));
}

#[test]
fn an_output_is_published_only_when_all_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("evidence.pdf");
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, &vec![3; 2 * CHUNK_BYTES]);
    let cut = &blob[..blob.len() - 1];
    assert!(open_document(&identity, cut, StagedFile::stage(&target).unwrap(), &digests).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "neither the file nor a part of it");
    let opened = open_document(&identity, &blob[..], StagedFile::stage(&target).unwrap(), &digests).unwrap();
    opened.into_output().publish().unwrap();
    assert_eq!(digest(&std::fs::read(&target).unwrap()), digests.plaintext);
}

#[test]
fn a_bad_disk_is_not_mistaken_for_a_bad_sender() {
    struct BadDisk;
    impl Read for BadDisk {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("sector 7"))
        }
    }
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, &vec![1; 3 * CHUNK_BYTES]);
    let half = &blob[..CHUNK_BYTES];
    assert!(matches!(open_document(&identity, half.chain(BadDisk), Vec::new(), &digests), Err(OpenError::Read(_))));
    assert!(matches!(open_document(&identity, &blob[..], Full, &digests), Err(OpenError::Write(_))));
    assert!(matches!(seal_document(&identity, BadDisk, Vec::new()), Err(SealError::Read(_))));
    assert!(matches!(seal_document(&identity, &b"x"[..], Full), Err(SealError::Write(_))));
}

#[test]
fn a_cover_opens_by_its_blob_alone_and_has_a_limit() {
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, &vec![b' '; COVER_BYTES_MAX]);
    let opened = open_cover(&identity, &blob[..], &digests.sealed).unwrap();
    assert_eq!(digest(&opened.into_output()), digests.plaintext);

    let (long, long_digests) = seal(&identity, &vec![b' '; COVER_BYTES_MAX + 1]);
    assert!(matches!(open_cover(&identity, &long[..], &long_digests.sealed), Err(OpenError::CoverTooLong)));
    let huge = Digest { bytes: 1 << 30, ..digests.sealed };
    assert!(matches!(open_cover(&identity, io::repeat(0), &huge), Err(OpenError::CoverTooLong)));
    assert!(matches!(open_cover(&identity, &blob[1..], &digests.sealed), Err(OpenError::SealedDiffers)));
}

#[test]
fn age_refuses_to_mix_our_recipient_with_a_weaker_one() {
    let hybrid = SealingIdentity::generate().recipient();
    let classic = age::x25519::Identity::generate().to_public();
    let both: [&dyn age::Recipient; 2] = [&hybrid, &classic];
    assert!(age::Encryptor::with_recipients(both.into_iter()).is_err());
    let twice: [&dyn age::Recipient; 2] = [&hybrid, &hybrid];
    assert!(age::Encryptor::with_recipients(twice.into_iter()).is_ok());
}

#[test]
fn a_slip_hands_a_document_over_and_on() {
    let (ministry, office, tag) = (SealingIdentity::generate(), SealingIdentity::generate(), random_tag());
    let identity = DocumentIdentity::generate();
    let (blob, digests) = seal(&identity, b"evidence");
    let slip = seal_slip(&identity, &log(), &tag, &ministry.recipient()).unwrap();
    let at_ministry = open_slip_as_signed(&slip, &ministry, &log(), &tag).unwrap();
    assert_eq!(open(at_ministry.identity(), &blob, &digests).unwrap(), b"evidence");

    let forwarded = reseal_slip(&at_ministry, &office.recipient()).unwrap();
    let at_office = open_slip_as_signed(&forwarded, &office, &log(), &tag).unwrap();
    assert_eq!(open(at_office.identity(), &blob, &digests).unwrap(), b"evidence");
    assert!(at_office.identity().recipient() == identity.recipient());
    assert_eq!(slip_error(open_slip_as_signed(&forwarded, &ministry, &log(), &tag)), SecretFileRefused::NotOpened.into());
}

fn slip_error(outcome: Result<OpenedSlip, SlipRefused>) -> SlipRefused {
    outcome.err().expect("the slip was taken")
}

#[test]
fn a_slip_is_for_one_document_of_one_log() {
    let (authority, tag) = (SealingIdentity::generate(), random_tag());
    let slip = seal_slip(&DocumentIdentity::generate(), &log(), &tag, &authority.recipient()).unwrap();
    let other_log = "mla.example/other".parse().unwrap();
    assert_eq!(slip_error(open_slip_as_signed(&slip, &authority, &log(), &random_tag())), SlipRefused::OtherDocument);
    assert_eq!(slip_error(open_slip_as_signed(&slip, &authority, &other_log, &tag)), SlipRefused::OtherDocument);
    let expected = ExpectedSlip { log: &log(), document: &tag, sha256: &Hash::ZERO };
    assert_eq!(slip_error(open_slip(&slip, &authority, &expected)), SlipRefused::SealedDiffers);
}

#[test]
fn a_slip_spoiled_by_its_sender_is_refused() {
    let (authority, tag) = (SealingIdentity::generate(), random_tag());
    let slip = seal_slip(&DocumentIdentity::generate(), &log(), &tag, &authority.recipient()).unwrap();
    for at in (0..slip.len()).step_by(7) {
        let mut spoiled = slip.clone();
        spoiled[at] ^= 0x20;
        let refused = slip_error(open_slip_as_signed(&spoiled, &authority, &log(), &tag));
        assert!(matches!(refused, SlipRefused::File(SecretFileRefused::Header(_) | SecretFileRefused::NotOpened)), "byte {at}");
    }
    let refused = |bytes: &[u8]| slip_error(open_slip_as_signed(bytes, &authority, &log(), &tag));
    assert_eq!(refused(&[slip.as_slice(), &[0; 4096]].concat()), SecretFileRefused::TooLong.into());
    assert_eq!(refused(&slip[..slip.len() - 1]), SecretFileRefused::NotOpened.into());
    assert_eq!(refused(b""), SecretFileRefused::Header(HeaderRefused::CutShort).into());
}

#[test]
fn a_slip_has_one_spelling() {
    let (authority, tag) = (SealingIdentity::generate(), random_tag());
    let secret = SealingIdentity::generate().expose_secret();
    let classic = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let good = format!("# elchi-slip/v1 {} {tag}\n{}\n", log(), *secret);
    let take = |text: &str| {
        let slip = age::encrypt(&authority.recipient(), text.as_bytes()).unwrap();
        open_slip_as_signed(&slip, &authority, &log(), &tag).map(|_| ())
    };
    assert_eq!(take(&good), Ok(()));
    for wrong in [
        good.trim_end().to_owned(),
        good.replace('\n', "\r\n"),
        good.replace("# ", "#"),
        good.replace("/v1", "/v2"),
        good.replace("elchi-slip", "elchi-authority"),
        good.replace(secret.as_str(), classic),
        good.replace(&tag.to_string(), &tag.to_string().to_uppercase()),
        format!("{good}\n"),
        format!("{good}{good}"),
        secret.to_string(),
        String::new(),
    ] {
        assert_eq!(take(&wrong), Err(SecretFileRefused::Malformed.into()), "{wrong:?}");
    }
}

#[test]
fn slips_and_headers_stay_under_their_limits() {
    let authority = SealingIdentity::generate().recipient();
    let longest: Origin = "a".repeat(128).parse().unwrap();
    for _ in 0..200 {
        let slip = seal_slip(&DocumentIdentity::generate(), &longest, &random_tag(), &authority).unwrap();
        let header = header_bytes(&slip);
        assert!(slip.len() <= SLIP_BYTES_MAX * 2 / 3 && header <= HEADER_BYTES_MAX / 2, "{} bytes, header {header}", slip.len());
    }
}

#[test]
fn a_holder_gets_the_authoritys_identity_and_checks_it() {
    let (authority, holder) = (SealingIdentity::generate(), SealingIdentity::generate());
    let code: AuthorityCode = "tr.moj".parse().unwrap();
    let grant = seal_authority_identity(&authority, &code, &holder.recipient()).unwrap();
    let granted = open_authority_identity(&grant, &holder, &code).unwrap();
    let identity = granted.verify_listed(&authority.recipient()).unwrap();
    assert_eq!(*identity.expose_secret(), *authority.expose_secret());

    let refused = |holder: &SealingIdentity, code: &str| open_authority_identity(&grant, holder, &code.parse().unwrap()).err();
    assert_eq!(refused(&holder, "tr.ist-cpp"), Some(GrantRefused::OtherAuthority));
    assert_eq!(refused(&SealingIdentity::generate(), "tr.moj"), Some(SecretFileRefused::NotOpened.into()));
    let planted = seal_authority_identity(&SealingIdentity::generate(), &code, &holder.recipient()).unwrap();
    let planted = open_authority_identity(&planted, &holder, &code).unwrap();
    assert!(planted.verify_listed(&authority.recipient()).is_err(), "anyone can seal something to a holder");

    let slip = seal_slip(&DocumentIdentity::generate(), &log(), &random_tag(), &holder.recipient()).unwrap();
    assert_eq!(open_authority_identity(&slip, &holder, &code).err(), Some(SecretFileRefused::Malformed.into()));
}

/// Blocks of a few sizes around age's, so that reads never fall together with chunks.
struct Ragged<'a>(&'a [u8], usize);

impl Read for Ragged<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.1);
        self.0.read(&mut buffer[..count])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_document_opens_however_it_is_read(chunks in 0usize..4, off in -20i64..20, byte: u8, step in 1usize..70_000) {
        let size = usize::try_from((chunks * CHUNK_BYTES) as i64 + off).unwrap_or(0);
        let plaintext = vec![byte; size];
        let identity = DocumentIdentity::generate();
        let mut blob = Vec::new();
        let digests = seal_document(&identity, Ragged(&plaintext, step), &mut blob).unwrap();
        let opened = open_document(&identity, Ragged(&blob, step), Vec::new(), &digests).unwrap();
        prop_assert!(opened.into_output() == plaintext);
    }

    #[test]
    fn foreign_bytes_never_pass_for_a_header(bytes in proptest::collection::vec(any::<u8>(), 0..3000), at in 0usize..2000, keep: bool) {
        let identity = DocumentIdentity::generate();
        let (mut blob, digests) = seal(&identity, b"evidence");
        prop_assert!(verify_header(&bytes).is_err());
        let end = if keep { blob.len() } else { at.min(blob.len()) };
        blob.splice(at.min(end)..end, bytes.iter().copied());
        if digest(&blob) != digests.sealed {
            prop_assert!(open_as_signed(&identity, &blob, digests.plaintext).is_err());
        }
    }
}

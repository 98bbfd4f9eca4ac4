//! Every limit of the formats and of the edge, each with its reason. Nothing an outsider can reach
//! is unbounded; what is not here is bounded by something that is.

/// A label of an authority code. Long enough for `international`, short enough for a table column.
pub const AUTHORITY_LABEL_CHARS_MAX: usize = 32;

/// A log's origin. Checkpoints, keys and statements repeat it.
pub const ORIGIN_CHARS_MAX: usize = 128;

/// Documents in one submission, the cover included. Each costs a leaf and a slip per reader; larger
/// collections of evidence are archives.
pub const DOCUMENTS_PER_SUBMISSION_MAX: usize = 256;

/// Authorities that one submission or forward is addressed to.
pub const RECIPIENTS_MAX: usize = 8;

/// Slips in one statement: every document for every recipient and for the sender's own authority.
pub const SLIPS_PER_STATEMENT_MAX: usize = DOCUMENTS_PER_SUBMISSION_MAX * (RECIPIENTS_MAX + 1);

/// Slips of one case, each a document and an authority that holds it: ten of the largest submissions with three
/// readers each. Whoever folds the case has all of them in memory.
pub const CASE_SLIPS_MAX: usize = 8_192;

/// A statement: 2,304 slip lines of at most 310 bytes, 256 document lines of 270, and room.
pub const STATEMENT_BYTES_MAX: usize = 1024 * 1024;

/// One line of a statement. The longest carries an `age1pq1…` recipient of 1,959 characters.
pub const STATEMENT_LINE_BYTES_MAX: usize = 2_100;

/// A statement's detached CMS: two certificates of at most 2 kB, the attributes, the signature.
pub const SIGNATURE_BYTES_MAX: usize = 8 * 1024;

/// A slip: an age header with one hybrid stanza (about 1.6 kB), grease, and a payload of 300 bytes.
pub const SLIP_BYTES_MAX: usize = 4 * 1024;

/// Bodies of acts that the server has in memory at once: four of the largest (14.5 MB as JSON), hundreds of the usual.
/// One being decoded is there a second time, at three quarters of its length, so this is 112 MiB at the worst.
pub const ACT_BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Of these, one member's: one act of the largest kind, or many small ones. Four members can hold all, one cannot.
pub const ACT_BODIES_PER_MEMBER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A leaf of either log. The entry bundles of C2SP tlog-tiles give a length two bytes.
pub const LEAF_BYTES_MAX: usize = 65_535;

/// A sealed document: 1 TiB. Evidence of today is a disk image of a few hundred gigabytes.
pub const BLOB_BYTES_MAX: u64 = 1 << 40;

/// Up to this many sealed bytes a blob is stored in an ordinary row; above it, in segments.
pub const SMALL_BLOB_BYTES_MAX: u64 = 1024 * 1024;

/// The segment that an interrupted upload resumes at.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The value size inside a segment. One is in memory at a time for each reader and each writer.
pub const SEGMENT_VALUE_BYTES: usize = 1024 * 1024;

/// Uploads that one member may have begun and not yet named in a statement: a submission and a half.
pub const UPLOADS_PER_MEMBER_MAX: usize = 384;

/// An upload that nothing touched for this long is swept: a long weekend and two days.
pub const UPLOAD_IDLE_SECONDS_MAX: u64 = 6 * 24 * 3600;

/// Entries of one state in the directory log, beyond which there are only revocations: 200 members whose certificates
/// are renewed each year, with a revocation and an entry, for twenty-five years. Every client judges all of them.
pub const DIRECTORY_ENTRIES_PER_STATE_MAX: u64 = 10_000;

/// Leaves that one member's acts add to the events log in 24 hours. The largest submission has 260; nobody reads or
/// sends a hundred of those in a day, and what is logged stays for ever.
pub const LEAVES_PER_MEMBER_PER_DAY_MAX: u64 = 50_000;

/// Entries that one member, who is no registrar, adds to the directory in 24 hours: an authority's key, granted to all
/// who read. It takes 200 days of it to fill a state's share of the directory.
pub const ENTRIES_PER_MEMBER_PER_DAY_MAX: u64 = 50;

/// How far a statement's time, and the server's clock, may lie from each other.
pub const CLOCK_SKEW_MS_MAX: u64 = 10 * 60 * 1000;

/// Who has been custodian for so long replaces their authority's sealing key at once; any other replacement waits as
/// long. A day, in which somebody of the authority looks.
pub const CUSTODY_MS: u64 = 24 * 3600 * 1000;

/// Shares of an authority's key: as many people as can be brought together in an emergency.
pub const SHARES_MAX: u8 = 16;

/// A cosignature counts for six hours: a witness may be away for a night's maintenance window, and a log that hides its
/// newer history from a reader can do so no longer. Idle heads are cosigned anew well before.
pub const COSIGNATURE_SECONDS_MAX: u64 = 6 * 3600;

/// A policy may let people work without the other state's witness for this long at the most: a month.
pub const PROVISIONAL_SECONDS_MAX: u64 = 30 * 24 * 3600;

/// A release lets the member fetch the blob for a day from its leaf: a 100 GB document at 10 Mbit/s.
pub const RELEASE_MS_MAX: u64 = 24 * 3600 * 1000;

/// A cover (`request.json`): 256 documents' entries and a long free text.
pub const COVER_BYTES_MAX: usize = 1024 * 1024;

/// A document's name on the sender's machine, in UTF-8 bytes; what common file systems allow.
pub const DOCUMENT_NAME_BYTES_MAX: usize = 255;

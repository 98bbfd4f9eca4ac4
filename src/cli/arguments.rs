//! The arguments, with the help that people read.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::domain::{AuthorityCode, Hash, MemberCode, Role, StateCode, Tag};
use crate::mla::{Op, RevocationReason};
use crate::registrar::Voter;
use crate::wire::{KeyName, VerifierKey};

/// Envoy for mutual legal assistance: signed, sealed, and provable between states.
#[derive(Debug, Parser)]
#[command(name = "elchi", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) profile: ProfileArgs,
    /// Results as JSON, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Whose profile a command works with, and what unlocks it.
#[derive(Debug, Args)]
pub(super) struct ProfileArgs {
    /// The folder of your profile. Without it: the environment's ELCHI_PROFILE.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(super) profile: Option<PathBuf>,
    /// The file that unlocks it, for programs that nobody sits at. Without it: the environment's ELCHI_UNLOCK, or else you
    /// are asked for the passphrase. A profile that is made with a file which is not there makes it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) unlock: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send a new request.
    Send(SendArgs),
    /// What was sealed and did not arrive: list it, send it, or give it up.
    Outbox(OutboxArgs),
    /// List the cases of your authority.
    Inbox,
    /// Show one case: who did what, when, and what you hold.
    Show {
        /// The case: its tag, or the first characters of it.
        case: String,
    },
    /// Open and verify what was sent to you. It is logged that you did.
    Open(OpenArgs),
    /// Say that the request has been taken up.
    Ack {
        /// The case.
        case: String,
    },
    /// Hand documents that you opened to another authority.
    Forward(ForwardArgs),
    /// Answer.
    Reply(ReplyArgs),
    /// Say that you have what you asked for.
    Close {
        /// The case.
        case: String,
    },
    /// After your authority's key was replaced: seal its old slips to the new key (custodians), and check what colleagues
    /// sealed anew. What is interrupted is gone on with when it is run again.
    Rewrap,
    /// Every act on a case or a document, verified: who asked for it, got it, opened it.
    History {
        /// A case or a document.
        tag: String,
    },
    /// Verify the whole log for your state, and prove what stands in it (auditors).
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Object to what the directory says of your authority.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// Your profile: join, see who is in the directory.
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// A state's registrar: members, policy.
    #[command(subcommand)]
    Registrar(RegistrarCommand),
    /// A state's witness: it stands behind the logs of a server, so that nobody is shown another history.
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Run the server.
    #[cfg(feature = "server")]
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// An operator's work: make a server, verify its storage, rebuild its indexes.
    #[cfg(feature = "server")]
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Play a whole case between two states on this machine.
    #[cfg(feature = "server")]
    Demo(DemoArgs),
}

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// To which authority. Can be repeated.
    #[arg(long, value_name = "AUTHORITY", required = true)]
    pub(super) to: Vec<AuthorityCode>,
    /// One line that the reader sees first.
    #[arg(long)]
    pub(super) title: String,
    /// The text of the request.
    #[arg(long, default_value = "")]
    pub(super) text: String,
    /// The documents.
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct OutboxArgs {
    /// Send all of it. What has arrived already is not sent twice.
    #[arg(long, conflicts_with = "discard")]
    pub(super) send: bool,
    /// Give one up, by the name that the list shows.
    #[arg(long, value_name = "NAME")]
    pub(super) discard: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    /// The case.
    pub(super) case: String,
    /// A new folder for the files.
    #[arg(long, value_name = "FOLDER")]
    pub(super) into: PathBuf,
    /// Which submission, as `show` numbers them. Without it: the newest that others sent.
    #[arg(long, value_name = "NUMBER")]
    pub(super) submission: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct ForwardArgs {
    /// The case.
    pub(super) case: String,
    /// To which authority. Can be repeated.
    #[arg(long, value_name = "AUTHORITY", required = true)]
    pub(super) to: Vec<AuthorityCode>,
    /// Which document. Can be repeated. Without it: all that you opened.
    #[arg(long, value_name = "TAG")]
    pub(super) document: Vec<Tag>,
}

#[derive(Debug, Args)]
pub(super) struct ReplyArgs {
    /// The case.
    pub(super) case: String,
    /// One line that the reader sees first.
    #[arg(long)]
    pub(super) title: String,
    /// The text of the answer.
    #[arg(long, default_value = "")]
    pub(super) text: String,
    /// To which authority. Without it: the one that sent you the case.
    #[arg(long, value_name = "AUTHORITY")]
    pub(super) to: Vec<AuthorityCode>,
    /// The documents.
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Fetch what is new of both logs and verify all of them. Made for a timer: exit code 0 says consistent, 1 proven wrong
    /// (what that rests on is kept, and said where), 2 could not check.
    Follow,
    /// Who asked for which document of a case, when, and whether and when it was opened.
    Case {
        /// The case: its tag, or the first characters of it.
        tag: String,
    },
    /// The same of one document.
    Document {
        /// The document: its tag, or the first characters of it.
        tag: String,
    },
    /// Write all statements, certificates and proofs, with a script that verifies them.
    Evidence {
        /// A new folder.
        folder: PathBuf,
    },
    /// Keep a full mirror of both logs: bring a folder of files, as C2SP tlog-tiles has them, up to date.
    Mirror {
        /// The folder; made, if there is none.
        folder: PathBuf,
    },
    /// Write one case as a file that proves itself: for an expert or the defence, years later, offline.
    Bundle {
        /// The case.
        case: String,
        /// The new file.
        #[arg(long, value_name = "FILE.zip")]
        out: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Cancel the pending replacement of your authority's sealing key.
    Cancel {
        /// Do not send it: write it, for any member of your state to hand in, when you can no longer connect.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The replacement's entry, if this machine does not know of it. `profile show` of a colleague names it.
        #[arg(long, value_name = "HASH", requires = "out")]
        entry: Option<Hash>,
    },
    /// Hand in a cancellation that somebody of your state signed.
    Submit {
        /// The file.
        letter: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ProfileCommand {
    /// Show your profile and the directory.
    Show,
    /// Begin a profile from your registrar's invitation.
    Enrol {
        /// The invitation.
        invitation: PathBuf,
        /// Where to write what you give back to the registrar.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Complete it with the registrar's answer.
    Accept {
        /// The answer.
        admission: PathBuf,
    },
    /// Take a newer policy from your registrar.
    Policy {
        /// The policy file.
        bundle: PathBuf,
    },
    /// Let another member of your authority read what is sealed to it (custodians). It is logged that you did.
    Grant {
        /// Who.
        member: MemberCode,
        /// Where to write what you give them.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Take what a colleague granted.
    TakeGrant {
        /// The file.
        grant: PathBuf,
    },
    /// Make a new sealing key for your authority, in place of the one in force (custodians): when somebody who held it has
    /// left, or it may have leaked. Then grant it to your colleagues.
    ReplaceKey {
        /// Do not publish it: write its public half, for your registrar to publish.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Divide your authority's sealing key among people who together can give it back, should all who hold it lose it
    /// (custodians).
    SplitKey(SplitKeyArgs),
    /// Hand the share that you keep to the custodian who puts the key together. Ask them first, by telephone.
    PassShare {
        /// The share.
        share: PathBuf,
        /// Who.
        #[arg(long, value_name = "MEMBER")]
        to: MemberCode,
        /// Where to write what you give them.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put your authority's sealing key together from shares that were passed to you (custodians). It is logged that you did.
    RecoverKey {
        /// The shares.
        #[arg(required = true)]
        shares: Vec<PathBuf>,
    },
    /// Change your passphrase, or take one in place of an unlock file.
    Passphrase,
    /// End your own access, now and for good: when your keys are lost or stolen, or you leave.
    Revoke {
        /// Why: key-compromise, left or superseded.
        #[arg(long)]
        reason: RevocationReason,
    },
}

#[derive(Debug, Args)]
pub(super) struct SplitKeyArgs {
    /// How many shares give the key back, two at least.
    #[arg(long, value_name = "NUMBER")]
    pub(super) threshold: u8,
    /// Who keeps a share: members of your state. Once for each.
    #[arg(long, value_name = "MEMBER", required = true)]
    pub(super) to: Vec<MemberCode>,
    /// A new folder for the shares.
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum RegistrarCommand {
    /// Make a state's certificate authority and its registrar's profile.
    Init {
        /// The registrar, such as kg.registrar/01.
        member: MemberCode,
    },
    /// Sign the policy that sends members to a server.
    Policy {
        /// The server's sheet, from its operator.
        #[arg(long, value_name = "FILE")]
        sheet: PathBuf,
        /// Another state's root: TR=file.pem. Can be repeated.
        #[arg(long, value_name = "STATE=FILE")]
        root: Vec<StateFile>,
        /// The sheet of a witness that must stand behind the logs, of a state or a third party: TR=file.json, court=file.json.
        /// Can be repeated; of one party's witnesses, one is enough.
        #[arg(long, value_name = "WHO=FILE")]
        witness: Vec<VoterFile>,
        /// For how many hours work may go on while others' witnesses are away; 0 for not at all.
        #[arg(long, value_name = "HOURS", default_value_t = 72, requires = "witness", value_parser = clap::value_parser!(u64).range(0..=720))]
        provisional: u64,
        /// Which acts may be done in that time. Can be repeated. Without it: all acts on cases.
        #[arg(long, value_name = "ACT", requires = "witness")]
        provisional_act: Vec<Op>,
        /// Where to write it, for members who have a profile already.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Invite a member.
    Invite {
        /// Who, such as kg.gpo/07.
        member: MemberCode,
        /// What they may do. Can be repeated.
        #[arg(long, required = true)]
        role: Vec<Role>,
        /// They are the first of their authority: its sealing key is made on their machine, and they are its custodian.
        #[arg(long)]
        founds: bool,
        /// Their authority is the state's central authority.
        #[arg(long, requires = "founds")]
        central: bool,
        /// Where to write the invitation.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Admit who answered an invitation.
    Admit {
        /// What they gave back.
        enrolment: PathBuf,
        /// Where to write their certificates.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Replace an authority's sealing key by one that a member of it made. It takes effect after a day.
    ReplaceKey {
        /// Whose.
        authority: AuthorityCode,
        /// The public half, as `elchi profile replace-key --out` wrote it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Revoke a member, at once.
    Revoke {
        /// Who.
        member: MemberCode,
        /// Why.
        #[arg(long)]
        reason: RevocationReason,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum WitnessCommand {
    /// Make a witness's folder: keys, configuration, a sheet for registrars and for the server's operator.
    Init {
        /// The new folder.
        folder: PathBuf,
        /// Its name: a host name, such as witness.kg.example. It cannot be changed later.
        #[arg(long)]
        name: KeyName,
        /// Address and port to listen on.
        #[arg(long, default_value = "0.0.0.0:8444")]
        listen: std::net::SocketAddr,
        /// Host and port by which the server reaches it.
        #[arg(long, value_name = "HOST:PORT")]
        address: String,
        /// The sheet of the server whose logs it is to cosign.
        #[arg(long, value_name = "FILE")]
        sheet: PathBuf,
    },
    /// Have it cosign another log, from the log's first checkpoint on.
    AddLog {
        /// The witness's folder.
        folder: PathBuf,
        /// The log's verifier key, as C2SP signed-note writes it.
        key: VerifierKey,
    },
    /// Run the witness.
    Serve {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[cfg(feature = "server")]
#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Make a server's folder: keys, configuration, a sheet for the registrars.
    Init {
        /// The new folder.
        folder: PathBuf,
        /// Address and port to listen on.
        #[arg(long, default_value = "0.0.0.0:8443")]
        listen: std::net::SocketAddr,
        /// Host and port by which members reach it.
        #[arg(long, value_name = "HOST:PORT")]
        address: String,
        /// The first part of the logs' names, such as mla.example. It cannot be changed later.
        #[arg(long, value_name = "NAME")]
        log_name: String,
        /// A state's root: KG=file.pem. Once for each state.
        #[arg(long, value_name = "STATE=FILE", required = true)]
        root: Vec<StateFile>,
    },
    /// Read all that a stopped server stores, and say whether it is what it was.
    Verify {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Fold both logs of a stopped server again, name every index row that differs, and replace them. Logs, statements,
    /// slips and documents are never changed. It needs as much free room again as the indexes take, twice.
    Rebuild {
        /// The configuration file.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Only compare, and exit with 1 if anything differs.
        #[arg(long)]
        check: bool,
    },
}

#[cfg(feature = "server")]
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// A new folder for everything that the demo makes.
    #[arg(long, value_name = "FOLDER")]
    pub(super) dir: PathBuf,
    /// A file to send beside the samples. Can be repeated.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Vec<PathBuf>,
    /// Leave the server running, and say how to go on by hand.
    #[arg(long)]
    pub(super) keep_serving: bool,
}

/// `WHO=FILE`.
#[derive(Debug, Clone)]
pub(super) struct VoterFile {
    pub(super) voter: Voter,
    pub(super) path: PathBuf,
}

impl std::str::FromStr for VoterFile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (voter, path) = text.split_once('=').ok_or("write it as WHO=FILE, such as TR=witness-sheet.json")?;
        Ok(Self { voter: voter.parse()?, path: path.into() })
    }
}

/// `STATE=FILE`.
#[derive(Debug, Clone)]
pub(super) struct StateFile {
    pub(super) state: StateCode,
    pub(super) path: PathBuf,
}

impl std::str::FromStr for StateFile {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (state, path) = text.split_once('=').ok_or("write it as STATE=FILE, such as TR=tr-root.pem")?;
        let state = state.parse().map_err(|malformed: crate::domain::Malformed| malformed.to_string())?;
        Ok(Self { state, path: path.into() })
    }
}

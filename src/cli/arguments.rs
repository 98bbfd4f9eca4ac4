//! The arguments, with the help that people read.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::domain::{AuthorityCode, MemberCode, Role, StateCode, Tag};
use crate::mla::RevocationReason;

/// Envoy for mutual legal assistance: signed, sealed, and provable between states.
#[derive(Debug, Parser)]
#[command(name = "elchi", version, max_term_width = 100)]
pub(super) struct Arguments {
    /// The folder of your profile. Without it: the environment's ELCHI_PROFILE.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(super) profile: Option<PathBuf>,
    /// Results as JSON, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
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
    /// Every act on a case or a document, verified: who asked for it, got it, opened it.
    History {
        /// A case or a document.
        tag: String,
    },
    /// Verify the whole log for your state (auditors).
    Audit(AuditArgs),
    /// Your profile: join, see who is in the directory.
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// A state's registrar: members, policy.
    #[command(subcommand)]
    Registrar(RegistrarCommand),
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

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// A new folder for all statements, certificates and proofs, with a script that verifies them.
    #[arg(long, value_name = "FOLDER")]
    pub(super) evidence: Option<PathBuf>,
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
    /// Let another member of your authority read what is sealed to it.
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
    /// End your own access, now and for good: when your keys are lost or stolen, or you leave.
    Revoke {
        /// Why: key-compromise, left or superseded.
        #[arg(long)]
        reason: RevocationReason,
    },
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
        /// They are the first of their authority: its sealing key is made on their machine.
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
    /// Revoke a member, at once.
    Revoke {
        /// Who.
        member: MemberCode,
        /// Why.
        #[arg(long)]
        reason: RevocationReason,
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

//! `elchi profile …`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::ProfileCommand;
use super::fault::CliFault;
use super::output::Output;
use crate::client::{Client, ClientError};
use crate::domain::Log;
use crate::durable;
use crate::registrar::{self, Admission, Invitation, PolicyBundle, load_letter, publish_letter};
use crate::sign::Certificate;

/// The profile's folder: from the argument, or from the environment.
pub(super) fn folder(argument: Option<&Path>) -> Result<PathBuf, CliFault> {
    let folder = argument.map(Path::to_owned).or_else(|| std::env::var_os("ELCHI_PROFILE").map(PathBuf::from));
    folder.ok_or_else(|| CliFault::not_possible("no profile is named", "give --profile FOLDER, or set ELCHI_PROFILE"))
}

pub(super) fn open_client(argument: Option<&Path>) -> Result<Client, CliFault> {
    Ok(Client::open(&folder(argument)?)?)
}

pub(super) fn run(argument: Option<&Path>, command: ProfileCommand, output: &Output) -> Result<(), CliFault> {
    match command {
        ProfileCommand::Show => show(argument, output),
        ProfileCommand::Enrol { invitation, out } => {
            let invitation: Invitation = load_letter(&invitation)?;
            let enrolment = registrar::enrol(&invitation, &folder(argument)?)?;
            publish_letter(&out, &enrolment)?;
            let mut roots = String::new();
            for (state, pem) in &invitation.policy.roots {
                let sha256 = Certificate::parse_pem(pem).map_err(ClientError::unproven)?.certificate_sha256();
                roots += &format!("  root of {state}: SHA-256 {sha256}\n");
            }
            output.result(&json!({"member": enrolment.member, "enrolment": out}), || {
                format!(
                    "Keys of {} were made on this machine. Compare with your registrar, by telephone:\n{roots}Then give {} back to them.\n",
                    enrolment.member,
                    out.display()
                )
            });
            Ok(())
        }
        ProfileCommand::Accept { admission } => {
            let admission: Admission = load_letter(&admission)?;
            let client = registrar::accept(&admission, &folder(argument)?)?;
            output.result(&json!({"member": client.profile().member()}), || format!("{} is complete.", client.profile().member()));
            Ok(())
        }
        ProfileCommand::Policy { bundle } => {
            let bundle: PolicyBundle = load_letter(&bundle)?;
            let policy = registrar::take_policy(&folder(argument)?, &bundle)?;
            output.result(&json!({"version": policy.policy().version}), || format!("Policy {} is in force.", policy.policy().version));
            Ok(())
        }
        ProfileCommand::Grant { member, out } => {
            let sealed = registrar::grant(&mut open_client(argument)?, &member)?;
            durable::publish_file(&out, &sealed).map_err(ClientError::file("write", &out))?;
            output.result(&json!({"member": member, "grant": out}), || format!("Give {} to {member}.", out.display()));
            Ok(())
        }
        ProfileCommand::TakeGrant { grant } => {
            let sealed = std::fs::read(&grant).map_err(ClientError::file("read", &grant))?;
            registrar::take_grant(&mut open_client(argument)?, &sealed)?;
            output.result(&json!({"granted": true}), || "You can now read what is sealed to your authority.".into());
            Ok(())
        }
        ProfileCommand::Revoke { reason } => {
            let mut client = open_client(argument)?;
            let member = client.profile().member().clone();
            let receipt = client.revoke_own(reason)?;
            output.result(&json!({"revoked": member, "entry": receipt.first_index()}), || {
                format!("{member} is revoked, by entry {} of the directory. Tell your registrar.", receipt.first_index())
            });
            Ok(())
        }
    }
}

fn show(argument: Option<&Path>, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(argument)?;
    client.follow()?;
    let authorities: Vec<_> = client
        .directory()
        .authorities()
        .map(|(code, record)| json!({"authority": code, "central": record.is_central(), "sealing_key": record.key_at(client.directory().as_of(crate::clock::now())).fingerprint()}))
        .collect();
    let waiting = client.load_waiting()?.len();
    let value = json!({
        "member": client.profile().member(),
        "server": client.policy().policy().server,
        "policy": client.policy().policy().version,
        "events": client.mirror(Log::Events).head().size,
        "directory": client.mirror(Log::Directory).head().size,
        "waiting": waiting,
        "authorities": authorities,
    });
    output.result(&value, || {
        let mut text = format!(
            "{} at {} (policy {})\n{} events and {} directory entries verified on this machine; {waiting} waiting to be sent\n",
            client.profile().member(),
            client.policy().policy().server,
            client.policy().policy().version,
            client.mirror(Log::Events).head().size,
            client.mirror(Log::Directory).head().size,
        );
        for (code, record) in client.directory().authorities() {
            let central = if record.is_central() { "  central authority" } else { "" };
            text += &format!("  {} {code}{central}\n", code.state());
        }
        text
    });
    Ok(())
}

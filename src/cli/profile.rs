//! `elchi profile …`

use std::path::PathBuf;

use serde_json::json;

use super::arguments::{ProfileArgs, ProfileCommand};
use super::directory::{authorities_text, describe_authorities};
use super::fault::CliFault;
use super::notices::LoudClient;
use super::output::Output;
use super::recovery;
use super::terminal::Terminal;
use crate::client::{AskPassphrase, Client, ClientError, Profile, Unlock};
use crate::domain::Log;
use crate::durable;
use crate::registrar::{self, Admission, Invitation, PolicyBundle, load_letter, publish_letter};
use crate::sign::Certificate;
use crate::trust::SealingKey;

/// The profile's folder: from the argument, or from the environment.
pub(super) fn folder(argument: &ProfileArgs) -> Result<PathBuf, CliFault> {
    let folder = argument.profile.clone().or_else(|| std::env::var_os("ELCHI_PROFILE").map(PathBuf::from));
    folder.ok_or_else(|| CliFault::not_possible("no profile is named", "give --profile FOLDER, or set ELCHI_PROFILE"))
}

/// What unlocks it: a file, from the argument or from the environment; else whoever sits here.
pub(super) fn unlock(argument: &ProfileArgs) -> Unlock {
    let file = argument.unlock.clone().or_else(|| std::env::var_os("ELCHI_UNLOCK").map(PathBuf::from));
    file.map_or_else(|| Unlock::Passphrase(Box::new(Terminal)), Unlock::File)
}

pub(super) fn open_profile(argument: &ProfileArgs) -> Result<Profile, CliFault> {
    Ok(Profile::open(&folder(argument)?, &unlock(argument))?)
}

pub(super) fn open_client<'o>(argument: &ProfileArgs, output: &'o Output) -> Result<LoudClient<'o>, CliFault> {
    Ok(LoudClient::new(Client::open(open_profile(argument)?)?, output))
}

pub(super) fn run(argument: &ProfileArgs, command: ProfileCommand, output: &Output) -> Result<(), CliFault> {
    match command {
        ProfileCommand::Show => show(argument, output),
        ProfileCommand::Enrol { invitation, out } => {
            let invitation: Invitation = load_letter(&invitation)?;
            let enrolment = registrar::enrol(&invitation, &folder(argument)?, &unlock(argument))?;
            publish_letter(&out, &enrolment)?;
            let mut roots = String::new();
            for (state, pem) in &invitation.policy.roots {
                let sha256 = Certificate::parse_pem(pem).map_err(ClientError::unproven)?.certificate_sha256();
                roots += &format!("  root of {state}: SHA-256 {sha256}\n");
            }
            output.result(&json!({"member": enrolment.member, "enrolment": out}), || {
                format!(
                    "Keys of {} were made on this machine. Compare with your registrar, by telephone:\n{roots}Then give {} back to them.\n",
                    enrolment.member.label(),
                    out.display()
                )
            });
            Ok(())
        }
        ProfileCommand::Accept { admission } => {
            let admission: Admission = load_letter(&admission)?;
            let client = LoudClient::new(registrar::accept(&admission, open_profile(argument)?)?, output);
            output.result(&json!({"member": client.profile().member()}), || format!("{} is complete.", client.profile().member().label()));
            Ok(())
        }
        ProfileCommand::Policy { bundle } => {
            let bundle: PolicyBundle = load_letter(&bundle)?;
            let policy = registrar::take_policy(&folder(argument)?, &bundle)?;
            output.result(&json!({"version": policy.policy().version}), || format!("Policy {} is in force.", policy.policy().version));
            Ok(())
        }
        ProfileCommand::Grant { member, out } => {
            let sealed = open_client(argument, output)?.grant(&member)?;
            durable::publish_file(&out, &sealed).map_err(ClientError::file("write", &out))?;
            output.result(&json!({"member": member, "grant": out}), || format!("Give {} to {}.", out.display(), member.label()));
            Ok(())
        }
        ProfileCommand::TakeGrant { grant } => {
            let sealed = std::fs::read(&grant).map_err(ClientError::file("read", &grant))?;
            open_client(argument, output)?.take_grant(&sealed)?;
            output.result(&json!({"granted": true}), || "You can now read what is sealed to your authority.".into());
            Ok(())
        }
        ProfileCommand::ReplaceKey { out: Some(out) } => {
            let key = open_client(argument, output)?.prepare_key()?;
            durable::publish_file(&out, format!("{key}\n").as_bytes()).map_err(ClientError::file("write", &out))?;
            output.result(&json!({"sealing_key": key.fingerprint(), "key": out}), || {
                format!("Give {} to your registrar, and tell them its fingerprint: {}", out.display(), key.fingerprint())
            });
            Ok(())
        }
        ProfileCommand::ReplaceKey { out: None } => {
            let key = open_client(argument, output)?.replace_key()?;
            output.result(&describe_replacement(&key), || replacement_text(&key));
            Ok(())
        }
        ProfileCommand::SplitKey(args) => recovery::split_key(argument, &args, output),
        ProfileCommand::PassShare { share, to, out } => recovery::pass_share(argument, &share, &to, &out, output),
        ProfileCommand::RecoverKey { shares } => recovery::recover_key(argument, &shares, output),
        ProfileCommand::Passphrase => {
            let profile = open_profile(argument)?;
            profile.change_passphrase(&Terminal.ask_new(profile.folder())?)?;
            output.result(&json!({"member": profile.member()}), || {
                "From now on the new passphrase opens your profile. An unlock file that opened it still does: destroy it if you want it to be of no use.".into()
            });
            Ok(())
        }
        ProfileCommand::Revoke { reason } => {
            let mut client = open_client(argument, output)?;
            let member = client.profile().member().clone();
            let receipt = client.revoke_own(reason)?;
            output.result(&json!({"revoked": member, "entry": receipt.first_index()}), || {
                format!("{} is revoked, by entry {} of the directory. Tell your registrar.", member.label(), receipt.first_index())
            });
            Ok(())
        }
    }
}

fn show(argument: &ProfileArgs, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(argument, output)?;
    client.follow()?;
    let waiting = client.load_waiting()?.len();
    let value = json!({
        "member": client.profile().member(),
        "server": client.policy().policy().server,
        "policy": client.policy().policy().version,
        "standing": client.standing_of_both(),
        "events": client.mirror(Log::Events).head().size,
        "directory": client.mirror(Log::Directory).head().size,
        "waiting": waiting,
        "authorities": describe_authorities(client.directory()),
    });
    output.result(&value, || {
        let text = format!(
            "{} at {} (policy {})\n{} events and {} directory entries verified on this machine; {waiting} waiting to be sent\n",
            client.profile().member().label(),
            client.policy().policy().server,
            client.policy().policy().version,
            client.mirror(Log::Events).head().size,
            client.mirror(Log::Directory).head().size,
        );
        text + &authorities_text(client.directory())
    });
    Ok(())
}

pub(super) fn describe_replacement(key: &SealingKey) -> serde_json::Value {
    json!({"sealing_key": key.fingerprint(), "takes_effect": key.takes_effect().to_second().to_string(), "entry": key.place().index()})
}

pub(super) fn replacement_text(key: &SealingKey) -> String {
    let when = match key.waits_until() {
        None => "It is in force. Grant it to your colleagues, with `elchi profile grant`.".into(),
        Some(time) => {
            format!("It takes effect at {}, unless a custodian cancels it. Until then the old key is sealed to.", time.to_second())
        }
    };
    format!("The directory names the new sealing key {}.\n{when}\n", key.fingerprint())
}

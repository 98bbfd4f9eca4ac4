//! `elchi registrar …`

use serde_json::json;

use super::arguments::{ProfileArgs, RegistrarCommand, StateFile, VoterFile};
use super::fault::CliFault;
use super::notices::LoudClient;
use super::output::Output;
use super::profile::{describe_replacement, folder, open_profile, replacement_text, unlock};
use crate::client::{Client, ClientError};
use crate::domain::{Log, StateCode};
use crate::mla::Op;
use crate::registrar::{Enrolment, Seat, StateRegistrar, WitnessRule, init_registrar, load_letter, publish_letter};
use crate::trust::ProvisionalWork;
use crate::wire::{ServerSheet, WitnessSheet};

pub(super) fn run(argument: &ProfileArgs, command: RegistrarCommand, output: &Output) -> Result<(), CliFault> {
    match command {
        RegistrarCommand::Init { member } => {
            let folder = folder(argument)?;
            init_registrar(&folder, &member, &unlock(argument))?;
            let root = folder.join(format!("roots/{}.pem", member.state()));
            output.result(&json!({"member": member, "root": root}), || {
                format!(
                    "The certificate authority of {} is in {}.\nGive {} to the server's operator and to the other states.\n",
                    member.state(),
                    folder.display(),
                    root.display()
                )
            });
        }
        RegistrarCommand::Policy { sheet, root, witness, provisional, provisional_act, out } => {
            let sheet: ServerSheet = load_letter(&sheet)?;
            let rule = witness_rule(&witness, provisional, provisional_act)?;
            let bundle = StateRegistrar::open(open_profile(argument)?)?.sign_policy(&sheet, &read_roots(&root)?, &rule)?;
            if let Some(out) = &out {
                publish_letter(out, &bundle)?;
            }
            output.result(&bundle, || format!("The policy is signed and in force here:\n\n{}", bundle.policy));
        }
        RegistrarCommand::Invite { member, role, founds, central, out } => {
            let seat = Seat { member, roles: role, founds, central };
            let invitation = StateRegistrar::open(open_profile(argument)?)?.invite(&seat)?;
            publish_letter(&out, &invitation)?;
            output.result(&json!({"member": seat.member, "invitation": out}), || {
                format!("Give {} to {} in person: whoever has it can join in their name.", out.display(), seat.member.label())
            });
        }
        RegistrarCommand::Admit { enrolment, out } => {
            let enrolment: Enrolment = load_letter(&enrolment)?;
            let (registrar, mut client) = open(argument, output)?;
            let admission = registrar.admit(&mut client, &enrolment)?;
            publish_letter(&out, &admission)?;
            output.result(&json!({"member": admission.member, "admission": out}), || {
                format!("{} is in the directory. Give {} to them.", admission.member.label(), out.display())
            });
        }
        RegistrarCommand::ReplaceKey { authority, key } => {
            let sealing = std::fs::read_to_string(&key).map_err(ClientError::file("read", &key))?;
            let (registrar, mut client) = open(argument, output)?;
            let key = registrar.replace_key(&mut client, &authority, sealing.trim_end())?;
            output.result(&describe_replacement(&key), || replacement_text(&key));
        }
        RegistrarCommand::Revoke { member, reason } => {
            let (registrar, mut client) = open(argument, output)?;
            registrar.revoke(&mut client, &member, reason)?;
            output.result(&json!({"revoked": member}), || format!("{} is revoked.", member.label()));
        }
    }
    Ok(())
}

/// The registrar at work, and their client.
fn open<'o>(argument: &ProfileArgs, output: &'o Output) -> Result<(StateRegistrar, LoudClient<'o>), CliFault> {
    let profile = open_profile(argument)?;
    let client = LoudClient::new(Client::open(profile.clone())?, output);
    Ok((StateRegistrar::open(profile)?, client))
}

fn witness_rule(files: &[VoterFile], hours: u64, mut acts: Vec<Op>) -> Result<WitnessRule, ClientError> {
    let read = |file: &VoterFile| Ok((file.voter.clone(), load_letter::<WitnessSheet>(&file.path)?));
    let witnesses = files.iter().map(read).collect::<Result<_, ClientError>>()?;
    if acts.is_empty() {
        acts = Op::ALL.iter().copied().filter(|op| op.log() == Log::Events).collect();
    }
    acts.sort();
    acts.dedup();
    let provisional = (hours > 0).then_some(ProvisionalWork { seconds: hours * 3600, acts });
    Ok(WitnessRule { witnesses, provisional })
}

pub(super) fn read_roots(files: &[StateFile]) -> Result<Vec<(StateCode, String)>, CliFault> {
    let read = |file: &StateFile| {
        let text = std::fs::read_to_string(&file.path).map_err(ClientError::file("read", &file.path))?;
        Ok((file.state, text))
    };
    files.iter().map(read).collect()
}

//! The cast: two registrars make their states' certificate authorities, operators a server and two witnesses, and
//! seven people enrol.

use std::path::PathBuf;

use super::machines::{Machines, make_server, make_witness, witness_rule};
use super::stage::Stage;
use crate::client::{Client, ClientError, Profile};
use crate::domain::{MemberCode, Role, StateCode};
use crate::registrar::{Seat, StateRegistrar, accept, enrol, init_registrar, publish_letter};

/// One person of the story.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) member: MemberCode,
    roles: Vec<Role>,
    central: bool,
}

impl Person {
    pub(super) fn folder_name(&self) -> String {
        self.member.to_string().replace('/', "-")
    }
}

/// Everybody.
pub(super) struct Cast {
    pub(super) people: Vec<Person>,
}

/// Who plays: code, role, whether their authority is the state's central one.
const PEOPLE: [(&str, Role, bool); 7] = [
    ("kg.gpo/01", Role::Signatory, true),
    ("kg.mvd/01", Role::Signatory, false),
    ("kg.sms/01", Role::Signatory, false),
    ("kg.audit/01", Role::Auditor, false),
    ("tr.moj/01", Role::Signatory, true),
    ("tr.ist-cpp/01", Role::Signatory, false),
    ("tr.audit/01", Role::Auditor, false),
];

impl Cast {
    /// A person's client.
    pub(super) fn client(&self, stage: &Stage<'_>, member: &str) -> Result<Client, ClientError> {
        Client::open(Profile::open(&stage.path("people").join(member.replace('/', "-")), &stage.unlock())?)
    }
}

/// Makes both states, the server and the people.
pub(super) fn make_cast(stage: &mut Stage<'_>) -> Result<(Cast, Machines), String> {
    let mut roots = Vec::new();
    for (folder, member) in [("kg", "kg.registrar/01"), ("tr", "tr.registrar/01")] {
        let member = parse(member)?;
        let root = stage.step(&format!("{member} makes the state's certificate authority"), |stage| {
            init_registrar(&stage.path(folder), &member, &stage.unlock())
        })?;
        roots.push((member.state(), root));
    }
    let (server, listen) = stage.step("the operator makes a server", |stage| make_server(stage, &roots))?;
    let mut sheets = Vec::new();
    for (state, _) in &roots {
        let sheet = stage.step(&format!("{state} makes a witness of its own"), |stage| make_witness(stage, *state, &server))?;
        sheets.push((*state, sheet));
    }
    let rule = witness_rule(&sheets);
    stage.step("both registrars sign the policy that names server and witnesses", |stage| {
        for folder in ["kg", "tr"] {
            let profile = Profile::open(&stage.path(folder), &stage.unlock()).map_err(|fault| fault.to_string())?;
            let registrar = StateRegistrar::open(profile).map_err(|fault| fault.to_string())?;
            let own: StateCode = folder.to_uppercase().parse().map_err(|fault: crate::domain::Malformed| fault.to_string())?;
            let others: Vec<_> = roots.iter().filter(|(state, _)| *state != own).cloned().collect();
            registrar.sign_policy(&server, &others, &rule).map_err(|fault| fault.to_string())?;
        }
        Ok::<_, String>(())
    })?;
    let machines =
        stage.step(&format!("the witnesses start, then the server on {listen}"), |stage| Machines::start(stage, listen, &sheets))?;
    stage.make_folder("letters")?;
    stage.make_folder("people")?;
    let mut people = Vec::new();
    for (code, role, central) in PEOPLE {
        let person = Person { member: parse(code)?, roles: vec![role], central };
        stage.step(&format!("{code} enrols as {role}"), |stage| enrol_person(stage, &person))?;
        people.push(person);
    }
    Ok((Cast { people }, machines))
}

/// Invitation, enrolment, admission, acceptance; the letters stay in `letters`.
fn enrol_person(stage: &Stage<'_>, person: &Person) -> Result<(), ClientError> {
    let state = person.member.state().to_string().to_lowercase();
    let letter = |kind: &str| -> PathBuf { stage.path("letters").join(format!("{}-{kind}.json", person.folder_name())) };
    let folder = stage.path("people").join(person.folder_name());
    let at_work = Profile::open(&stage.path(&state), &stage.unlock())?;
    let mut client = Client::open(at_work.clone())?;
    let registrar = StateRegistrar::open(at_work)?;
    let seat = Seat { member: person.member.clone(), roles: person.roles.clone(), founds: true, central: person.central };
    let invitation = registrar.invite(&seat)?;
    publish_letter(&letter("invitation"), &invitation)?;
    let enrolment = enrol(&invitation, &folder, &stage.unlock())?;
    publish_letter(&letter("enrolment"), &enrolment)?;
    let admission = registrar.admit(&mut client, &enrolment)?;
    publish_letter(&letter("admission"), &admission)?;
    // They see the two entries that name their authority and themselves, and expected both.
    accept(&admission, Profile::open(&folder, &stage.unlock())?)?.keep_shown()
}

fn parse(code: &str) -> Result<MemberCode, String> {
    code.parse().map_err(|malformed: crate::domain::Malformed| malformed.to_string())
}

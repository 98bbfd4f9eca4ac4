//! The cast: two registrars make their states' certificate authorities, an operator a server, and seven
//! people enrol.

use std::path::PathBuf;

use super::server::{RunningServer, free_address};
use super::stage::Stage;
use crate::admin::{NewServer, init_server};
use crate::client::{Client, ClientError};
use crate::clock;
use crate::domain::{MemberCode, Role, StateCode, UtcSecond};
use crate::registrar::{
    Seat, StateRegistrar, Validity, accept, enrol, generate_key, init_registrar, issue_server_certificate, publish_letter,
};

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

/// Everybody, and where the server is.
pub(super) struct Cast {
    pub(super) people: Vec<Person>,
    pub(super) address: String,
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
        Client::open(&stage.path("people").join(member.replace('/', "-")))
    }
}

/// Makes both states, the server and the people.
pub(super) fn make_cast(stage: &mut Stage<'_>) -> Result<(Cast, RunningServer), String> {
    let mut roots = Vec::new();
    for (folder, member) in [("kg", "kg.registrar/01"), ("tr", "tr.registrar/01")] {
        let member = parse(member)?;
        let root = stage
            .step(&format!("{member} makes the state's certificate authority"), |stage| init_registrar(&stage.path(folder), &member))?;
        roots.push((member.state(), root));
    }
    let listen = free_address()?;
    let address = listen.to_string();
    let sheet = stage.step("the operator makes a server", |stage| make_server(stage, listen, &roots))?;
    stage.step("both registrars sign the policy that names it", |stage| {
        for folder in ["kg", "tr"] {
            let registrar = StateRegistrar::open(&stage.path(folder)).map_err(|fault| fault.to_string())?;
            let own: StateCode = folder.to_uppercase().parse().map_err(|fault: crate::domain::Malformed| fault.to_string())?;
            let others: Vec<_> = roots.iter().filter(|(state, _)| *state != own).cloned().collect();
            registrar.sign_policy(&sheet, &others).map_err(|fault| fault.to_string())?;
        }
        Ok::<_, String>(())
    })?;
    let server = stage.step(&format!("the server starts on {address}"), |stage| {
        RunningServer::start(&stage.path("server/elchi.toml"), &address, &stage.path("server/traces.json"))
    })?;
    stage.make_folder("letters")?;
    stage.make_folder("people")?;
    let mut people = Vec::new();
    for (code, role, central) in PEOPLE {
        let person = Person { member: parse(code)?, roles: vec![role], central };
        stage.step(&format!("{code} enrols as {role}"), |stage| enrol_person(stage, &person))?;
        people.push(person);
    }
    Ok((Cast { people, address }, server))
}

fn make_server(stage: &Stage<'_>, listen: std::net::SocketAddr, roots: &[(StateCode, String)]) -> Result<crate::wire::ServerSheet, String> {
    let (tls_key, _) = generate_key().map_err(|fault| fault.to_string())?;
    let now = clock::now_second().unix();
    let second = |unix| UtcSecond::from_unix(unix).map_err(|fault| fault.to_string());
    let validity = Validity { from: second(now - 3600)?, until: second(now + 365 * 24 * 3600)? };
    let certificate = issue_server_certificate("localhost", &tls_key, validity).map_err(|fault| fault.to_string())?;
    let new = NewServer {
        listen,
        address: listen.to_string(),
        log_name: "demo.elchi.example".into(),
        roots,
        tls_key: &tls_key,
        tls_certificate: &certificate,
    };
    init_server(&stage.path("server"), &new).map_err(|fault| fault.to_string())
}

/// Invitation, enrolment, admission, acceptance; the letters stay in `letters`.
fn enrol_person(stage: &Stage<'_>, person: &Person) -> Result<(), ClientError> {
    let state = person.member.state().to_string().to_lowercase();
    let letter = |kind: &str| -> PathBuf { stage.path("letters").join(format!("{}-{kind}.json", person.folder_name())) };
    let profile = stage.path("people").join(person.folder_name());
    let registrar = StateRegistrar::open(&stage.path(&state))?;
    let mut client = Client::open(&stage.path(&state))?;
    let seat = Seat { member: person.member.clone(), roles: person.roles.clone(), founds: true, central: person.central };
    let invitation = registrar.invite(&seat)?;
    publish_letter(&letter("invitation"), &invitation)?;
    let enrolment = enrol(&invitation, &profile)?;
    publish_letter(&letter("enrolment"), &enrolment)?;
    let admission = registrar.admit(&mut client, &enrolment)?;
    publish_letter(&letter("admission"), &admission)?;
    // They see the two entries that name their authority and themselves, and expected both.
    accept(&admission, &profile)?.keep_shown()
}

fn parse(code: &str) -> Result<MemberCode, String> {
    code.parse().map_err(|malformed: crate::domain::Malformed| malformed.to_string())
}

//! Joining, by the letters that people carry: what fits together is admitted, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use elchi::client::Client;
use serde_json::{Value, json};

use crate::story_world::World;

/// `kg.gpo/02` on the way into the demo's world, with a folder for the letters.
struct Joining {
    world: World,
    profile: PathBuf,
}

impl Joining {
    /// Invited, with keys of their own, not admitted yet.
    fn enrolled() -> Self {
        let world = World::play();
        let joining = Self { profile: world.path("people/kg.gpo-02"), world };
        joining.ok(&["registrar", "invite", "kg.gpo/02", "--role", "signatory", "--out", "i.json"], "kg");
        joining.ok(&["profile", "enrol", "i.json", "--out", "e.json"], "people/kg.gpo-02");
        joining
    }

    fn run(&self, arguments: &[&str], profile: &str) -> Output {
        let letters = self.letter("");
        self.world.program().current_dir(letters).args(arguments).arg("--profile").arg(self.world.path(profile)).output().unwrap()
    }

    fn ok(&self, arguments: &[&str], profile: &str) {
        let output = self.run(arguments, profile);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn admit(&self, letter: &str) -> Output {
        self.run(&["registrar", "admit", letter, "--out", "a.json"], "kg")
    }

    fn letter(&self, name: &str) -> PathBuf {
        self.world.path("letters").join(name)
    }

    fn read(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.letter(name)).unwrap()).unwrap()
    }

    /// Writes a letter that differs from another in one field.
    fn forge(&self, name: &str, from: &str, field: &str, value: Value) {
        let mut letter = self.read(from);
        letter[field] = value;
        fs::write(self.letter(name), letter.to_string()).unwrap();
    }

    fn open(&self, into: &Path) -> Result<(), String> {
        let mut client = Client::open(self.world.open_profile("kg.gpo/02")).map_err(|fault| fault.to_string())?;
        client.open_submission(&self.world.case, None, into, &mut |_, _| {}).map(drop).map_err(|fault| fault.to_string())
    }
}

#[test]
fn a_registrar_cannot_name_another_states_authorities() {
    let world = World::play();
    let out = world.path("invitation.json");
    let refused = world
        .program()
        .args(["registrar", "invite", "tr.moj/99", "--role", "signatory", "--out"])
        .arg(&out)
        .arg("--profile")
        .arg(world.path("kg"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(!out.exists());
}

#[test]
fn a_second_member_reads_after_a_grant_and_not_before() {
    let joining = Joining::enrolled();
    assert!(joining.admit("e.json").status.success());
    joining.ok(&["profile", "accept", "a.json"], "people/kg.gpo-02");
    let into = joining.world.path("second");
    let refused = joining.open(&into).unwrap_err();
    assert!(refused.contains("authority-") && refused.contains("elchi profile grant"), "{refused}");
    assert!(!into.exists());
    joining.ok(&["profile", "grant", "kg.gpo/02", "--out", "g.age"], "people/kg.gpo-01");
    joining.ok(&["profile", "take-grant", "g.age"], "people/kg.gpo-02");
    joining.open(&into).unwrap();
    // A grant is for one member only.
    assert_ne!(joining.run(&["profile", "take-grant", "g.age"], "people/tr.moj-01").status.code(), Some(0));
}

#[test]
fn an_enrolment_needs_its_own_invitation_and_a_key_for_each_use() {
    let joining = Joining::enrolled();
    joining.forge("token.json", "e.json", "token", json!("00".repeat(32)));
    let one_key = joining.read("e.json")["tls_request"].clone();
    joining.forge("one-key.json", "e.json", "statement_request", one_key);
    for letter in ["token.json", "one-key.json"] {
        let refused = joining.admit(letter);
        assert_eq!(refused.status.code(), Some(1), "{letter}: {}", String::from_utf8_lossy(&refused.stderr));
        assert!(!joining.letter("a.json").exists(), "{letter}");
    }
    assert_eq!(joining.admit("e.json").status.code(), Some(0));
    let admission = joining.read("a.json");
    // A lost letter is written again; the invitation lets nobody else in.
    fs::remove_file(joining.letter("a.json")).unwrap();
    assert_eq!(joining.admit("e.json").status.code(), Some(0));
    assert_eq!(joining.read("a.json"), admission);
    joining.ok(&["profile", "enrol", "i.json", "--out", "other.json"], "people/another");
    assert_eq!(joining.admit("other.json").status.code(), Some(2));
}

/// A root that is left out would end every client that follows the directory.
#[test]
fn a_policy_never_drops_a_root_in_silence() {
    let joining = Joining::enrolled();
    let sheet = joining.world.path("server/server-sheet.json");
    let policy = |more: &[&str]| joining.run(&[&["registrar", "policy", "--sheet", sheet.to_str().unwrap()], more].concat(), "kg");
    let refused = policy(&[]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && told.contains("--root TR=FILE"), "{told}");
    let root = format!("TR={}", joining.world.path("tr/roots/TR.pem").display());
    let taken = policy(&["--root", &root, "--out", "p.json"]);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    joining.ok(&["profile", "policy", "p.json"], "people/kg.gpo-01");
    joining.ok(&["inbox"], "people/kg.gpo-01");
}

/// A letter that somebody made up takes nothing away from a profile that works.
#[test]
fn an_admission_that_does_not_fit_changes_nothing() {
    let joining = Joining::enrolled();
    assert!(joining.admit("e.json").status.success());
    joining.ok(&["profile", "accept", "a.json"], "people/kg.gpo-02");
    let certificates = || ["tls.pem", "statement.pem"].map(|name| fs::read_to_string(joining.profile.join(name)).unwrap());
    let [tls, statement] = certificates();
    let of = |member: &str, name: &str| fs::read_to_string(joining.world.profile(member).join(name)).unwrap();
    let forgeries = [
        ("tls", json!(of("kg.gpo/01", "tls.pem")), "a colleague's"),
        ("statement", json!(of("tr.moj/01", "statement.pem")), "another state's"),
        ("tls", json!(statement), "of another purpose"),
        ("statement", json!(""), "none"),
    ];
    for (field, value, what) in forgeries {
        joining.forge("forged.json", "a.json", field, value);
        let refused = joining.run(&["profile", "accept", "forged.json"], "people/kg.gpo-02");
        assert_eq!(refused.status.code(), Some(1), "{what}: {}", String::from_utf8_lossy(&refused.stderr));
        assert_eq!(certificates(), [tls.as_str(), statement.as_str()], "{what}");
    }
    joining.ok(&["profile", "accept", "a.json"], "people/kg.gpo-02");
}

/// At night, without the registrar.
#[test]
fn a_member_whose_keys_are_stolen_ends_their_own_access() {
    let joining = Joining::enrolled();
    assert!(joining.admit("e.json").status.success());
    joining.ok(&["profile", "accept", "a.json"], "people/kg.gpo-02");
    joining.ok(&["inbox"], "people/kg.gpo-02");
    joining.ok(&["profile", "revoke", "--reason", "key-compromise"], "people/kg.gpo-02");
    let refused = joining.run(&["inbox"], "people/kg.gpo-02");
    assert_eq!(refused.status.code(), Some(2));
    // A colleague goes on, and an auditor finds nothing wrong.
    joining.ok(&["inbox"], "people/kg.gpo-01");
    joining.ok(&["audit", "follow"], "people/kg.audit-01");
}

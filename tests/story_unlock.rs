//! Keys at rest: nothing private lies in the clear, the right key opens all of it, and the wrong one says so and spoils
//! nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use elchi::client::{AskPassphrase, ClientError, Profile, Unlock};
use elchi::registrar::init_registrar;
use elchi::seal::Passphrase;

use crate::seal::javascript;
use crate::story_world::{PROGRAM, World};

const FIRST: &str = "bir daryn eki jeegi";
const SECOND: &str = "жакшы сөз — жан азыгы";

/// Long enough for a loaded machine; what hangs longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who always says the same.
struct Says(&'static str);

impl AskPassphrase for Says {
    fn ask(&self, _: &Path) -> Result<Passphrase, ClientError> {
        Ok(Passphrase::typed(self.0.to_owned()))
    }

    fn ask_new(&self, folder: &Path) -> Result<Passphrase, ClientError> {
        self.ask(folder)
    }
}

fn says(passphrase: &'static str) -> Unlock {
    Unlock::Passphrase(Box::new(Says(passphrase)))
}

fn chosen(passphrase: &str) -> Passphrase {
    Passphrase::chosen(passphrase.to_owned()).unwrap()
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

fn is_private(bytes: &[u8]) -> bool {
    holds(bytes, "PRIVATE KEY") || holds(bytes, "AGE-SECRET-KEY")
}

/// All keys of a member's profile: each opens, and fits its certificate or entry.
fn load_all(profile: &Profile) -> Result<(), ClientError> {
    profile.load_tls_key()?;
    profile.load_statement_signer()?;
    profile.load_member_identity()?;
    Ok(())
}

fn refusal(opened: Result<Profile, ClientError>) -> String {
    opened.and_then(|profile| load_all(&profile)).unwrap_err().to_string()
}

#[test]
fn nothing_private_lies_in_the_clear_and_another_age_opens_it() {
    let world = World::play();
    let key = String::from_utf8(fs::read(world.path("unlock.key")).unwrap()).unwrap();
    let identity = key.lines().nth(1).unwrap();
    let mut sealed = 0;
    for folder in ["people", "kg", "tr"] {
        for (path, bytes) in files(&world.path(folder)) {
            assert!(!is_private(&bytes), "{}", path.display());
            if path.to_string_lossy().ends_with(".key.age") {
                let opened = javascript::run(&["decrypt", identity], &bytes).unwrap();
                assert!(is_private(&opened) && opened == world.read_secret(&path), "{}", path.display());
                sealed += 1;
            }
        }
    }
    assert_eq!(sealed, 7 * 3 + 2 * 4, "three keys a member, four a registrar");
}

#[test]
fn the_wrong_unlock_file_or_none_is_said_in_words() {
    let world = World::play();
    let profile = world.profile("kg.gpo/01");
    let before = files(&profile);
    let other = Unlock::File(world.path("other.key"));
    init_registrar(&world.path("kz"), &"kz.registrar/01".parse().unwrap(), &other).unwrap();
    let told = refusal(Profile::open(&profile, &other));
    assert!(told.contains("tls.key.age does not open with the key") && told.contains("hint: name the unlock file"), "{told}");
    let told = refusal(Profile::open(&profile, &Unlock::File(world.path("none.key"))));
    assert!(told.contains("none.key cannot be used: No such file") && told.contains("hint: name the unlock file"), "{told}");
    let told = refusal(Profile::open(&profile, &Unlock::File(world.config())));
    assert!(told.contains("elchi.toml cannot be used: it is none"), "{told}");
    let told = refusal(Profile::open(&profile, &says(FIRST)));
    assert!(told.contains("its key lies in an unlock file") && told.contains("hint: name that file with --unlock"), "{told}");
    let wrong = Profile::open(&profile, &other).map(|profile| profile.change_passphrase(&chosen(FIRST))).unwrap();
    assert!(wrong.is_err() && !profile.join("profile.age").exists(), "a key that is not the profile's is not put in its place");
    assert_eq!(files(&profile), before);
    load_all(&Profile::open(&profile, &world.unlock()).unwrap()).unwrap();
    // Made with that file, not over it.
    let key = fs::read(world.path("other.key")).unwrap();
    init_registrar(&world.path("uz"), &"uz.registrar/01".parse().unwrap(), &other).unwrap();
    assert_eq!(fs::read(world.path("other.key")).unwrap(), key);
}

#[test]
fn another_passphrase_opens_the_same_keys_and_the_old_one_opens_nothing() {
    let world = World::play();
    let folder = world.profile("kg.gpo/01");
    let before = files(&folder);
    let with_file = || Profile::open(&folder, &world.unlock()).unwrap();
    with_file().change_passphrase(&chosen(FIRST)).unwrap();
    let sealed_first = fs::read(folder.join("profile.age")).unwrap();
    Profile::open(&folder, &says(FIRST)).unwrap().change_passphrase(&chosen(SECOND)).unwrap();
    let told = refusal(Profile::open(&folder, &says(FIRST)));
    assert!(told.contains("profile.age: it does not open with this passphrase\nhint: type it again"), "{told}");
    load_all(&Profile::open(&folder, &says(SECOND)).unwrap()).unwrap();
    load_all(&with_file()).unwrap();

    let mut after = files(&folder);
    let sealed = after.remove(&folder.join("profile.age")).unwrap();
    assert_eq!(after, before, "nothing else is written");
    let text = javascript::run(&["unlock", SECOND], &sealed).unwrap();
    assert_eq!(text, fs::read(world.path("unlock.key")).unwrap(), "another age opens it");
    assert!(javascript::run(&["unlock", FIRST], &sealed).is_none() && javascript::run(&["unlock", FIRST], &sealed_first).is_some());

    for (damaged, told) in [(&sealed[..sealed.len() - 1], "does not open"), (&[0; 9000], "longer than"), (b"", "does not open")] {
        fs::write(folder.join("profile.age"), damaged).unwrap();
        assert!(refusal(Profile::open(&folder, &says(SECOND))).contains(told), "{told}");
    }
}

/// A file in the way must not cost the machine hours or its memory.
#[test]
fn a_file_that_asks_for_too_much_work_is_refused_at_once() {
    let world = World::play();
    let folder = world.profile("kg.gpo/01");
    world.open_profile("kg.gpo/01").change_passphrase(&chosen(FIRST)).unwrap();
    let sealed = fs::read(folder.join("profile.age")).unwrap();
    let end = sealed.windows(4).position(|window| window == b" 17\n").unwrap();
    for factor in ["19", "22", "40", "63"] {
        let forged = [&sealed[..=end], factor.as_bytes(), &sealed[end + 3..]].concat();
        fs::write(folder.join("profile.age"), forged).unwrap();
        assert!(refusal(Profile::open(&folder, &says(FIRST))).contains("more work than 2^18"), "{factor}");
    }
    // What `age -p` writes by itself is read.
    let mut recipient = age::scrypt::Recipient::new(FIRST.to_owned().into());
    recipient.set_work_factor(18);
    fs::write(folder.join("profile.age"), age::encrypt(&recipient, &fs::read(world.path("unlock.key")).unwrap()).unwrap()).unwrap();
    load_all(&Profile::open(&folder, &says(FIRST)).unwrap()).unwrap();
}

#[test]
fn where_nobody_can_be_asked_it_says_what_to_do() {
    let world = World::play();
    world.open_profile("kg.gpo/01").change_passphrase(&chosen(FIRST)).unwrap();
    let without_terminal = |arguments: &[&str]| {
        let mut command = Command::new("setsid");
        command.args(["--wait", PROGRAM]).args(arguments).env_remove("ELCHI_UNLOCK").stdin(Stdio::null());
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let profile = world.profile("kg.gpo/01");
    let told = without_terminal(&["inbox", "--profile", profile.to_str().unwrap()]);
    assert!(told.contains("no passphrase can be asked for") && told.contains("hint: run this at a terminal, or name"), "{told}");
    let new = world.path("kz");
    let told = without_terminal(&["registrar", "init", "kz.registrar/01", "--profile", new.to_str().unwrap()]);
    assert!(told.contains("no passphrase can be asked for") && !new.exists(), "{told}");
}

/// Runs the program at a terminal of its own (`script` of bsdutils), and types each answer when it is asked for and the
/// terminal has stopped showing what is typed. Gives the exit code, and all that could be read there.
fn at_terminal(world: &World, profile: &Path, arguments: &str, answers: &[&str]) -> (Option<i32>, String) {
    let tty = world.path("tty");
    let _ = fs::remove_file(&tty);
    let line = format!("tty > {}; exec {PROGRAM} {arguments} --profile {}", tty.display(), profile.display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_remove("ELCHI_UNLOCK").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let shown = Arc::new(Mutex::new(Vec::new()));
    let showing = Arc::clone(&shown);
    let reading = thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = screen.read(&mut bytes) {
            showing.lock().unwrap().extend_from_slice(&bytes[..count]);
        }
    });
    let text = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    for (number, answer) in answers.iter().enumerate() {
        let begun = Instant::now();
        while text().matches(": ").count() <= number || shows_typing(&tty) {
            assert!(begun.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "it does not ask: {}", text());
            thread::sleep(Duration::from_millis(10));
        }
        keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    let code = child.wait().unwrap().code();
    reading.join().unwrap();
    (code, text())
}

fn shows_typing(tty: &Path) -> bool {
    let device = fs::read_to_string(tty).unwrap_or_default();
    let output = Command::new("stty").args(["-a", "-F", device.trim_end()]).output().unwrap();
    !String::from_utf8_lossy(&output.stdout).contains(" -echo ")
}

#[test]
fn a_passphrase_is_typed_unseen_twice_when_it_is_made_and_once_to_open() {
    let world = World::play();
    let (new, own) = (world.path("kz"), world.profile("kg.gpo/01"));
    let init = |answers: &[&str]| at_terminal(&world, &new, "registrar init kz.registrar/01", answers);
    let (code, said) = init(&[FIRST, SECOND]);
    assert!(code == Some(2) && said.contains("the two passphrases differ"), "{said}");
    let (code, said) = init(&["elchi elchi", "elchi elchi"]);
    assert!(code == Some(2) && said.contains("at least 12 characters") && !new.exists(), "{said}");
    let (code, said) = init(&[SECOND, SECOND]);
    assert!(code == Some(0) && new.join("profile.age").exists() && !said.contains(SECOND), "{said}");
    assert!(files(&new).values().all(|bytes| !is_private(bytes)));

    let moved = format!("profile passphrase --unlock {}", world.path("unlock.key").display());
    let (code, said) = at_terminal(&world, &own, &moved, &[FIRST, FIRST]);
    assert!(code == Some(0) && !said.contains(FIRST), "{said}");
    // The registrar's work takes the key twice, and asks once.
    let (code, said) = at_terminal(&world, &own, "inbox --json", &[FIRST]);
    assert!(code == Some(0) && said.contains(&world.case.to_string()) && !said.contains(FIRST), "{said}");
    let (code, said) = at_terminal(&world, &own, "profile passphrase", &[FIRST, SECOND, SECOND]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = at_terminal(&world, &own, "inbox", &[FIRST]);
    assert!(code == Some(2) && said.contains("does not open with this passphrase"), "{said}");
}

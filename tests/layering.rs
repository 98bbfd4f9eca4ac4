//! The house, enforced: who may import whom, and who alone may name a library.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module → what it may import. A module not here does not exist.
const MAY_IMPORT: &[(&str, &str)] = &[
    ("domain", ""),
    ("mla", "domain"),
    ("wire", "domain mla"),
    ("crypto", "domain"),
    ("seal", "domain crypto"),
    ("sign", "domain crypto"),
    ("tlog", "domain wire crypto"),
    ("trust", "domain mla wire crypto sign tlog"),
    ("net", "domain wire crypto trust"),
    ("store", "domain wire crypto"),
    ("exchange", "domain mla wire crypto seal sign tlog trust store"),
    ("server", "domain mla wire tlog trust net exchange"),
    ("client", "domain mla wire crypto seal sign tlog trust net"),
    ("witness", "domain wire crypto tlog trust net"),
    ("registrar", "domain mla wire crypto seal sign tlog trust net client"),
    ("audit", "domain mla wire crypto seal sign tlog trust net client"),
    ("desk", "domain mla wire crypto seal sign tlog trust net client registrar audit"),
    ("admin", "domain mla wire crypto seal sign tlog trust store exchange"),
    ("demo", "domain mla wire crypto seal sign tlog trust net store exchange server client witness registrar audit desk admin"),
    ("cli", "domain mla wire crypto seal sign tlog trust net store exchange server client witness registrar audit desk admin demo"),
];

/// Leaves that anyone may import, and the two files that stand above all.
const LEAVES: &[&str] = &["clock", "durable", "telemetry", "settings"];
const ROOTS: &[&str] = &["lib", "main"];

/// Library → the only modules that may name it.
const NAMED_ONLY_BY: &[(&str, &str)] = &[
    ("rocksdb", "store"),
    ("rcgen", "registrar"),
    ("hyper", "net"),
    ("rustls", "net"),
    ("tokio_rustls", "net"),
    ("age", "seal"),
    ("hpke", "seal"),
    ("clap", "cli"),
    ("rpassword", "cli"),
    ("zip", "audit"),
];

/// What only one module may do.
const CALLED_ONLY_BY: &[(&str, &str)] = &[
    ("SystemTime::now", "clock"),
    ("OffsetDateTime::now", "clock"),
    ("fs::rename", "durable"),
    (".sync_all(", "durable"),
    ("ring::digest", "crypto"),
    ("SecureRandom", "crypto"),
    ("secure_random", "crypto"),
];

struct Source {
    module: String,
    path: PathBuf,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let describe = |path: PathBuf| {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs").to_owned();
        let code = without_comments_and_tests(&fs::read_to_string(&path).unwrap());
        Source { module, path, code }
    };
    files.into_iter().map(describe).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Unit tests stand last in a file; what they use does not shape the house.
fn without_comments_and_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that a source names as `crate::x` or inside `use crate::{x…, y…}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(group_heads(group));
        } else {
            found.insert(identifier(rest));
        }
    }
    found.remove("");
    found
}

fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = vec![identifier(group.trim_start())];
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    heads
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn imports_go_down_the_table_only() {
    let table: BTreeMap<&str, BTreeSet<&str>> =
        MAY_IMPORT.iter().map(|(module, may)| (*module, may.split_whitespace().collect())).collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let module = source.module.as_str();
        if ROOTS.contains(&module) {
            continue;
        }
        let nothing = BTreeSet::new();
        let may = match table.get(module) {
            Some(may) => may,
            None if LEAVES.contains(&module) => &nothing,
            None => panic!("{} stands in no room of the table", source.path.display()),
        };
        for import in imports(&source.code) {
            let allowed = import == module || may.contains(import.as_str()) || LEAVES.contains(&import.as_str());
            let leaf_uses_nouns = LEAVES.contains(&module) && import == "domain";
            if !allowed && !leaf_uses_nouns {
                wrong.push(format!("{} imports {import}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the table:\n{}", wrong.join("\n"));
}

#[test]
fn each_library_has_one_room() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (library, room) in NAMED_ONLY_BY {
            let named = source.code.contains(&format!("{library}::")) && names_library(&source.code, library);
            if named && source.module != *room {
                wrong.push(format!("{} names {library}, which only {room} may", source.path.display()));
            }
        }
        for (call, room) in CALLED_ONLY_BY {
            if source.code.contains(call) && source.module != *room {
                wrong.push(format!("{} calls {call}, which only {room} may", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the rule:\n{}", wrong.join("\n"));
}

/// `age::` counts, `package::` and `crate::age::` do not.
fn names_library(code: &str, library: &str) -> bool {
    let needle = format!("{library}::");
    code.match_indices(&needle).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn the_import_reader_sees_what_it_must() {
    let code = "use crate::domain::Hash;\nuse crate::{wire::{a, b}, tlog};\nfn f() { crate::store::open() }";
    let expected = ["domain", "store", "tlog", "wire"].map(str::to_owned);
    assert_eq!(imports(code), BTreeSet::from(expected));
    assert!(names_library("use rocksdb::DB;", "rocksdb"));
    assert!(!names_library("storage::open()", "age"));
}

#[test]
fn modules_are_one_level_deep() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for source in sources() {
        let depth = source.path.strip_prefix(&src).unwrap().components().count();
        assert!(depth <= 2, "{} lies deeper than one level", source.path.display());
    }
}

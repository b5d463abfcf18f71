//! The documents show commands and what they print. Here the commands run again.
//!
//! A block of the language `console` holds a command after `$ `, perhaps in several lines that
//! end in a backslash, and all that it prints. With `UPDATE_DOCS=1`, what is shown is replaced by
//! what is printed.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use mux_tests::{machine, needs};

const PORTSIZE: &str = env!("CARGO_BIN_EXE_portsize");
const LONG_NAME: &str = "cargo run --release -p mux-benches --bin portsize --";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A place like the repository, for commands that read samples and write pictures.
fn workplace() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    symlink(repository().join("benches"), place.path().join("benches")).unwrap();
    fs::create_dir(place.path().join("docs")).unwrap();
    place
}

fn run(command: &str, place: &Path) -> String {
    let programs = Path::new(PORTSIZE).parent().unwrap();
    let path = env::join_paths(
        [programs.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())),
    );
    let command = command.replace(LONG_NAME, "portsize");
    let output = Command::new("/bin/sh")
        .args(["-c", &command])
        .current_dir(place)
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The document with every command's output as it is now, and the number of commands.
fn again(document: &str, place: &Path) -> (String, usize) {
    let (mut text, mut commands) = (String::new(), 0);
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        text.push_str(line);
        text.push('\n');
        if line != "```console" {
            continue;
        }
        let mut command = lines.next().unwrap().to_owned();
        while command.ends_with('\\') {
            command = command + "\n" + lines.next().unwrap();
        }
        let bare = command.strip_prefix("$ ").expect("a command after a dollar sign");
        text.push_str(&format!("{command}\n{}```\n", run(bare, place)));
        commands += 1;
        assert!(lines.any(|line| line == "```"), "a block that does not end");
    }
    (text, commands)
}

fn as_shown(name: &str, fewest: usize, place: &Path) {
    let path = repository().join(name);
    let shown = fs::read_to_string(&path).unwrap();
    let (printed, commands) = again(&shown, place);
    assert!(commands >= fewest, "{name} shows {commands} commands");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, printed).unwrap();
        return;
    }
    for (line, (shown, printed)) in (1..).zip(shown.lines().zip(printed.lines())) {
        assert_eq!(shown, printed, "{name}, line {line}: set UPDATE_DOCS=1 if that is right");
    }
    assert_eq!(shown, printed, "{name}");
}

#[test]
fn commands_print_what_the_documents_show() {
    needs!(machine::program("head", "coreutils"));
    let place = workplace();
    as_shown("README.md", 1, place.path());
    as_shown("docs/sizing.md", 8, place.path());

    for picture in ["docs/sizing.svg", "docs/sizing-busy.svg"] {
        let drawn = fs::read_to_string(place.path().join(picture)).unwrap();
        let path = repository().join(picture);
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(path, drawn).unwrap();
        } else {
            let shown = fs::read_to_string(path).unwrap();
            assert!(shown == drawn, "{picture} is another picture");
        }
    }
}

#[test]
fn every_field_of_the_json_is_described() {
    needs!(machine::program("head", "coreutils"));
    let place = workplace();
    let document = fs::read_to_string(repository().join("docs/sizing.md")).unwrap();
    let mut fields = BTreeSet::new();
    for arguments in [
        "--log benches/tests/portsize/logs/requests.csv --wait-target 1s",
        "--clients 20 --rate 1/s --ports 2 --live --live-requests 100",
    ] {
        let command = format!("portsize {arguments} --target 1% --requests 4000 --json");
        collect(&serde_json::from_str(&run(&command, place.path())).unwrap(), &mut fields);
    }
    assert!(fields.len() > 40, "{fields:?}");
    for field in fields {
        assert!(document.contains(&format!("`{field}`")), "{field} is not described");
    }
}

fn collect(value: &serde_json::Value, fields: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                fields.insert(name.clone());
                collect(member, fields);
            }
        }
        serde_json::Value::Array(elements) => {
            elements.iter().for_each(|element| collect(element, fields));
        }
        _ => {}
    }
}

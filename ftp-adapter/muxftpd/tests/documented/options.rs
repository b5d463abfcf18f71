//! Every option is in the documents, with its default.

use crate::document;
use clap::Arg;
use muxftpd::config::file;
use muxftpd::config::options::Options;
use std::fs;

fn options() -> impl Iterator<Item = Arg> {
    let command = Options::command_line();
    let all: Vec<Arg> = command.get_arguments().cloned().collect();
    all.into_iter().filter(|arg| arg.get_long().is_some())
}

#[test]
fn every_option_is_in_the_table() {
    let text = document("operations.md");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `--")).collect();
    for arg in
        options().filter(|arg| !["help", "version", "generate"].contains(&arg.get_long().unwrap()))
    {
        let name = format!("`--{}", arg.get_long().unwrap());
        let is_named = |row: &&&str| {
            let names = row.split('|').nth(1).unwrap();
            names.contains(&format!("{name} ")) || names.contains(&format!("{name}`"))
        };
        let row = rows.iter().find(is_named).unwrap_or_else(|| panic!("{name} has no row"));
        for default in arg.get_default_values().iter().filter(|value| *value != "false") {
            let default = format!("`{}`", default.to_str().unwrap());
            assert!(row.contains(&default), "{default} is not in {row}");
        }
    }
}

#[test]
fn every_option_for_a_file_is_in_the_example() {
    let text = document("operations/muxftpd.toml");
    for arg in options().filter(file::is_for_a_file) {
        let name = arg.get_long().unwrap();
        let line = text.lines().find(|line| {
            line.trim_start_matches('#')
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(" = "))
        });
        let line = line.unwrap_or_else(|| panic!("{name} is not there"));
        for default in arg.get_default_values().iter().filter(|value| *value != "false") {
            assert!(line.contains(default.to_str().unwrap()), "{default:?} is not in {line}");
        }
    }
}

/// What is commented out is an example, and right too.
#[test]
fn the_example_is_right_also_where_it_is_commented_out() {
    let text = document("operations/muxftpd.toml");
    let all: Vec<&str> = text
        .lines()
        .map(|line| {
            line.strip_prefix('#')
                .filter(|line| line.contains(" = ") && !line.starts_with(' '))
                .unwrap_or(line)
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("all.toml");
    fs::write(&path, all.join("\n")).unwrap();
    let given = ["muxftpd".into()];
    let file = file::Config::read(&path, &file::given(&given).unwrap()).unwrap();
    let options = Options::read(file.arguments(&given)).unwrap();
    assert!(options.lets_anonymous_in() && options.tls_session_required);
    assert_eq!(options.metrics.unwrap().port(), 9121);
}

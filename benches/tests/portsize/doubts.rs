//! What speaks against an answer is said with it, and where there is no honest answer, there is
//! none.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use mux_tests::{machine, needs};

use super::{json, portsize};

/// A table of `requests`, each so many seconds after the one before, by four clients.
fn table(requests: u64, apart: f64) -> String {
    let mut text = String::from("time,client\n");
    for number in 0..requests {
        let at = 1_752_156_151.25 + number as f64 * apart;
        text.push_str(&format!("{at:.3},203.0.113.{}\n", number % 4));
    }
    text
}

fn write(directory: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    fs::write(&path, content).unwrap();
    path.display().to_string()
}

/// The kinds of doubt about some files.
fn kinds(files: &str) -> Vec<String> {
    let told = json(&format!("--log {files} --target 1% --requests 1000"));
    let doubts = told["log"]["doubts"].as_array().unwrap();
    doubts.iter().map(|doubt| doubt["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_log_without_a_fault_raises_no_doubt() {
    let directory = tempfile::tempdir().unwrap();
    let file = write(directory.path(), "log", table(400, 13.37));
    assert_eq!(kinds(&file), Vec::<String>::new());
}

/// What a server did not log cannot be counted; that it says how much it was must not be lost.
#[test]
fn transfers_that_the_server_left_out_of_its_log_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let at = |minute: u64| format!("2025-07-10T{:02}:{:02}:31.25Z", 8 + minute / 60, minute % 60);
    let transfers = (0..400).map(|number| {
        format!(
            "{}  INFO muxftpd: transfer client=203.0.113.{} user=\"anonymous\" seconds=0.1\n",
            at(number),
            number % 4
        )
    });
    let log: String = transfers.collect();
    let file = write(directory.path(), "log", &log);
    let is_missing = |file: &str| kinds(file).contains(&"missing".to_owned());
    assert!(!is_missing(&file));
    let left_out = |kind: &str| {
        let said = "WARN muxftpd: log lines left out, there were too many";
        let log = format!("{log}{}  {said} kind=\"{kind}\" count=150\n", at(401));
        is_missing(&write(directory.path(), "log", log))
    };
    assert!(left_out("anonymous transfers"));
    assert!(!left_out("refused logins"));
}

#[test]
fn every_doubt_is_raised() {
    let directory = tempfile::tempdir().unwrap();
    let good = table(400, 13.37);
    let rows = || good.lines().skip(1);
    let with = |edit: &dyn Fn(usize, &str) -> String| {
        let lines = rows().enumerate().map(|(number, line)| edit(number, line));
        format!("time,client\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    };
    let half = good.len() / 2 - 20;
    let mut newest: Vec<&str> = rows().collect();
    newest.reverse();
    let pause = format!("{good}{}", table(400, 13.37).replace("17521", "17525"));
    for (kind, content) in [
        ("few_requests", table(24, 13.37)),
        ("short", table(400, 0.37)),
        ("clock", format!("{}{}", good, &table(300, 13.37)[12..])),
        ("newest_first", format!("time,client\n{}\n", newest.join("\n"))),
        ("silence", pause),
        ("cut", good[..half].trim_end_matches(|c| c != ',').to_owned()),
        (
            "unreadable",
            with(&|number, line| {
                if number % 9 == 0 { format!("broken {number}") } else { line.to_owned() }
            }),
        ),
        ("same_address", with(&|_, line| format!("{},203.0.113.1", &line[..14]))),
        ("shortened", with(&|number, line| format!("{},203.0.{}.0", &line[..14], number % 9))),
        ("repeated", with(&|_, line| format!("{line}\n{line}"))),
        (
            "zones",
            with(&|number, line| {
                let at = format!("2025-07-10 14:{:02}:{:02}.5", number / 60 * 5, number % 60);
                let zone = if number % 2 == 0 { "Z" } else { "" };
                format!("{at}{zone},{}", &line[15..])
            }),
        ),
        (
            "no_zone",
            with(&|number, line| {
                format!("2025-07-10 14:{:02}:{:02}.5,{}", number / 60 * 5, number % 60, &line[15..])
            }),
        ),
        (
            "minutes",
            with(&|number, line| {
                format!("10.07.2025 {:02}:{:02},{}", number / 60, number % 60, &line[15..])
            }),
        ),
    ] {
        let file = write(directory.path(), "log", content);
        let kinds = kinds(&file);
        assert!(kinds.iter().any(|found| found == kind), "no {kind}: {kinds:?}");
    }
}

#[test]
fn doubts_about_files_and_their_packing() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| write(directory.path(), name, content);
    let good = table(4000, 1.37);
    let one = write("one", good.as_bytes());
    let other = write("other", good.as_bytes());
    let later = write("later", table(500, 13.37).replace("17521", "17529").as_bytes());
    // One more client, so that it is not quite the same.
    let longer = write("longer", format!("{good}1752170000.5,198.51.100.1\n").as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(good.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let cut = write("cut.gz", &packed[..packed.len() / 2]);
    // Long enough that more than one of its blocks is whole.
    let zst = zstd::encode_all(table(40_000, 1.37).as_bytes(), 0).unwrap();
    let cut_zst = write("cut.zst", &zst[..zst.len() * 2 / 3]);
    for (files, kind) in [
        (format!("{one} {other}"), "same_file"),
        (format!("{one} {longer}"), "overlap"),
        (format!("{later} {one}"), "files_in_order"),
        (cut, "cut"),
        (cut_zst, "cut"),
    ] {
        let kinds = kinds(&files);
        assert!(kinds.iter().any(|found| found == kind), "{files}: no {kind}: {kinds:?}");
    }
    // What is there twice counts once.
    let told = json(&format!("--log {one} {other} --target 1% --requests 1000"));
    assert_eq!(told["log"]["requests"], 4000);
}

#[test]
fn where_there_is_no_honest_answer_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let many = |row: &dyn Fn(usize) -> String| (0..50).map(row).collect::<String>();
    for (sentence, content) in [
        (
            "header is not understood: moment, who, path",
            many(&|_| "1752156151,192.0.2.7,/a\n".into()).replacen(
                "1752",
                "moment,who,path\n1752",
                1,
            ),
        ),
        ("header is not understood", "time;who\n1752156151;192.0.2.7\n".into()),
        (
            "are names, not addresses, such as \"bob\"",
            many(&|n| format!("175215615{},bob\n", n % 10)).replacen(
                "1752",
                "time,client\n1752",
                1,
            ),
        ),
        ("only one request", "time,client\n1752156151,192.0.2.7\n".into()),
        (
            "say --dates dmy",
            many(&|n| format!("{:02}/02/2026 10:00:{n:02},192.0.2.7\n", n / 10 + 1)).replacen(
                "01",
                "time,client\n01",
                1,
            ),
        ),
        (
            "with brackets, [2001:db8::1]:40123",
            many(&|n| format!("17521561{n:02},2001:db8::1:{}\n", 4_000 + n * 17)).replacen(
                "1752",
                "time,client\n1752",
                1,
            ),
        ),
        (
            "column 3 holds",
            many(&|n| format!("17521561{n:02},192.0.2.7,{}\n", ["login", "frob", "noon"][n % 3])),
        ),
        ("several columns", many(&|n| format!("17521561{n:02},192.0.2.7,10.0.0.1\n"))),
        (
            "took no passive port",
            many(&|n| format!("17521561{n:02},192.0.2.7,SFTP\n")).replacen(
                "1752",
                "time,client,protocol\n1752",
                1,
            ),
        ),
        ("cannot tell what format", many(&|n| format!("{n} bottles of beer on the wall\n"))),
        (
            "cannot tell what format",
            "[\n {\"time\": 1752156151,\n \"client\": \"192.0.2.7\"\n }\n]\n".into(),
        ),
        // Nobody of the web.
        (
            "cannot be read",
            many(&|n| format!("2025-07-10 14:02:{n:02} 10.0.0.1 GET /x 192.0.2.7 200\n")).replacen(
                "2025",
                "#Fields: date time s-ip cs-method cs-uri-stem c-ip sc-status\n2025",
                1,
            ),
        ),
        (
            "cannot tell what format",
            many(&|n| format!("[01] Thu, 10 Jul 2025 14:02:{n:02} (0000{n}) 192.0.2.7> PASV\n")),
        ),
        ("unzip -p", "PK\u{3}\u{4}x".into()),
        (
            "hardly a log of the format",
            many(&|n| match n % 3 {
                0 => "Thu Jul 10 14:02:31 2025 1 192.0.2.7 9 /a b _ o r bob ftp 0 * c\n".into(),
                _ => "and something else that nobody can read\n".into(),
            }),
        ),
        (
            "set DebugLevel 5",
            many(&|n| {
                format!(
                    "2025-07-10 14:02:{n:02},000 host proftpd[7] host (a[192.0.2.7]): FTP session opened.\n"
                )
            }),
        ),
    ] {
        let file = write(directory.path(), "log", &content);
        let output = portsize(&format!("--log {file}"));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(sentence), "{sentence}: {error}\n{content}");
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(output.stdout.is_empty() && error.lines().count() == 1, "{error}");
    }
    // UTF-16, as some shells write it.
    let wide: Vec<u8> = "\u{feff}time,client".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = write(directory.path(), "log", wide);
    let error = portsize(&format!("--log {file}")).stderr;
    assert!(String::from_utf8_lossy(&error).contains("iconv -f UTF-16"));
}

/// The recipe that is offered for a format that is not known does what it says.
#[test]
fn the_recipe_for_an_unknown_log_makes_a_table_of_it() {
    needs!(machine::program("sh", "dash"), machine::program("awk", "mawk"));
    let directory = tempfile::tempdir().unwrap();
    let line = |n: usize| {
        format!(
            "#{n} [2025-07-10 14:{:02}:{:02}] conn from <192.0.2.{}> says PASV\n",
            n / 60,
            n % 60,
            n % 5
        )
    };
    let lines = |n: usize| format!("{}#{n} [2025-07-10 14:00:00] nothing\n", line(n));
    let file = write(directory.path(), "log", (0..90).map(lines).collect::<String>());
    let error = String::from_utf8(portsize(&format!("--log {file}")).stderr).unwrap();
    let (_, recipe) = error.split_once("such as: ").unwrap();
    let (recipe, _) = recipe.split_once(" | portsize").unwrap();
    let table = std::process::Command::new("sh").args(["-c", recipe]).output().unwrap();
    let text = String::from_utf8_lossy(&table.stdout).into_owned();
    let file = write(directory.path(), "log.csv", &text);
    let told = json(&format!("--log {file} --target 1% --requests 1000"));
    assert_eq!(told["log"]["requests"], 90, "{recipe}: {text}");
    assert_eq!(told["workload"]["clients"], 5, "{text}");
}

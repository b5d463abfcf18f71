//! Whatever is wrong is said in a sentence, and there is no answer then.

use super::{portsize, sample};

#[test]
fn wrong_options_get_a_sentence() {
    for (arguments, sentence) in [
        ("", "say who your clients are"),
        ("--clients 0", "write a whole number from 1 to 1,000,000"),
        ("--target 0", "no number of ports promises"),
        ("--log x --picture a.svg --busy-picture a.svg", "would draw to the same file"),
        ("--clients -3", "unexpected argument"),
        ("--clients 3 --rate fast", "write rates like 6/min"),
        ("--clients 3 --ports 0", "0 ports serve nobody"),
        ("--clients 3 --ports 70000", "does not say how many ports"),
        ("--clients 3 --ports 9-5", "ends before it starts"),
        ("--clients 3 --target 0%", "no number of ports promises"),
        ("--clients 3 --target 120%", "not a share"),
        ("--clients 3 --never 100%", "not a share"),
        ("--clients 3 --ttl 0s", "longer than 0s"),
        ("--clients 3 --ttl 100ms", "give a --ttl longer"),
        ("--clients 3 --wait a-while", "write durations like"),
        ("--clients 3 --connect soon", "exp:200ms"),
        ("--clients 3 --connect lognormal:2s,1s", "give the shorter time first"),
        ("--clients 3 --wait-target 5s", "shorter than --wait"),
        ("--clients 3 --burst 1h --rate 1/s", "cannot be used with"),
        ("--clients 3 --log x", "cannot be used with"),
        ("--nat 400", "write 3x400"),
        ("--clients 3 --requests 1000", "at least 4000"),
        ("--clients 3 --picture a.jpg", "end its name with .svg or .png"),
        ("--clients 3 --picture /no/such/place/a.svg", "there is no directory /no/such/place"),
        ("--clients 3 --live-requests 500", "--live"),
        ("--clients 3 --frobnicate", "unexpected argument"),
        ("--clients 3 --behind-one 10", "--behind-one is about a log"),
        ("--clients 3 --busy-picture a.svg", "--busy-picture is about a log"),
    ] {
        refused(arguments, sentence, 2);
    }
}

#[test]
fn what_fails_later_gets_a_sentence_too() {
    for (arguments, sentence) in [
        ("--clients 1000000 --rate 1000/s".to_owned(), "so many requests cannot be simulated"),
        ("--log /no/such/log".to_owned(), "cannot read /no/such/log: No such file"),
        ("--log /".to_owned(), "cannot read /: Is a directory"),
        ("--log /dev/null".to_owned(), "/dev/null is empty"),
        (format!("--log {}", sample("access.log")), "cannot tell what format"),
        (
            format!("--log {} --format xferlog", sample("requests.csv")),
            "hardly a log of the format",
        ),
        (format!("--log {}", env!("CARGO_BIN_EXE_portsize")), "is not text, so it is no log"),
        (format!("--log {}", sample("access.log")), "print $4 \" \" $5, $1}'"),
        (format!("--log {}", sample("wu-ftpd.xferlog")), "say --client-names"),
        ("--log - -".to_owned(), "can be read only once"),
    ] {
        refused(&arguments, sentence, 1);
    }
}

/// Whatever a file holds, a terminal shows it and obeys none of it.
#[test]
fn bytes_that_are_no_text_are_escaped_and_cut() {
    let noise: Vec<u8> =
        (0..30_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let title = b"\x1b]0;owned\x07 \xc2\x9b31m \xe2\x80\xae".repeat(20);
    let mut table = b"time,\x1b[31mwho\x1b[0m,size\n".to_vec();
    table.extend(b"2025-07-10T14:02:31Z,\x1b[2Jx,3\n".repeat(9));
    let mut log =
        b"2025-07-10T14:02:31Z  INFO muxftpd: transfer client=192.0.2.7 seconds=0.1\n".repeat(9);
    log.extend(b"\x1b[31m \xc2\x9b31m no line\n".repeat(3));
    log.extend(
        b"2025-07-10T14:02:32Z  INFO muxftpd: transfer client=192.0.2.7 seconds=0.1\n".repeat(9),
    );
    let columns = b"time,client\x1b[31m,client ip\n2025-07-10T14:02:31Z,192.0.2.7,192.0.2.8\n";
    for input in [&noise[..], &title, &table, &log, &[0; 5000], columns, b"\x89PNG\r\n\x1a\n\0\0"] {
        for format in ["", " --format csv", " --format xferlog", " --format json"] {
            let output = super::portsize_with(&format!("--log -{format}"), input);
            for text in [output.stdout, output.stderr] {
                let text = String::from_utf8(text).unwrap();
                let obeyed =
                    text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
                assert_eq!(obeyed, None, "{text}");
                assert!(text.lines().all(|line| line.chars().count() < 800), "{text}");
            }
        }
    }
}

/// Nothing but the sentence, and at once.
fn refused(arguments: &str, sentence: &str, status: i32) {
    let output = portsize(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(sentence), "{arguments}: {error}");
    assert_eq!(output.status.code(), Some(status), "{arguments}: {error}");
    assert!(output.stdout.is_empty(), "{arguments}");
    let panicked = error.contains("panicked");
    assert!(!panicked && error.lines().count() <= 8, "{arguments}: {error}");
}

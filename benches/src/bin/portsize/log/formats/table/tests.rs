use super::*;

fn table(text: &str) -> Result<Table, TableTrouble> {
    let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    Table::of(&lines)
}

/// What each line says: the second, the client, what happened.
fn read(text: &str) -> Vec<Option<(i64, String, What)>> {
    let mut table = table(text).unwrap_or_else(|trouble| panic!("{trouble:?} of {text}"));
    let mut times = Times::default();
    text.lines()
        .map(|line| match table.line(line.as_bytes(), &mut times) {
            Said::Event(Event { at, client, what, .. }) => {
                let client = String::from_utf8(client.unwrap_or_default().to_vec()).unwrap();
                Some((at.at / 1_000_000_000, client, what))
            }
            _ => None,
        })
        .collect()
}

const AT: i64 = 1_752_156_151;

#[test]
fn the_columns_are_found_in_many_tables() {
    let asked = |client: &str| Some((AT, client.to_owned(), What::Asked));
    for text in [
        "time,client\n2025-07-10T14:02:31Z,192.0.2.7",
        "1752156151,192.0.2.7\n1752156151,192.0.2.7",
        "192.0.2.7;1752156151\n192.0.2.7;1752156151",
        "bytes\tIP\tTimestamp\n17\t192.0.2.7\t1752156151000",
        "Date;Time;IP Address\n10.07.2025;14:02:31;192.0.2.7",
        "date|time|src\n2025-07-10|14:02:31|192.0.2.7",
        "2025-07-10 14:02:31 192.0.2.7\n2025-07-10 14:02:31 192.0.2.7",
        "sep=;\ntime;client\n1752156151;192.0.2.7",
        "\"time\",\"client\"\n\"2025-07-10 14:02:31\",\"192.0.2.7\"",
        "time,client,source_ip\n1752156151,OpenSSH,192.0.2.7",
        "user,time,client\n\"a, b\",1752156151,192.0.2.7",
        "1752156151,192.0.2.7,2048\n1752156151,192.0.2.7,0",
    ] {
        assert_eq!(read(text).last().unwrap(), &asked("192.0.2.7"), "{text}");
    }
    let ported = read("time,client\n1752156151,192.0.2.7:40123\n1752156151,[2001:db8::1]:40123");
    assert_eq!(ported[1], asked("192.0.2.7:40123"));
}

#[test]
fn events_say_which_lines_take_a_port() {
    let took = What::Transferred { took: None };
    let text = "@timestamp,activity-type,source-ip,path\n\
                2025-07-10T14:02:31Z,CONNECTED,192.0.2.7,\n\
                2025-07-10T14:02:31Z,OPEN,192.0.2.7,/a\n\
                2025-07-10T14:02:31Z,CLOSE,192.0.2.7,/a\n\
                2025-07-10T14:02:31Z,FROB,192.0.2.7,/a";
    let what: Vec<_> = read(text).into_iter().map(|line| line.map(|(.., what)| what)).collect();
    assert_eq!(what, [None, Some(What::Nothing), Some(took), Some(What::Nothing), None]);
    // Without a header, and under a name that is not known.
    for head in ["", "time,client,did\n"] {
        let text = format!("{head}1752156151,192.0.2.7,PASV\n1752156151,192.0.2.7,CWD");
        let what: Vec<_> = read(&text).into_iter().flatten().map(|(.., what)| what).collect();
        assert_eq!(what, [What::Asked, What::Nothing], "{text}");
    }
    let codes = read("time,client,cmd,code\n1752156151,192.0.2.7,EPSV,522");
    assert_eq!(codes[1].as_ref().unwrap().2, What::AskedAndReplied(522));
}

#[test]
fn what_is_not_plain_is_said() {
    for (text, part) in [
        ("moment,who,path\n1752156151,192.0.2.7,/a", "Header"),
        ("time,who\n1752156151,192.0.2.7", "Header"),
        ("time,client\nnoon,192.0.2.7", "Values"),
        ("time,client\n14:02:31,192.0.2.7", "Values"),
        ("1752156151,192.0.2.7,10.0.0.1\n1752156151,192.0.2.7,10.0.0.1", "several columns"),
        ("1752156151,192.0.2.7,bob\n1752156151,192.0.2.7,eve", "column 3"),
        ("time,client_ip,source_ip\n1752156151,192.0.2.7,192.0.2.8", "may both be the client"),
        ("Hello, world\nHow are you, world", "Header"),
        ("17,192.0.2.7\n18,192.0.2.7", "None"),
        ("some words\nand more of them", "None"),
        ("", "None"),
    ] {
        let trouble = format!("{:?}", table(text).unwrap_err());
        assert!(trouble.contains(part), "{text}: {trouble}");
    }
}

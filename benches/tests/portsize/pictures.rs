//! Pictures of both kinds.

use std::fs;

use super::{sample, succeeds};

#[test]
fn the_busiest_hour_and_clients_are_drawn() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["busy.svg", "busy.png"] {
        let path = directory.path().join(name);
        succeeds(&format!(
            "--log {} --target 1% --requests 4000 --busy-picture {}",
            sample("filezilla.log"),
            path.display()
        ));
        assert!(fs::metadata(&path).unwrap().len() > 1000);
    }
    let svg = fs::read_to_string(directory.path().join("busy.svg")).unwrap();
    for words in ["The busiest 115 s: 24 requests", "The busiest clients", "203.0.113.5"] {
        assert!(svg.contains(words), "no {words:?}");
    }
}

#[test]
fn a_picture_is_drawn_in_either_format() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    for name in ["curves.svg", "curves.png"] {
        let path = file(name);
        let told = succeeds(&format!(
            "--clients 30 --target 1% --requests 20000 --picture {}",
            path.display()
        ));
        assert!(told.starts_with("You need "), "{told}");
    }
    let svg = fs::read_to_string(file("curves.svg")).unwrap();
    for words in [
        "passive ports",
        "target: 1.0 %",
        "recommended: ",
        "without multiplexing: ",
        "With multiplexing, refused at once",
        "Without, waiting up to 2 s",
        "Marks: simulated",
    ] {
        assert!(svg.contains(words), "no {words:?}");
    }

    let png = png::Decoder::new(std::io::Cursor::new(fs::read(file("curves.png")).unwrap()));
    let mut png = png.read_info().unwrap();
    let mut pixels = vec![0; png.output_buffer_size().unwrap()];
    let frame = png.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width, frame.height), (2000, 1040));
    // The curves are there, in the colours of both.
    for colour in [[0, 114, 178], [213, 94, 0]] {
        let drawn = pixels.chunks_exact(3).filter(|pixel| **pixel == colour).count();
        assert!(drawn > 500, "{drawn} pixels of {colour:?}");
    }
}

//! What sessions rely on, with real files.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

struct Served {
    directory: tempfile::TempDir,
    storage: Storage,
}

/// A directory with a few things in it, writable, and something outside of it.
fn served() -> Served {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    fs::create_dir_all(root.join("folder/inner")).unwrap();
    fs::write(root.join("folder/file"), "content").unwrap();
    fs::write(root.join("folder/a.csv"), "a").unwrap();
    fs::write(directory.path().join("secret"), "secret").unwrap();
    symlink("../folder/file", root.join("folder/../link")).unwrap();
    fs::remove_file(root.join("link")).unwrap();
    symlink("folder/file", root.join("to_file")).unwrap();
    symlink("folder", root.join("to_folder")).unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink(root.join("folder"), root.join("absolute")).unwrap();
    symlink("nothing", root.join("dangling")).unwrap();
    let storage = Storage::open(&root, true).unwrap();
    Served { directory, storage }
}

impl Served {
    fn root(&self) -> &Path {
        self.storage.root()
    }

    fn list(&self, argument: &[u8], format: Format) -> io::Result<Vec<u8>> {
        let mut listing = self.storage.list(&FtpPath::root(), argument, format)?;
        let mut text = Vec::new();
        while listing.next_piece(&mut text)? {}
        Ok(text)
    }

    fn names(&self, argument: &str) -> Vec<String> {
        let text = String::from_utf8(self.list(argument.as_bytes(), Format::Names).unwrap());
        let text = text.unwrap();
        assert!(text.is_empty() || text.ends_with("\r\n"));
        text.split_terminator("\r\n").map(str::to_owned).collect()
    }

    fn put(&self, path: &str, from: WriteFrom, content: &[u8]) -> io::Result<()> {
        self.storage.write(&at(path), from)?.begin()?.write_all(content)
    }

    fn content(&self, path: &str) -> Vec<u8> {
        fs::read(self.root().join(path)).unwrap()
    }
}

fn at(path: &str) -> FtpPath {
    FtpPath::root().join(path.as_bytes())
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn a_home_is_below_the_root_and_links_do_not_change_that() {
    let served = served();
    symlink("..", served.root().join("up")).unwrap();
    let below = |home: &str| served.storage.below(Path::new(home));
    let home = below("folder").unwrap();
    assert!(home.root().ends_with("root/folder"));
    assert!(home.is_writable() && !home.clone().with_writable(false).is_writable());
    assert_eq!(home.metadata(&at("/../file")).unwrap().len(), 7);
    assert!(below("to_folder").unwrap().root().ends_with("root/folder"));
    assert_eq!(below(".").unwrap().root(), served.root());
    for out in ["up", "..", "/"] {
        let error = below(out).unwrap_err().to_string();
        assert!(error.ends_with("it leads out of the served directory"), "{error}");
    }
    assert!(below("bob").unwrap_err().to_string().ends_with("correct the users file"));
}

#[test]
fn what_is_no_directory_is_refused_with_a_reason() {
    let served = served();
    let error =
        |path: &str| Storage::open(&served.root().join(path), false).unwrap_err().to_string();
    assert!(error("missing").ends_with("does not exist: see --root"));
    assert!(error("folder/file").ends_with("is not a directory: see --root"));
}

#[test]
fn read_only_refuses_every_change() {
    let served = served();
    let storage = served.storage.clone().with_writable(false);
    let file = at("folder/file");
    let denied = [
        kind(storage.write(&file, WriteFrom::Start)),
        kind(storage.write(&at("new"), WriteFrom::End)),
        kind(storage.write_unique(&at("/"), b"new")),
        kind(storage.remove_file(&file)),
        kind(storage.rename(&file, &at("new"))),
        kind(storage.create_directory(&at("new"))),
        kind(storage.remove_directory(&at("folder/inner"))),
        kind(storage.set_mode(&file, 0o777)),
        kind(storage.set_modified(&file, UNIX_EPOCH)),
    ];
    assert_eq!(denied, [ErrorKind::PermissionDenied; 9]);
    assert_eq!(served.content("folder/file"), b"content");
    assert!(!served.root().join("new").exists() && served.root().join("folder/inner").is_dir());
    storage.read(&file).unwrap();
}

#[test]
fn links_are_followed_within_the_root_and_nowhere_else() {
    let served = served();
    let storage = &served.storage;
    assert_eq!(storage.metadata(&at("to_file")).unwrap().len(), 7);
    assert!(storage.metadata(&at("to_folder/inner")).unwrap().is_dir());
    assert!(storage.entry(&at("to_folder")).unwrap().is_link());
    // Text decides what `..` is, not where a link led.
    assert_eq!(at("to_folder/..").as_bytes(), b"/");
    for out in ["out", "absolute", "absolute/file"] {
        assert_eq!(kind(storage.metadata(&at(out))), ErrorKind::PermissionDenied, "{out}");
        assert_eq!(kind(storage.read(&at(out))), ErrorKind::PermissionDenied, "{out}");
        assert!(served.put(out, WriteFrom::Start, b"x").is_err(), "{out}");
        assert!(storage.set_mode(&at(out), 0o777).is_err(), "{out}");
        assert!(storage.set_modified(&at(out), UNIX_EPOCH).is_err(), "{out}");
    }
    assert_eq!(kind(storage.metadata(&at("dangling"))), ErrorKind::NotFound);
    assert_eq!(fs::read(served.directory.path().join("secret")).unwrap(), b"secret");
    // What removes or renames means the link.
    storage.rename(&at("out"), &at("moved")).unwrap();
    storage.remove_file(&at("moved")).unwrap();
    assert!(served.directory.path().join("secret").exists());
}

#[test]
fn directories_are_entered_and_nothing_else() {
    let served = served();
    for path in ["/", "folder", "to_folder", "folder/inner/"] {
        served.storage.enter(&at(path)).unwrap();
    }
    assert_eq!(kind(served.storage.enter(&at("folder/file"))), ErrorKind::NotADirectory);
    assert_eq!(kind(served.storage.enter(&at("missing"))), ErrorKind::NotFound);
    assert_eq!(kind(served.storage.enter(&at("absolute"))), ErrorKind::PermissionDenied);
}

#[test]
fn only_regular_files_are_read_and_written_and_a_fifo_makes_nobody_wait() {
    let served = served();
    let fifo = served.root().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(served.root().join("socket")).unwrap();
    for path in ["fifo", "socket", "folder", "/", "missing", "to_folder"] {
        assert!(served.storage.read(&at(path)).is_err(), "{path}");
    }
    for path in ["fifo", "socket", "folder", "/", "to_folder", "missing/file", "folder/file/x"] {
        assert!(served.storage.write(&at(path), WriteFrom::Start).is_err(), "{path}");
        assert!(served.storage.write(&at(path), WriteFrom::End).is_err(), "{path}");
    }
    // Not even with somebody at the other end.
    let _end = fs::File::options().read(true).write(true).open(&fifo).unwrap();
    assert_eq!(kind(served.storage.read(&at("fifo"))), ErrorKind::InvalidInput);
    assert!(served.storage.write(&at("fifo"), WriteFrom::Start).is_err());
    assert_eq!(kind(served.storage.read(&at("folder"))), ErrorKind::IsADirectory);

    let (mut file, metadata) = served.storage.read(&at("to_file")).unwrap();
    let mut content = String::new();
    file.read_to_string(&mut content).unwrap();
    assert_eq!((content.as_str(), metadata.len()), ("content", 7));
}

#[test]
fn a_file_is_written_from_where_it_is_told_to_and_ends_there() {
    let served = served();
    served.put("file", WriteFrom::Start, b"0123456789").unwrap();
    served.put("file", WriteFrom::Offset(4), b"abc").unwrap();
    assert_eq!(served.content("file"), b"0123abc");
    served.put("file", WriteFrom::End, b"!").unwrap();
    served.put("other", WriteFrom::End, b"new").unwrap();
    assert_eq!(
        (served.content("file"), served.content("other")),
        (b"0123abc!".into(), b"new".into())
    );
    served.put("file", WriteFrom::Offset(8), b"?").unwrap();
    assert_eq!(served.content("file"), b"0123abc!?");
    served.put("file", WriteFrom::Start, b"").unwrap();
    assert_eq!(served.content("file"), b"");
    served.put("new", WriteFrom::Offset(0), b"x").unwrap();
    let storage = &served.storage;
    assert_eq!(kind(storage.write(&at("new"), WriteFrom::Offset(2))), ErrorKind::InvalidInput);
    assert_eq!(kind(storage.write(&at("newer"), WriteFrom::Offset(1))), ErrorKind::InvalidInput);
    served.put("dangling", WriteFrom::Start, b"through").unwrap();
    assert_eq!(served.content("nothing"), b"through");
    let long = "x".repeat(256);
    assert_eq!(kind(storage.write(&at(&long), WriteFrom::Start)), ErrorKind::InvalidFilename);
}

#[test]
fn an_upload_that_never_begins_changes_nothing() {
    let served = served();
    for from in [WriteFrom::Start, WriteFrom::Offset(3), WriteFrom::End] {
        drop(served.storage.write(&at("folder/file"), from).unwrap());
        assert_eq!(served.content("folder/file"), b"content");
    }
    drop(served.storage.write(&at("new"), WriteFrom::Start).unwrap());
    drop(served.storage.write_unique(&at("/"), b"unique").unwrap());
    assert!(!served.root().join("new").exists() && !served.root().join("unique").exists());
}

#[test]
fn unique_names_are_unique() {
    let served = served();
    let folder = at("folder");
    let name = |wanted: &[u8]| {
        let (upload, path) = served.storage.write_unique(&folder, wanted).unwrap();
        upload.begin().unwrap();
        path.to_string()
    };
    assert_eq!(name(b"file"), "/folder/file.1");
    assert_eq!(name(b"file"), "/folder/file.2");
    assert_eq!(name(b"free"), "/folder/free");
    assert_eq!(name(b""), "/folder/stou");
    assert_eq!(name(b"/up"), "/up");
    assert_eq!(served.content("folder/file"), b"content");
    let long = "x".repeat(255);
    fs::write(served.root().join("folder").join(&long), "").unwrap();
    assert!(name(long.as_bytes()).ends_with("x.1"));

    // All at the same time, and more than are numbered.
    let names: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..40).map(|_| name(b"many")).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: std::collections::HashSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), 160);
}

#[test]
fn names_are_bytes() {
    let served = served();
    let (one, other) = (FtpPath::root().join(b"M\xfcller"), FtpPath::root().join(b"M\xf6ller"));
    for (path, content) in [(&one, b"1"), (&other, b"2")] {
        let mut file = served.storage.write(path, WriteFrom::Start).unwrap().begin().unwrap();
        file.write_all(content).unwrap();
    }
    let on_disk = served.root().join(std::ffi::OsStr::from_bytes(b"M\xfcller"));
    assert_eq!(fs::read(on_disk).unwrap(), b"1");
    let listed = |argument| served.list(argument, Format::Names).unwrap();
    assert_eq!(listed(b"M*"), b"M\xf6ller\r\nM\xfcller\r\n");
    assert_eq!(listed(b"M\xfcller"), b"M\xfcller\r\n");
    let line = served.storage.fact_line(&one, Facts::parse(b"size;")).unwrap();
    assert_eq!(line, b"size=1; /M\xfcller");
    served.storage.remove_file(&other).unwrap();
    served.storage.rename(&one, &other).unwrap();
}

#[test]
fn names_that_break_lines_are_neither_made_nor_shown() {
    let served = served();
    let storage = &served.storage;
    for name in [&b"a\rb"[..], b"a\nb", b"a\0b", b"\r"] {
        let path = FtpPath::root().join(name);
        for from in [WriteFrom::Start, WriteFrom::End] {
            assert_eq!(kind(storage.write(&path, from)), ErrorKind::InvalidInput);
        }
        assert_eq!(kind(storage.write_unique(&at("/"), name)), ErrorKind::InvalidInput);
        assert_eq!(kind(storage.create_directory(&path)), ErrorKind::InvalidInput);
        assert_eq!(kind(storage.rename(&at("folder"), &path)), ErrorKind::InvalidInput);
        assert!(storage.fact_line(&path, Facts::ALL).is_err());
        if !name.contains(&0) {
            fs::write(served.root().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        assert!(served.list(name, Format::Names).is_err());
    }
    for format in [Format::Long, Format::Names, Format::Machine(Facts::ALL)] {
        let text = served.list(b"", format).unwrap();
        assert_eq!(text.split(|byte| *byte == b'\n').count() - 1, 6);
        assert!(!text.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n'));
    }
}

#[test]
fn files_directories_and_wildcards_are_listed() {
    let served = served();
    let top = ["absolute", "dangling", "folder", "out", "to_file", "to_folder"];
    for argument in ["", ".", "-la", "-a -l", "--", "./"] {
        assert_eq!(served.names(argument), top, "{argument:?}");
    }
    assert_eq!(served.names("/")[0], "/absolute");
    assert_eq!(served.names("folder"), ["folder/a.csv", "folder/file", "folder/inner"]);
    assert_eq!(served.names("/folder/"), ["/folder/a.csv", "/folder/file", "/folder/inner"]);
    assert_eq!(served.names("to_folder").len(), 3);
    assert_eq!(served.names("folder/file"), ["folder/file"]);
    assert_eq!(served.names("-l folder/*.csv"), ["folder/a.csv"]);
    assert_eq!(served.names("./folder/[a-f]*"), ["./folder/a.csv", "./folder/file"]);
    assert_eq!(served.names("t?_f[!i]*"), ["to_folder"]);
    assert_eq!(served.names("*.none"), [""; 0]);
    assert_eq!(served.names("dangling"), ["dangling"]);
    for missing in ["missing", "missing/*", "-la missing", "folder/file/x", "folder/file/*"] {
        assert!(served.list(missing.as_bytes(), Format::Names).is_err(), "{missing}");
        assert!(served.list(missing.as_bytes(), Format::Long).is_err(), "{missing}");
    }

    for name in ["-la", "a b", " c", ".hidden", "a[1]", "-x y"] {
        fs::write(served.root().join(name), "").unwrap();
        assert_eq!(served.names(name), [name]);
    }
    assert_eq!(served.names("-l -x y"), ["-x y"]);
    assert_eq!(served.names("-l a b"), ["a b"]);
    assert_eq!(served.names("-- -la"), ["-la"]);
    assert_eq!(served.names("").len(), 12);
    assert_eq!(served.names("*").len(), 11);
    assert_eq!(served.names("-a *").len(), 12);
    assert_eq!(served.names(".*"), [".hidden"]);
}

#[test]
fn long_lines_show_links_and_machine_lines_what_they_lead_to() {
    let served = served();
    fs::set_permissions(served.root().join("folder/file"), fs::Permissions::from_mode(0o640))
        .unwrap();
    let long = String::from_utf8(served.list(b"", Format::Long).unwrap()).unwrap();
    let ends: Vec<&str> =
        long.lines().filter_map(|line| line.rsplit_once(" to_").map(|(_, end)| end)).collect();
    assert_eq!(ends, ["file -> folder/file", "folder -> folder"]);
    assert!(long.lines().any(|line| line.starts_with('l') && line.ends_with("out -> ../secret")));
    assert!(long.lines().any(|line| line.starts_with('d') && line.ends_with(" folder")));
    let file = String::from_utf8(served.list(b"to_file", Format::Long).unwrap()).unwrap();
    assert!(file.starts_with("-rw-r-----   1 ") && file.ends_with(" to_file\r\n"), "{file}");

    let facts = Facts::parse(b"type;size;unix.mode;");
    let machine = String::from_utf8(served.list(b"", Format::Machine(facts)).unwrap()).unwrap();
    assert!(machine.contains("type=file;size=7;unix.mode=0640; to_file\r\n"), "{machine}");
    assert!(machine.contains("type=OS.unix=slink:../secret;size="), "{machine}");
    assert!(machine.contains("type=OS.unix=slink:nothing;size="), "{machine}");
    let kinds = served.list(b"", Format::Machine(Facts::parse(b"type"))).unwrap();
    assert!(String::from_utf8(kinds).unwrap().contains("type=dir; to_folder\r\n"));
    for argument in [&b"folder/file"[..], b"dangling", b"*", b"out", b"missing"] {
        assert!(served.list(argument, Format::Machine(facts)).is_err());
    }
    assert_eq!(kind(served.list(b"to_file", Format::Machine(facts))), ErrorKind::NotADirectory);

    let line = |path: &str, facts: &[u8]| {
        let line = served.storage.fact_line(&at(path), Facts::parse(facts)).unwrap();
        String::from_utf8(line).unwrap()
    };
    assert_eq!(line("to_file", b"type;size"), "type=file;size=7; /to_file");
    assert_eq!(line("folder/file", b"perm"), "perm=adfrw; /folder/file");
    assert_eq!(line("/", b"type;perm"), "type=dir;perm=celmp; /");
    let reader = served.storage.clone().with_writable(false);
    assert_eq!(
        reader.fact_line(&at("to_file"), Facts::parse(b"perm")).unwrap(),
        b"perm=r; /to_file"
    );
    let metadata = fs::metadata(served.root().join("folder/file")).unwrap();
    let unique = format!("unique={:x}g{:x}; /to_file", metadata.dev(), metadata.ino());
    assert_eq!(line("to_file", b"unique"), unique);
}

#[test]
fn a_long_listing_comes_in_pieces() {
    let served = served();
    for at in 0..3000 {
        let name = format!("folder/inner/a rather long name, so that there are pieces: {at}");
        fs::write(served.root().join(name), "").unwrap();
    }
    let mut listing = served.storage.list(&at("folder"), b"inner", Format::Long).unwrap();
    let (mut all, mut pieces) = (Vec::new(), 0);
    loop {
        let mut piece = Vec::new();
        let is_more = listing.next_piece(&mut piece).unwrap();
        assert!(piece.len() < 66 * 1024 && piece.ends_with(b"\r\n"));
        all.append(&mut piece);
        pieces += 1;
        if !is_more {
            break;
        }
    }
    assert!(pieces > 3);
    assert_eq!(all.split(|byte| *byte == b'\n').count() - 1, 3000);
}

#[test]
fn times_and_modes_are_set() {
    let served = served();
    let storage = &served.storage;
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for path in ["to_file", "folder"] {
        storage.set_modified(&at(path), time).unwrap();
        assert_eq!(storage.metadata(&at(path)).unwrap().modified(), time);
    }
    storage.set_mode(&at("to_file"), 0o7640).unwrap();
    assert_eq!(storage.metadata(&at("folder/file")).unwrap().mode(), 0o640);
    storage.set_mode(&at("folder/file"), 0o200).unwrap();
    storage.set_modified(&at("folder/file"), UNIX_EPOCH).unwrap();
    assert_eq!(storage.metadata(&at("folder/file")).unwrap().time_value(), "19700101000000");
    assert!(storage.set_mode(&at("missing"), 0o600).is_err());
}

#[test]
fn the_system_decides_what_can_be_removed_and_renamed() {
    let served = served();
    let storage = &served.storage;
    assert!(storage.remove_file(&at("folder")).is_err());
    assert!(storage.remove_directory(&at("folder/file")).is_err());
    assert_eq!(kind(storage.remove_directory(&at("folder"))), ErrorKind::DirectoryNotEmpty);
    assert_eq!(kind(storage.create_directory(&at("folder"))), ErrorKind::AlreadyExists);
    assert!(storage.rename(&at("folder"), &at("folder/inner/x")).is_err());
    storage.rename(&at("folder/a.csv"), &at("folder/file")).unwrap();
    assert_eq!(served.content("folder/file"), b"a");
    storage.create_directory(&at("new/")).unwrap();
    storage.remove_directory(&at("new")).unwrap();
    for root in ["/", "..", "folder/.."] {
        assert_eq!(kind(storage.remove_directory(&at(root))), ErrorKind::PermissionDenied);
        assert_eq!(kind(storage.remove_file(&at(root))), ErrorKind::PermissionDenied);
        assert_eq!(kind(storage.rename(&at(root), &at("x"))), ErrorKind::PermissionDenied);
        assert_eq!(kind(storage.rename(&at("folder"), &at(root))), ErrorKind::PermissionDenied);
    }
}

/// What is in the files outside. Those inside have a multiple of six bytes.
const SECRET: &str = "the secret";

/// What `links_of_any_kind_lead_nowhere_else` may find in a tree.
#[derive(Debug, Clone)]
enum Node {
    Directory,
    File,
    Link(String),
}

fn node() -> impl Strategy<Value = Node> {
    let target = "(/|OUT/|ROOT/)?((\\.\\.|\\.|a|b|c|secret)/?){0,4}";
    prop_oneof![
        2 => Just(Node::Directory),
        1 => Just(Node::File),
        3 => target.prop_map(Node::Link),
    ]
}

proptest! {
    #[test]
    fn links_of_any_kind_lead_nowhere_else(
        nodes in prop::collection::vec(("[abc](/[abc]){0,2}", node()), 0..12),
        paths in prop::collection::vec("((\\.\\.|\\.|a|b|c|secret)/{0,2}){1,5}", 1..12),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (outside, root) = (directory.path().join("out"), directory.path().join("root"));
        for path in [directory.path(), &outside] {
            fs::create_dir_all(path).unwrap();
            fs::write(path.join("secret"), SECRET).unwrap();
            fs::write(path.join("unseen"), "").unwrap();
        }
        fs::create_dir(&root).unwrap();
        let storage = Storage::open(&root, true).unwrap();
        for (path, node) in nodes {
            // What has no directory to be in, or is there already, is left out. A path may lead
            // through a link here, too, so this stays in the root as well.
            let tree = &storage.directory;
            let _ = match node {
                Node::Directory => tree.create_dir(path),
                Node::File => tree.write(path, "inside"),
                Node::Link(target) => {
                    let target = target
                        .replace("OUT", outside.to_str().unwrap())
                        .replace("ROOT", root.to_str().unwrap());
                    tree.symlink_contents(target, path)
                }
            };
        }
        for path in &paths {
            let path = at(path);
            if let Ok((mut file, _)) = storage.read(&path) {
                let mut content = String::new();
                file.read_to_string(&mut content).unwrap();
                prop_assert_ne!(content, SECRET, "{}", path);
            }
            if let Ok(metadata) = storage.metadata(&path) {
                prop_assert!(metadata.is_dir() || metadata.len() % 6 == 0, "{}", path);
            }
            for format in [Format::Long, Format::Machine(Facts::ALL)] {
                let mut text = Vec::new();
                if let Ok(mut listing) = storage.list(&path, b"", format) {
                    while listing.next_piece(&mut text).unwrap() {}
                }
                let text = String::from_utf8(text).unwrap();
                prop_assert!(!text.contains("unseen"), "{}: {}", path, text);
            }
            for from in [WriteFrom::Start, WriteFrom::End] {
                if let Ok(mut file) = storage.write(&path, from).and_then(Upload::begin) {
                    file.write_all(b"inside").unwrap();
                }
            }
            let _ = storage.set_mode(&path, 0o700);
            let _ = storage.rename(&path, &at("c"));
            let _ = storage.create_directory(&path);
            let _ = storage.remove_file(&path);
            let _ = storage.remove_directory(&path);
        }
        for path in [directory.path(), &outside] {
            prop_assert_eq!(fs::read(path.join("secret")).unwrap(), SECRET.as_bytes());
            prop_assert_eq!(fs::metadata(path.join("secret")).unwrap().mode() & 0o777, 0o644);
        }
        prop_assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4);
        prop_assert_eq!(fs::read_dir(&outside).unwrap().count(), 2);
    }
}

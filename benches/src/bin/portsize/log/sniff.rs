//! What a log is, found out from its first lines.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use clap::ValueEnum as _;

use super::client::Client;
use super::formats::Parser;
use super::formats::table::TableTrouble;
use super::time::Times;
use super::wrap::{self, Bare, Wrap};
use super::{Format, Said, What};

/// How much of a log is looked at.
pub(super) const BEGINNING: usize = 256 * 1024;
/// More lines tell nothing new.
const LINES: usize = 2000;
/// No collector wraps more often.
const MOST_WRAPS: usize = 3;

/// What a log is.
#[derive(Debug)]
pub(super) struct Sniffed {
    pub(super) format: Format,
    pub(super) wraps: Vec<Wrap>,
    /// Whose lines they are, if the lines say it.
    pub(super) programs: BTreeSet<Box<[u8]>>,
    pub(super) parser: Parser,
}

/// How well something explains the first lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// Lines that tell of ports.
    telling: usize,
    /// Lines that such a log holds.
    known: usize,
    /// The simpler one is the likelier one.
    wraps: Reverse<usize>,
}

/// Finds out what `beginning` is, in the format that is told, if one is.
pub(super) fn sniff(beginning: &[u8], told: Option<Format>) -> Result<Sniffed, TableTrouble> {
    let lines: Vec<&[u8]> = beginning
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.trim_ascii().is_empty())
        .take(LINES)
        .collect();
    let (mut best, mut trouble) = (None, TableTrouble::None);
    let generic = |format| matches!(format, Format::Json | Format::Csv);
    // Anything can be taken for a table, so tables and objects come last.
    for round in [false, true] {
        let formats: Vec<Format> = Format::value_variants()
            .iter()
            .copied()
            .filter(|format| told.map_or(generic(*format) == round, |told| *format == told))
            .collect();
        let mut chains: Vec<Vec<Wrap>> = vec![Vec::new()];
        while let Some(chain) = chains.pop() {
            let bare = unwrapped(&lines, &chain);
            if bare.len() * 5 < lines.len() * 3 {
                continue;
            }
            for &format in &formats {
                match score(format, &bare, chain.len()) {
                    Ok((score, programs, parser)) => {
                        let better = best.as_ref().is_none_or(|(least, _)| score > *least);
                        if better && score.known > 0 {
                            let wraps = chain.clone();
                            best = Some((score, Sniffed { format, wraps, programs, parser }));
                        }
                    }
                    Err(found) if chain.is_empty() => trouble = found,
                    Err(_) => {}
                }
            }
            if chain.len() < MOST_WRAPS {
                chains.extend(wrap::ALL.iter().map(|&next| [&chain[..], &[next]].concat()));
            }
        }
        if told.is_some() || best.as_ref().is_some_and(|(score, _)| score.known * 2 >= lines.len())
        {
            break;
        }
        if let Some((score, sniffed)) = &best {
            // Lines of other programs stand between.
            let own = own_lines(&lines, sniffed);
            if score.telling > 0 && score.known * 2 >= own {
                break;
            }
        }
    }
    match (best, told) {
        (Some((_, sniffed)), _) => Ok(sniffed),
        // What is told is believed, until the lines are read.
        (None, Some(format)) => {
            let parser = Parser::new(format, &lines)?;
            Ok(Sniffed { format, wraps: Vec::new(), programs: BTreeSet::new(), parser })
        }
        (None, None) => Err(trouble),
    }
}

/// How many of the lines are the programs' whose log it is.
fn own_lines(lines: &[&[u8]], sniffed: &Sniffed) -> usize {
    if sniffed.programs.is_empty() {
        return lines.len();
    }
    let bare = unwrapped(lines, &sniffed.wraps);
    let own = |bare: &&Bare<'_>| bare.program.as_ref().is_none_or(|p| sniffed.programs.contains(p));
    bare.iter().filter(own).count()
}

/// Whose lines they are.
type Programs = BTreeSet<Box<[u8]>>;

fn unwrapped<'a>(lines: &[&'a [u8]], chain: &[Wrap]) -> Vec<Bare<'a>> {
    let mut times = Times::default();
    lines.iter().filter_map(|line| wrap::bare(line, chain, &mut times)).collect()
}

fn score(
    format: Format,
    bare: &[Bare<'_>],
    wraps: usize,
) -> Result<(Score, Programs, Parser), TableTrouble> {
    let texts: Vec<&[u8]> = bare.iter().map(|bare| &*bare.text).collect();
    let mut parser = Parser::new(format, &texts)?;
    let mut times = Times::default();
    let (mut telling, mut known, mut programs) = (0, 0, BTreeSet::new());
    for Bare { text, outer, program } in bare {
        let said = parser.line(text, *outer, &mut times);
        if said == Said::Unreadable {
            continue;
        }
        known += 1;
        if let Said::Event(event) = said {
            telling += usize::from(event.what != What::Nothing);
            programs.extend(program.clone());
        }
    }
    let parser = Parser::new(format, &texts)?;
    Ok((Score { telling, known, wraps: Reverse(wraps) }, programs, parser))
}

/// What is like these lines, if anything is.
pub(super) fn resembles(lines: &[Vec<u8>]) -> Option<Format> {
    // A few may look like anything.
    if lines.len() < 5 {
        return None;
    }
    Some(sniff(&lines.join(&b'\n'), None).ok()?.format)
}

/// A command that makes a table of a log nobody knows, as far as a line tells how.
pub(super) fn recipe(beginning: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(beginning).replace(|c| "[]()<>\",;".contains(c), " ");
    let asks = |line: &&str| line.contains("PASV") || line.contains("EPSV");
    let address =
        |words: &[&str]| words.iter().position(|word| Client::is_address(word.as_bytes()));
    let lines = || text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let telling = text.lines().filter(asks).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let words = telling
        .chain(lines())
        .find(|words| address(words).is_some())
        .or_else(|| lines().next())
        .unwrap_or_default();
    let client = address(&words).map_or("N".to_owned(), |at| (at + 1).to_string());
    let mut times = Times::default();
    let time = (0..words.len())
        .find_map(|at| {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let one = times.any(words[at].as_bytes()).is_some();
            let offset = next.len() == 5 && next.starts_with(['+', '-']);
            if one && !offset {
                return Some(format!("${}", at + 1));
            }
            let both = times.any(format!("{} {next}", words[at]).as_bytes());
            both.map(|_| format!("${} \" \" ${}", at + 1, at + 2))
        })
        .unwrap_or("$1 \" \" $2".to_owned());
    let only = if text.lines().any(|line| asks(&line)) { "/PASV|EPSV/ " } else { "" };
    // The user of the command must quote what the shell would take apart.
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%,".contains(c);
    let file = if name.chars().all(is_plain) { name } else { "FILE" };
    format!(
        "awk -v OFS=, 'BEGIN {{print \"time\", \"client\"}} {{gsub(/[][()<>\",;]/, \" \")}} \
         {only}{{print {time}, ${client}}}' {file}"
    )
}

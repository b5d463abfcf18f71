//! The manual page and the completions of shells, made from the options.

use crate::config::options::{Generate, Options};
use clap_complete::Shell;
use std::io::{self, Write};

/// Writes `what` to `out`.
pub fn generate(what: Generate, out: &mut impl Write) -> io::Result<()> {
    let shell = match what {
        Generate::Man => {
            return clap_mangen::Man::new(Options::command_line())
                .section("8")
                .manual("System Administration")
                .render(out);
        }
        Generate::Bash => Shell::Bash,
        Generate::Zsh => Shell::Zsh,
        Generate::Fish => Shell::Fish,
    };
    // Into memory first: the generator panics where it cannot write.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Options::command_line(), "muxftpd", &mut text);
    out.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn each_names_the_options() {
        for what in Generate::value_variants() {
            let mut text = Vec::new();
            generate(*what, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap().replace("\\-", "-");
            assert!(text.contains("passive-ports"), "{what:?}: {text}");
        }
    }
}

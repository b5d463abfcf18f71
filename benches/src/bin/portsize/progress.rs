//! Progress on standard error, for people who watch.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shown on a terminal only.
#[derive(Clone, Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(shown: bool) -> Self {
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("a valid template");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Says what is going on.
    pub(crate) fn say(&self, message: impl Into<std::borrow::Cow<'static, str>>) {
        self.0.set_message(message);
    }

    /// Says how much of a log has been read, of how much.
    pub(crate) fn read(&self, read: u64, all: Option<u64>) {
        if self.0.is_hidden() {
            return;
        }
        let megabytes = read / 1_000_000;
        self.0.set_message(match all.filter(|all| *all > 0) {
            Some(all) => {
                let percent = read.min(all) * 100 / all;
                let done = (percent / 4) as usize;
                let bar = format!("[{}{}]", "=".repeat(done), " ".repeat(25 - done));
                format!("{bar} {percent} % of the log read, {megabytes} MB")
            }
            None => format!("{megabytes} MB of the log read"),
        });
    }

    /// Leaves the screen as it was.
    pub(crate) fn done(&self) {
        self.0.finish_and_clear();
    }
}

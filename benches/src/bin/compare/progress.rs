//! How far it is, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

/// The progress of one part.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(part: &'static str, steps: u64) -> Self {
        let style = "{msg:10} {bar:40} {pos}/{len}, {elapsed} gone, {eta} to go";
        let style = ProgressStyle::with_template(style).expect("a template that is well formed");
        let bar = ProgressBar::new(steps).with_style(style).with_message(part);
        if bar.is_hidden() {
            eprintln!("{part}: {steps} steps");
        }
        Self(bar)
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
        let (done, all) = (self.0.position(), self.0.length().unwrap_or(0));
        // Not a terminal: a line now and then.
        if self.0.is_hidden() && (done.is_multiple_of(10) || done == all) {
            eprintln!("{}: {done}/{all}, {:.0?} gone", self.0.message(), self.0.elapsed());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish();
    }
}

//! What the lines and marks mean, beside the picture, where it hides nothing.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::curves::{self, formula_for_waiting};
use super::pen::{Drawn, INK, Pen, Point};
use crate::report::Report;

const ROW: i32 = 24;
const SAMPLE: i32 = 34;

/// Draws it from `at` downwards; `avoid` is the height of a label that is there already.
pub(super) fn draw<DB: DrawingBackend>(
    pen: &Pen<'_, DB>,
    at: Point,
    avoid: i32,
    report: &Report<'_>,
) -> Drawn {
    let scale = pen.scale;
    let (left, mut y) = at;
    let words = left + (SAMPLE + 8) * scale;
    let mut next = || {
        if (y - avoid).abs() < 16 * scale {
            y = avoid + ROW * scale;
        }
        let row = y;
        y += ROW * scale;
        row
    };
    let curves = curves::curves(report);
    for curve in &curves {
        let y = next();
        let line = [(left, y), (left + SAMPLE * scale, y)];
        if curve.waiting {
            pen.dashes(&line, curve.colour, (7, 4), 2)?;
        } else {
            pen.line(&line, curve.colour, 2)?;
        }
        pen.mark((left + SAMPLE / 2 * scale, y), (curve.colour, curve.waiting))?;
        pen.words((words, y), 13, INK, HPos::Left, &curve.name)?;
    }
    let mut notes = vec!["Marks: simulated, with 95 % confidence"];
    if report.goal.wait.is_zero() || formula_for_waiting(report) {
        notes.push("Lines: Erlang's formulas");
    } else {
        notes.extend(["Solid lines: Erlang's formula", "Dashed lines join the marks"]);
    }
    let _ = next();
    for note in notes {
        pen.words((left, next()), 13, INK, HPos::Left, note)?;
    }
    let y = next();
    pen.at_most((left + SAMPLE / 2 * scale, y - 4 * scale), INK)?;
    pen.words((words, y), 13, INK, HPos::Left, "None refused: at most this")?;
    if curves.iter().any(|curve| !curve.live.is_empty()) {
        let y = next();
        pen.cross((left + SAMPLE / 2 * scale, y))?;
        pen.words((words, y), 13, INK, HPos::Left, "Real multiplexer on loopback")?;
    }
    Ok(())
}
